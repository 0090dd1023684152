//! Every call, over a real socket: its request is the golden one, and its golden answer is read.
#![expect(clippy::unwrap_used, reason = "the exception for tests does not cover the functions they share")]

use std::time::Duration;

use hongyan_wechat::{
    CallError, Client, Credential, ExposeSecret as _, Garble, Miniprogram, Refresh, SEND_PATH, Sent,
    Settings, TemplateMessage, Token, callers_ip, errcode, offending_field,
};
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!("../golden/", $name))
    };
}

const CREDENTIAL: Credential<'_> =
    Credential { appid: "wxba5fad812f8e6fb9", secret: "0123456789abcdef0123456789abcdef" };
const TEMPLATE: &str = "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY";

/// A WeChat that answers one request, and the request it got: its first line and its body.
struct Once {
    client: Client,
    url: String,
    request: JoinHandle<(String, String)>,
}

impl Once {
    async fn answering(status: u16, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let settings = Settings { api_bases: vec![url.clone()], ..Settings::default() };
        let request = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !whole(&request) {
                tcp.read_buf(&mut request).await.unwrap();
            }
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json; encoding=utf-8\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            tcp.write_all(answer.as_bytes()).await.unwrap();
            let text = String::from_utf8(request).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            (head.lines().next().unwrap().to_owned(), body.to_owned())
        });
        Self { client: Client::new(settings).unwrap(), url, request }
    }

    async fn ok(body: &'static str) -> Self {
        Self::answering(200, body).await
    }

    async fn assert_request(self, line: &str, body: &str) {
        let (got_line, got_body) = self.request.await.unwrap();
        assert_eq!(got_line, format!("{line} HTTP/1.1"));
        assert_eq!(got_body, body);
    }
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    body.len() >= length
}

fn data() -> Box<RawValue> {
    let text = r#"{"character_string1":{"value":"A123"},"thing2":{"value":"拿铁（大杯）"},"time3":{"value":"2024年1月2日 12:00"}}"#;
    RawValue::from_string(text.to_owned()).unwrap()
}

fn message(data: &RawValue) -> TemplateMessage<'_> {
    TemplateMessage {
        touser: "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
        template_id: TEMPLATE,
        url: Some("https://example.com/order/1"),
        miniprogram: Some(Miniprogram { appid: "wxba5fad812f8e6fb9", pagepath: Some("pages/order?id=1") }),
        client_msg_id: "MSG_000001",
        data,
    }
}

async fn send_answered(status: u16, body: &'static str) -> Result<Sent, CallError> {
    let data = data();
    Once::answering(status, body).await.client.send_template("T", &message(&data)).await
}

fn assert_token(token: &Token, value: &str, expires_in_s: u64) {
    assert_eq!(token.value.expose_secret(), value);
    assert_eq!(token.expires_in, Duration::from_secs(expires_in_s));
}

#[tokio::test]
async fn a_message_is_sent() {
    let wechat = Once::ok(golden!("send.answer.json")).await;
    let data = data();

    let sent = wechat.client.send_template("86_ACCESS-TOKEN", &message(&data)).await.unwrap();

    assert_eq!(sent.msgid, Some(3_557_254_367_693_750_277));
    let line = "POST /cgi-bin/message/template/send?access_token=86_ACCESS-TOKEN";
    wechat.assert_request(line, golden!("send.request.json")).await;
}

#[tokio::test]
async fn every_golden_refusal_of_a_send_is_told_with_code_and_rid() {
    let cases = [
        (-1, golden!("send.error.-1.json")),
        (40001, golden!("send.error.40001.json")),
        (40003, golden!("send.error.40003.json")),
        (40037, golden!("send.error.40037.json")),
        (40252, golden!("send.error.40252.json")),
        (43004, golden!("send.error.43004.json")),
        (45009, golden!("send.error.45009.json")),
        (45011, golden!("send.error.45011.json")),
        (47003, golden!("send.error.47003.json")),
    ];

    for (expected, body) in cases {
        let Err(CallError::Errcode { code, rid, errmsg }) = send_answered(200, body).await else { panic!() };
        assert_eq!(code, expected);
        assert_eq!(rid.as_deref(), Some("61725984-6126f6f9-040f19c4"));
        assert!(!errmsg.contains("rid") && errcode::lookup(code).is_some());
    }
}

