//! Faults by rate and by count, for one account and for all, and followers by the seed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use hongyan_simulator::{AccountBody, FollowersBody, Latency, Settings};
use http::Method;
use serde_json::json;
use support::{APPID, SECRET, SEND, errcode, message, stage, stage_with};

#[test]
fn errcodes_come_at_their_rate_and_end_when_cleared() {
    let stage = stage();
    stage.faults(json!({"errcodes": [{"errcode": -1, "rate": 0.5}]}));
    let failed = |from: usize| {
        let codes = (from..from + 200).map(|n| errcode(&stage.send_id(&n.to_string(), &n.to_string())));
        codes.filter(|code| *code == -1).count()
    };

    let with_fault = failed(0);
    stage.faults(json!({}));
    let without = failed(200);

    assert!((70..130).contains(&with_fault), "{with_fault} of 200");
    assert_eq!(without, 0);
}

#[test]
fn a_fault_of_one_account_leaves_the_others_alone() {
    let stage = stage();
    let other = AccountBody { appid: "wx2".into(), secret: Some("s".into()), ..AccountBody::default() };
    stage.simulator.control().put_account(&other).unwrap();

    stage.faults(json!({"appid": "wx2", "errcodes": [{"errcode": -1, "path": "*"}]}));

    let token = stage.get("/cgi-bin/token?grant_type=client_credential&appid=wx2&secret=s");
    assert_eq!((errcode(&token), errcode(&stage.send_id("m", "拿铁"))), (-1, 0));
}

#[test]
fn an_order_without_an_appid_leaves_an_accounts_own_faults_and_an_empty_one_ends_them() {
    let stage = stage();
    stage.faults(json!({"appid": APPID, "errcodes": [{"errcode": -1}]}));

    stage.faults(json!({"errcodes": [{"errcode": 45011}]}));
    let own = errcode(&stage.send_id("m", "拿铁"));
    stage.faults(json!({}));

    assert_eq!((own, errcode(&stage.send_id("m", "拿铁"))), (-1, 0));
}

#[test]
fn a_fault_can_be_meant_for_another_call() {
    let stage = stage();

    stage.faults(json!({"path": "/cgi-bin/token", "errcodes": [{"errcode": 50007, "next": 1}]}));

    let target = format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}");
    assert_eq!(errcode(&stage.get(&target)), 50007);
    assert_eq!(errcode(&stage.send_id("m", "拿铁")), 0);
}

#[test]
fn a_used_up_quota_is_45009_until_it_is_cleared() {
    let stage = stage();
    stage.faults(json!({"quota_used_up": true}));

    let refused = errcode(&stage.send_id("m", "拿铁"));
    let path = r#"{"cgi_path":"/cgi-bin/message/template/send"}"#;
    let remain = stage.authorized("/cgi-bin/openapi/quota/get", path)["quota"]["remain"].clone();
    stage.faults(json!({}));

    assert_eq!((refused, remain), (45009, json!(0)));
    assert_eq!(errcode(&stage.send_id("m", "拿铁")), 0);
}

#[test]
fn a_struck_call_is_neither_counted_nor_delivered() {
    let stage = stage();
    stage.change(json!({"daily_quota": 1}));
    stage.faults(json!({"errcodes": [{"errcode": -1, "next": 3}]}));

    let codes: Vec<i64> = (0..5).map(|_| errcode(&stage.send_id("m", "拿铁"))).collect();

    assert_eq!(codes, [-1, -1, -1, 0, 45009]);
    assert_eq!(stage.simulator.stats().errcodes, [(-1, 3), (45009, 1)].into());
}

#[test]
fn latency_is_drawn_from_its_range_and_a_fault_overrides_it() {
    let latency = Latency::Uniform { min_ms: 200, max_ms: 500 };
    let stage = stage_with(Settings { latency, ..Settings::default() }, AccountBody::default());
    let delays = |from: usize| -> Vec<u32> {
        let target = format!("{SEND}?access_token={}", stage.token());
        let send = |n: usize| message(&n.to_string(), &n.to_string()).to_string();
        (from..from + 100).map(|n| stage.call(&Method::POST, &target, send(n).as_bytes()).delay_ms).collect()
    };

    let usual = delays(0);
    stage.faults(json!({"latency": {"min_ms": 900, "max_ms": 900}}));

    assert!(usual.iter().all(|ms| (200..=500).contains(ms)) && usual.iter().any(|ms| *ms > 400));
    assert!(delays(100).iter().all(|ms| *ms == 900));
}

#[test]
fn the_same_seed_makes_the_same_openids_and_a_second_call_goes_on() {
    let make = |seed: u64, counts: &[u32]| -> Vec<String> {
        let stage = stage_with(Settings { seed, ..Settings::default() }, AccountBody::default());
        let body = |count: u32| FollowersBody { appid: APPID.into(), count, ..FollowersBody::default() };
        counts.iter().flat_map(|n| stage.simulator.control().put_followers(&body(*n)).unwrap()).collect()
    };

    let made = make(7, &[5]);

    assert_eq!(made, make(7, &[2, 3]));
    assert_ne!(made, make(8, &[5]));
    assert!(made.iter().all(|openid| openid.len() == 28 && openid.starts_with('o')));
}

#[test]
fn the_same_seed_strikes_the_same_sends() {
    let struck = || -> Vec<i64> {
        let stage = stage();
        stage.faults(json!({"errcodes": [{"errcode": -1, "rate": 0.3}]}));
        (0..50).map(|n| errcode(&stage.send_id(&n.to_string(), &n.to_string()))).collect()
    };

    let first = struck();

    assert_eq!(first, struck());
    assert!(first.contains(&-1) && first.contains(&0));
}
