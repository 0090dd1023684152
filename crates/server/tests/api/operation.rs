//! Health, metrics, counters.

use hongyan_server::{InForce, Settings};
use http::StatusCode;
use serde_json::json;

use crate::server::{APPID, OTHER, Server, message, problem};

#[tokio::test]
async fn a_healthy_server_says_so() {
    let server = Server::start().await;

    assert_eq!(server.get("/healthz").await.json(), json!({"status": "ok"}));
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["status"]), (StatusCode::OK, &json!("ready")));
    let accounts = &ready.json()["checks"][2]["detail"];
    assert_eq!(accounts, "1 of 1 stand still: GET /api/v1/accounts says why");
}

#[tokio::test]
async fn the_settings_in_force_are_shown_to_an_admin_of_all_accounts() {
    let in_force =
        InForce { key: "http.listen".into(), value: json!("127.0.0.1:8080"), source: "default".into() };
    let server = Server::start_with(Settings { in_force: vec![in_force], ..Settings::default() }).await;
    let bound = server.make_key(2, &[hongyan_store::Scope::Admin], &[APPID]).await;

    let shown = server.get("/api/v1/settings").await.json();
    let refused = server.call_as(&bound, ("GET", "/api/v1/settings"), "").await;

    let setting = json!({"key": "http.listen", "value": "127.0.0.1:8080", "source": "default"});
    assert_eq!(shown["settings"], json!([setting]));
    assert!(shown["version"].as_str().is_some_and(|version| version.contains('.')));
    assert_eq!(refused.problem(), problem(403, "forbidden"));
}

#[tokio::test]
async fn metrics_count_answers_by_route_and_class() {
    let server = Server::start().await;
    server.send(&message()).await;
    server.get("/api/v1/messages/msg_0000000000000").await;
    server.get("/nothing").await;

    let text = server.get("/metrics").await.text;

    for line in [
        r#"hongyan_http_requests_total{route="/api/v1/messages",class="2xx"} 1"#,
        r#"hongyan_http_requests_total{route="/api/v1/messages/{id}",class="4xx"} 1"#,
        r#"hongyan_http_requests_total{route="unmatched",class="4xx"} 1"#,
        r#"hongyan_http_request_seconds_count{route="/api/v1/messages"} 1"#,
        r#"hongyan_messages_total{state="pending",cause=""} 1"#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn counters_are_by_account_day_state_and_cause() {
    let server = Server::start().await;
    let id = server.send(&message()).await;
    server.send(&message()).await;
    server.post(&format!("/api/v1/messages/{id}/cancel"), "").await;

    let stats = server.get("/api/v1/stats").await.json();

    assert_eq!((&stats["since"], &stats["until"]), (&json!("2024-04-20"), &json!("2024-04-26")));
    assert_eq!((&stats["totals"]["pending"], &stats["totals"]["cancelled"]), (&json!(1), &json!(1)));
    let cancelled =
        json!({"appid": APPID, "day": "2024-04-26", "state": "cancelled", "cause": "by_request", "count": 1});
    assert!(stats["rows"].as_array().unwrap().contains(&cancelled), "{stats}");
}

#[tokio::test]
async fn counters_are_asked_for_by_account_and_span() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let key = server.make_key(2, &[hongyan_store::Scope::Read], &[OTHER]).await;
    let sent = crate::server::message_with(json!({"appid": APPID}));
    server.send(&sent).await;

    let before = server.get("/api/v1/stats?until=2024-04-25").await.json();
    let wrong = server.get("/api/v1/stats?since=yesterday&until=2024-04-01").await;
    let long = server.get("/api/v1/stats?since=2020-01-01").await;
    let foreign = server.call_as(&key, ("GET", "/api/v1/stats"), "").await.json();
    let asked = server.call_as(&key, ("GET", &format!("/api/v1/stats?appid={APPID}")), "").await;

    assert_eq!(before["rows"], json!([]));
    assert_eq!(wrong.fields(), ["since"]);
    assert_eq!(long.fields(), ["since"]);
    assert_eq!(foreign["totals"]["pending"], 0);
    assert_eq!(asked.problem(), problem(404, "unknown_account"));
}

#[tokio::test]
async fn a_server_that_is_held_says_so_and_goes_on_accepting() {
    let server = Server::start().await;
    let hold = |held: bool| json!({"held": held, "reason": "a rehearsal"}).to_string();

    let held = server.post("/api/v1/hold", hold(true)).await;
    let ready = server.get("/readyz").await;
    server.send(&message()).await;
    let shown = server.get("/api/v1/hold").await.json();
    let released = server.post("/api/v1/hold", hold(false)).await;

    assert_eq!((held.status, &held.json()["held"]), (StatusCode::OK, &json!(true)));
    assert_eq!((ready.status, &ready.json()["status"]), (StatusCode::OK, &json!("held")));
    let dispatch = ready.json()["checks"][3].clone();
    assert_eq!((&dispatch["name"], &dispatch["ok"]), (&json!("dispatch"), &json!(false)));
    assert_eq!(shown, held.json());
    assert_eq!(released.json(), json!({"held": false, "since": null}));
    assert_eq!(server.get("/readyz").await.json()["status"], "ready");
}

#[tokio::test]
async fn a_key_for_one_account_holds_and_releases_nothing() {
    let server = Server::start().await;
    let key = server.make_key(3, &hongyan_store::Scope::ALL, &[APPID]).await;

    let refused = server.call_as(&key, ("POST", "/api/v1/hold"), json!({"held": true}).to_string()).await;
    let wrong =
        server.post("/api/v1/hold", json!({"held": true, "reason": "x".repeat(600)}).to_string()).await;

    assert_eq!(refused.problem(), problem(403, "forbidden"));
    assert_eq!(wrong.fields(), ["reason"]);
    assert_eq!(server.get("/api/v1/hold").await.json()["held"], false);
}
