//! Over real sockets: keep-alive, faults of the connection, the early receipt, the control side.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io;

use hongyan_simulator::{AccountBody, ReceiptPlan, Settings, Share};
use serde_json::{Value, json};
use support::callback::{Callback, TOKEN};
use support::{APPID, SEND, Stage, errcode, message, stage, stage_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

struct Served {
    stage: Stage,
    stream: TcpStream,
    _stop: DropGuard,
}

/// What came back: status, head and body.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

async fn serve(stage: Stage) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(stage.simulator.clone().serve(listener, stop.clone()));
    Served { stage, stream: TcpStream::connect(address).await.unwrap(), _stop: stop.drop_guard() }
}

impl Served {
    async fn reconnect(&mut self) {
        self.stream = TcpStream::connect(self.stream.peer_addr().unwrap()).await.unwrap();
    }

    /// A request as wechatpy makes it: no Content-Type.
    async fn exchange(&mut self, line: &str, body: &str) -> io::Result<Reply> {
        let head = format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.stream.write_all(head.as_bytes()).await?;
        let mut read = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = support::callback::between(head, "content-length: ", "\r\n").unwrap_or("0");
                if body.len() >= length.parse().unwrap() {
                    let status = head[9..12].parse().unwrap();
                    return Ok(Reply { status, head: head.to_owned(), body: body.to_owned() });
                }
            }
            if self.stream.read_buf(&mut read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn send(&mut self, client_msg_id: &str) -> io::Result<Reply> {
        let line = format!("POST {SEND}?access_token={}", self.stage.token());
        self.exchange(&line, &message(client_msg_id, client_msg_id).to_string()).await
    }
}

#[tokio::test]
async fn one_connection_carries_many_calls_without_a_content_type() {
    let mut served = serve(stage()).await;

    for n in 0..10 {
        let reply = served.send(&n.to_string()).await.unwrap();
        assert_eq!((reply.status, errcode(&reply.json())), (200, 0));
        assert!(reply.head.contains("content-type: application/json; encoding=utf-8"), "{}", reply.head);
        assert!(!reply.body.ends_with('\n'));
    }
}

#[tokio::test]
async fn refusals_are_http_200_too() {
    let mut served = serve(stage()).await;

    let unknown = served.exchange("GET /cgi-bin/nothing", "").await.unwrap();
    let missing = served.exchange(&format!("POST {SEND}"), "{}").await.unwrap();

    assert_eq!((unknown.status, errcode(&unknown.json())), (200, 40066));
    assert_eq!((missing.status, errcode(&missing.json())), (200, 41001));
}

#[tokio::test]
async fn a_connection_dropped_before_the_send_delivers_nothing() {
    let mut served = serve(stage()).await;
    served.stage.faults(json!({"drop_before": {"next": 1}}));

    let dropped = served.send("m").await;
    served.reconnect().await;
    let again = served.send("m").await.unwrap();

    assert!(dropped.is_err());
    assert_eq!(errcode(&again.json()), 0);
    let stats = served.stage.simulator.stats();
    assert_eq!((stats.delivered, stats.repeats, stats.dropped_connections), (1, 0, 1));
}

#[tokio::test]
async fn a_connection_dropped_after_the_send_has_delivered_and_a_retry_does_not_deliver_twice() {
    let mut served = serve(stage()).await;
    served.stage.faults(json!({"drop_after": {"next": 1}}));

    let dropped = served.send("m").await;
    let delivered = served.stage.simulator.stats().delivered;
    served.reconnect().await;
    served.send("m").await.unwrap();

    assert!(dropped.is_err());
    let stats = served.stage.simulator.stats();
    assert_eq!((delivered, stats.delivered, stats.repeats, stats.duplicates), (1, 1, 1, 0));
}

#[tokio::test]
async fn a_send_that_is_called_busy_after_it_took_place_has_delivered_and_a_retry_does_not_deliver_twice() {
    let mut served = serve(stage()).await;
    served.stage.faults(json!({"errcodes": [{"errcode": -1, "after": true, "next": 1}]}));

    let busy = served.send("m").await.unwrap();
    let delivered = served.stage.simulator.stats().delivered;
    let again = served.send("m").await.unwrap();

    assert_eq!((errcode(&busy.json()), errcode(&again.json())), (-1, 0));
    let stats = served.stage.simulator.stats();
    assert_eq!((delivered, stats.delivered, stats.repeats, stats.duplicates), (1, 1, 1, 0));
}

#[tokio::test]
async fn a_bad_gateway_and_garbage_are_not_json() {
    let mut served = serve(stage()).await;
    served.stage.faults(json!({"bad_gateway": {"next": 1}, "garbage": {"next": 1}}));

    let bad = served.send("m1").await.unwrap();
    let garbage = served.send("m2").await.unwrap();
    let good = served.send("m3").await.unwrap();

    assert_eq!((bad.status, bad.body.starts_with("<html>")), (502, true));
    assert!(garbage.status == 200 && serde_json::from_str::<Value>(&garbage.body).is_err());
    assert_eq!((errcode(&good.json()), served.stage.simulator.stats().delivered), (0, 2));
}

#[tokio::test]
async fn an_early_receipt_is_answered_before_the_send_is() {
    let (callback, url) = Callback::start().await;
    let receipts = ReceiptPlan { early: Share::ALWAYS, ..ReceiptPlan::default() };
    let account =
        AccountBody { callback_url: Some(url), token: Some(TOKEN.to_owned()), ..AccountBody::default() };
    let mut served = serve(stage_with(Settings { receipts, ..Settings::default() }, account)).await;

    let reply = served.send("m").await.unwrap();

    let msgid = reply.json()["msgid"].to_string();
    assert!(callback.arrived()[0].body.contains(&format!("<MsgID>{msgid}</MsgID>")));
    assert_eq!(served.stage.simulator.stats().receipts_answered, 1);
}

#[tokio::test]
async fn with_the_systems_clock_receipts_go_out_by_themselves() {
    let (callback, url) = Callback::start().await;
    let simulator = hongyan_simulator::Simulator::new(Settings::default());
    let hand = std::sync::Arc::default();
    let mut served = serve(Stage { simulator, hand }).await;
    let account = json!({"appid": APPID, "secret": support::SECRET, "callback_url": url, "token": TOKEN});
    served.exchange("POST /_sim/accounts", &account.to_string()).await.unwrap();
    served.stage.template(support::CATEGORY, "通知", "内容{{thing2.DATA}}");
    served.stage.person(support::OPENID, hongyan_simulator::FollowerStatus::Following);

    served.send("m").await.unwrap();
    while served.stage.simulator.stats().receipts_answered == 0 {
        tokio::task::yield_now().await;
    }

    assert_eq!(callback.arrived().len(), 1);
}

#[tokio::test]
async fn the_control_side_makes_what_a_script_needs() {
    let mut served = serve(stage()).await;
    let account = json!({"appid": "wx2", "secret": "s2", "kind": "service"}).to_string();
    let template = json!({"appid": "wx2", "title": "通知", "content": "内容{{thing1.DATA}}"}).to_string();
    let followers = json!({"appid": "wx2", "count": 3, "unfollowed": 1}).to_string();

    assert_eq!(served.exchange("POST /_sim/accounts", &account).await.unwrap().json(), json!({}));
    let template = served.exchange("POST /_sim/templates", &template).await.unwrap().json();
    let openids =
        served.exchange("POST /_sim/followers", &followers).await.unwrap().json()["openids"].clone();
    let token = "GET /cgi-bin/token?grant_type=client_credential&appid=wx2&secret=s2";
    let token = served.exchange(token, "").await.unwrap().json()["access_token"].clone();
    let line = format!("POST {SEND}?access_token={}", token.as_str().unwrap());
    let mut codes = Vec::new();
    for openid in openids.as_array().unwrap() {
        let data = json!({"thing1": {"value": "好"}});
        let body = json!({"touser": openid, "template_id": template["template_id"], "data": data});
        codes.push(errcode(&served.exchange(&line, &body.to_string()).await.unwrap().json()));
    }

    assert_eq!(codes, [0, 0, 43004]);
    let phone = format!("GET /_sim/phone/{}", openids[0].as_str().unwrap());
    let phone = served.exchange(&phone, "").await.unwrap().json();
    assert_eq!(phone["messages"][0]["lines"], json!(["内容好"]));
    let stats = served.exchange("GET /_sim/stats", "").await.unwrap().json();
    assert_eq!(
        (&stats["sends"], &stats["token_fetches"], &stats["duplicates"]),
        (&json!(2), &json!(1), &json!(0))
    );
    let ledger = served.exchange("GET /_sim/ledger?appid=wx2", "").await.unwrap().json();
    assert_eq!(ledger["entries"][2]["errcode"], 43004);
}

#[tokio::test]
async fn bad_orders_are_400_with_the_reason() {
    let mut served = serve(stage()).await;
    let bad = [
        ("POST /_sim/accounts", r#"{"appid":"wx2"}"#, "secret: a new account needs one"),
        ("POST /_sim/accounts", r#"{"appid":"wx2","secret":"s","colour":1}"#, "unknown field `colour`"),
        ("POST /_sim/accounts", r#"{"appid":"wx2","secret":"s","callback_url":"ftp://x"}"#, "callback_url: "),
        ("POST /_sim/templates", r#"{"appid":"wx2","title":"t","content":"c"}"#, "no account wx2"),
        (
            "POST /_sim/templates",
            r#"{"appid":"wxba5fad812f8e6fb9","content":"c"}"#,
            "content: it has no field",
        ),
        (
            "POST /_sim/followers",
            r#"{"appid":"wxba5fad812f8e6fb9","count":1,"unfollowed":2}"#,
            "count: it is less",
        ),
        ("POST /_sim/faults", r#"{"drop_after":2}"#, "from 0 to 1, not 2"),
        ("POST /_sim/faults", "{", "body: EOF"),
        ("POST /_sim/events", r#"{"appid":"wxba5fad812f8e6fb9","openid":"x","kind":"click"}"#, "openid: "),
        ("POST /_sim/verify", r#"{"appid":"wxba5fad812f8e6fb9"}"#, "callback_url: there is none"),
    ];

    for (line, body, reason) in bad {
        let reply = served.exchange(line, body).await.unwrap();
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(reply.status == 400 && message.contains(reason), "{line} {body}: {} {message}", reply.status);
    }
    assert_eq!(served.exchange("GET /_sim/x", "").await.unwrap().status, 404);
    assert_eq!(served.exchange("GET /_sim/faults", "").await.unwrap().status, 405);
}
