//! Receipts and events as a callback sees them: signed, wrapped, tried again, late, lost, doubled, early.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use hongyan_simulator::{AccountBody, FollowerStatus, ReceiptPlan, Settings, Share};
use serde_json::{Value, json};
use support::callback::{AES_KEY, Arrived, Callback, TOKEN, between};
use support::{APPID, OPENID, Stage, stage_with};

async fn stage_pushing_to(callback_url: String, receipts: ReceiptPlan) -> Stage {
    let account = AccountBody {
        callback_url: Some(callback_url),
        token: Some(TOKEN.to_owned()),
        original_id: Some("gh_7f083739789a".to_owned()),
        ..AccountBody::default()
    };
    stage_with(Settings { receipts, ..Settings::default() }, account)
}

async fn stage_and_callback(receipts: ReceiptPlan) -> (Stage, Callback) {
    let (callback, url) = Callback::start().await;
    (stage_pushing_to(url, receipts).await, callback)
}

fn bodies(callback: &Callback) -> Vec<String> {
    callback.arrived().into_iter().map(|arrived| arrived.body).collect()
}

fn status_of(body: &str) -> &str {
    between(body, "<Status><![CDATA[", "]]>").unwrap_or_default()
}

#[tokio::test]
async fn a_receipt_is_signed_and_written_as_in_the_golden_file() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    let sent = stage.send_id("m", "拿铁");

    stage.simulator.deliver_receipts().await;

    let arrived: Arrived = callback.arrived().remove(0);
    let golden = include_str!("../../wechat/golden/event.templatesendjobfinish.xml").trim_end();
    let msgid = sent["msgid"].to_string();
    let expected = golden.replace("3557254367693750277", &msgid).replace("1395658920", "1764129600");
    assert_eq!(arrived.body, expected);
    assert!(arrived.is_signed());
    assert_eq!((arrived.method.as_str(), arrived.param("openid")), ("POST", OPENID));
    assert_eq!((arrived.param("encrypt_type"), arrived.param("msg_signature")), ("", ""));
}

#[tokio::test]
async fn in_safe_mode_only_the_key_opens_a_receipt() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    stage.change(json!({"aes_key": AES_KEY}));
    let sent = stage.send_id("m", "拿铁");

    stage.simulator.deliver_receipts().await;

    let arrived = callback.arrived().remove(0);
    let (text, appid) = arrived.decrypted();
    assert!(text.contains(&format!("<MsgID>{}</MsgID>", sent["msgid"])) && status_of(&text) == "success");
    assert_eq!(appid, APPID);
    assert!(arrived.is_signed() && !arrived.body.contains("MsgID"));
}

#[tokio::test]
async fn in_compatible_mode_both_forms_stand_side_by_side_in_json_too() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    stage.change(json!({"aes_key": AES_KEY, "push_mode": "compatible", "push_format": "json"}));
    let sent = stage.send_id("m", "拿铁");

    stage.simulator.deliver_receipts().await;

    let arrived = callback.arrived().remove(0);
    let plain: Value = serde_json::from_str(&arrived.body).unwrap();
    let sealed: Value = serde_json::from_str(&arrived.decrypted().0).unwrap();
    assert_eq!(plain["MsgId"], sent["msgid"].to_string());
    assert_eq!(sealed["MsgId"], plain["MsgId"]);
}

#[tokio::test]
async fn a_receipt_says_what_the_follower_is() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    let people = [
        ("o1", FollowerStatus::UserBlocked),
        ("o2", FollowerStatus::SystemFailed),
        ("o3", FollowerStatus::FreqLimited),
    ];

    for (openid, status) in people {
        stage.person(openid, status);
        assert_eq!(stage.code_with(|body| body["touser"] = json!(openid)), 0);
    }
    stage.simulator.deliver_receipts().await;

    let mut told: Vec<String> = bodies(&callback).iter().map(|body| status_of(body).to_owned()).collect();
    told.sort_unstable();
    assert_eq!(told, ["failed: system failed", "failed:freq limit", "failed:user block"]);
    let stats = stage.simulator.stats();
    assert_eq!((stats.delivered, stats.undelivered), (0, 3));
    assert!(stage.simulator.control().phone("o1").is_empty());
}

