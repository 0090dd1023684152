//! A person's data over HTTP.

use hongyan_store::Scope;
use http::StatusCode;
use serde_json::{Value, json};

use crate::server::{APPID, OTHER, Reply, Server, message, message_with, problem};

const PERSON: &str = "/api/v1/recipients/oOPENID";

async fn erase(server: &Server, path: &str) -> Reply {
    server.call_as(&server.key, ("DELETE", path), "").await
}

async fn audited(server: &Server) -> Vec<String> {
    let rows = server.get("/api/v1/audit").await.json()["rows"].as_array().unwrap().clone();
    let told = |row: &Value| row["action"].as_str().unwrap().to_owned();
    rows.iter().map(told).filter(|action| action.starts_with("recipient.")).collect()
}

#[tokio::test]
async fn an_export_holds_the_messages_whole_and_is_audited() {
    let server = Server::start().await;
    let id = server.send(&message()).await;
    server.send(&message_with(json!({"touser": "oSomebodyElse"}))).await;

    let export = server.get(&format!("{PERSON}/export")).await;

    let held = export.json();
    assert_eq!((export.status, &held["openid"]), (StatusCode::OK, &json!("oOPENID")));
    assert_eq!(held["messages"].as_array().unwrap().len(), 1);
    assert_eq!(held["messages"][0]["id"], id);
    assert_eq!(held["messages"][0]["data"]["thing1"]["value"], "拿铁");
    assert_eq!(held["messages"][0]["timeline"][0]["what"], "accepted");
    assert_eq!((&held["receipts"], &held["next_cursor"]), (&json!([]), &Value::Null));
    assert_eq!(audited(&server).await, ["recipient.export"]);
}

#[tokio::test]
async fn an_export_goes_on_page_by_page() {
    let server = Server::start().await;
    let mut sent = [server.send(&message()).await, server.send(&message()).await];
    sent.reverse();

    let first = server.get(&format!("{PERSON}/export?limit=1")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server.get(&format!("{PERSON}/export?limit=1&cursor={cursor}")).await.json();

    assert_eq!(
        [&first["messages"][0]["id"], &second["messages"][0]["id"]],
        [&json!(sent[0]), &json!(sent[1])]
    );
}

#[tokio::test]
async fn an_erased_person_is_found_nowhere_and_still_counted() {
    let server = Server::start().await;
    let id = server.send(&message()).await;

    let erased = erase(&server, PERSON).await;

    let expected = json!({"messages": 1, "cancelled": 1, "receipts": 0, "in_flight": 0});
    assert_eq!((erased.status, erased.json()), (StatusCode::OK, expected));
    let shown = server.get(&format!("/api/v1/messages/{id}")).await.json();
    assert_eq!(
        (&shown["touser"], &shown["data"], &shown["state"]),
        (&Value::Null, &Value::Null, &json!("cancelled"))
    );
    assert_eq!(server.get("/api/v1/messages?touser=oOPENID").await.json()["messages"], json!([]));
    assert_eq!(server.get(&format!("{PERSON}/export")).await.json()["messages"], json!([]));
    assert_eq!(server.get("/api/v1/stats").await.json()["totals"]["cancelled"], 1);
    assert_eq!(audited(&server).await, ["recipient.export", "recipient.erase"]);
    assert_eq!(server.store.check_tally().await.unwrap(), []);
}

#[tokio::test]
async fn a_person_is_of_one_account_that_has_to_be_named_where_there_are_several() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let id = server.send(&message_with(json!({"appid": OTHER}))).await;

    assert_eq!(erase(&server, PERSON).await.problem(), problem(400, "account_needed"));
    assert_eq!(
        erase(&server, &format!("{PERSON}?appid=nobody")).await.problem(),
        problem(404, "unknown_account")
    );
    assert_eq!(erase(&server, &format!("{PERSON}?appid={APPID}")).await.json()["messages"], 0);
    assert_eq!(server.get(&format!("/api/v1/messages/{id}")).await.json()["touser"], "oOPENID");
    assert_eq!(erase(&server, &format!("{PERSON}?appid={OTHER}")).await.json()["messages"], 1);
}

#[tokio::test]
async fn a_key_for_one_account_reaches_only_its_people() {
    let server = Server::start().await;
    server.send(&message()).await;
    server.add_account(OTHER).await;
    let key = server.make_key(5, &Scope::ALL, &[OTHER]).await;

    let foreign = server.call_as(&key, ("DELETE", &format!("{PERSON}?appid={APPID}")), "").await;
    let own = server.call_as(&key, ("DELETE", PERSON), "").await;

    assert_eq!(foreign.problem(), problem(404, "unknown_account"));
    assert_eq!(own.json()["messages"], 0, "the same openid of another account is another person");
}

#[tokio::test]
async fn what_is_no_openid_is_refused_without_being_repeated() {
    let server = Server::start().await;

    for path in ["/api/v1/recipients/o%20x/export", "/api/v1/recipients/o%20x/export?limit=0"] {
        let refused = server.get(path).await;
        assert_eq!(refused.problem(), problem(422, "invalid"), "{path}");
        assert!(!refused.text.contains("o x"), "{}", refused.text);
    }
    assert_eq!(server.get(&format!("{PERSON}/export?limit=0")).await.fields(), ["limit"]);
    assert_eq!(server.get(&format!("{PERSON}/export?cursor=x")).await.problem(), problem(422, "invalid"));
    assert_eq!(audited(&server).await, Vec::<String>::new());
}
