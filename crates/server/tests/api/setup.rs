//! The first set-up.

use hongyan_server::Settings;
use hongyan_store::generate_setup_secret;
use http::{StatusCode, header};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::server::{NOW, Reply, Server, problem};

/// A server nobody can call, and its set-up secret.
async fn fresh() -> (Server, String) {
    let server = Server::start_empty(Settings::default()).await;
    let secret = generate_setup_secret(&mut StdRng::seed_from_u64(3));
    server.store.put_setup_secret(&secret, NOW).await.unwrap();
    (server, secret.expose().to_owned())
}

async fn begin(server: &Server, body: &Value) -> Reply {
    server.call_as("", ("POST", "/api/v1/setup"), body.to_string()).await
}

fn first(token: &str) -> Value {
    json!({ "token": token, "name": "admin", "password": "correct horse", "key": true })
}

#[tokio::test]
async fn the_link_makes_one_admin_logs_them_in_and_shows_a_key() {
    let (server, token) = fresh().await;

    let before = server.call_as("", ("GET", "/api/v1/setup"), "").await.json();
    let made = begin(&server, &first(&token)).await;
    let after = server.call_as("", ("GET", "/api/v1/setup"), "").await.json();

    assert_eq!((&before["needed"], &after["needed"]), (&json!(true), &json!(false)));
    assert_eq!((made.status, &made.json()["me"]["role"]), (StatusCode::OK, &json!("admin")));
    assert!(made.headers.contains_key(header::SET_COOKIE));
    let key = made.json()["key"].as_str().unwrap().to_owned();
    assert!(server.call_as(&key, ("GET", "/api/v1/keys"), "").await.status.is_success());
}

#[tokio::test]
async fn a_used_wrong_or_old_link_makes_nothing() {
    let (server, token) = fresh().await;
    let gone = problem(410, "setup_over");

    assert_eq!(begin(&server, &first(&"0".repeat(43))).await.problem(), gone);
    assert_eq!(begin(&server, &first("")).await.problem(), gone);
    server.clock.advance_ms((24 * 3600 + 1) * 1_000);
    assert_eq!(begin(&server, &first(&token)).await.problem(), gone);
    assert!(server.store.users().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_live_key_makes_the_link_dead() {
    let (server, token) = fresh().await;
    server.make_key(1, &hongyan_store::Scope::ALL, &[]).await;

    assert_eq!(begin(&server, &first(&token)).await.problem(), problem(410, "setup_over"));
}

#[tokio::test]
async fn bad_fields_are_all_named_and_use_nothing_up() {
    let (server, token) = fresh().await;

    let bad = begin(&server, &json!({ "token": token, "name": "A B", "password": "short" })).await;

    assert_eq!(bad.fields(), ["name", "password"]);
    assert_eq!(begin(&server, &first(&token)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_shell_is_one_page_under_a_strict_policy_and_its_files_are_known_by_their_tags() {
    let (server, _) = fresh().await;

    let shell = server.call_as("", ("GET", "/messages/msg_1"), "").await;
    let script = server.call_as("", ("GET", "/assets/js/main.js"), "").await;

    let policy = shell.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(shell.text.contains("/assets/js/main.js") && script.text.contains("import"));
    let again = http::Request::get("/assets/js/main.js")
        .header(header::IF_NONE_MATCH, &script.headers[header::ETAG])
        .body(axum::body::Body::empty());
    assert_eq!(server.call(again.unwrap()).await.status, StatusCode::NOT_MODIFIED);
}
