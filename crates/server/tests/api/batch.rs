//! Batches: arrays and NDJSON.

use axum::body::Body;
use hongyan_store::Scope;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::server::{APPID, OTHER, Reply, Server, message, message_with, problem};

const PATH: &str = "/api/v1/messages/batch";

async fn ndjson(server: &Server, body: impl Into<Body>) -> Reply {
    let request = Request::post(PATH)
        .header(header::CONTENT_TYPE, "application/x-ndjson")
        .header(header::AUTHORIZATION, format!("Bearer {}", server.key));
    server.call(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_bad_element_has_its_own_error_and_spoils_no_other() {
    let server = Server::start().await;
    let batch = format!(
        r#"{{"messages":[{},{{"touser":7}},{},"text",{{"dry_run":1e400}},{}]}}"#,
        message(),
        message_with(json!({"touser": ""})),
        message()
    );

    let reply = server.post(PATH, batch).await;

    let results = reply.json()["results"].as_array().unwrap().clone();
    let told: Vec<_> =
        results.iter().map(|row| row["error"]["code"].as_str().unwrap_or("accepted")).collect();
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(told, ["accepted", "invalid", "invalid", "invalid", "malformed_json", "accepted"]);
    assert_eq!(
        results.iter().map(|row| row["index"].as_u64().unwrap()).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5]
    );
    assert!(results[5]["id"].as_str().unwrap().starts_with("msg_"));
}

#[tokio::test]
async fn the_same_client_msg_id_twice_in_a_batch_is_one_message() {
    let server = Server::start().await;
    let one = message_with(json!({"client_msg_id": "a"}));
    let other = message_with(json!({"client_msg_id": "a", "touser": "oB"}));

    let results = server.post(PATH, json!({"messages": [one, one, other]}).to_string()).await.json();

    assert_eq!(results["results"][0]["id"], results["results"][1]["id"]);
    assert_eq!(results["results"][2]["error"]["code"], "conflict");
    assert_eq!(server.get("/api/v1/messages").await.json()["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_batch_holds_one_to_a_thousand_messages() {
    let server = Server::start().await;
    let of = |count: usize| json!({"messages": vec![message(); count]}).to_string();

    let most = server.post(PATH, of(1_000)).await;
    let more = server.post(PATH, of(1_001)).await;
    let none = server.post(PATH, of(0)).await;

    assert_eq!(most.json()["results"].as_array().unwrap().len(), 1_000);
    assert_eq!((more.problem(), more.fields()), (problem(422, "invalid"), vec!["messages".to_owned()]));
    assert_eq!((none.problem(), none.fields()), (problem(422, "invalid"), vec!["messages".to_owned()]));
    assert_eq!(server.get("/api/v1/stats").await.json()["totals"]["pending"], 1_000);
}

#[tokio::test]
async fn a_batch_of_another_shape_is_refused_whole() {
    let server = Server::start().await;

    for (body, field) in [
        ("[]", "body"),
        ("{}", "messages"),
        (r#"{"messages":{}}"#, "messages"),
        (r#"{"messages":[],"x":1}"#, "x"),
    ] {
        let reply = server.post(PATH, body).await;
        assert_eq!(
            (reply.problem(), reply.fields()),
            (problem(422, "invalid"), vec![field.to_owned()]),
            "{body}"
        );
    }
}

#[tokio::test]
async fn ndjson_is_answered_line_by_line_in_order() {
    let server = Server::start().await;
    let mut lines: Vec<String> =
        (0..1_500).map(|n| message_with(json!({"client_msg_id": format!("n{n}")})).to_string()).collect();
    lines[3] = "{not json".to_owned();
    lines.insert(7, String::new());

    let reply = ndjson(&server, lines.join("\n")).await;

    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/x-ndjson");
    let rows: Vec<Value> = reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 1_500);
    assert!(rows.iter().enumerate().all(|(n, row)| row["index"] == n));
    assert_eq!(rows[3]["error"]["code"], "malformed_json");
    let last = server.get("/api/v1/messages?client_msg_id=n1499").await.json();
    assert_eq!(last["messages"][0]["id"], rows[1_499]["id"]);
}

#[tokio::test]
async fn a_line_in_another_encoding_has_its_own_error() {
    let server = Server::start().await;
    let mut body = message().to_string().into_bytes();
    body.extend_from_slice(b"\r\n{\"touser\":\"\xc4\xe3\"}\n");

    let reply = ndjson(&server, body).await;

    let rows: Vec<Value> = reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), &rows[1]["error"]["code"]), (2, &json!("invalid_utf8")));
    assert!(rows[0]["id"].is_string());
    assert_eq!(ndjson(&server, "\n \n").await.problem(), problem(422, "invalid"));
}

#[tokio::test]
async fn a_key_for_one_account_cannot_slip_another_into_a_batch() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let key = server.make_key(2, &[Scope::Send], &[OTHER]).await;
    let batch = json!({"messages": [message(), message_with(json!({"appid": APPID})), message_with(json!({"appid": OTHER}))]});

    let results = server.call_as(&key, ("POST", PATH), batch.to_string()).await.json();

    assert!(results["results"][0]["id"].is_string());
    assert_eq!(results["results"][1]["error"]["code"], "unknown_account");
    assert!(results["results"][2]["id"].is_string());
    let found = server.get(&format!("/api/v1/messages?appid={APPID}")).await.json();
    assert_eq!(found["messages"], json!([]));
}

#[tokio::test]
async fn ndjson_has_at_most_ten_thousand_lines_and_its_errors_stay_short() {
    let server = Server::start().await;

    let most = ndjson(&server, "x\n".repeat(10_000)).await;
    let more = ndjson(&server, "x\n".repeat(2_000_000)).await;

    let rows: Vec<Value> = most.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let error = |row: usize| &rows[row]["error"];
    assert_eq!((rows.len(), error(0)["title"].is_string()), (10_000, true));
    assert_eq!(error(9_999), &json!({ "status": 400, "code": "malformed_json" }));
    assert!(most.text.len() < 1 << 20, "{} bytes", most.text.len());
    assert_eq!((more.problem(), more.fields()), (problem(422, "invalid"), vec!["body".to_owned()]));
}
