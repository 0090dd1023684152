//! One message in, shown, found, taken back.

use hongyan_store::Scope;
use http::StatusCode;
use serde_json::json;

use crate::server::{APPID, OTHER, Server, message, message_with, problem};

#[tokio::test]
async fn a_new_message_is_202_with_its_id_and_times() {
    let server = Server::start().await;

    let reply = server.post("/api/v1/messages", message().to_string()).await;

    let json = reply.json();
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    assert!(json["id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!((&json["state"], &json["due_at"]), (&json!("pending"), &json!("2024-04-26T06:20:45.000Z")));
    assert_eq!(json["deadline"], "2024-04-26T06:50:45.000Z");
}

#[tokio::test]
async fn the_same_client_msg_id_is_200_and_with_another_body_409() {
    let server = Server::start().await;
    let first = server.send(&message_with(json!({"client_msg_id": "order-1"}))).await;

    let same =
        server.post("/api/v1/messages", message_with(json!({"client_msg_id": "order-1"})).to_string()).await;
    let other = message_with(json!({"client_msg_id": "order-1", "touser": "oANOTHER"}));
    let other = server.post("/api/v1/messages", other.to_string()).await;

    assert_eq!((same.status, same.json()["id"].as_str()), (StatusCode::OK, Some(first.as_str())));
    assert_eq!(other.problem(), problem(409, "conflict"));
    assert_eq!(other.json()["message_id"], first);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let server = Server::start().await;
    let body = json!({
        "touser": "no openid!", "template_id": crate::server::TEMPLATE, "url": "ftp://x", "client_msg_id": "",
        "miniprogram": {"appid": "a b"}, "expires_at": "2020-01-01T00:00:00Z",
        "data": {"thing1": "拿铁", "nosuch": "x"},
    });

    let reply = server.post("/api/v1/messages", body.to_string()).await;

    assert_eq!(reply.problem(), problem(422, "invalid"));
    let mut fields = reply.fields();
    fields.sort();
    let expected =
        ["client_msg_id", "data.nosuch", "data.time2", "expires_at", "miniprogram.appid", "touser", "url"];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn an_unknown_account_is_404_and_an_unnamed_one_among_several_400() {
    let server = Server::start().await;
    server.add_account(OTHER).await;

    let unknown =
        server.post("/api/v1/messages", message_with(json!({"appid": "wx_nobody"})).to_string()).await;
    let unnamed = server.post("/api/v1/messages", message().to_string()).await;

    assert_eq!(unknown.problem(), problem(404, "unknown_account"));
    assert_eq!(unnamed.problem(), problem(400, "account_needed"));
}

#[tokio::test]
async fn a_dry_run_shows_the_phone_and_keeps_nothing() {
    let server = Server::start().await;

    let reply = server.post("/api/v1/messages", message_with(json!({"dry_run": true})).to_string()).await;

    assert_eq!(reply.status, StatusCode::OK);
    let json = reply.json();
    assert_eq!(json["preview"]["title"], "下单成功通知");
    assert_eq!(json["preview"]["rows"][0], json!({"label": "商品", "value": "拿铁"}));
    assert_eq!(json.get("id"), None);
    assert_eq!(server.get("/api/v1/messages").await.json()["messages"], json!([]));
}

#[tokio::test]
async fn a_message_is_shown_with_its_timeline() {
    let server = Server::start().await;
    let id = server
        .send(&message_with(json!({"lane": "urgent", "client_msg_id": "a", "url": "https://a.cn"})))
        .await;

    let shown = server.get(&format!("/api/v1/messages/{id}")).await.json();

    assert_eq!((&shown["appid"], &shown["touser"]), (&json!(APPID), &json!("oOPENID")));
    assert_eq!((&shown["lane"], &shown["state"]), (&json!("urgent"), &json!("pending")));
    assert_eq!(shown["data"]["thing1"], json!({"value": "拿铁"}));
    assert_eq!(shown["timeline"], json!([{"at": "2024-04-26T06:20:45.000Z", "what": "accepted"}]));
}

#[tokio::test]
async fn an_unknown_message_is_404() {
    let server = Server::start().await;

    for id in ["msg_0000000000000", "msg_zzzzzzzzzzzzz", "nonsense", "msg_", "%F0%9F%98%80"] {
        let reply = server.get(&format!("/api/v1/messages/{id}")).await;
        assert_eq!(reply.problem(), problem(404, "unknown_message"), "{id}");
    }
    assert_eq!(server.get("/api/v1/messages/%FF").await.problem(), problem(400, "bad_request"));
}

#[tokio::test]
async fn a_waiting_message_is_taken_back_once() {
    let server = Server::start().await;
    let id = server.send(&message()).await;
    let path = format!("/api/v1/messages/{id}/cancel");

    let cancelled = server.post(&path, "").await;
    let again = server.post(&path, "").await;

    assert_eq!((cancelled.status, &cancelled.json()["state"]), (StatusCode::OK, &json!("cancelled")));
    assert_eq!(again.problem(), problem(409, "too_late"));
}

#[tokio::test]
async fn a_waiting_message_is_taken_back_by_the_callers_own_id_within_its_account() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let id = server.send(&message_with(json!({"appid": APPID, "client_msg_id": "order-1"}))).await;
    let cancel =
        async |name: &str, body: String| server.post(&format!("/api/v1/messages/{name}/cancel"), body).await;
    let of = |appid: &str| json!({"appid": appid}).to_string();

    let unnamed = cancel("order-1", String::new()).await;
    let foreign = cancel("order-1", of(OTHER)).await;
    let unknown = cancel("order-2", of(APPID)).await;
    let cancelled = cancel("order-1", of(APPID)).await;
    let again = cancel(&id, "null".to_owned()).await;

    assert_eq!(unnamed.json()["code"], "account_needed");
    assert_eq!(foreign.problem(), problem(404, "unknown_message"));
    assert_eq!(unknown.problem(), problem(404, "unknown_message"));
    assert_eq!((cancelled.status, &cancelled.json()["id"]), (StatusCode::OK, &json!(id)));
    assert_eq!(again.problem(), problem(409, "too_late"));
}

#[tokio::test]
async fn a_message_whose_caller_hangs_up_in_the_middle_still_reaches_the_dispatcher() {
    let server = Server::start().await;
    let held = async || {
        server.app.engine().tick().await;
        server.app.engine().drain().await;
        server.app.engine().status(server.app.engine().catalog().account(None).unwrap().id()).held
    };
    server.send(&message()).await;
    assert_eq!(held().await, 1);
    let body = message().to_string();

    let mut call = Box::pin(server.post("/api/v1/messages", body));
    assert!(
        std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context)))
            .await
            .is_pending()
    );
    drop(call);
    server.send(&message()).await;

    assert_eq!(held().await, 3);
}