#[tokio::test]
async fn a_receipt_that_is_not_answered_well_is_tried_three_times_five_seconds_apart() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    [(500, ""), (200, "what?"), (200, "fail")]
        .iter()
        .for_each(|(code, body)| callback.answer_next(*code, body));
    stage.send_id("m", "拿铁");

    stage.simulator.deliver_receipts().await;
    stage.advance(4_999);
    stage.simulator.deliver_receipts().await;
    assert_eq!(callback.arrived().len(), 1);
    for _ in 0..5 {
        stage.advance(5_000);
        stage.simulator.deliver_receipts().await;
    }

    let arrived = bodies(&callback);
    assert_eq!((arrived.len(), &arrived[1], &arrived[2]), (3, &arrived[0], &arrived[0]));
    let stats = stage.simulator.stats();
    assert_eq!((stats.receipts_sent, stats.receipts_retried, stats.receipts_failed), (1, 2, 1));
    assert_eq!((stats.receipts_answered, stats.pushes_waiting), (0, 0));
}

#[tokio::test]
async fn an_empty_answer_will_do_and_so_will_success() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    callback.answer_next(200, "");
    stage.send_id("m1", "一");
    stage.send_id("m2", "二");

    stage.simulator.deliver_receipts().await;

    assert_eq!(stage.simulator.stats().receipts_answered, 2);
}

#[tokio::test]
async fn a_callback_that_is_not_there_is_tried_again_too() {
    let stage = stage_pushing_to("http://127.0.0.1:1/callback".to_owned(), ReceiptPlan::default()).await;
    stage.send_id("m", "拿铁");

    stage.simulator.deliver_receipts().await;

    assert_eq!(stage.simulator.stats().pushes_waiting, 1);
}

#[tokio::test]
async fn receipts_can_be_lost_doubled_and_carry_msgid_zero() {
    let plan = ReceiptPlan {
        lost: Share::next(1),
        doubled: Share::ALWAYS,
        zero_msgid: Share::ALWAYS,
        ..ReceiptPlan::default()
    };
    let (stage, callback) = stage_and_callback(plan).await;
    stage.send_id("m1", "一");
    stage.send_id("m2", "二");

    stage.simulator.deliver_receipts().await;

    let arrived = bodies(&callback);
    assert_eq!(arrived.len(), 2);
    assert!(arrived.iter().all(|body| body.contains("<MsgID>0</MsgID>")));
    assert_eq!(stage.simulator.stats().receipts_lost, 1);
}

#[tokio::test]
async fn in_process_an_early_receipt_is_queued() {
    let plan = ReceiptPlan { early: Share::ALWAYS, ..ReceiptPlan::default() };
    let (stage, callback) = stage_and_callback(plan).await;
    stage.send_id("m", "拿铁");

    stage.simulator.deliver_receipts().await;

    assert_eq!(callback.arrived().len(), 1);
}

#[tokio::test]
async fn a_late_receipt_comes_when_its_time_has_come() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    stage.faults(json!({"receipts": {"late": {"next": 1}, "late_ms": 30_000}}));
    stage.send_id("m1", "一");

    stage.advance(29_999);
    stage.simulator.deliver_receipts().await;
    let before = callback.arrived().len();
    stage.advance(1);
    stage.simulator.deliver_receipts().await;

    assert_eq!((before, callback.arrived().len()), (0, 1));
}

#[tokio::test]
async fn a_share_of_receipts_can_fail_by_plan() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    stage.faults(json!({"appid": APPID, "receipts": {"user_block": {"next": 1}}}));
    stage.send_id("m1", "一");
    stage.send_id("m2", "二");

    stage.simulator.deliver_receipts().await;

    let blocked = bodies(&callback).iter().filter(|body| status_of(body) == "failed:user block").count();
    assert_eq!((blocked, stage.simulator.stats().delivered), (1, 1));
}

