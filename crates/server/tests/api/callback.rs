//! WeChat's callback, by WeChat's own examples.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use hongyan_wechat::callback::EncodingAesKey;
use http::StatusCode;
use serde_json::json;

use crate::server::{APPID, Reply, Server, problem};

/// The official example of an encrypted push, signed at `server::NOW`.
const QUERY: &str = "signature=6c5c811b55cc85e0e1b54100749188c20beb3f5d&timestamp=1714112445&nonce=415670741\
    &openid=o9AgO5Kd5ggOC-bXrbNODIiE3bGY&encrypt_type=aes&msg_signature=046e02f8204d34f8ba5fa3b1db94908f3df2e9b3";
const BODY: &str = r#"{"ToUserName":"gh_97417a04a28d","Encrypt":"+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="}"#;

async fn push(server: &Server, query: &str, body: impl Into<axum::body::Body>) -> Reply {
    server.call_as("", ("POST", &format!("/callback/{APPID}?{query}")), body).await
}

fn sign(parts: &[&str]) -> String {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, sorted.concat().as_bytes());
    sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A receipt, encrypted under the key of 43 times this letter.
fn receipt(letter: &str, msgid: u64) -> (String, String) {
    let event = format!(
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oOPENID]]></FromUserName>\
         <CreateTime>1714112440</CreateTime><MsgType><![CDATA[event]]></MsgType>\
         <Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>{msgid}</MsgID><Status><![CDATA[success]]></Status></xml>"
    );
    let key = EncodingAesKey::parse(&letter.repeat(43)).unwrap();
    let encrypt = key.seal(event.as_bytes(), APPID, &[7; 16]);
    let msg_signature = sign(&["AAAAA", "1714112445", "n1", &encrypt]);
    let query = format!("timestamp=1714112445&nonce=n1&msg_signature={msg_signature}");
    (query, format!("<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"))
}

#[tokio::test]
async fn the_check_of_the_url_is_echoed_only_once_its_signature_holds() {
    let server = Server::start().await;
    let path = |signature: &str| {
        format!(
            "/callback/{APPID}?signature={signature}&timestamp=1714036504&nonce=1514711492&echostr=4375120948345356249"
        )
    };

    let good = server.call_as("", ("GET", &path("f464b24fc39322e44b38aa78f5edd27bd1441696")), "").await;
    let bad = server.call_as("", ("GET", &path("f464b24fc39322e44b38aa78f5edd27bd1441697")), "").await;

    assert_eq!((good.status, good.text.as_str()), (StatusCode::OK, "4375120948345356249"));
    assert_eq!(good.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(bad.problem(), problem(403, "bad_signature"));
    assert!(!bad.text.contains("4375120948345356249"));
}

#[tokio::test]
async fn the_official_encrypted_push_is_answered_success() {
    let server = Server::start().await;

    let reply = push(&server, QUERY, BODY).await;

    assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, "success"));
    assert_eq!(reply.headers["content-type"], "text/plain; charset=utf-8");
}

#[tokio::test]
async fn a_push_is_taken_for_five_minutes_either_way() {
    for (later_ms, status) in [(-301_000, 403), (-299_000, 200), (299_000, 200), (301_000, 403)] {
        let server = Server::start().await;
        server.clock.advance_ms(later_ms);

        assert_eq!(push(&server, QUERY, BODY).await.status, status, "{later_ms}");
    }
}

#[tokio::test]
async fn what_wechat_did_not_sign_is_403() {
    let server = Server::start().await;
    let forged = QUERY.replace("046e02f8", "046e02f9");

    assert_eq!(push(&server, &forged, BODY).await.problem(), problem(403, "bad_signature"));
    assert_eq!(
        push(&server, QUERY, BODY.replace("+qdx", "+qdy")).await.problem(),
        problem(403, "bad_signature")
    );
    assert_eq!(push(&server, "", BODY).await.problem(), problem(403, "bad_signature"));
    let plain = "<xml><FromUserName>o</FromUserName></xml>";
    assert_eq!(push(&server, QUERY, plain).await.problem(), problem(403, "bad_signature"));
}

