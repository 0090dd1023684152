//! The same `client_msg_id` is the same message, however often and in whatever way it comes.

use std::time::Duration;

use hongyan_testkit::{CONTENT, World, with};
use serde_json::{Value, json};

use crate::scenarios::{paid, put, trigger};

fn named(body: &Value, client_msg_id: &str) -> Value {
    with(body.clone(), &json!({ "client_msg_id": client_msg_id }))
}

#[tokio::test]
async fn the_same_message_again_is_answered_with_the_first() {
    let world = World::start().await;
    let body = named(&world.body(0), "order-1-paid");

    let first = world.send(&body).await;
    let again = world.api().post("/api/v1/messages", &body).await.expect(200);
    world.drain().await;
    let after_it_ended = world.api().post("/api/v1/messages", &body).await.expect(200);

    assert_eq!((&again["id"], &after_it_ended["id"]), (&json!(first), &json!(first)));
    assert_eq!(after_it_ended["state"], "delivered");
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn another_message_under_the_same_id_is_a_conflict_and_is_not_sent() {
    let world = World::start().await;
    let first = named(&world.body(0), "order-1-paid");
    world.send(&first).await;
    let changes = [
        json!({ "touser": world.official().openids[1] }),
        json!({ "url": "https://example.com" }),
        json!({ "data": world.body(0)["data"] }),
    ];

    for change in changes {
        let refused = world.api().post("/api/v1/messages", &with(first.clone(), &change)).await;
        assert_eq!(refused.expect(409)["code"], "conflict", "{change}");
    }
    world.drain().await;
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn the_same_id_twice_in_one_batch_is_one_message() {
    let world = World::start().await;
    let body = named(&world.body(0), "a");
    let other = named(&world.body(1), "a");

    let batch = json!({ "messages": [body, body, other] });
    let results = world.api().post("/api/v1/messages/batch", &batch).await.expect(200)["results"].clone();
    world.drain().await;

    assert_eq!(results[0]["id"], results[1]["id"]);
    assert_eq!(results[2]["error"]["code"], "conflict");
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn the_same_id_over_twenty_connections_at_once_is_one_message() {
    let world = World::start().await;
    let body = named(&world.body(0), "a");
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (api, body) = (world.another_api(), body.clone());
        calls.spawn(async move { api.post("/api/v1/messages", &body).await });
    }

    let replies = calls.join_all().await;
    world.drain().await;

    let accepted = replies.iter().filter(|reply| reply.status == 202).count();
    let known = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!((accepted, known, world.phone(0).len()), (1, 19, 1));
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn the_same_id_after_a_crash_is_still_the_same_message() {
    let mut world = World::start().await;
    let body = named(&world.body(0), "a");
    let first = world.send(&body).await;

    world.restart().await;
    let again = world.api().post("/api/v1/messages", &body).await.expect(200);
    world.pass(2, Duration::from_secs(1)).await;

    assert_eq!(again["id"], json!(first));
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn two_accounts_may_use_the_same_id() {
    let world = World::build().accounts(2).start().await;
    let bodies: Vec<_> = world.officials.iter().map(|official| named(&official.body(0), "a")).collect();

    let ids = world.send_all(&bodies).await;
    world.drain().await;

    assert_ne!(ids[0], ids[1]);
    world.assert_counts(&[("delivered", 2)]).await;
    world.finish().await;
}

#[tokio::test]
async fn the_same_client_msg_id_with_anything_else_said_is_a_conflict_and_word_for_word_it_is_the_first() {
    let world = World::start().await;
    let body = with(
        named(&world.body(0), "order-1-paid"),
        &json!({ "lane": "bulk", "send_at": world.at(600), "expires_at": world.at(900), "category": "service" }),
    );
    let first = world.api().post("/api/v1/messages", &body).await.expect(202)["id"].clone();
    let others = [
        json!({ "lane": "urgent" }),
        json!({ "send_at": world.at(601) }),
        json!({ "expires_at": world.at(901) }),
        json!({ "category": "transactional" }),
        json!({ "url": "https://example.com/another" }),
        json!({ "on_unknown": "resend" }),
        json!({ "basis": "payment" }),
    ];

    world.advance(Duration::from_secs(5));
    let again = world.api().post("/api/v1/messages", &body).await.expect(200)["id"].clone();
    for other in &others {
        let conflict = world.api().post("/api/v1/messages", &with(body.clone(), other)).await;
        assert_eq!(conflict.status, 409, "{other}: {}", conflict.text());
    }

    assert_eq!(first, again);
    world.finish().await;
}

/// A caller that lost its 202 and is told 422 takes a new id, and the person gets it twice.
#[tokio::test]
async fn a_repeat_that_would_not_be_taken_any_more_is_answered_with_the_first() {
    let world = World::start().await;
    put(&world, "paid", &paid(&world)).await;
    let timed = with(named(&world.body(0), "timed"), &json!({ "expires_at": world.at(60) }));
    let triggered =
        with(trigger(&world, "NO7"), &json!({ "scenario": "paid", "appid": world.official().appid }));
    let bodies = [timed, named(&world.body(1), "plain"), triggered];
    let first = world.send_all(&bodies).await;
    world.drain().await;

    world.advance(Duration::from_secs(120));
    let account =
        format!("/api/v1/accounts/{}/templates/{}", world.official().appid, world.official().template_id);
    for gone in ["/api/v1/scenarios/paid", &account] {
        world.api().call(http::Method::DELETE, gone, "", Default::default()).await.expect(204);
    }
    let batch = json!({ "messages": bodies });
    let again = world.api().post("/api/v1/messages/batch", &batch).await.expect(200)["results"].clone();
    let another = with(bodies[1].clone(), &json!({ "url": "https://example.com" }));
    let another = world.api().post("/api/v1/messages", &another).await;
    let unknown = world.api().post("/api/v1/messages", &named(&bodies[1], "never given")).await;
    let preview = with(bodies[1].clone(), &json!({ "dry_run": true }));
    let preview = world.api().post("/api/v1/messages", &preview).await;

    let ids: Vec<_> = (0..3).map(|nth| again[nth]["id"].clone()).collect();
    assert_eq!(json!(ids), json!(first), "{again}");
    assert_eq!((another.status, unknown.status, preview.status), (409, 422, 422), "{}", another.text());
    world.assert_counts(&[("delivered", 3)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_repeat_is_known_by_what_was_said_and_not_by_what_the_template_makes_of_it() {
    let world = World::start().await;
    let body = named(&world.body(0), "order-1-paid");
    let first = world.send(&body).await;

    let turned: Vec<_> = CONTENT.split('\n').rev().collect();
    world.change_template(&turned.join("\n")).await;
    let again = world.api().post("/api/v1/messages", &body).await.expect(200);
    let text = |field: &str| body["data"][field]["value"].clone();
    let short = json!({ "time4": text("time4"), "thing1": text("thing1"), "amount2": text("amount2"),
        "character_string3": text("character_string3") });
    let otherwise = with(body.clone(), &json!({ "data": short }));
    let otherwise = world.api().post("/api/v1/messages", &otherwise).await.expect(200);

    assert_eq!((&again["id"], &otherwise["id"]), (&json!(first), &json!(first)));
    world.finish().await;
}
