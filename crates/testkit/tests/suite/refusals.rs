//! WeChat answers no: to this message, to this person, for now, or not really.

use std::time::Duration;

use hongyan_simulator::AccountBody;
use hongyan_testkit::{Api, World, with};
use serde_json::json;

use crate::templates::notices;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_code_that_no_repetition_can_mend_fails_the_message_at_once_with_its_cause() {
    let cases = [
        (40003, "openid_invalid"),
        (40037, "template_invalid"),
        (40249, "content_refused"),
        (43004, "not_following"),
        (43019, "blacklisted"),
        (43116, "template_banned"),
        (47003, "argument_invalid"),
        (43002, "bad_request"),
        (40013, "bad_request"),
    ];
    for (errcode, cause) in cases {
        let world = World::start().await;
        world.faults(json!({ "errcodes": [{ "errcode": errcode, "next": 1 }] }));

        let id = world.send(&world.body(0)).await;
        world.pass(3, MINUTE).await;

        assert_eq!(world.state(&id).await, format!("failed: {cause}"), "{errcode}");
        assert_eq!(world.stats().sends, 0, "{errcode}: it was tried again");
        world.finish().await;
    }
}

#[tokio::test]
async fn a_person_who_got_too_much_gets_the_rest_later_and_holds_up_nobody() {
    let body = AccountBody { openid_minute_limit: Some(1), ..AccountBody::default() };
    let world = World::build().at_wechat(body).start().await;
    let ids = world.send_all(&[world.body(0), world.body(0), world.body(1)]).await;
    world.drain().await;
    let second = world.state(&ids[1]).await;

    world.pass(11, MINUTE).await;

    assert_eq!(second, "pending: user_limited");
    assert_eq!(world.stats().errcodes, [(43117, 1)].into(), "it was tried again too soon");
    world.assert_counts(&[("delivered", 3)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_person_who_always_gets_too_much_is_given_up_for_that_reason() {
    let world = World::start().await;
    world.faults(json!({ "errcodes": [{ "errcode": 43117 }] }));

    let id = world.send(&world.body(0)).await;
    world.pass(30, 60 * MINUTE).await;

    assert_eq!(world.state(&id).await, "failed: user_limited");
    assert_eq!(world.stats().errcodes[&43117], 8);
    world.finish().await;
}

#[tokio::test]
async fn people_who_cannot_be_reached_fail_alone() {
    let world = World::start().await;
    world.make_followers(&[1], "unfollowed");
    world.make_followers(&[2], "blacklisted");
    let stranger = with(world.body(0), &json!({ "touser": "oNobodyWhoFollowsUs000000001" }));
    world.send(&stranger).await;

    world.send_many(10).await;
    world.drain().await;

    let failed = [("failed: blacklisted", 1), ("failed: not_following", 1), ("failed: openid_invalid", 1)];
    world.assert_counts(&[&[("delivered", 8)], &failed[..]].concat()).await;
    world.finish().await;
}

#[tokio::test]
async fn a_refusal_is_told_with_wechats_words_its_meaning_and_its_rid() {
    let world = World::start().await;
    world.faults(json!({ "errcodes": [{ "errcode": 47003 }] }));

    let id = world.send(&world.body(0)).await;
    world.drain().await;

    let timeline = world.message(&id).await["timeline"].clone();
    let told = timeline.as_array().unwrap().iter().find(|moment| moment["what"] == "dispatched").unwrap();
    assert_eq!((&told["outcome"], &told["errcode"]), (&json!("refused"), &json!(47003)));
    assert!(told["errmsg"].as_str().unwrap().contains("thing1"), "{told}");
    assert!(
        told["rid"].is_string() && told["meaning"]["zh"].is_string() && told["advice"]["en"].is_string(),
        "{told}"
    );
    world.finish().await;
}

/// Trap 4: held for review, marked failed, resent, and released later: sent twice.
#[tokio::test]
async fn a_message_held_for_review_counts_as_sent_and_comes_once_when_it_is_released() {
    let world = World::start().await;
    world.faults(json!({ "review": { "next": 1, "release_after_ms": 1_800_000 } }));

    let id = world.send(&world.body(0)).await;
    world.pass(20, MINUTE).await;
    let held = world.state(&id).await;
    world.pass(15, MINUTE).await;

    assert_eq!((&*held, &*world.state(&id).await), ("sent: held_for_review", "delivered"));
    assert_eq!((world.stats().held, world.stats().released, world.stats().delivered), (1, 1, 1));
    world.finish().await;
}

#[tokio::test]
async fn the_same_content_twice_waits_a_minute_and_comes_twice() {
    let world = World::start().await;
    let body = world.body(0);
    let first = world.send(&with(body.clone(), &json!({ "client_msg_id": "a" }))).await;
    world.drain().await;

    let second = world.send(&with(body, &json!({ "client_msg_id": "b" }))).await;
    world.drain().await;
    let waiting = world.state(&second).await;
    world.pass(7, 10 * SECOND).await;

    assert_eq!(waiting, "pending: repeated");
    assert_eq!((&*world.state(&first).await, &*world.state(&second).await), ("delivered", "delivered"));
    assert_eq!(world.phone(0).len(), 2);
    world.finish().await;
}

/// Trap 4, the other way round: a repeat refusal after a try of our own means that WeChat has the message.
#[tokio::test]
async fn a_repeat_refusal_after_a_try_without_answer_means_that_it_arrived() {
    let world = World::start().await;
    world.faults(json!({ "drop_after": { "next": 1 }, "receipts": { "late": 1, "late_ms": 600_000 } }));
    let id = world.send(&world.body(0)).await;
    world.drain().await;

    world.faults(json!({ "errcodes": [{ "errcode": 40241, "next": 1 }] }));
    world.pass(3, SECOND).await;
    let during = world.state(&id).await;
    world.pass(11, MINUTE).await;

    assert_eq!((&*during, &*world.state(&id).await), ("sent: duplicate", "delivered"));
    assert_eq!(world.stats().delivered, 1);
    world.finish().await;
}

#[tokio::test]
async fn an_account_without_permission_stands_still_and_goes_on_once_it_has_it() {
    let world = World::start().await;
    world.change_at_wechat(&json!({ "permission": "unauthorized" }));
    world.send_many(10).await;
    world.pass(5, MINUTE).await;
    let during = world.counts().await;

    world.change_at_wechat(&json!({ "permission": "authorized" }));
    world.pass(3, MINUTE).await;

    assert_eq!(during, [("pending".to_owned(), 10)].into());
    world.assert_counts(&[("delivered", 10)]).await;
    world.finish().await;
}

/// As an administrator does it at mp.weixin.qq.com: by WeChat's own call, past us.
async fn delete_the_template_at_wechat(world: &World) {
    let wechat = Api::new(world.wire.url().trim_start_matches("http://").parse().unwrap(), "");
    let token = world.held_token().await;
    let path = format!("/cgi-bin/template/del_private_template?access_token={token}");
    let body = json!({ "template_id": world.official().template_id });
    assert_eq!(wechat.post(&path, &body).await.expect(200)["errcode"], 0);
}

#[tokio::test]
async fn a_template_deleted_at_wechat_fails_its_messages_and_the_sync_notices() {
    let world = World::start().await;
    let before = world.send(&world.body(0)).await;
    world.drain().await;
    world.order("pause", &json!({ "reason": "lunch" })).await.expect(200);
    let waiting = world.send(&world.body(1)).await;

    delete_the_template_at_wechat(&world).await;
    world.order("resume", &json!({})).await.expect(200);
    let new = world.send(&world.body(2)).await;
    world.drain().await;
    let noticed_at_first = notices(&world).await;
    world.pass(2, 11 * MINUTE).await;
    let refused = world.api().post("/api/v1/messages", &world.body(3)).await;

    assert_eq!(world.state(&before).await, "delivered");
    for id in [&waiting, &new] {
        let told = world.message(id).await["timeline"].to_string();
        assert_eq!(world.state(id).await, "failed: template_invalid");
        assert!(told.contains("\"errcode\":40037") && told.contains("\"advice\""), "{told}");
    }
    assert_eq!(noticed_at_first, [], "it was not by our own deleting");
    let removed = ("removed".to_owned(), world.official().template_id.clone());
    assert_eq!(notices(&world).await, [removed]);
    assert_eq!(refused.expect(422)["errors"][0]["code"], "unknown_template");
    world.finish().await;
}
