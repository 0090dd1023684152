//! Outgoing webhooks: each final state reaches the business, signed, in order, at least once.

use std::time::Duration;

use hongyan_outgoing::sign;
use hongyan_testkit::{Receiver, World};
use serde_json::{Value, json};

async fn world() -> World {
    let local = |settings: &mut hongyan_engine::Settings| {
        settings.outgoing.guard.allowed = vec!["127.0.0.1".parse().unwrap()];
    };
    World::build().engine(local).start().await
}

async fn add(world: &World, receiver: &Receiver, more: Value) -> Value {
    let body = json!({ "name": "订单系统", "url": receiver.url("/hook") });
    world.api().post("/api/v1/webhooks", &hongyan_testkit::with(body, &more)).await.expect(201)
}

/// The messages told, in order.
fn told(receiver: &Receiver) -> Vec<Value> {
    let came = receiver.take();
    came.iter().flat_map(|one| one.json()["data"]["messages"].as_array().unwrap().clone()).collect()
}

#[tokio::test]
async fn a_final_state_is_told_with_a_signature_that_holds() {
    let (world, receiver) = (world().await, Receiver::start().await);
    let webhook = add(&world, &receiver, json!({})).await;
    let id = world.send(&world.body(0)).await;
    world.drain().await;

    let came = receiver.take();

    let (one, body) = (&came[0], came[0].json());
    let message = &body["data"]["messages"][0];
    assert_eq!(
        (&body["type"], &message["id"], &message["state"]),
        (&json!("message.settled"), &json!(id), &json!("delivered"))
    );
    assert!(message["touser"].is_null(), "nobody asked for the openid: {message}");
    let (secret, at) =
        (webhook["secret"].as_str().unwrap(), one.header("webhook-timestamp").parse().unwrap());
    let headers = sign::headers(secret, one.header("webhook-id"), at, &one.body).unwrap();
    assert_eq!(headers[2].1, one.header("webhook-signature"));
    world.finish().await;
}

#[tokio::test]
async fn a_webhook_hears_of_what_it_asked_for_and_no_more() {
    let (world, failed, all) = (world().await, Receiver::start().await, Receiver::start().await);
    add(&world, &failed, json!({ "states": ["failed"] })).await;
    add(&world, &all, json!({ "with_openid": true })).await;
    world.make_followers(&[1], "user_blocked");
    world.send_many(3).await;
    world.drain().await;

    let (failed, all) = (told(&failed), told(&all));

    assert_eq!((failed.len(), &failed[0]["cause"]), (1, &json!("user_blocked")));
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|message| message["touser"].is_string()));
    world.finish().await;
}

#[tokio::test]
async fn what_could_not_be_told_is_told_when_the_receiver_is_back_after_a_crash_too() {
    let (mut world, receiver) = (world().await, Receiver::start().await);
    add(&world, &receiver, json!({})).await;
    receiver.answer(503, "");
    world.send_many(3).await;
    world.drain().await;
    let first = receiver.take();
    assert_eq!(first.len(), 1);

    world.restart().await;
    receiver.answer(204, "");
    world.pass(1, Duration::from_secs(5)).await;

    let again = receiver.take();
    assert_eq!(again[0].header("webhook-id"), first[0].header("webhook-id"));
    let messages: usize =
        again.iter().map(|one| one.json()["data"]["messages"].as_array().unwrap().len()).sum();
    assert_eq!(messages, 3);
    world.finish().await;
}