#[tokio::test]
async fn the_field_of_47003_and_the_address_of_40164_are_found() {
    let Err(CallError::Errcode { errmsg, .. }) = send_answered(200, golden!("send.error.47003.json")).await
    else {
        panic!()
    };
    assert_eq!(offending_field(&errmsg), Some("thing1"));

    let wechat = Once::ok(golden!("token.error.40164.json")).await;
    let Err(CallError::Errcode { errmsg, .. }) = wechat.client.token(&CREDENTIAL).await else { panic!() };
    assert_eq!(callers_ip(&errmsg), Some("203.0.113.7"));
}

#[tokio::test]
async fn a_front_ends_page_may_hide_a_send_that_took_place() {
    let page = send_answered(502, "<html>bad gateway</html>").await;
    let html = send_answered(200, "<html>log in first</html>").await;

    assert!(matches!(page, Err(CallError::Garbled { status: 502, garble: Garble::ServerError })));
    assert!(matches!(html, Err(CallError::Garbled { status: 200, garble: Garble::NotJson })));
}

#[tokio::test]
async fn errors_show_neither_token_nor_person() {
    let echoing = r#"{"errcode":40003,"errmsg":"invalid openid o9AgO5Kd5ggOC-bXrbNODIiE3bGY"}"#;

    let error = send_answered(200, echoing).await.unwrap_err();

    assert!(!format!("{error} {error:?}").contains("o9Ag"));
}

#[tokio::test]
async fn a_classic_token_is_fetched() {
    let wechat = Once::ok(golden!("token.answer.json")).await;

    let token = wechat.client.token(&CREDENTIAL).await.unwrap();

    assert_token(&token, "86_ACCESS-TOKEN_of_the_classic_kind", 7200);
    let line = "GET /cgi-bin/token?grant_type=client_credential&appid=wxba5fad812f8e6fb9&secret=0123456789abcdef0123456789abcdef";
    wechat.assert_request(line, "").await;
}

#[tokio::test]
async fn a_stable_token_is_fetched() {
    let wechat = Once::ok(golden!("stable_token.answer.json")).await;

    let token = wechat.client.stable_token(&CREDENTIAL, Refresh::Force).await.unwrap();

    assert_token(&token, "86_ACCESS-TOKEN_of_the_stable_kind", 345);
    wechat.assert_request("POST /cgi-bin/stable_token", golden!("stable_token.force.request.json")).await;
}

#[tokio::test]
async fn a_token_is_taken_from_an_outside_source() {
    let wechat = Once::ok(golden!("token.answer.json")).await;

    let token = wechat.client.token_from(&format!("{}/wechat/token?key=1", wechat.url)).await.unwrap();

    assert_token(&token, "86_ACCESS-TOKEN_of_the_classic_kind", 7200);
    wechat.assert_request("GET /wechat/token?key=1", "").await;
}

#[tokio::test]
async fn an_empty_or_malformed_token_is_garbled() {
    for body in [r#"{"access_token":"","expires_in":7200}"#, r#"{"expires_in":7200}"#, "{}"] {
        let outcome = Once::ok(body).await.client.token(&CREDENTIAL).await;

        assert!(matches!(outcome, Err(CallError::Garbled { garble: Garble::Shape, .. })), "{body}");
    }
}

#[tokio::test]
async fn templates_are_listed() {
    let wechat = Once::ok(golden!("list_templates.answer.json")).await;

    let templates = wechat.client.list_templates("T").await.unwrap();

    assert_eq!(templates[1].template_id, TEMPLATE);
    wechat.assert_request("GET /cgi-bin/template/get_all_private_template?access_token=T", "").await;
}

#[tokio::test]
async fn a_template_is_added() {
    let wechat = Once::ok(golden!("add_template.answer.json")).await;

    let id = wechat.client.add_template("T", "47123", &["订单编号", "下单时间"]).await.unwrap();

    assert_eq!(id, "Doclyl5uP7Aciu-qZ7mJNPtWkbkYnWBWVja26EGbNyk");
    let line = "POST /cgi-bin/template/api_add_template?access_token=T";
    wechat.assert_request(line, golden!("add_template.request.json")).await;
}

