//! A message's way from the API to the phone, when nothing goes wrong.

use hongyan_simulator::Escapes;
use hongyan_testkit::{Receipts, World, with};
use serde_json::json;

#[tokio::test]
async fn a_message_is_accepted_sent_and_reported_and_its_timeline_tells_it() {
    let world = World::start().await;

    let id = world.send(&world.body(0)).await;
    world.drain().await;

    let message = world.message(&id).await;
    let told: Vec<_> = message["timeline"].as_array().unwrap().iter().map(|moment| &moment["what"]).collect();
    assert_eq!(told, ["accepted", "dispatched", "reported", "settled"]);
    assert_eq!((&message["state"], &message["attempts"]), (&json!("delivered"), &json!(1)));
    assert_eq!(world.phone(0).len(), 1);
    world.finish().await;
}

/// Trap 1: many recipients in one call, and only the first is really sent.
#[tokio::test]
async fn a_thousand_messages_each_reach_a_phone_of_their_own() {
    let world = World::build().followers(1_000).start().await;

    world.send_many(1_000).await;
    world.drain().await;

    let phones = (0..1_000).map(|follower| world.phone(follower).len());
    assert_eq!(phones.filter(|messages| *messages == 1).count(), 1_000);
    world.assert_counts(&[("delivered", 1_000)]).await;
    world.finish().await;
}

/// Trap 2: errcode 0 is not delivery.
#[tokio::test]
async fn a_message_without_a_receipt_stays_sent() {
    let world = World::build().receipts(Receipts::Off).start().await;

    let id = world.send(&world.body(0)).await;
    world.drain().await;

    assert_eq!(world.state(&id).await, "sent");
    world.finish().await;
}

/// Trap 12: a msgid has 19 digits, more than a floating-point number holds.
#[tokio::test]
async fn a_msgid_keeps_all_its_digits() {
    let world = World::start().await;

    let id = world.send(&world.body(0)).await;
    world.drain().await;

    let msgid = world.phone(0)[0].msgid;
    assert!(msgid > 1 << 53, "{msgid}");
    assert_eq!(world.message(&id).await["msgid"], json!(msgid.to_string()));
    world.finish().await;
}

/// Trap 23: some of WeChat's endpoints refuse `\uXXXX`.
#[tokio::test]
async fn chinese_goes_to_wechat_as_it_is_even_when_the_caller_escaped_it() {
    let world = World::build().simulator(|settings| settings.escapes = Escapes::Refuse).start().await;
    let body = world.body(0).to_string().replace("拿铁", "\\u62ff\\u94c1");

    let reply =
        world.api().call(http::Method::POST, "/api/v1/messages", "application/json", body.into()).await;
    world.drain().await;

    assert_eq!(reply.status, 202);
    assert_eq!(world.phone(0)[0].lines[0], "商品名称拿铁");
    world.finish().await;
}

#[tokio::test]
async fn a_link_and_a_mini_program_reach_the_phone() {
    let world = World::start().await;
    let mini = json!({ "appid": "wxmini", "pagepath": "pages/order?id=1" });
    let body = with(world.body(0), &json!({ "url": "https://example.com/o/1", "miniprogram": mini }));

    world.send(&body).await;
    world.drain().await;

    let shown = &world.phone(0)[0];
    assert_eq!(shown.url.as_deref(), Some("https://example.com/o/1"));
    assert_eq!(shown.miniprogram.as_ref().unwrap().pagepath.as_deref(), Some("pages/order?id=1"));
    world.finish().await;
}

#[tokio::test]
async fn lines_of_json_are_answered_line_by_line_in_order() {
    let world = World::start().await;
    let lines: Vec<_> = (0..3).map(|number| world.body(number).to_string()).collect();
    let lines = [&lines[0], "{\"touser\":", &lines[1], &lines[2]].join("\n");

    let reply = world
        .api()
        .call(http::Method::POST, "/api/v1/messages/batch", "application/x-ndjson", lines.into())
        .await;
    world.drain().await;

    let answers: Vec<serde_json::Value> =
        reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let accepted: Vec<_> = answers.iter().map(|answer| answer["id"].is_string()).collect();
    assert_eq!(accepted, [true, false, true, true]);
    world.assert_counts(&[("delivered", 3)]).await;
    world.finish().await;
}

/// Trap 31: "who did not get it, and why?"
#[tokio::test]
async fn messages_are_found_by_state_cause_recipient_and_errcode() {
    let world = World::start().await;
    world.make_followers(&[1], "user_blocked");
    world.make_followers(&[2], "unfollowed");
    let ids = world.send_many(3).await;
    world.drain().await;

    let touser = format!("touser={}", world.official().openids[0]);
    let cases = [("state=failed&cause=user_blocked", 1), ("errcode=43004", 2), (&*touser, 0)];

    for (query, expected) in cases {
        let page = world.api().get(&format!("/api/v1/messages?{query}")).await.expect(200);
        let found: Vec<_> = page["messages"].as_array().unwrap().iter().map(|found| &found["id"]).collect();
        assert_eq!(found, [&json!(ids[expected])], "{query}");
    }
    world.finish().await;
}
