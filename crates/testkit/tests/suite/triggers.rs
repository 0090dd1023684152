//! Triggers that belong together: several become one message, one takes another back.

use std::time::Duration;

use hongyan_testkit::{World, with};
use serde_json::{Value, json};

use crate::scenarios::{paid, put, trigger};

const MINUTE: Duration = Duration::from_secs(60);

async fn post(world: &World, name: &str, body: &Value, status: u16) -> Value {
    world.api().post(&format!("/api/v1/scenarios/{name}/trigger"), body).await.expect(status)
}

/// Purchases of ten minutes become one message.
async fn merging(world: &World) {
    let scenario = with(
        paid(world),
        &json!({ "link": null, "basis": null, "merge": { "within": "10m", "by": "recipient" }, "fields": {
            "thing1": "{% for item in items %}{{ item.goods }} {% endfor %}",
            "amount2": "{{ items | total(\"amount\") | yuan }}", "character_string3": "{{ count }}",
            "time4": "{{ paid_at | cn_time }}",
        } }),
    );
    put(world, "cart", &scenario).await;
}

fn bought(world: &World, order_no: &str, goods: &str) -> Value {
    let mut body = trigger(world, order_no);
    body["params"]["goods"] = json!(goods);
    body
}

fn whats(message: &Value, what: &str) -> Vec<Value> {
    let timeline = message["timeline"].as_array().unwrap();
    timeline.iter().filter(|moment| moment["what"] == json!(what)).cloned().collect()
}

