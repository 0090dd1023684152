//! WeChat does not answer, or not so that it can be understood: never twice, never lost, never called what it is not.

use std::collections::BTreeMap;
use std::time::Duration;

use hongyan_domain::Cause;
use hongyan_simulator::RepeatAnswer;
use hongyan_testkit::{Receipts, World, with};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Trap 3: a timeout retried without `client_msg_id` sends twice.
#[tokio::test]
async fn a_send_that_took_place_and_was_not_answered_is_repeated_under_its_id_and_comes_once() {
    let world = World::start().await;
    world.faults(json!({ "drop_after": { "next": 1 } }));

    let id = world.send(&world.body(0)).await;
    world.pass(3, SECOND).await;

    assert_eq!(world.message(&id).await["attempts"], 2);
    assert_eq!(world.state(&id).await, "delivered");
    assert_eq!((world.stats().repeats, world.phone(0).len()), (1, 1));
    world.finish().await;
}

#[tokio::test]
async fn a_send_that_broke_in_any_way_is_repeated_and_comes_once() {
    for fault in ["drop_before", "drop_after", "bad_gateway", "garbage"] {
        let world = World::build().followers(50).start().await;
        world.faults(json!({ (fault): { "next": 20 } }));

        world.send_many(50).await;
        world.pass(30, SECOND).await;

        world.assert_counts(&[("delivered", 50)]).await;
        world.finish().await;
    }
}

#[tokio::test]
async fn a_third_of_all_calls_may_break_in_each_way_at_once() {
    let world = World::build().followers(100).start().await;
    world.faults(json!({
        "drop_before": 0.1, "drop_after": 0.1, "bad_gateway": 0.1, "garbage": 0.1,
        "errcodes": [{ "errcode": -1, "rate": 0.1 }, { "errcode": 40001, "rate": 0.05 }],
        "receipts": { "early": 0.3, "doubled": 0.3 },
    }));

    world.send_many(300).await;
    world.pass(100, 4 * SECOND).await;

    let counts = world.counts().await;
    assert_eq!(counts.get("pending"), None, "{counts:?}");
    assert!(counts["delivered"] >= 290, "{counts:?}");
    world.finish().await;
}

#[tokio::test]
async fn a_message_in_doubt_for_longer_than_wechat_remembers_is_unknown_and_not_sent_again() {
    let world = World::start().await;
    world.faults(json!({ "drop_after": 1, "receipts": { "lost": 1 } }));
    let id = world.send(&world.body(0)).await;
    world.pass(60, 10 * SECOND).await;
    let (state, sends) = (world.state(&id).await, world.stats().sends);

    world.faults(json!({}));
    world.pass(60, MINUTE).await;

    assert_eq!(state, "unknown: no_answer");
    assert_eq!(world.state(&id).await, "unknown: no_answer");
    assert_eq!(world.stats().sends, sends, "it was sent again");
    world.finish().await;
}

