//! An erased person is nowhere: not in a file, not in a log, not in a metric, and nobody else is missed.
//! In a binary of its own, because it listens to everything the process logs.

#![expect(clippy::unwrap_used, reason = "what these tests share fails them by a panic")]

use hongyan_testkit::{Api, Logs, Reply, World, with};
use http::Method;
use serde_json::{Value, json};

/// A value of a field that is found nowhere else.
const TOLD: &str = "白日依山尽黄河入海流";

/// WeChat takes the same words to the same person for a repetition.
fn order(world: &World, number: usize) -> Value {
    let order = format!("A{number}");
    let data =
        json!({ "thing1": TOLD, "amount2": "1", "character_string3": order, "time4": "2026-11-23 12:00" });
    with(world.body(3), &json!({ "data": data }))
}

async fn erase(api: &Api, openid: &str) -> Reply {
    api.call(Method::DELETE, &format!("/api/v1/recipients/{openid}"), "", bytes::Bytes::new()).await
}

fn files_hold(world: &World, needle: &str) -> bool {
    let files = std::fs::read_dir(world.files()).unwrap();
    let mut bytes = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    bytes.any(|bytes| bytes.windows(needle.len()).any(|window| window == needle.as_bytes()))
}

/// Everything that compliance hears of a person.
async fn live_through_complaints(world: &World, person: &str) {
    let complaint = json!({ "touser": person, "reference": "t-1" });
    world.api().post("/api/v1/complaints", &complaint).await.expect(200);
    let wrote = json!({ "appid": world.official().appid, "openid": person, "kind": "text", "text": "退订" });
    world.simulator.control().event(&serde_json::from_value(wrote).unwrap()).unwrap();
    world.drain().await;
}

#[tokio::test]
async fn an_erased_person_is_in_no_file_log_or_metric_and_every_count_stays() {
    let logs = Logs::capture();
    let world = World::start().await;
    let person = world.official().openids[3].clone();
    let mine = world.send_all(&[order(&world, 1), order(&world, 2)]).await;
    let others = world.send_all(&[world.body(1), world.body(2)]).await;
    world.drain().await;
    live_through_complaints(&world, &person).await;
    world.wire.hold_calls();
    let on_its_way = world.send(&order(&world, 3)).await;
    world.wire.held(1).await;

    let early = erase(world.api(), &person).await;
    world.wire.open();
    world.drain().await;
    let late = erase(world.api(), &person).await;
    let metrics = world.api().get("/metrics").await.text().to_owned();

    assert_eq!(early.expect(202)["in_flight"], 1);
    assert_eq!(
        (late.expect(200)["messages"].as_i64(), late.json()["in_flight"].as_i64()),
        (Some(1), Some(0))
    );
    for id in mine.iter().chain([&on_its_way]) {
        let message = world.message(id).await;
        assert_eq!((&message["state"], &message["touser"]), (&json!("delivered"), &Value::Null));
    }
    for id in &others {
        assert!(world.message(id).await["touser"].is_string());
    }
    world.assert_counts(&[("delivered", 5)]).await;
    for needle in [&*person, TOLD] {
        assert!(!files_hold(&world, needle) && !logs.text().contains(needle) && !metrics.contains(needle));
    }
    world.finish().await;
}
