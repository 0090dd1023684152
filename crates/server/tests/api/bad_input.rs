//! Whatever comes is answered, nothing is half accepted, and the server goes on.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hongyan_server::Settings;
use http::{Request, StatusCode, header};
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::json;

use crate::server::{APPID, Server, message, message_with, problem};

const PATH: &str = "/api/v1/messages";

#[tokio::test]
async fn a_fault_in_what_people_did_or_complained_of_is_told_with_its_place() {
    let server = Server::start().await;
    let good = json!({ "touser": "oOPENID", "kind": "payment" });
    let cases = [
        ("interactions", json!({ "touser": "oOPENID", "kind": "wink" }), "kind"),
        ("interactions", json!({ "touser": "oOPENID" }), "kind"),
        ("interactions", json!({ "touser": 7, "kind": "payment" }), "touser"),
        ("interactions", json!({ "touser": "oOPENID", "kind": "payment", "when": 1 }), "when"),
        ("interactions", json!({ "interactions": [good, { "touser": 7 }] }), "interactions[1].touser"),
        (
            "interactions",
            json!({ "interactions": [good, { "touser": "x", "kind": "wink" }] }),
            "interactions[1].kind",
        ),
        ("interactions", json!({ "interactions": 7 }), "interactions"),
        ("interactions", json!([]), "body"),
        (
            "complaints",
            json!({ "complaints": [{ "touser": "oOPENID" }, { "touser": "o", "kind": "x" }] }),
            "complaints[1].kind",
        ),
        ("complaints", json!({ "complaints": [{ "tousr": "o" }] }), "complaints[0].tousr"),
        ("complaints", json!({ "message": 7 }), "message"),
    ];

    for (what, body, field) in cases {
        let reply = server.post(&format!("/api/v1/{what}"), body.to_string()).await;
        assert_eq!(
            (reply.problem(), reply.fields()),
            (problem(422, "invalid"), vec![field.to_owned()]),
            "{body}"
        );
        assert!(!reply.text.contains("untagged"), "{}", reply.text);
    }
    let many = json!({ "interactions": [good, good] }).to_string();
    assert_eq!(server.post("/api/v1/interactions", many).await.json()["accepted"], 2);
    assert_eq!(server.post("/api/v1/interactions", good.to_string()).await.json()["accepted"], 1);
}