#[tokio::test]
async fn a_replay_tells_again_and_the_log_has_every_try() {
    let (world, receiver) = (world().await, Receiver::start().await);
    let webhook = add(&world, &receiver, json!({})).await;
    let path = format!("/api/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    world.send_many(2).await;
    world.drain().await;
    assert_eq!(told(&receiver).len(), 2);

    world.api().post(&format!("{path}/replay"), &json!({ "since": world.at(-60) })).await.expect(200);
    world.pass(1, Duration::from_secs(1)).await;
    let test = world.api().post(&format!("{path}/test"), &json!({})).await.expect(200);

    let came = receiver.take();
    assert_eq!(came.last().unwrap().json()["type"], "test");
    let again: usize =
        came.iter().filter_map(|one| one.json()["data"]["messages"].as_array().map(Vec::len)).sum();
    assert_eq!((again, &test["status"]), (2, &json!(200)));
    let log = world.api().get(&format!("{path}/deliveries")).await.expect(200);
    assert!(log["deliveries"].as_array().unwrap().len() >= 3, "{log}");
    world.finish().await;
}

/// Two calls' worth of messages: the second is not made.
#[tokio::test]
async fn a_webhook_that_is_deleted_while_it_is_told_is_told_no_more() {
    let (world, receiver) = (world().await, Receiver::start().await);
    let webhook = add(&world, &receiver, json!({})).await;
    let path = format!("/api/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    world.send_many(150).await;
    world.drain().await;
    world.pass(1, Duration::from_secs(1)).await;
    assert_eq!(told(&receiver).len(), 150);
    world.api().post(&format!("{path}/replay"), &json!({ "since": world.at(-60) })).await.expect(200);

    receiver.arrived().await;
    receiver.hold().await;
    world.advance(Duration::from_secs(1));
    world.tick().await;
    receiver.arrived().await;
    let gone = world.api().call(http::Method::DELETE, &path, "application/json", "{}".into()).await;
    assert_eq!(gone.status, 204);
    receiver.let_go();
    world.pass(1, Duration::from_secs(1)).await;

    assert_eq!(told(&receiver).len(), 100);
    world.finish().await;
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_switched_off() {
    let (world, receiver) = (world().await, Receiver::start().await);
    add(&world, &receiver, json!({})).await;
    receiver.answer(410, "");
    world.send(&world.body(0)).await;
    world.drain().await;

    let webhooks = world.api().get("/api/v1/webhooks").await.expect(200);

    let webhook = &webhooks["webhooks"][0];
    assert_eq!((&webhook["enabled"], &webhook["disabled_because"]), (&json!(false), &json!("HTTP 410")));
    world.finish().await;
}

/// Trap 33.
#[tokio::test]
async fn a_url_behind_the_wall_is_refused_when_it_is_entered() {
    let world = World::start().await;

    for url in [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::1]:8080/",
        "ftp://x",
        "http://u:p@h/",
    ] {
        let body = json!({ "name": "n", "url": url });
        let errors = world.api().post("/api/v1/webhooks", &body).await.expect(422);
        assert_eq!(errors["errors"][0]["field"], "url", "{url}");
    }
    world.finish().await;
}

/// Trap 33: the name leads elsewhere after it was entered.
#[tokio::test]
async fn a_name_that_later_leads_behind_the_wall_is_not_called() {
    let receiver = Receiver::start().await;
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let turns = asked.clone();
    let resolve = move |_: &str| {
        let turn = turns.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        vec![if turn == 0 { "8.8.8.8" } else { "127.0.0.1" }.parse().unwrap()]
    };
    let rebinds = |settings: &mut hongyan_engine::Settings| {
        settings.outgoing.resolver = hongyan_outgoing::Resolver::Fixed(std::sync::Arc::new(resolve));
    };
    let world = World::build().engine(rebinds).start().await;
    let url = receiver.url("/hook").replace("127.0.0.1", "rebinds.example");
    world.api().post("/api/v1/webhooks", &json!({ "name": "n", "url": url })).await.expect(201);

    world.send(&world.body(0)).await;
    world.drain().await;

    assert_eq!(receiver.take().len(), 0);
    let webhooks = world.api().get("/api/v1/webhooks").await.expect(200);
    assert_eq!(webhooks["webhooks"][0]["failures"], 1);
    world.finish().await;
}
