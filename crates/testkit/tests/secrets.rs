//! Nothing secret or personal is written down in plain text: not in a file, not in a log, not in a metric.
//! In a binary of its own, because it listens to everything the process logs.

#![expect(clippy::unwrap_used, reason = "what these tests share fails them by a panic")]

use std::path::Path;
use std::time::Duration;

use hongyan_testkit::{Logs, World, with};
use http::Method;
use serde_json::json;

/// A value of a field that is found nowhere else.
const TOLD: &str = "春眠不觉晓处处闻啼鸟";

fn files_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| match path.is_dir() {
        true => files_in(&path),
        false => vec![(path.display().to_string(), std::fs::read(&path).unwrap())],
    };
    paths.flat_map(read).collect()
}

fn finds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// Everything that goes wrong in a day, so that every error is told at least once.
async fn live_through_a_bad_day(world: &mut World) {
    let faults = [
        json!({ "drop_after": 0.3, "garbage": 0.3 }),
        json!({ "errcodes": [{ "errcode": 40003, "rate": 0.3 }, { "errcode": 47003, "rate": 0.3 }] }),
        json!({ "token_revoked": true, "errcodes": [{ "errcode": -1, "path": "*", "rate": 0.3 }] }),
        json!({ "errcodes": [{ "errcode": 40164, "path": "*" }] }),
    ];
    for fault in faults {
        world.faults(fault);
        let told =
            json!({ "thing1": TOLD, "amount2": "1", "character_string3": "A1", "time4": "2026-11-23 12:00" });
        let bodies: Vec<_> = (0..10)
            .map(|n| with(world.body(n), &json!({ "data": told, "url": "https://e.cn/?u=personal" })))
            .collect();
        world.send_all(&bodies).await;
        world
            .api()
            .post("/api/v1/messages", &with(world.body(0), &json!({ "data": { "thing1": TOLD } })))
            .await;
        world.pass(5, Duration::from_secs(2)).await;
    }
    world.restart().await;
    name_the_person(world).await;
    world.faults(json!({ "blocked": 0.5 }));
    live_through_complaints(world).await;
    world.pass(20, Duration::from_secs(60)).await;
    // The self-check of the day is made, and its sheet is read by whoever may see whom it names.
    world.pass(2, Duration::from_secs(12 * 3_600)).await;
    let report = world.api().get("/api/v1/compliance/report?day=2026-11-23&format=csv").await;
    assert_eq!(report.status, 200);
}

/// A caller whose own ids hold the openid is told so, for messages and for triggers.
async fn name_the_person(world: &World) {
    let person = &world.official().openids[0];
    let id = format!("order-1-{person}");
    let message = with(world.body(0), &json!({ "client_msg_id": id }));
    let refused = world.api().post("/api/v1/messages", &message).await.expect(422);
    assert_eq!(refused["errors"][0]["field"], json!("client_msg_id"));
    let fields =
        json!({ "thing1": "好", "amount2": "1", "character_string3": "A1", "time4": "2026-11-23 12:00" });
    let scenario = json!({ "title": "t", "category": "service", "template_id": world.official().template_id, "fields": fields });
    let path = "/api/v1/scenarios/named";
    let put = world.api().call(Method::PUT, path, "application/json", scenario.to_string().into()).await;
    put.expect(200);
    let trigger = json!({ "touser": person, "client_msg_id": id });
    world.api().post(&format!("{path}/trigger"), &trigger).await.expect(422);
}

/// Everything that compliance hears of a person: blocks, complaints, opt-outs, a brake.
async fn live_through_complaints(world: &mut World) {
    let brake = json!({ "mode": "enforce", "score": 1, "sample": 1 });
    world.api().patch("/api/v1/policies/brake", &brake).await.expect(200);
    let told =
        json!({ "thing1": TOLD, "amount2": "1", "character_string3": "A2", "time4": "2026-11-23 12:00" });
    world.send_all(&[with(world.body(0), &json!({ "data": told }))]).await;
    world.pass(5, Duration::from_secs(200)).await;
    let official = world.official();
    let person = &official.openids[0];
    world
        .api()
        .post("/api/v1/complaints", &json!({ "touser": person, "reference": "t-1" }))
        .await
        .expect(200);
    let named = json!({ "touser": person, "reference": format!("of {person}") });
    world.api().post("/api/v1/complaints", &named).await.expect(422);
    let wrote = json!({ "appid": official.appid, "openid": person, "kind": "text", "text": "退订" });
    world.simulator.control().event(&serde_json::from_value(wrote).unwrap()).unwrap();
    world.drain().await;
}

/// Trap 35: secrets and openids in plain text in the database and logs.
#[tokio::test]
async fn no_secret_and_no_openid_is_in_any_file_log_or_metric() {
    let logs = Logs::capture();
    let mut world = World::start().await;
    live_through_a_bad_day(&mut world).await;

    let metrics = world.api().get("/metrics").await.text().to_owned();
    let account = world.account().await.to_string();
    let token = world.held_token().await;
    let official = world.official();
    let secrets = [&official.secret, &official.token, &official.aes_key, &token, world.key()];
    let personal = [&*official.openids[0], TOLD, "u=personal"];

    for needle in secrets.into_iter().chain(personal) {
        for (name, bytes) in files_in(world.files()) {
            assert!(!finds(&bytes, needle), "{name} holds {needle}");
        }
        assert!(!logs.text().contains(needle), "a log line holds {needle}: {}", line_with(&logs, needle));
        assert!(!metrics.contains(needle) && !account.contains(needle), "it is shown: {needle}");
    }
    assert!(logs.text().contains("store opened"), "the logs were captured");
    world.finish().await;
}

fn line_with(logs: &Logs, needle: &str) -> String {
    logs.text().lines().find(|line| line.contains(needle)).unwrap_or_default().to_owned()
}