#[tokio::test]
async fn pages_follow_one_another_by_cursor_newest_first() {
    let server = Server::start().await;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(server.send(&message_with(json!({"client_msg_id": format!("m{n}")}))).await);
    }

    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/v1/messages?limit=2&cursor={cursor}")).await.json();
        found.extend(
            page["messages"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }

    sent.reverse();
    assert_eq!(found, sent);
}

#[tokio::test]
async fn messages_are_found_by_every_condition() {
    let server = Server::start().await;
    let id = server.send(&message_with(json!({"client_msg_id": "x", "touser": "oA"}))).await;
    server.send(&message_with(json!({"client_msg_id": "y", "touser": "oB"}))).await;

    for query in ["client_msg_id=x", "touser=oA", "touser=oA&state=pending&since=2024-04-26T00:00:00%2B08:00"]
    {
        let found =
            server.get(&format!("/api/v1/messages?appid={APPID}&template_id=TEMPLATE&{query}")).await.json();
        let ids: Vec<_> = found["messages"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        assert_eq!(ids, [json!(id)], "{query}");
    }
    for query in
        ["state=failed", "cause=not_following", "errcode=40003", "until=2024-01-01T00:00:00Z", "scenario=z"]
    {
        let found = server.get(&format!("/api/v1/messages?{query}")).await.json();
        assert_eq!(found["messages"], json!([]), "{query}");
    }
}

#[tokio::test]
async fn wrong_conditions_are_named_all_at_once() {
    let server = Server::start().await;

    let reply =
        server.get("/api/v1/messages?state=gone&cause=no&touser=a%20b&errcode=x&since=today&limit=501").await;
    let unknown = server.get("/api/v1/messages?colour=red").await;
    let cursor = server.get("/api/v1/messages?cursor=%00nonsense").await;

    assert_eq!(reply.problem(), problem(422, "invalid"));
    assert_eq!(reply.fields(), ["state", "cause", "touser", "errcode", "since", "limit"]);
    assert_eq!(unknown.problem(), problem(400, "bad_request"));
    assert_eq!(cursor.problem(), problem(422, "invalid"));
}

#[tokio::test]
async fn a_key_for_one_account_sends_by_it_and_sees_no_other() {
    let server = Server::start().await;
    server.add_account(OTHER).await;
    let foreign = server.send(&message_with(json!({"appid": APPID}))).await;
    let key = server.make_key(2, &Scope::ALL, &[OTHER]).await;

    let own = server.call_as(&key, ("POST", "/api/v1/messages"), message().to_string()).await;
    let other = message_with(json!({"appid": APPID})).to_string();
    let other = server.call_as(&key, ("POST", "/api/v1/messages"), other).await;
    let shown = server.call_as(&key, ("GET", &format!("/api/v1/messages/{foreign}")), "").await;
    let cancel = server.call_as(&key, ("POST", &format!("/api/v1/messages/{foreign}/cancel")), "").await;
    let listed = server.call_as(&key, ("GET", "/api/v1/messages"), "").await.json();
    let asked = server.call_as(&key, ("GET", &format!("/api/v1/messages?appid={APPID}")), "").await;

    assert_eq!(own.status, StatusCode::ACCEPTED);
    assert_eq!(other.problem(), problem(404, "unknown_account"));
    assert_eq!(shown.problem(), problem(404, "unknown_message"));
    assert_eq!(cancel.problem(), problem(404, "unknown_message"));
    assert_eq!(listed["messages"].as_array().unwrap().len(), 1);
    assert_eq!(listed["messages"][0]["appid"], OTHER);
    assert_eq!(asked.problem(), problem(404, "unknown_account"));
}

#[tokio::test]
async fn no_message_is_of_a_campaign_yet() {
    let server = Server::start().await;
    server.send(&message()).await;

    let of_one = server.get("/api/v1/messages?campaign=cmp_1").await;
    let of_any = server.get("/api/v1/messages?campaign=").await;

    assert_eq!(of_one.json(), json!({ "messages": [], "next_cursor": null }));
    assert_eq!(of_any.json()["messages"].as_array().unwrap().len(), 1);
}