#[tokio::test]
async fn a_held_message_is_released_after_review_and_then_has_its_receipt() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    stage.faults(json!({"review": {"next": 1, "release_after_ms": 10_000}}));

    let held = support::errcode(&stage.send_id("m", "拿铁"));
    let again = support::errcode(&stage.send_id("m", "拿铁"));
    stage.simulator.deliver_receipts().await;
    let before = stage.simulator.stats();
    stage.advance(10_000);
    stage.simulator.deliver_receipts().await;

    assert_eq!((held, again), (40252, 40252));
    assert_eq!((before.held, before.delivered, before.repeats), (1, 0, 1));
    let after = stage.simulator.stats();
    assert_eq!((after.released, after.delivered, after.duplicates), (1, 1, 0));
    assert_eq!(stage.simulator.control().phone(OPENID).len(), 1);
    assert_eq!(status_of(&bodies(&callback)[0]), "success");
}

#[tokio::test]
async fn many_receipts_go_over_few_kept_connections() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    for round in 0..3 {
        (0..100).for_each(|n| drop(stage.send_id(&format!("{round}-{n}"), &format!("{round}-{n}"))));
        stage.simulator.deliver_receipts().await;
    }

    assert_eq!((callback.arrived().len(), stage.simulator.stats().receipts_answered), (300, 300));
    assert!(callback.connections() <= Settings::default().callback_connections, "{}", callback.connections());
}

#[tokio::test]
async fn what_followers_do_is_pushed_and_changes_what_they_are() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    let act = |kind: &str| {
        let body = json!({"appid": APPID, "openid": OPENID, "kind": kind});
        stage.simulator.control().event(&serde_json::from_value(body).unwrap()).unwrap();
    };
    let mut told = Vec::new();

    for kind in ["click", "view", "scan", "pay", "text", "unfollow", "scan"] {
        act(kind);
        stage.simulator.deliver_receipts().await;
        let body = bodies(&callback).pop().unwrap();
        told.push(between(&body, "<Event><![CDATA[", "]]>").unwrap_or("-").to_owned());
        let code = support::errcode(&stage.send_id(&told.len().to_string(), &told.len().to_string()));
        assert_eq!(code, if kind == "unfollow" { 43004 } else { 0 }, "{kind}");
        stage.simulator.deliver_receipts().await;
    }

    assert_eq!(told, ["CLICK", "VIEW", "SCAN", "merchant_order", "-", "unsubscribe", "subscribe"]);
    assert_eq!(stage.simulator.stats().events_answered, 7);
}

#[tokio::test]
async fn a_callback_is_verified_by_its_raw_echo_and_by_nothing_else() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    stage.change(json!({"aes_key": AES_KEY}));

    let good = stage.simulator.verify_callback(APPID).await;
    callback.answer_next(200, "\"quoted\"");
    let quoted = stage.simulator.verify_callback(APPID).await;

    assert!(good.is_ok() && quoted.is_err());
    let asked = &callback.arrived()[0];
    assert!(asked.method == "GET" && asked.is_signed() && asked.param("encrypt_type").is_empty());
}

#[tokio::test]
async fn forged_pushes_look_right_but_for_the_signature_or_the_appid() {
    let (stage, callback) = stage_and_callback(ReceiptPlan::default()).await;
    stage.change(json!({"aes_key": AES_KEY}));
    for forged in ["signature", "appid"] {
        let body = json!({"appid": APPID, "openid": OPENID, "kind": "unfollow", "forged": forged});
        stage.simulator.control().event(&serde_json::from_value(body).unwrap()).unwrap();
        stage.simulator.deliver_receipts().await;
    }

    let arrived = callback.arrived();
    assert!(!arrived[0].is_signed() && arrived[1].is_signed());
    assert_ne!(arrived[1].decrypted().1, APPID);
    assert_eq!(support::errcode(&stage.send_id("m", "拿铁")), 0);
}
