//! What WeChat reports of a message, in all the ways it can come.

use std::time::Duration;

use hongyan_testkit::{Callback, Receipts, World, with};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn receipts(plan: &Value) -> Value {
    json!({ "receipts": plan })
}

/// A world with one message that is sent and not reported; its id and msgid.
async fn sent() -> (World, String, u64) {
    let world = World::start().await;
    world.faults(receipts(&json!({ "lost": 1 })));
    let id = world.send(&world.body(0)).await;
    world.drain().await;
    assert_eq!(world.state(&id).await, "sent");
    let msgid = world.phone(0)[0].msgid;
    (world, id, msgid)
}

/// Trap 18: a receipt that arrives before the send's HTTP reply.
#[tokio::test]
async fn a_receipt_that_comes_before_the_answer_settles_the_message() {
    let world = World::build().followers(100).start().await;
    world.faults(receipts(&json!({ "early": 1 })));

    world.send_many(100).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 100)]).await;
    let metrics = world.api().get("/metrics").await.text().to_owned();
    assert!(metrics.contains(r#"hongyan_callbacks_total{kind="receipt"} 100"#), "{metrics}");
    world.finish().await;
}

#[tokio::test]
async fn a_receipt_that_is_an_hour_late_settles_the_message_then() {
    let world = World::start().await;
    world.faults(receipts(&json!({ "late": 1, "late_ms": 3_600_000 })));

    let id = world.send(&world.body(0)).await;
    world.pass(59, MINUTE).await;
    let before = world.state(&id).await;
    world.pass(2, MINUTE).await;

    assert_eq!((&*before, &*world.state(&id).await), ("sent", "delivered"));
    world.finish().await;
}

/// Trap 18: doubled receipts.
#[tokio::test]
async fn a_receipt_that_comes_twice_counts_once() {
    let world = World::build().followers(100).start().await;
    world.faults(receipts(&json!({ "doubled": 1 })));

    world.send_many(100).await;
    world.drain().await;

    assert_eq!(world.stats().receipts_answered, 200);
    world.assert_counts(&[("delivered", 100)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_receipt_that_never_comes_leaves_the_message_unknown_after_three_days() {
    let (world, id, _) = sent().await;

    world.pass(1, 3 * DAY - MINUTE).await;
    let before = world.state(&id).await;
    world.pass(2, MINUTE).await;

    assert_eq!((&*before, &*world.state(&id).await), ("sent", "unknown: no_receipt"));
    assert_eq!(world.stats().sends, 1);
    world.finish().await;
}

/// Trap 18: a receipt for an unknown msgid.
#[tokio::test]
async fn a_receipt_of_an_unknown_msgid_is_taken_and_changes_nothing() {
    let (world, id, msgid) = sent().await;

    let receipt =
        Callback { status: "failed:user block".to_owned(), ..Callback::of(world.official(), 0, msgid ^ 1) };
    let reply = receipt.post(&world, world.official()).await;

    assert_eq!((reply.status, reply.text()), (200, "success"));
    assert_eq!(world.state(&id).await, "sent");
    world.finish().await;
}

#[tokio::test]
async fn a_receipt_with_msgid_0_settles_the_message_of_its_recipient() {
    let world = World::build().followers(20).start().await;
    world.faults(receipts(&json!({ "zero_msgid": 1 })));

    world.send_many(20).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 20)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_receipt_with_msgid_0_settles_a_message_that_was_planned_days_ahead() {
    let world = World::start().await;
    world.faults(receipts(&json!({ "zero_msgid": 1 })));
    let id = world.send(&with(world.body(0), &json!({ "send_at": world.at(3 * 86_400) }))).await;

    world.pass(2, 3 * DAY / 2 + MINUTE).await;

    assert_eq!(world.state(&id).await, "delivered");
    world.finish().await;
}

/// WeChat's numbers have been seen on the sends to two people.
#[tokio::test]
async fn a_receipt_of_another_person_under_the_same_number_settles_nothing() {
    let (world, id, msgid) = sent().await;

    let blocked =
        Callback { status: "failed:user block".to_owned(), ..Callback::of(world.official(), 1, msgid) };
    let of_another = blocked.post(&world, world.official()).await;
    let before = world.state(&id).await;
    Callback::of(world.official(), 0, msgid).post(&world, world.official()).await;

    assert_eq!((of_another.text(), &*before, &*world.state(&id).await), ("success", "sent", "delivered"));
    world.finish().await;
}

#[tokio::test]
async fn a_receipt_with_msgid_0_belongs_to_the_message_that_wechat_took_and_not_to_one_in_doubt() {
    let (world, taken, _) = sent().await;
    world.advance(MINUTE);
    world.faults(json!({ "drop_before": { "next": 1 }, "receipts": { "lost": 1 } }));
    let in_doubt = world.send(&world.body(0)).await;
    world.drain().await;

    let reply = Callback::of(world.official(), 0, 0).post(&world, world.official()).await;
    world.pass(3, MINUTE).await;

    assert_eq!(reply.text(), "success");
    assert_eq!(world.state(&taken).await, "delivered");
    assert_eq!((&*world.state(&in_doubt).await, world.phone(0).len()), ("sent", 2));
    world.finish().await;
}

#[tokio::test]
async fn a_receipt_of_one_message_never_settles_another_one_of_the_same_person() {
    let world = World::start().await;
    world.faults(json!({ "review": { "next": 1, "release_after_ms": 60_000 } }));
    let held = world.send(&world.body(0)).await;
    world.drain().await;
    world.faults(json!({ "drop_before": 1 }));
    let lost = world.send(&world.body(0)).await;

    world.pass(20, MINUTE).await;

    assert_eq!((world.stats().released, world.stats().delivered), (1, 1));
    assert_ne!(world.state(&held).await, "unknown: no_receipt");
    assert_eq!(world.state(&lost).await, "unknown: no_answer", "it never reached anybody");
    world.finish().await;
}

/// Trap 19: `failed:user block`, `failed: system failed` with a blank, undocumented `failed:freq limit`.
#[tokio::test]
async fn each_status_that_wechat_reports_has_its_own_cause() {
    let world = World::start().await;
    for (follower, status) in [(0, "user_blocked"), (1, "system_failed"), (2, "freq_limited")] {
        world.make_followers(&[follower], status);
    }

    let ids = world.send_many(4).await;
    world.drain().await;

    let expected = ["failed: user_blocked", "failed: system_failed", "failed: freq_limited", "delivered"];
    for (id, expected) in ids.iter().zip(expected) {
        assert_eq!(world.state(id).await, expected);
    }
    world.finish().await;
}

/// Trap 19: a status that nobody has documented.
#[tokio::test]
async fn an_undocumented_status_is_a_failure_and_kept_as_it_was_spelled() {
    let (world, id, msgid) = sent().await;

    let told = "failed:on a new ground";
    let receipt = Callback { status: told.to_owned(), ..Callback::of(world.official(), 0, msgid) };
    let reply = receipt.post(&world, world.official()).await;

    assert_eq!(reply.text(), "success");
    assert_eq!(world.state(&id).await, "failed: receipt_other");
    assert!(world.message(&id).await["timeline"].to_string().contains(told));
    world.finish().await;
}

#[tokio::test]
async fn a_callback_that_wechat_did_not_sign_is_refused() {
    let (world, id, msgid) = sent().await;
    let real = Callback::of(world.official(), 0, msgid);
    let forged = [
        Callback { token: "anotherToken1".to_owned(), ..real.clone() },
        Callback { aes_key: "Z".repeat(43), ..real.clone() },
        Callback { appid: "wx_of_somebody_else".to_owned(), ..real.clone() },
        Callback { signed_ago_s: 600, ..real.clone() },
        Callback { signed_ago_s: -600, ..real },
    ];

    for callback in forged {
        let reply = callback.post(&world, world.official()).await;
        assert_eq!(reply.status, 403, "{callback:?}");
    }
    assert_eq!(world.state(&id).await, "sent");
    world.finish().await;
}

/// Trap 17: `echostr` echoed before the signature is checked.
#[tokio::test]
async fn wechats_check_of_the_callback_passes_and_a_strangers_does_not() {
    let world = World::start().await;
    let path = format!("/callback/{}?signature=0&timestamp=1&nonce=2&echostr=34567", world.official().appid);

    let stranger = world.stranger().get(&path).await;

    assert_eq!(world.simulator.verify_callback(&world.official().appid).await, Ok(()));
    assert_eq!(stranger.status, 403);
    assert!(!stranger.text().contains("34567"));
    world.finish().await;
}

/// Trap 18: 73,000 receipts in five minutes.
#[tokio::test]
async fn five_thousand_receipts_at_once_are_all_answered_and_all_count() {
    let world = World::build().followers(5_000).start().await;
    world.faults(receipts(&json!({ "delay": { "min_ms": 60_000, "max_ms": 60_000 } })));
    world.send_many(5_000).await;
    world.drain().await;
    world.assert_counts(&[("sent", 5_000)]).await;

    world.pass(1, MINUTE).await;

    assert_eq!((world.stats().receipts_answered, world.stats().receipts_retried), (5_000, 0));
    world.assert_counts(&[("delivered", 5_000)]).await;
    world.finish().await;
}

#[tokio::test]
async fn receipts_are_read_in_every_form_wechat_can_send_them() {
    for form in [Receipts::Safe, Receipts::SafeJson, Receipts::Compatible] {
        let world = World::build().receipts(form).start().await;

        world.send_many(5).await;
        world.drain().await;

        world.assert_counts(&[("delivered", 5)]).await;
        world.finish().await;
    }
}

/// Trap 20: an EncodingAESKey whose base64 has non-zero trailing bits.
#[tokio::test]
async fn an_aes_key_with_trailing_bits_is_taken() {
    let world = World::start().await;
    let aes_key = format!("{}9", "a".repeat(42));
    world.change_at_wechat(&json!({ "aes_key": aes_key }));
    let change = json!({ "callback": { "aes_key": aes_key } });
    world.api().patch(&format!("/api/v1/accounts/{}", world.official().appid), &change).await.expect(200);

    world.send(&world.body(0)).await;
    world.drain().await;

    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn what_followers_do_is_answered_and_disturbs_no_message() {
    let world = World::start().await;
    let ids = world.send_many(3).await;
    for kind in ["click", "view", "text", "pay", "unfollow", "scan"] {
        let body =
            json!({ "appid": world.official().appid, "openid": world.official().openids[9], "kind": kind });
        world.simulator.control().event(&serde_json::from_value(body).unwrap()).unwrap();
    }

    world.drain().await;

    assert_eq!((world.stats().events_sent, world.stats().events_answered), (6, 6));
    assert_eq!(world.state(&ids[2]).await, "delivered");
    world.finish().await;
}

#[tokio::test]
async fn however_many_wait_in_vain_for_a_receipt_one_round_gives_them_up() {
    let world = World::build().receipts(Receipts::Off).followers(100).start().await;
    world.send_many(1_300).await;
    world.drain().await;

    world.advance(3 * DAY + MINUTE);
    world.drain().await;

    world.assert_counts(&[("unknown: no_receipt", 1_300)]).await;
    world.finish().await;
}

#[tokio::test]
async fn however_many_rows_are_old_one_round_removes_them() {
    let world = World::build().followers(100).start().await;
    world.send_many(1_300).await;
    world.drain().await;

    world.advance(31 * DAY);
    world.drain().await;

    let left = world.api().get("/api/v1/messages?limit=1").await.expect(200);
    assert_eq!(left["messages"], json!([]));
    world.assert_counts(&[("delivered", 1_300)]).await;
    world.finish().await;
}

#[tokio::test]
async fn when_wechat_last_called_is_known_after_a_crash() {
    let mut world = World::start().await;
    world.send(&world.body(0)).await;
    world.drain().await;
    world.pass(1, Duration::from_secs(10)).await;
    let before =
        world.api().get("/api/v1/overview").await.expect(200)["accounts"][0]["last_callback_at"].clone();

    world.restart().await;

    let after =
        world.api().get("/api/v1/overview").await.expect(200)["accounts"][0]["last_callback_at"].clone();
    assert!(before.is_string() && before == after, "{before} {after}");
    world.finish().await;
}
