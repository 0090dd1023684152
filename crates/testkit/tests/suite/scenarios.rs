//! Scenarios: put in force, triggered, late, capped, gone.

use std::time::Duration;

use hongyan_testkit::{World, with};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn paid(world: &World) -> Value {
    json!({
        "title": "支付成功", "category": "transactional", "template_id": world.official().template_id,
        "fields": {
            "thing1": "{{ goods | shorten(20) }}", "amount2": "{{ amount | yuan }}",
            "character_string3": "{{ order_no }}", "time4": "{{ paid_at | cn_time }}",
        },
        "params": {
            "goods": { "type": "text", "required": true, "example": "拿铁" },
            "amount": { "type": "money", "required": true, "example": "18.50" },
            "order_no": { "type": "text", "required": true, "example": "NO1" },
            "paid_at": { "type": "time", "required": true, "example": "2026-11-23T12:00:00+08:00" },
        },
        "link": { "url": "https://shop.example.com/orders/{{ order_no }}" },
        "timing": { "at": "once" }, "tolerance": "1m", "lane": "urgent", "basis": "payment", "subject": "order_no",
    })
}

pub(crate) async fn put(world: &World, name: &str, scenario: &Value) -> Value {
    let path = format!("/api/v1/scenarios/{name}");
    world
        .api()
        .call(http::Method::PUT, &path, "application/json", scenario.to_string().into())
        .await
        .expect(200)
}

pub(crate) fn trigger(world: &World, order_no: &str) -> Value {
    json!({
        "touser": world.official().openids[0],
        "params": { "goods": "拿铁", "amount": 18.5, "order_no": order_no, "paid_at": world.at(-5) },
        "client_msg_id": format!("{order_no}-paid"),
    })
}

