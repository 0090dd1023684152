//! The log of requests: what a key asked, by template, for whoever may see it.

use hongyan_store::Scope;
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::server::{APPID, Server, problem};

async fn requests(server: &Server, key: &str, query: &str) -> Vec<Value> {
    let page = server.call_as(key, ("GET", &format!("/api/v1/requests?{query}")), "").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.json()["requests"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_request_is_told_by_its_template_and_what_was_in_it_is_not() {
    let server = Server::start().await;
    let body = json!({ "appid": APPID, "touser": "oSecretPerson", "template_id": "NONE", "data": {} });
    let sent = server.post("/api/v1/messages", body.to_string()).await;
    server.get("/api/v1/recipients/oSecretPerson").await;

    let told = requests(&server, &server.key, "").await;

    let facts: Vec<_> =
        told.iter().map(|one| (&one["method"], &one["route"], &one["status"], &one["code"])).collect();
    assert_eq!(
        facts,
        [
            (&json!("GET"), &json!("/api/v1/recipients/{openid}"), &json!(200), &json!(null)),
            (&json!("POST"), &json!("/api/v1/messages"), &json!(422), &sent.json()["code"]),
        ]
    );
    assert_eq!(told[1]["id"], sent.headers["x-request-id"].to_str().unwrap());
    assert!(!json!(told).to_string().contains("oSecretPerson"), "{told:?}");
    assert!(!json!(told).to_string().contains(&server.key), "{told:?}");
}

#[tokio::test]
async fn a_key_sees_its_own_requests_and_an_admin_those_of_all() {
    let server = Server::start().await;
    let (one, two) =
        (server.make_key(2, &[Scope::Read], &[]).await, server.make_key(3, &[Scope::Read], &[]).await);
    server.call_as(&one, ("GET", "/api/v1/accounts"), "").await;
    server.call_as(&two, ("GET", "/api/v1/policies"), "").await;

    let of_one = requests(&server, &one, "").await;
    let of_all = requests(&server, &server.key, "").await;

    assert_eq!(of_one.iter().map(|one| &one["route"]).collect::<Vec<_>>(), ["/api/v1/accounts"]);
    let keys: Vec<_> = of_all.iter().map(|one| &one["key"]).collect();
    assert_eq!(keys.len(), 3, "{of_all:?}");
    let of_two = requests(&server, &server.key, &format!("key={}", of_all[1]["key"].as_str().unwrap())).await;
    assert_eq!((of_two.len(), &of_two[0]["route"]), (1, &json!("/api/v1/policies")));
    assert!(requests(&server, &one, &format!("key={}", of_two[0]["key"].as_str().unwrap())).await.is_empty());
}

#[tokio::test]
async fn requests_are_found_by_status_and_code_and_page_by_page() {
    let server = Server::start().await;
    for id in 0..3 {
        server.get(&format!("/api/v1/messages/msg_{id}")).await;
    }
    server.get("/api/v1/accounts").await;

    let first = server.get("/api/v1/requests?status=4xx&limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server.get(&format!("/api/v1/requests?status=4xx&limit=2&cursor={cursor}")).await.json();

    assert_eq!(
        (first["requests"].as_array().unwrap().len(), second["requests"].as_array().unwrap().len()),
        (2, 1)
    );
    assert_eq!(second["next_cursor"], json!(null));
    let code = first["requests"][0]["code"].as_str().unwrap();
    assert_eq!(requests(&server, &server.key, &format!("code={code}")).await.len(), 3);
    assert_eq!(requests(&server, &server.key, "status=200&code=nothing").await.len(), 0);
    let wrong = server.get("/api/v1/requests?status=6xx&cursor=x&limit=0").await;
    assert_eq!(wrong.fields(), ["limit", "status", "cursor"]);
}

#[tokio::test]
async fn of_a_key_the_last_two_hundred_are_kept_and_of_strangers_nothing() {
    let server = Server::start().await;
    server.get("/api/v1/policies").await;
    for _ in 0..200 {
        server.get("/api/v1/hold").await;
    }
    let stranger = server.call_as("hy_nobody", ("GET", "/api/v1/hold"), "").await;
    assert_eq!(stranger.problem(), problem(401, "unauthorized"));
    assert!(
        stranger.headers.contains_key("x-request-id") && stranger.headers.contains_key(header::CONTENT_TYPE)
    );

    let told = requests(&server, &server.key, "limit=500").await;

    assert_eq!(told.len(), 200);
    assert!(told.iter().all(|one| one["route"] == "/api/v1/hold"), "the oldest went");
}
