//! The audit over HTTP: what callers change is found under their key, and by whoever may see it.

use hongyan_store::{AuditFilter, KeyText, Scope};
use http::StatusCode;
use serde_json::{Value, json};

use crate::server::{APPID, OTHER, Server, problem};

const PATH: &str = "/api/v1/audit";

fn id_of(key: &str) -> String {
    KeyText::parse(key).unwrap().id().0
}

async fn rows(server: &Server, query: &str) -> Vec<Value> {
    let page = server.get(&format!("{PATH}?{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.json()["rows"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_a_caller_changes_is_found_under_its_key() {
    let server = Server::start().await;
    let account = format!("/api/v1/accounts/{APPID}");
    server.call_as(&server.key, ("PATCH", &account), json!({"name": "茶馆"}).to_string()).await;
    server.post(&format!("{account}/resume"), "").await;
    server.post(&format!("{account}/pause"), json!({"reason": "stocktaking"}).to_string()).await;
    let made =
        server.post("/api/v1/keys", json!({"name": "ci", "scopes": ["read"]}).to_string()).await.json();
    let made = made["id"].as_str().unwrap();
    server.call_as(&server.key, ("DELETE", &format!("/api/v1/keys/{made}")), "").await;
    server.call_as(&server.key, ("DELETE", &account), "").await;

    let rows = rows(&server, &format!("actor={}", id_of(&server.key))).await;

    let told: Vec<_> =
        rows.iter().rev().map(|row| (row["action"].as_str().unwrap(), &row["subject"])).collect();
    let (appid, made) = (&json!(APPID), &json!(made));
    let expected = [
        ("account.change", appid),
        ("account.resume", appid),
        ("account.pause", appid),
        ("key.create", made),
        ("key.revoke", made),
        ("account.delete", appid),
    ];
    assert_eq!(told, expected);
    assert_eq!(server.store.verify_audit().await.unwrap().fault, None);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_in_the_audit() {
    let server = Server::start().await;
    let before = rows(&server, "").await.len();

    server
        .post("/api/v1/accounts", json!({"appid": APPID, "kind": "service", "secret": "s"}).to_string())
        .await;
    server.post(&format!("/api/v1/accounts/{APPID}/pause"), json!({"reason": ""}).to_string()).await;
    server.post("/api/v1/keys", json!({"name": "x", "scopes": ["root"]}).to_string()).await;
    server.post(&format!("/api/v1/accounts/{APPID}/quota/clear"), "").await;

    assert_eq!(rows(&server, "").await.len(), before);
}

#[tokio::test]
async fn the_audit_is_filtered_and_paged() {
    let server = Server::start().await;

    let first = server.get(&format!("{PATH}?limit=1")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server.get(&format!("{PATH}?limit=1&cursor={cursor}")).await.json();

    let actions = [&first, &second].map(|page| page["rows"][0]["action"].as_str().unwrap().to_owned());
    assert_eq!(actions, ["key.create", "template.sync"]);
    assert_eq!(rows(&server, &format!("appid={APPID}&action=account.create")).await.len(), 1);
    assert_eq!(rows(&server, "since=2030-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(rows(&server, "until=2020-01-01T00:00:00Z").await.len(), 0);
}

#[tokio::test]
async fn a_wrong_question_names_every_field() {
    let server = Server::start().await;

    let wrong = server.get(&format!("{PATH}?action=nothing&since=x&until=y&limit=0")).await;

    assert_eq!(wrong.problem(), problem(422, "invalid"));
    assert_eq!(wrong.fields(), ["action", "since", "until", "limit"]);
    assert_eq!(server.get(&format!("{PATH}?cursor=x")).await.problem(), problem(422, "invalid"));
    assert_eq!(server.get(&format!("{PATH}?colour=x")).await.problem(), problem(400, "bad_request"));
    assert_eq!(server.get(&format!("{PATH}?appid=nobody")).await.problem(), problem(404, "unknown_account"));
}

#[tokio::test]
async fn a_key_for_one_account_sees_only_what_is_about_it() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let key = server.make_key(5, &Scope::ALL, &[OTHER]).await;

    let seen = server.call_as(&key, ("GET", PATH), "").await.json();
    let foreign = server.call_as(&key, ("GET", &format!("{PATH}?appid={APPID}")), "").await;

    let seen: Vec<_> = seen["rows"].as_array().unwrap().iter().map(|row| row["appid"].clone()).collect();
    assert_eq!(seen, [json!(OTHER), json!(OTHER)]);
    assert_eq!(foreign.problem(), problem(404, "unknown_account"));
}

#[tokio::test]
async fn the_first_key_is_made_by_whoever_opened_the_set_up_link() {
    let server = Server::start_empty(hongyan_server::Settings::default()).await;
    let token = "t".repeat(43);
    server.store.put_setup_secret(&hongyan_store::Secret::new(&*token), server.clock.now()).await.unwrap();

    let body = json!({ "token": token, "name": "admin", "password": "correct horse", "key": true });
    let made = server.call_as("", ("POST", "/api/v1/setup"), body.to_string()).await;

    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let rows = server.store.audit(&AuditFilter::default(), None, 10).await.unwrap().items;
    let told: Vec<_> = rows.iter().map(|row| (&*row.actor, &*row.action)).collect();
    let expected = [
        ("user:admin", "user.login"),
        ("setup", "key.create"),
        ("setup", "user.create"),
        ("system", "setup.link"),
    ];
    assert_eq!(told[..4], expected);
}

#[tokio::test]
async fn the_chain_is_checked_against_what_was_written_down_elsewhere() {
    let server = Server::start().await;
    let before = server.get(&format!("{PATH}/verify")).await.json();
    let newest = before["newest"].as_str().unwrap();
    server.post(&format!("/api/v1/accounts/{APPID}/resume"), "").await;

    let whole = server.get(&format!("{PATH}/verify?newest={newest}")).await.json();
    let (seq, hash) = newest.split_once(':').unwrap();
    let other = format!("{seq}:{}", hash.replace(&hash[..1], if hash.starts_with('0') { "1" } else { "0" }));
    let replaced = server.get(&format!("{PATH}/verify?newest={other}")).await.json();

    assert_eq!((&before["ok"], &whole["ok"], &whole["fault"]), (&json!(true), &json!(true), &json!(null)));
    assert_eq!((&replaced["ok"], &replaced["fault"]["kind"]), (&json!(false), &json!("replaced")));
    assert!(replaced["fault"]["text"]["zh"].as_str().unwrap().contains("哈希不符"), "{replaced}");
    assert_eq!(server.get(&format!("{PATH}/verify?newest=x")).await.fields(), ["newest"]);
}

#[tokio::test]
async fn who_is_for_some_accounts_cannot_check_the_audit_of_all() {
    let server = Server::start().await;
    let key = server.make_key(4, &Scope::ALL, &[APPID]).await;

    let refused = server.call_as(&key, ("GET", "/api/v1/audit/verify"), "").await;

    assert_eq!(refused.problem(), problem(403, "forbidden"));
}