#[tokio::test]
async fn a_mini_programs_page_carries_its_utm_marks_and_the_adviser_sees_them() {
    let world = World::start().await;
    let link = json!({ "miniprogram": { "appid": "wxshop", "pagepath": "pages/order?id={{ order_no }}" }, "utm": {} });
    put(&world, "paid", &with(paid(&world), &json!({ "link": link }))).await;

    let accepted =
        world.api().post("/api/v1/scenarios/paid/trigger", &trigger(&world, "NO7")).await.expect(202);
    world.drain().await;

    let marked = "pages/order?id=NO7&utm_source=wechat&utm_medium=template_message&utm_campaign=paid";
    let message = world.message(accepted["id"].as_str().unwrap()).await;
    assert_eq!(message["miniprogram"]["pagepath"], json!(marked));
    let asked = json!({ "scenario": "paid", "params": trigger(&world, "NO8")["params"] });
    let advised = world.api().post("/api/v1/content/advise", &asked).await.expect(200);
    let codes: Vec<_> = advised["advice"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
    assert!(!codes.contains(&json!("no_utm")), "{codes:?}");
    world.finish().await;
}

#[tokio::test]
async fn a_trigger_becomes_a_message_with_what_the_scenario_says() {
    let world = World::build().house_rules().start().await;
    put(&world, "paid", &paid(&world)).await;

    let accepted =
        world.api().post("/api/v1/scenarios/paid/trigger", &trigger(&world, "NO7")).await.expect(202);
    world.drain().await;

    let message = world.message(accepted["id"].as_str().unwrap()).await;
    assert_eq!(
        (&message["state"], &message["scenario"], &message["lane"]),
        (&json!("delivered"), &json!("paid"), &json!("urgent"))
    );
    assert_eq!(message["data"]["amount2"]["value"], json!("¥18.50"));
    assert_eq!(message["url"], json!("https://shop.example.com/orders/NO7"));
    assert_eq!(message["deadline"], json!(world.at(60)));
    world.api().post("/api/v1/scenarios/paid/trigger", &trigger(&world, "NO7")).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn a_scenario_in_a_message_stands_in_place_of_template_and_data() {
    let world = World::start().await;
    put(&world, "paid", &paid(&world)).await;
    let body = with(trigger(&world, "NO8"), &json!({ "scenario": "paid", "appid": world.official().appid }));

    world.api().post("/api/v1/messages", &body).await.expect(202);
    let both = with(body, &json!({ "data": {}, "client_msg_id": "other" }));
    let refused = world.api().post("/api/v1/messages", &both).await.expect(422);

    assert_eq!(refused["errors"][0]["field"], json!("data"));
    world.drain().await;
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn what_is_missing_or_wrong_in_a_trigger_is_told_all_at_once() {
    let world = World::start().await;
    put(&world, "paid", &paid(&world)).await;
    let wrong =
        json!({ "touser": world.official().openids[0], "params": { "amount": "much", "colour": "red" } });

    let told = world.api().post("/api/v1/scenarios/paid/trigger", &wrong).await.expect(422);

    let fields: Vec<_> =
        told["errors"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    for field in ["params.goods", "params.amount", "params.order_no", "params.paid_at"] {
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    world.api().post("/api/v1/scenarios/nothing/trigger", &wrong).await.expect(422);
    world.finish().await;
}

#[tokio::test]
async fn a_trigger_for_something_long_past_does_not_go_out_as_news() {
    let world = World::start().await;
    put(&world, "paid", &paid(&world)).await;
    let old = with(trigger(&world, "NO9"), &json!({ "occurred_at": world.at(-2 * 86_400) }));

    let told = world.api().post("/api/v1/scenarios/paid/trigger", &old).await.expect(422);

    assert_eq!(told["errors"][0]["field"], json!("occurred_at"));
    world.finish().await;
}

#[tokio::test]
async fn an_appointment_is_reminded_of_an_hour_ahead() {
    let world = World::start().await;
    let reminder = with(
        paid(&world),
        &json!({
            "timing": { "before": { "param": "paid_at", "by": "1h" } }, "basis": null, "tolerance": "5m", "when_late": "drop",
        }),
    );
    put(&world, "reminder", &reminder).await;
    let mut booking = trigger(&world, "B1");
    booking["params"]["paid_at"] = json!(world.at(3 * 3_600));

    let accepted = world.api().post("/api/v1/scenarios/reminder/trigger", &booking).await.expect(202);
    world.drain().await;
    assert_eq!((&accepted["due_at"], world.stats().sends), (&json!(world.at(2 * 3_600)), 0));
    world.advance(120 * MINUTE);
    world.tick().await;
    world.drain().await;

    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_scenario_has_caps_of_its_own() {
    let world = World::build().house_rules().start().await;
    put(&world, "paid", &with(paid(&world), &json!({ "caps": { "per_day": 1 }, "basis": null }))).await;

    world.api().post("/api/v1/scenarios/paid/trigger", &trigger(&world, "C1")).await.expect(202);
    world.drain().await;
    let second = world.api().post("/api/v1/scenarios/paid/trigger", &trigger(&world, "C2")).await.expect(422);

    assert_eq!((&second["code"], &second["rule"]), (&json!("refused"), &json!("frequency")));
    world.finish().await;
}

#[tokio::test]
async fn every_text_of_a_scenario_is_kept_and_a_removed_one_cannot_be_triggered() {
    let world = World::start().await;
    put(&world, "paid", &paid(&world)).await;
    put(&world, "paid", &paid(&world)).await;
    let shown = put(&world, "paid", &with(paid(&world), &json!({ "title": "付款成功" }))).await;
    assert_eq!(shown["versions"].as_array().unwrap().len(), 2);

    world
        .api()
        .call(http::Method::DELETE, "/api/v1/scenarios/paid", "", bytes::Bytes::new())
        .await
        .expect(204);

    world.api().post("/api/v1/scenarios/paid/trigger", &trigger(&world, "D1")).await.expect(422);
    world.finish().await;
}

#[tokio::test]
async fn a_catalogue_entry_binds_to_the_accounts_template() {
    let world = World::start().await;
    let asked = json!({ "template_id": world.official().template_id });

    let bound = world.api().post("/api/v1/catalogue/payment_success/bind", &asked).await.expect(200);

    assert_eq!(bound["scenario"]["fields"]["amount2"], json!("{{ amount | yuan }}"));
    let catalogue = world.api().get("/api/v1/catalogue").await.expect(200);
    let first = &catalogue["scenarios"][0];
    assert_eq!(catalogue["scenarios"].as_array().unwrap().len(), 11);
    assert_eq!((&first["title"], &first["title_en"]), (&json!("支付成功"), &json!("Payment success")));
    world.finish().await;
}

#[tokio::test]
async fn a_scenario_that_does_not_fit_its_template_is_refused_with_every_fault() {
    let world = World::start().await;
    let wrong = with(paid(&world), &json!({ "fields": { "thing1": "{{ goods", "thing9": "x" } }));

    let reply = world.api().call(
        http::Method::PUT,
        "/api/v1/scenarios/paid",
        "application/json",
        wrong.to_string().into(),
    );
    let told = reply.await.expect(422);

    assert!(told["errors"].as_array().unwrap().len() >= 2, "{told}");
    world.finish().await;
}