#[tokio::test]
async fn a_route_that_reads_no_body_refuses_one() {
    let server = Server::start().await;
    let resume = format!("/api/v1/accounts/{APPID}/resume");

    for body in ["nonsense", "[]", "7", r#"{"until":"2030-01-01T00:00:00Z"}"#] {
        let refused = server.post(&resume, body).await;
        assert!(refused.status.is_client_error(), "{body}: {}", refused.text);
    }
    for body in ["", "{}", "null", " \n"] {
        assert_eq!(server.post(&resume, body).await.status, StatusCode::OK, "{body:?}");
    }
    let bare = Request::post(&resume).header(header::AUTHORIZATION, format!("Bearer {}", server.key));
    let form = bare.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    assert_eq!(server.call(form.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_webhook_that_no_name_or_port_can_be_is_refused() {
    let server = Server::start().await;

    for url in ["https://host.example:0/".to_owned(), format!("https://{}.example/", "x".repeat(300))] {
        let body = json!({ "name": "x", "url": url }).to_string();
        assert_eq!(server.post("/api/v1/webhooks", body).await.fields(), ["url"], "{url}");
    }
}

#[tokio::test]
async fn a_word_list_with_a_control_character_is_refused() {
    let server = Server::start().await;
    let put = ("PUT", "/api/v1/words");

    let refused = server.call_as(&server.key, put, json!({ "list": "红\0包,marketing" }).to_string()).await;

    assert_eq!((refused.problem(), refused.fields()), (problem(422, "invalid"), vec!["list.1".into()]));
}

#[tokio::test]
async fn no_spreadsheet_takes_an_exported_person_for_a_formula_and_the_file_goes_in_again() {
    let server = Server::start().await;
    let people = json!({ "tousers": ["-2_3", "oOPENID"] }).to_string();
    assert_eq!(server.post("/api/v1/suppressions", people).await.status, StatusCode::OK);

    let file = server.get("/api/v1/suppressions/export").await.text;
    let import = Request::post("/api/v1/suppressions/import")
        .header(header::CONTENT_TYPE, "text/csv")
        .header(header::AUTHORIZATION, format!("Bearer {}", server.key));
    let again = server.call(import.body(Body::from(file.clone())).unwrap()).await.json();

    assert!(file.contains("\n'-2_3,"), "{file}");
    assert_eq!((&again["changed"], &again["refused"]), (&json!(2), &json!(0)), "{again}");
}

#[tokio::test]
async fn a_finding_names_the_line_by_its_label() {
    let server = Server::start().await;
    let lines = json!([
        { "label": "备注", "value": "送您优惠券" },
        { "label": "", "value": "请加微信" },
    ]);
    let body = json!({ "title": "订单通知", "fields": lines }).to_string();

    let said = server.post("/api/v1/content/check", body).await.json();

    let fields: Vec<_> =
        said["findings"].as_array().unwrap().iter().map(|one| one["field"].clone()).collect();
    assert_eq!(fields, [json!("备注"), json!("fields[1]")], "{said}");
}

#[tokio::test]
async fn hostile_bodies_are_errors_and_nothing_is_accepted() {
    let server = Server::start().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let huge_id = "x".repeat(100_000);
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (b"".to_vec(), 400, "malformed_json"),
        (b"{".to_vec(), 400, "malformed_json"),
        (b"nonsense".to_vec(), 400, "malformed_json"),
        (b"\xff\xfe{}".to_vec(), 400, "invalid_utf8"),
        (b"{\"touser\":\"\xc4\xe3\"}".to_vec(), 400, "invalid_utf8"),
        (b"{\"touser\":\"a\0b\"}".to_vec(), 400, "malformed_json"),
        (br#"{"dry_run":1e400}"#.to_vec(), 400, "malformed_json"),
        (br#"{"touser":"\ud800"}"#.to_vec(), 400, "malformed_json"),
        (br#"{"touser":"a","touser":"b"}"#.to_vec(), 422, "invalid"),
        (br#"{"touser":null}"#.to_vec(), 422, "invalid"),
        (b"null".to_vec(), 422, "invalid"),
        (deep.clone().into_bytes(), 422, "invalid"),
        (format!(r#"{{"touser":"o","data":{deep}}}"#).into_bytes(), 422, "invalid"),
        (message_with(json!({"touser": "a\0b"})).to_string().into_bytes(), 422, "invalid"),
        (message_with(json!({"touser": huge_id})).to_string().into_bytes(), 422, "invalid"),
        (message_with(json!({"client_msg_id": huge_id})).to_string().into_bytes(), 422, "invalid"),
        (message_with(json!({"template_id": huge_id})).to_string().into_bytes(), 422, "invalid"),
        (message_with(json!({"appid": huge_id})).to_string().into_bytes(), 404, "unknown_account"),
        (
            message_with(json!({"data": {"thing1": "a\0", "time2": "x"}})).to_string().into_bytes(),
            422,
            "invalid",
        ),
        (
            message_with(json!({"data": {"thing1": "长".repeat(1_000_000)}})).to_string().into_bytes(),
            422,
            "invalid",
        ),
        ("长".repeat(4_000_000).into_bytes(), 413, "body_too_large"),
    ];

    for (body, status, code) in cases {
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let reply = server.post(PATH, body).await;
        assert_eq!(reply.problem(), problem(status, code), "{start}: {}", reply.text);
    }
    assert_eq!(server.get("/api/v1/stats").await.json()["totals"]["pending"], 0);
    server.send(&message()).await;
}

#[tokio::test]
async fn a_number_over_all_bounds_is_named_with_its_field() {
    let server = Server::start().await;
    let body =
        r#"{"touser":"o","template_id":"TEMPLATE","data":{"thing1":1e400,"time2":"2026-11-23 12:00"}}"#;

    let reply = server.post(PATH, body).await;

    assert_eq!(reply.problem(), problem(422, "invalid"), "{}", reply.text);
    assert_eq!(reply.json()["errors"][0]["field"], "data.thing1");
}

#[tokio::test]
async fn a_body_without_an_announced_length_is_bounded_as_well() {
    let server = Server::start_with(Settings { body_limit: 1_000, ..Settings::default() }).await;
    let chunks = futures_util::stream::iter(
        (0..100).map(|_| Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[b' '; 100])))),
    );

    let reply = server.post(PATH, Body::new(StreamBody::new(chunks))).await;

    assert_eq!(reply.problem(), problem(413, "body_too_large"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let settings = Settings { body_timeout: Duration::from_millis(5), ..Settings::default() };
    let server = Server::start_with(settings).await;

    let reply = server.post(PATH, endless()).await;

    assert_eq!(reply.problem(), problem(408, "body_timeout"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_504() {
    let settings = Settings { request_timeout: Duration::from_millis(5), ..Settings::default() };
    let server = Server::start_with(settings).await;

    let reply = server.post(PATH, endless()).await;

    assert_eq!(reply.problem(), problem(504, "timeout"));
}

fn endless() -> Body {
    Body::new(StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, std::io::Error>>()))
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let server = Server::start().await;
    let broken = futures_util::stream::iter([
        Ok(Frame::data(Bytes::from_static(b"{"))),
        Err(std::io::Error::other("gone")),
    ]);

    let reply = server.post(PATH, Body::new(StreamBody::new(broken))).await;

    assert_eq!(reply.problem(), problem(400, "bad_request"));
}

#[tokio::test]
async fn a_body_of_another_kind_is_415_and_of_no_kind_is_read() {
    let server = Server::start().await;
    let request = |kind: Option<&str>| {
        let mut request = Request::post(PATH).header(header::AUTHORIZATION, format!("Bearer {}", server.key));
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        server.call(request.body(Body::from(message().to_string())).unwrap())
    };

    for kind in
        ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "application/x-ndjson", ""]
    {
        assert_eq!(request(Some(kind)).await.problem(), problem(415, "unsupported_media_type"), "{kind}");
    }
    for kind in [None, Some("application/json; charset=utf-8"), Some("Application/JSON")] {
        assert_eq!(request(kind).await.status, StatusCode::ACCEPTED, "{kind:?}");
    }
}

#[tokio::test]
async fn strange_paths_and_queries_are_answered() {
    let server = Server::start().await;

    for path in
        ["/api/v1/messages?limit=%FF", "/api/v1/accounts/%FF", "/callback/%00?signature=%FF&timestamp=x"]
    {
        let reply = server.get(path).await;
        assert!(reply.status.is_client_error(), "{path}: {}", reply.text);
        reply.problem();
    }
    let long = format!("/api/v1/messages?touser={}", "x".repeat(60_000));
    assert_eq!(server.get(&long).await.problem(), problem(422, "invalid"));
}

#[tokio::test]
async fn a_query_is_told_what_is_known_and_which_words_are_possible() {
    let server = Server::start().await;

    let unknown = server.get("/api/v1/messages?from=x").await;
    let word = server.get("/api/v1/messages?state=gone").await;

    let told = unknown.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        told.starts_with("the query has `from`, which is not known here: ") && told.contains("since"),
        "{told}"
    );
    assert!(word.text.contains("is not understood: pending, claimed, sent"), "{}", word.text);
}
