//! Alerts: a rule that is broken tells its channels, once, and tells when it is over.

use std::time::Duration;

use hongyan_testkit::{Receiver, World};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

async fn world() -> World {
    let local = |settings: &mut hongyan_engine::Settings| {
        settings.outgoing.guard.allowed = vec!["127.0.0.1".parse().unwrap()];
        settings.public_url = Some("https://hongyan.example".to_owned());
    };
    World::build().engine(local).start().await
}

async fn channel(world: &World, receiver: &Receiver, kind: &str, more: Value) {
    let body = json!({ "id": kind, "name": "值班群", "kind": kind, "url": receiver.url("/robot?key=K") });
    world.api().post("/api/v1/alerts/channels", &hongyan_testkit::with(body, &more)).await.expect(201);
}

async fn refuse_one(world: &World, errcode: i32) {
    world.faults(json!({ "errcodes": [{ "errcode": errcode, "rate": 1.0 }] }));
    world.send(&world.body(0)).await;
    world.drain().await;
    world.faults(json!({}));
}

async fn alerts(world: &World) -> Vec<Value> {
    world.api().get("/api/v1/alerts").await.expect(200)["alerts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_error_code_fires_tells_once_and_resolves() {
    let (world, receiver) = (world().await, Receiver::start().await);
    channel(&world, &receiver, "wecom", json!({})).await;

    refuse_one(&world, 43002).await;
    world.pass(3, MINUTE).await;

    let told = receiver.take();
    assert_eq!(told.len(), 1, "{told:?}");
    let text = told[0].json()["markdown"]["content"].as_str().unwrap().to_owned();
    for part in ["严重", "43002", "系统已处理", "建议", "https://hongyan.example/alerts"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert_eq!(
        (&alerts(&world).await[0]["rule"], &alerts(&world).await[0]["state"]),
        (&json!("errcode-43002"), &json!("firing"))
    );
    for part in ["meaning", "done", "advice"] {
        let said = alerts(&world).await[0]["reading"][part]["zh"].as_str().unwrap().to_owned();
        assert!(text.contains(&said), "{said} is missing: {text}");
    }

    world.pass(10, MINUTE).await;
    let told = receiver.take();
    assert_eq!(told.len(), 1);
    assert!(told[0].json()["markdown"]["content"].as_str().unwrap().contains("已恢复"));
    assert_eq!(alerts(&world).await[0]["state"], "resolved");
    world.finish().await;
}

#[tokio::test]
async fn an_alert_survives_a_restart_and_is_not_told_again() {
    let (mut world, receiver) = (world().await, Receiver::start().await);
    channel(&world, &receiver, "feishu", json!({ "secret": "S" })).await;
    refuse_one(&world, 43002).await;
    world.pass(2, MINUTE).await;
    let told = receiver.take();
    assert_eq!((told.len(), told[0].json()["sign"].is_string()), (1, true));

    world.restart().await;
    world.pass(1, MINUTE).await;

    assert_eq!(receiver.take().len(), 0);
    assert_eq!(alerts(&world).await[0]["state"], "firing");
    world.finish().await;
}

#[tokio::test]
async fn a_channel_that_fails_is_told_again_and_the_log_says_so() {
    let (world, receiver) = (world().await, Receiver::start().await);
    channel(&world, &receiver, "dingtalk", json!({ "secret": "SEC1", "lang": "en" })).await;
    receiver.answer(200, r#"{"errcode":310000,"errmsg":"sign not match"}"#);
    refuse_one(&world, 43002).await;
    world.pass(1, MINUTE).await;
    assert!(receiver.take()[0].path.contains("&sign="));

    receiver.answer(200, r#"{"errcode":0}"#);
    world.pass(2, MINUTE).await;

    assert!(receiver.take()[0].json()["markdown"]["title"].as_str().unwrap().contains("critical"));
    let notes = world.api().get("/api/v1/alerts/notes").await.expect(200);
    assert_eq!((&notes["notes"][0]["state"], &notes["notes"][0]["attempts"]), (&json!("sent"), &json!(2)));
    world.finish().await;
}

#[tokio::test]
async fn a_silenced_alert_is_looked_at_and_not_told() {
    let (world, receiver) = (world().await, Receiver::start().await);
    channel(&world, &receiver, "wecom", json!({})).await;
    world
        .api()
        .patch("/api/v1/alerts/rules/errcode-43002", &json!({ "repeat_minutes": 1 }))
        .await
        .expect(200);
    refuse_one(&world, 43002).await;
    world.pass(1, MINUTE).await;
    assert_eq!(receiver.take().len(), 1);
    let id = alerts(&world).await[0]["id"].as_str().unwrap().to_owned();

    world.api().post(&format!("/api/v1/alerts/{id}/silence"), &json!({ "minutes": 60 })).await.expect(200);
    world.pass(2, MINUTE).await;

    assert_eq!(receiver.take().len(), 0);
    world.finish().await;
}

#[tokio::test]
async fn a_template_that_is_invalid_is_told_by_its_id() {
    let (world, receiver) = (world().await, Receiver::start().await);
    channel(&world, &receiver, "webhook", json!({})).await;

    refuse_one(&world, 40037).await;
    world.pass(2, MINUTE).await;

    let told = receiver.take();
    let lines = told[0].json()["data"]["lines"].to_string();
    assert!(lines.contains(&world.official().template_id), "{lines}");
    assert!(told[0].header("webhook-signature").starts_with("v1,"));
    world.finish().await;
}

#[tokio::test]
async fn a_channel_is_tested_and_never_shows_its_key() {
    let (world, receiver) = (world().await, Receiver::start().await);
    channel(&world, &receiver, "wecom", json!({})).await;

    let test = world.api().post("/api/v1/alerts/channels/wecom/test", &json!({})).await.expect(200);
    let shown = world.api().get("/api/v1/alerts/channels").await.expect(200);

    assert_eq!(test, json!({ "sent": true, "error": null }));
    assert_eq!(receiver.take().len(), 1);
    assert!(!shown.to_string().contains("key=K"), "{shown}");
    world.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_or_channel_is_told_field_by_field() {
    let world = World::start().await;
    let fields = |answer: Value| -> Vec<String> {
        let errors = answer["errors"].as_array().unwrap().clone();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };

    let rule = json!({ "id": "X", "name": "", "metric": "errcode_count", "threshold": -1 });
    let rule = world.api().post("/api/v1/alerts/rules", &rule).await.expect(422);
    // Nobody allowed the loopback here.
    let channel = json!({ "id": "a b", "name": "n", "kind": "sms", "url": "http://127.0.0.1/" });
    let channel = world.api().post("/api/v1/alerts/channels", &channel).await.expect(422);

    assert_eq!(fields(rule), ["id", "name", "errcode", "threshold"]);
    assert_eq!(fields(channel), ["id", "kind", "url"]);
    world.finish().await;
}

#[tokio::test]
async fn complaints_a_pulled_brake_and_an_approval_that_waits_call_a_person() {
    let (world, receiver) = (world().await, Receiver::start().await);
    channel(&world, &receiver, "wecom", json!({})).await;
    let api = world.api();
    let policy = async |rule: &str, body: Value| {
        api.patch(&format!("/api/v1/policies/{rule}"), &body).await.expect(200)
    };
    let rule = json!({ "at_least": 2, "threshold": 0.5 });
    api.patch("/api/v1/alerts/rules/complaint-rate", &rule).await.expect(200);
    let ids = world.send_all(&[world.body(0), world.body(1)]).await;
    world.drain().await;
    let firing = async || {
        let all = alerts(&world).await.into_iter().filter(|alert| alert["state"] == json!("firing"));
        all.map(|alert| (alert["rule"].as_str().unwrap().to_owned(), alert["template_id"].clone()))
            .collect::<Vec<_>>()
    };
    world.pass(1, MINUTE).await;
    assert_eq!(firing().await, []);

    policy("brake", json!({ "mode": "enforce", "score": 10, "sample": 1 })).await;
    api.post("/api/v1/complaints", &json!({ "message": ids[0] })).await.expect(200);
    world.pass(2, MINUTE).await;

    let template_id = json!(world.official().template_id);
    assert_eq!(
        firing().await,
        [("brake-pulled".to_owned(), template_id), ("complaint-rate".to_owned(), Value::Null)]
    );
    let told = receiver.take().iter().map(|one| one.json().to_string()).collect::<String>();
    assert!(told.contains("熔断") && told.contains("投诉"), "{told}");
    let brakes = api.get("/api/v1/compliance/brakes?state=on").await.expect(200);
    let release =
        format!("/api/v1/compliance/brakes/{}/release", brakes["brakes"][0]["id"].as_str().unwrap());
    api.post(&release, &json!({ "reason": "mended" })).await.expect(200);
    world.pass(1, MINUTE).await;
    assert_eq!(firing().await.len(), 1, "the brake is off");

    policy("content", json!({ "mode": "enforce" })).await;
    let own = world.add_template("订单通知", "内容：{{keyword1.DATA}}").await;
    let coupon = json!({ "template_id": own, "data": { "keyword1": "送您优惠券" }, "expires_at": world.at(3 * 3_600) });
    world.send(&hongyan_testkit::with(world.body(2), &coupon)).await;
    let waits = async || firing().await.iter().any(|(rule, _)| rule == "approval-wait");
    world.pass(1, MINUTE).await;
    assert!(!waits().await, "a minute is no news");
    world.pass(1, 70 * MINUTE).await;
    assert!(waits().await, "{:?}", firing().await);
    world.finish().await;
}

#[tokio::test]
async fn a_key_that_may_only_send_silences_no_alert() {
    let world = world().await;
    refuse_one(&world, 43002).await;
    world.pass(1, MINUTE).await;
    let id = alerts(&world).await[0]["id"].as_str().unwrap().to_owned();
    let key = json!({ "name": "sender", "scopes": ["send", "read"] });
    let key = world.api().post("/api/v1/keys", &key).await.expect(201);
    let sender = world.api_with(key["key"].as_str().unwrap());

    sender.post(&format!("/api/v1/alerts/{id}/silence"), &json!({ "minutes": 60 })).await.expect(403);

    assert_eq!(alerts(&world).await[0]["silenced_until"], Value::Null);
    world.api().post(&format!("/api/v1/alerts/{id}/silence"), &json!({ "minutes": 60 })).await.expect(200);
    world.finish().await;
}