#[tokio::test]
async fn an_unknown_message_is_settled_by_the_receipt_that_comes_after_all() {
    let world = World::start().await;
    world.faults(json!({ "drop_after": 1, "receipts": { "late": 1, "late_ms": 1_800_000 } }));
    let id = world.send(&world.body(0)).await;
    world.pass(60, 10 * SECOND).await;
    assert_eq!(world.state(&id).await, "unknown: no_answer");

    world.pass(30, MINUTE).await;

    assert_eq!(world.state(&id).await, "delivered");
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_asks_for_it_is_sent_again_after_wechat_forgot_it() {
    let mut world = World::start().await;
    world.faults(json!({ "drop_after": { "next": 1 } }));
    let id = world.send(&with(world.body(0), &json!({ "on_unknown": "resend" }))).await;
    world.drain().await;

    world.pass(1, 20 * MINUTE).await;

    assert_eq!(world.state(&id).await, "delivered");
    assert_eq!(world.stats().duplicates, 1, "that is the price that was asked for");
    world.finish_allowing_duplicates().await;
}

#[tokio::test]
async fn a_silent_wechat_is_given_up_on_and_the_message_comes_once() {
    let world = World::build().timeout(Duration::from_millis(100)).start().await;

    world.wire.hold_answers();
    let id = world.send(&world.body(0)).await;
    world.wire.held(1).await;
    world.drain().await;
    let during = world.state(&id).await;
    world.wire.open();
    world.pass(3, SECOND).await;

    assert_eq!((&*during, &*world.state(&id).await), ("pending: no_answer", "delivered"));
    world.finish().await;
}

#[tokio::test]
async fn wechat_down_for_an_hour_fails_nothing_and_everything_goes_afterwards() {
    let world = World::build().followers(100).start().await;
    world.wire.refuse();
    let ids = world.send_many(100).await;

    world.pass(60, MINUTE).await;
    let during = world.counts().await;
    let pause = world.traffic().await.pause.unwrap();
    world.wire.mend();
    world.pass(3, MINUTE).await;

    assert_eq!(during, [("pending".to_owned(), 100)].into());
    assert_eq!(pause.cause, Cause::Unreachable);
    world.assert_counts(&[("delivered", 100)]).await;
    assert_eq!(world.message(&ids[99]).await["attempts"], 1);
    world.finish().await;
}

/// Of a 502 nobody knows whether WeChat behind it took the message: those that met one are in doubt, and no others.
#[tokio::test]
async fn an_hour_of_502_fails_nothing_and_whatever_was_not_tried_goes_afterwards() {
    let world = World::build().pace(20, 20).followers(200).start().await;
    world.faults(json!({ "bad_gateway": 1 }));
    world.send_many(200).await;

    world.pass(20, SECOND).await;
    world.pass(60, MINUTE).await;
    let during = world.counts().await;
    world.faults(json!({}));
    world.pass(2, MINUTE).await;
    // Twenty a second, and nothing is saved up while time leaps.
    world.pass(250, Duration::from_millis(60)).await;

    let count = |state| during.get(state).copied().unwrap_or(0);
    let (doubtful, waiting) = (count("unknown: no_answer"), count("pending"));
    assert_eq!(doubtful + waiting, 200, "{during:?}");
    // Some forty until the account stands still, and then one a minute that finds out.
    assert!(waiting >= 80, "{during:?}");
    world.assert_counts(&[("delivered", waiting), ("unknown: no_answer", doubtful)]).await;
    world.finish().await;
}

#[tokio::test]
async fn wechat_that_cuts_every_call_is_left_alone_and_nothing_comes_twice() {
    let world = World::build().followers(200).start().await;
    world.faults(json!({ "drop_before": 1 }));
    world.send_many(200).await;
    world.drain().await;

    world.pass(5, MINUTE).await;
    let calls = world.stats().calls;
    world.faults(json!({}));
    world.pass(30, 10 * SECOND).await;

    let counts = world.counts().await;
    assert!(calls < 600, "{calls} calls to a WeChat that answers none");
    assert_eq!(counts.get("pending"), None, "{counts:?}");
    assert_eq!(counts.keys().filter(|state| state.starts_with("failed")).count(), 0, "{counts:?}");
    world.finish().await;
}

#[tokio::test]
async fn wechat_that_knows_a_repeat_by_45065_has_the_message() {
    let world =
        World::build().simulator(|settings| settings.repeats = RepeatAnswer::Errcode45065).start().await;
    world.faults(json!({ "drop_after": { "next": 1 }, "receipts": { "late": 1, "late_ms": 60_000 } }));

    let id = world.send(&world.body(0)).await;
    world.pass(3, SECOND).await;
    let during = world.state(&id).await;
    world.pass(2, MINUTE).await;

    assert_eq!((&*during, &*world.state(&id).await), ("sent: duplicate", "delivered"));
    world.finish().await;
}

/// Trap 5: -1 burns attempts, and messages are lost. Nobody has documented that it means that nothing was taken.
#[tokio::test]
async fn a_message_that_wechat_is_always_too_busy_for_is_unknown_once_wechat_has_forgotten_it() {
    let world = World::start().await;
    world.faults(json!({ "errcodes": [{ "errcode": -1 }] }));

    let id = world.send(&world.body(0)).await;
    world.pass(45, 10 * SECOND).await;
    let before = world.state(&id).await;
    world.pass(9, 10 * SECOND).await;

    assert_eq!((&*before, &*world.state(&id).await), ("pending: busy", "unknown: no_answer"));
    world.finish().await;
}

#[tokio::test]
async fn an_hour_of_busy_answers_loses_nothing_and_leaves_alone_what_was_not_tried() {
    for (messages, tried_at_most) in [(1, 1), (100, 40)] {
        let world = World::build().pace(50, 100).followers(100).start().await;
        world.faults(json!({ "errcodes": [{ "errcode": -1 }] }));
        world.send_many(messages).await;
        world.pass(200, Duration::from_millis(100)).await;
        world.pass(358, 10 * SECOND).await;

        let during = world.counts().await;
        world.faults(json!({}));
        world.pass(60, 10 * SECOND).await;
        let after = world.counts().await;

        let count = |counts: &BTreeMap<String, i64>, state: &str| counts.get(state).copied().unwrap_or(0);
        let tried = count(&during, "unknown: no_answer") + count(&during, "pending: busy");
        assert!(tried <= tried_at_most, "{during:?}");
        let (delivered, unknown) = (count(&after, "delivered"), count(&after, "unknown: no_answer"));
        assert!(unknown <= tried && delivered + unknown == messages as i64, "{during:?}, then {after:?}");
        world.finish().await;
    }
}

#[tokio::test]
async fn a_few_minutes_of_busy_answers_lose_nothing_and_everything_goes_afterwards() {
    let world = World::build().pace(50, 100).followers(100).start().await;
    world.faults(json!({ "errcodes": [{ "errcode": -1, "after": true }] }));
    world.send_many(100).await;
    world.pass(40, 10 * SECOND).await;

    world.faults(json!({}));
    world.pass(40, SECOND).await;

    world.assert_counts(&[("delivered", 100)]).await;
    world.finish().await;
}

/// What was taken and called busy must not go again once WeChat has forgotten it, whatever it waited for meanwhile.
#[tokio::test]
async fn a_message_that_was_taken_and_called_busy_is_not_sent_again_after_a_long_pause() {
    let world = World::build().receipts(Receipts::Off).start().await;
    world.faults(json!({ "errcodes": [{ "errcode": -1, "after": true }] }));
    let id = world.send(&world.body(0)).await;
    world.drain().await;

    world.faults(json!({ "errcodes": [{ "errcode": 45011 }] }));
    world.pass(3, SECOND).await;
    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);

    world.faults(json!({}));
    world.pass(11, MINUTE).await;
    world.order("resume", &json!({})).await.expect(200);
    world.pass(3, SECOND).await;

    assert_eq!(world.state(&id).await, "unknown: no_answer");
    assert_eq!(world.phone(0).len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_was_taken_and_called_busy_is_settled_by_its_receipt() {
    let world = World::start().await;
    world.faults(json!({ "errcodes": [{ "errcode": -1, "after": true }] }));
    let id = world.send(&world.body(0)).await;
    world.drain().await;

    world.faults(json!({ "errcodes": [{ "errcode": 43004 }] }));
    world.pass(3, SECOND).await;

    assert_eq!(world.state(&id).await, "delivered", "the refusal was of the second try alone");
    world.finish().await;
}

/// After a busy answer it is our own message that stands in the way of the repeat.
#[tokio::test]
async fn a_repeat_that_is_refused_after_a_busy_answer_counts_as_sent() {
    let world = World::build().receipts(Receipts::Off).start().await;
    world.faults(json!({ "errcodes": [{ "errcode": -1, "after": true }] }));
    let id = world.send(&world.body(0)).await;
    world.drain().await;

    world.faults(json!({ "errcodes": [{ "errcode": 40241 }] }));
    world.pass(3, SECOND).await;

    assert_eq!(world.state(&id).await, "sent: duplicate");
    world.finish().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_an_hour_stops_nothing() {
    let world = World::build().pace(50, 100).start().await;
    world.send_many(20).await;
    world.pass(1, SECOND).await;

    world.set_back(60 * MINUTE);
    world.send_many(20).await;
    world.pass(3, SECOND).await;

    world.assert_counts(&[("delivered", 40)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_clock_that_leaps_an_hour_ahead_loses_nothing() {
    let world = World::build().pace(50, 100).start().await;
    world.send_many(20).await;

    world.advance(60 * MINUTE);
    world.drain().await;

    world.assert_counts(&[("delivered", 20)]).await;
    world.finish().await;
}

/// A second delivery once came of it: the eight minutes looked young again.
#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_doubt_young_again() {
    let world = World::build().receipts(Receipts::Off).start().await;
    world.faults(json!({ "drop_after": { "next": 1 } }));
    let id = world.send(&world.body(0)).await;
    world.drain().await;
    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);

    world.advance(62 * MINUTE);
    world.set_our_clock_back(60 * MINUTE);
    world.order("resume", &json!({})).await.expect(200);
    world.pass(3, SECOND).await;

    assert_eq!(world.state(&id).await, "unknown: no_answer");
    assert_eq!(world.phone(0).len(), 1);
    assert_eq!(world.traffic().await.quota_used, 1, "the second try was not made");
    world.finish().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_between_two_daemons_makes_no_doubt_young_again() {
    let mut world = World::build().receipts(Receipts::Off).start().await;
    world.wire.hold_answers();
    let id = world.send(&world.body(0)).await;
    world.wire.held(1).await;
    world.kill().await;
    world.wire.open();
    world.wire.cut();

    // A clock that shows less than what was seen before has been set back; by how much, nobody can know.
    world.advance(11 * MINUTE);
    world.set_our_clock_back(60 * MINUTE);
    world.boot().await;
    world.pass(3, SECOND).await;

    assert_eq!(world.state(&id).await, "unknown: no_answer");
    assert_eq!(world.phone(0).len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_leaves_what_is_sent_after_it_its_eight_minutes() {
    let mut world = World::build().receipts(Receipts::Off).start().await;
    world.pass(1, SECOND).await;
    world.set_our_clock_back(60 * MINUTE);
    world.restart().await;
    world.faults(json!({ "drop_after": { "next": 1 } }));

    let id = world.send(&world.body(0)).await;
    world.pass(4, SECOND).await;

    assert!(world.state(&id).await.starts_with("sent"));
    assert_eq!((&world.message(&id).await["attempts"], world.phone(0).len()), (&json!(2), 1));
    world.finish().await;
}

/// -1 does not say that nothing was taken: what WeChat refuses then may have come all the same.
#[tokio::test]
async fn a_refusal_after_a_busy_answer_leaves_the_message_unknown() {
    let world = World::start().await;
    world.faults(json!({ "errcodes": [{ "errcode": -1, "next": 1 }, { "errcode": 43004 }] }));

    let id = world.send(&world.body(0)).await;
    world.pass(3, SECOND).await;

    assert_eq!(world.state(&id).await, "unknown: no_answer");
    world.finish().await;
}

#[tokio::test]
async fn an_answer_that_no_send_should_get_is_counted_by_its_class() {
    let world = World::start().await;
    world.faults(json!({ "errcodes": [{ "errcode": 43002, "next": 3 }, { "errcode": 987_654 }] }));

    world.send_many(5).await;
    world.drain().await;

    let metrics = world.api().get("/metrics").await.text().to_owned();
    assert!(metrics.contains(r#"hongyan_errcode_classes_total{kind="method"} 3"#), "{metrics}");
    assert!(metrics.contains(r#"hongyan_errcode_classes_total{kind="unknown"} 2"#), "{metrics}");
    world.finish().await;
}