#[tokio::test]
async fn an_unknown_appid_is_404_and_a_long_body_413_and_nonsense_400() {
    let server = Server::start().await;

    let unknown = server.call_as("", ("POST", &format!("/callback/wx_nobody?{QUERY}")), BODY).await;

    assert_eq!(unknown.problem(), problem(404, "unknown_account"));
    assert_eq!(push(&server, QUERY, "x".repeat(65 * 1024)).await.problem(), problem(413, "body_too_large"));
    assert_eq!(push(&server, QUERY, b"\xff\xfe".to_vec()).await.problem(), problem(400, "bad_request"));
    assert_eq!(push(&server, QUERY, "").await.problem(), problem(400, "bad_request"));
}

#[tokio::test]
async fn a_receipt_is_success_every_time_it_comes() {
    let server = Server::start().await;
    let (query, body) = receipt("A", 200_163_836_123_456_789);

    for _ in 0..2 {
        let reply = push(&server, &query, body.clone()).await;
        assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, "success"));
    }
}

#[tokio::test]
async fn the_key_before_the_last_change_still_opens_a_push() {
    let server = Server::start().await;
    let change = json!({"callback": {"aes_key": "B".repeat(43)}}).to_string();
    let changed = server.call_as(&server.key, ("PATCH", &format!("/api/v1/accounts/{APPID}")), change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);

    for (letter, status) in [("A", 200), ("B", 200), ("C", 403)] {
        let (query, body) = receipt(letter, 1);
        assert_eq!(push(&server, &query, body).await.status, status, "{letter}");
    }
}

#[tokio::test]
async fn in_plain_mode_the_query_is_signed() {
    let server = Server::start().await;
    let change = json!({"callback": {"aes_key": null}}).to_string();
    server.call_as(&server.key, ("PATCH", &format!("/api/v1/accounts/{APPID}")), change).await;
    let signature = sign(&["AAAAA", "1714112445", "n1"]);
    let body = "<xml><ToUserName>gh_1</ToUserName><FromUserName>oA</FromUserName><CreateTime>1714112440</CreateTime>\
        <MsgType>event</MsgType><Event>unsubscribe</Event></xml>";

    let good = push(&server, &format!("timestamp=1714112445&nonce=n1&signature={signature}"), body).await;
    let bad = push(&server, "timestamp=1714112445&nonce=n2&signature=x", body).await;

    assert_eq!((good.status, good.text.as_str()), (StatusCode::OK, "success"));
    assert_eq!(bad.problem(), problem(403, "bad_signature"));
}

#[tokio::test]
async fn an_account_without_callback_keys_has_no_callback() {
    let server = Server::start().await;
    let change = json!({"callback": null}).to_string();
    server.call_as(&server.key, ("PATCH", &format!("/api/v1/accounts/{APPID}")), change).await;

    assert_eq!(push(&server, QUERY, BODY).await.problem(), problem(404, "unknown_account"));
}

/// WeChat tells a thing three times within ten seconds and never again: it is listened to until the end.
#[tokio::test]
async fn a_server_that_closes_sends_its_callers_away_and_goes_on_listening_to_wechat() {
    let server = Server::start().await;
    let (query, body) = receipt("A", 7);

    server.app.close().await;
    let told = push(&server, &query, body).await;
    let live = server.call_as("", ("GET", "/healthz"), "").await;
    let counted = server.call_as("", ("GET", "/metrics"), "").await;

    assert_eq!((told.status, told.text.as_str()), (StatusCode::OK, "success"));
    assert_eq!((live.status, counted.status), (StatusCode::OK, StatusCode::OK));
    for call in
        [("GET", "/api/v1/messages"), ("POST", "/api/v1/messages"), ("GET", "/readyz"), ("GET", "/nowhere")]
    {
        let refused = server.call_as(&server.key, call, "{}").await;
        assert_eq!(refused.problem(), problem(503, "stopping"), "{call:?}");
        assert_eq!(refused.headers["retry-after"], "1", "{call:?}");
    }
}