#[tokio::test]
async fn a_template_is_deleted() {
    let wechat = Once::ok(golden!("delete_template.answer.json")).await;

    wechat.client.delete_template("T", "Dyvp3-Ff0cnail_CDSzk1fIc6-9lOkxsQE7exTJbwUE").await.unwrap();

    let line = "POST /cgi-bin/template/del_private_template?access_token=T";
    wechat.assert_request(line, golden!("delete_template.request.json")).await;
}

#[tokio::test]
async fn the_industry_is_set_and_read() {
    let wechat = Once::ok(golden!("set_industry.answer.json")).await;
    wechat.client.set_industry("T", 1, 4).await.unwrap();
    let line = "POST /cgi-bin/template/api_set_industry?access_token=T";
    wechat.assert_request(line, golden!("set_industry.request.json")).await;

    let wechat = Once::ok(golden!("get_industry.answer.json")).await;
    let industries = wechat.client.get_industry("T").await.unwrap();
    assert_eq!(industries.secondary.second_class, "快递");
    wechat.assert_request("GET /cgi-bin/template/get_industry?access_token=T", "").await;
}

#[tokio::test]
async fn blocked_messages_are_listed() {
    let wechat = Once::ok(golden!("blocked_messages.answer.json")).await;

    let blocked = wechat.client.blocked_messages("T", TEMPLATE, 0, 1000).await.unwrap();

    assert_eq!((blocked[0].id, blocked[0].sent_at_s), (3, 1_700_000_000));
    let line = "POST /wxa/sec/queryblocktmplmsg?access_token=T";
    wechat.assert_request(line, golden!("blocked_messages.request.json")).await;
}

#[tokio::test]
async fn the_quota_is_read() {
    let wechat = Once::ok(golden!("quota.answer.json")).await;

    let quota = wechat.client.quota("T", SEND_PATH).await.unwrap();

    assert_eq!((quota.daily_limit, quota.used, quota.remain), (1_000_000, 1_234, 998_766));
    assert_eq!(quota.rate_limit.unwrap().refresh_s, 60);
    let line = "POST /cgi-bin/openapi/quota/get?access_token=T";
    wechat.assert_request(line, golden!("quota.request.json")).await;
}

#[tokio::test]
async fn quotas_are_cleared_in_three_ways() {
    let wechat = Once::ok(golden!("clear_quota.answer.json")).await;
    wechat.client.clear_quota("T", CREDENTIAL.appid).await.unwrap();
    let line = "POST /cgi-bin/clear_quota?access_token=T";
    wechat.assert_request(line, golden!("clear_quota.request.json")).await;

    let wechat = Once::ok(golden!("clear_quota.answer.json")).await;
    wechat.client.clear_quota_v2(&CREDENTIAL).await.unwrap();
    let line =
        "POST /cgi-bin/clear_quota/v2?appid=wxba5fad812f8e6fb9&appsecret=0123456789abcdef0123456789abcdef";
    wechat.assert_request(line, "").await;

    let wechat = Once::ok(golden!("clear_api_quota.answer.json")).await;
    wechat.client.clear_api_quota("T", SEND_PATH).await.unwrap();
    let line = "POST /cgi-bin/openapi/quota/clear?access_token=T";
    wechat.assert_request(line, golden!("clear_api_quota.request.json")).await;
}

#[tokio::test]
async fn a_request_id_is_looked_up() {
    let wechat = Once::ok(golden!("rid.answer.json")).await;

    let report = wechat.client.rid("T", "61725984-6126f6f9-040f19c4").await.unwrap();

    assert_eq!((report.invoked_at_s, report.cost_in_ms), (1_635_156_704, 30));
    wechat.assert_request("POST /cgi-bin/openapi/rid/get?access_token=T", golden!("rid.request.json")).await;
}

#[tokio::test]
async fn addresses_are_listed() {
    let wechat = Once::ok(golden!("callback_ips.answer.json")).await;
    assert_eq!(wechat.client.callback_ips("T").await.unwrap(), ["203.0.113.7", "198.51.100.0/24"]);
    wechat.assert_request("GET /cgi-bin/getcallbackip?access_token=T", "").await;

    let wechat = Once::ok(golden!("api_ips.answer.json")).await;
    assert_eq!(wechat.client.api_ips("T").await.unwrap().len(), 2);
    wechat.assert_request("GET /cgi-bin/get_api_domain_ip?access_token=T", "").await;
}
