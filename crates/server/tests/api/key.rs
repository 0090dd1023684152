//! Keys: made, listed, revoked.

use hongyan_store::{KeyText, Scope};
use http::StatusCode;
use serde_json::json;

use crate::server::{APPID, OTHER, Server, problem};

const PATH: &str = "/api/v1/keys";

#[tokio::test]
async fn a_keys_text_is_shown_once_and_works_at_once() {
    let server = Server::start().await;

    let made =
        server.post(PATH, json!({"name": "ci", "scopes": ["read"], "appids": [APPID]}).to_string()).await;
    let listed = server.get(PATH).await;

    let key = made.json();
    let text = key["key"].as_str().unwrap();
    assert_eq!(
        (made.status, &key["scopes"], &key["appids"]),
        (StatusCode::CREATED, &json!(["read"]), &json!([APPID]))
    );
    assert!(server.call_as(text, ("GET", "/api/v1/accounts"), "").await.status.is_success());
    assert!(!listed.text.contains(&text[12..]));
    assert_eq!(listed.json()["keys"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_and_is_revoked_once() {
    let server = Server::start().await;
    let made = server.post(PATH, json!({"name": "ci", "scopes": ["read"]}).to_string()).await.json();
    let (text, path) = (made["key"].as_str().unwrap(), format!("{PATH}/{}", made["id"].as_str().unwrap()));
    assert!(server.call_as(text, ("GET", "/api/v1/accounts"), "").await.status.is_success());

    let revoked = server.call_as(&server.key, ("DELETE", &path), "").await;
    let again = server.call_as(&server.key, ("DELETE", &path), "").await;

    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    assert_eq!(again.problem(), problem(404, "unknown_key"));
    assert_eq!(
        server.call_as(text, ("GET", "/api/v1/accounts"), "").await.problem(),
        problem(401, "unauthorized")
    );
}

#[tokio::test]
async fn a_wrong_request_names_every_field() {
    let server = Server::start().await;
    let body = json!({"name": "", "scopes": ["root"], "appids": ["wx_nobody"], "expires_at": "2020-01-01T00:00:00Z"});

    let wrong = server.post(PATH, body.to_string()).await;
    let none = server.post(PATH, json!({"name": "x", "scopes": []}).to_string()).await;

    assert_eq!(wrong.problem(), problem(422, "invalid"));
    assert_eq!(wrong.fields(), ["scopes", "appids", "name", "expires_at"]);
    assert_eq!(none.fields(), ["scopes"]);
}

#[tokio::test]
async fn a_key_for_one_account_governs_only_keys_for_it() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let key = server.make_key(2, &[Scope::Admin], &[OTHER]).await;
    let first = KeyText::parse(&server.key).unwrap().id();
    let make = |appids: serde_json::Value| {
        let body = json!({"name": "x", "scopes": ["send"], "appids": appids}).to_string();
        let key = &key;
        let server = &server;
        async move { server.call_as(key, ("POST", PATH), body).await }
    };

    assert_eq!(make(json!([])).await.problem(), problem(403, "forbidden"));
    assert_eq!(make(json!([APPID])).await.fields(), ["appids"]);
    assert_eq!(make(json!([OTHER])).await.status, StatusCode::CREATED);
    let listed = server.call_as(&key, ("GET", PATH), "").await.json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2);
    let foreign = server.call_as(&key, ("DELETE", &format!("{PATH}/{first}")), "").await;
    assert_eq!(foreign.problem(), problem(404, "unknown_key"));
}