#[tokio::test]
async fn triggers_of_ten_minutes_become_one_message_at_their_end() {
    let mut world = World::start().await;
    merging(&world).await;

    let first = post(&world, "cart", &bought(&world, "M1", "拿铁"), 202).await;
    world.advance(4 * MINUTE);
    let second = post(&world, "cart", &bought(&world, "M2", "美式"), 202).await;
    world.restart().await;
    let third = post(&world, "cart", &bought(&world, "M3", "摩卡"), 202).await;
    world.drain().await;
    assert_eq!(world.stats().sends, 0);
    world.advance(6 * MINUTE);
    world.drain().await;

    assert_eq!((&second["id"], &third["id"]), (&first["id"], &first["id"]));
    assert_eq!((&first["merged"], &third["merged"]), (&json!(1), &json!(3)));
    assert_eq!(second["due_at"], first["due_at"]);
    let message = world.message(first["id"].as_str().unwrap()).await;
    assert_eq!(message["state"], json!("delivered"));
    assert_eq!(message["data"]["character_string3"]["value"], json!("3"));
    assert_eq!(message["data"]["amount2"]["value"], json!("¥55.50"));
    let merged = whats(&message, "merged");
    assert_eq!((merged.len(), &merged[1]["client_msg_id"]), (3, &json!("M2-paid")));
    assert_eq!(merged[2]["params"]["goods"], json!("摩卡"));
    world.assert_counts(&[("delivered", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn each_trigger_given_again_answers_with_the_message_it_went_into() {
    let world = World::start().await;
    merging(&world).await;
    let bodies = [bought(&world, "M1", "拿铁"), bought(&world, "M2", "美式")];
    let first = post(&world, "cart", &bodies[0], 202).await;
    post(&world, "cart", &bodies[1], 202).await;

    for body in &bodies {
        let again = post(&world, "cart", body, 200).await;
        assert_eq!((&again["id"], &again["repeated"]), (&first["id"], &json!(true)));
    }
    let other = with(bought(&world, "M9", "红茶"), &json!({ "client_msg_id": "M2-paid" }));
    post(&world, "cart", &other, 409).await;
    let elsewhere = with(world.body(1), &json!({ "client_msg_id": "M2-paid" }));
    world.api().post("/api/v1/messages", &elsewhere).await.expect(409);

    let found = world.api().get("/api/v1/messages?client_msg_id=M2-paid").await.expect(200);
    assert_eq!(found["messages"][0]["id"], first["id"]);
    world.advance(10 * MINUTE);
    world.drain().await;
    let message = world.message(first["id"].as_str().unwrap()).await;
    assert_eq!(message["data"]["character_string3"]["value"], json!("2"));
    for body in &bodies {
        assert_eq!(post(&world, "cart", body, 200).await["state"], json!("delivered"));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_window_that_is_over_or_says_too_much_is_followed_by_another() {
    let world = World::start().await;
    merging(&world).await;
    let long = "一二三四五六七八九";

    let first = post(&world, "cart", &bought(&world, "L1", long), 202).await;
    post(&world, "cart", &bought(&world, "L2", long), 202).await;
    let apart = post(&world, "cart", &bought(&world, "L3", long), 202).await;
    world.advance(10 * MINUTE);
    world.drain().await;
    let later = post(&world, "cart", &bought(&world, "L4", long), 202).await;

    assert_ne!(first["id"], apart["id"]);
    assert_ne!(apart["id"], later["id"]);
    world.advance(10 * MINUTE);
    world.drain().await;
    world.assert_counts(&[("delivered", 3)]).await;
    world.finish().await;
}

#[tokio::test]
async fn triggers_that_come_together_are_merged_too_and_those_of_others_are_not() {
    let world = World::start().await;
    merging(&world).await;
    let of = |follower: usize, n: usize| {
        let touser = &world.official().openids[follower];
        with(
            bought(&world, &format!("T{follower}-{n}"), "茶"),
            &json!({ "touser": touser, "scenario": "cart" }),
        )
    };
    let bodies: Vec<_> = (0..6).map(|n| of(n % 2, n)).chain([of(0, 0)]).collect();

    let ids = world.send_all(&bodies).await;
    world.advance(10 * MINUTE);
    world.drain().await;

    assert_eq!((&ids[2], &ids[4], &ids[6]), (&ids[0], &ids[0], &ids[0]));
    assert_ne!(ids[0], ids[1]);
    let message = world.message(&ids[0]).await;
    assert_eq!(message["data"]["character_string3"]["value"], json!("3"));
    world.assert_counts(&[("delivered", 2)]).await;
    world.finish().await;
}

async fn cancellable(world: &World) {
    let reminder = with(
        paid(world),
        &json!({
            "timing": { "before": { "param": "paid_at", "by": "1h" } }, "basis": null, "tolerance": "5m",
            "cancelled_by": ["appointment_cancelled", "moved"],
        }),
    );
    put(world, "reminder", &reminder).await;
}

fn booking(world: &World, no: &str) -> Value {
    let mut booking = trigger(world, no);
    booking["params"]["paid_at"] = json!(world.at(3 * 3_600));
    booking
}

fn cancels(world: &World, no: &str) -> Value {
    json!({ "touser": world.official().openids[0], "params": { "order_no": no } })
}

#[tokio::test]
async fn an_event_takes_back_what_waits_about_the_same_thing_and_the_timeline_says_so() {
    let world = World::start().await;
    cancellable(&world).await;
    let id = post(&world, "reminder", &booking(&world, "B1"), 202).await["id"].clone();
    let other = post(&world, "reminder", &booking(&world, "B2"), 202).await["id"].clone();

    let told = post(&world, "appointment_cancelled", &cancels(&world, "B1"), 200).await;
    let again = post(&world, "appointment_cancelled", &cancels(&world, "B1"), 200).await;

    assert_eq!((&told["cancelled"], &again["cancelled"]), (&json!(1), &json!(0)));
    let message = world.message(id.as_str().unwrap()).await;
    assert_eq!((&message["state"], &message["cause"]), (&json!("cancelled"), &json!("by_event")));
    assert_eq!(whats(&message, "withdrawn")[0]["by"], json!("appointment_cancelled"));
    world.advance(120 * MINUTE);
    world.drain().await;
    assert_eq!(world.state(other.as_str().unwrap()).await, "delivered");
    let late = post(&world, "appointment_cancelled", &cancels(&world, "B2"), 200).await;
    assert_eq!(late["cancelled"], json!(0));
    world.finish().await;
}

#[tokio::test]
async fn an_event_that_overtakes_what_it_takes_back_still_does() {
    let world = World::start().await;
    cancellable(&world).await;
    post(&world, "appointment_cancelled", &cancels(&world, "B1"), 200).await;
    world.advance(MINUTE);

    let late = post(&world, "reminder", &booking(&world, "B1"), 202).await;
    let before =
        with(booking(&world, "B1"), &json!({ "client_msg_id": "before", "occurred_at": world.at(-120) }));
    let before = post(&world, "reminder", &before, 202).await;
    let after =
        with(booking(&world, "B1"), &json!({ "client_msg_id": "after", "occurred_at": world.at(-30) }));
    let after = post(&world, "reminder", &after, 202).await;

    assert_eq!((&late["state"], &before["state"]), (&json!("cancelled"), &json!("cancelled")));
    assert_eq!(after["state"], json!("pending"));
    assert_eq!(world.state(late["id"].as_str().unwrap()).await, "cancelled: by_event");
    world.advance(61 * MINUTE);
    let new = with(booking(&world, "B1"), &json!({ "client_msg_id": "new" }));
    assert_eq!(post(&world, "reminder", &new, 202).await["state"], json!("pending"));
    world.finish().await;
}

#[tokio::test]
async fn a_scenario_that_takes_back_another_sends_its_own_message() {
    let world = World::start().await;
    cancellable(&world).await;
    put(&world, "moved", &paid(&world)).await;
    post(&world, "reminder", &booking(&world, "B1"), 202).await;

    let moved = with(trigger(&world, "B1"), &json!({ "client_msg_id": "moved-1" }));
    let told = post(&world, "moved", &moved, 202).await;
    world.drain().await;

    assert_eq!(told["cancelled"], json!(1));
    world.assert_counts(&[("delivered", 1), ("cancelled: by_event", 1)]).await;
    world.finish().await;
}

#[tokio::test]
async fn an_event_that_does_not_say_of_what_is_refused() {
    let world = World::start().await;
    cancellable(&world).await;
    let mut nameless = cancels(&world, "B1");
    nameless["params"] = json!({});

    let told = post(&world, "appointment_cancelled", &nameless, 422).await;

    assert_eq!(told["errors"][0]["field"], json!("params.order_no"));
    post(&world, "nothing_goes_by_this", &cancels(&world, "B1"), 422).await;
    world.finish().await;
}
