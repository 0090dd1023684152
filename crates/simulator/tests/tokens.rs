//! token and stable_token, and what becomes of their tokens.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use hongyan_simulator::{AccountBody, Kind, Settings};
use http::Method;
use serde_json::json;
use support::{APPID, SECRET, SEND, Stage, errcode, errmsg, json_of, message, stage, stage_with};

/// What a send with this token comes to; the message is new each time.
fn code_of(stage: &Stage, token: &str) -> i64 {
    let id = format!("{}", stage.simulator.stats().calls);
    errcode(&stage.post(&format!("{SEND}?access_token={token}"), &message(&id, &id).to_string()))
}

fn fetch(stage: &Stage, query: &str) -> i64 {
    errcode(&stage.get(&format!("/cgi-bin/token?{query}")))
}

#[test]
fn a_token_is_answered_as_in_the_golden_file_without_errcode_or_newline() {
    let stage = stage();

    let target = format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}");
    let answer = stage.call(&Method::GET, &target, b"");

    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    let token = json_of(&answer)["access_token"].as_str().unwrap().to_owned();
    let golden = include_str!("../../wechat/golden/token.answer.json").trim_end();
    assert_eq!(body.replace(&token, "86_ACCESS-TOKEN_of_the_classic_kind"), golden);
    assert_eq!(answer.content_type, "application/json; encoding=utf-8");
    assert!(token.len() <= 512 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)));
}

#[test]
fn a_new_token_leaves_the_old_one_five_minutes() {
    let stage = stage();
    let old = stage.token();

    let new = stage.token();

    stage.advance(299_999);
    assert_eq!((code_of(&stage, &old), code_of(&stage, &new)), (0, 0));
    stage.advance(1);
    assert_eq!((code_of(&stage, &old), code_of(&stage, &new)), (40001, 0));
}

#[test]
fn a_token_expires_after_two_hours_and_says_so() {
    let stage = stage();
    let token = stage.token();

    stage.advance(7_199_999);
    let before = code_of(&stage, &token);
    stage.advance(1);
    let after = stage.post(&format!("{SEND}?access_token={token}"), "{}");

    assert_eq!((before, errcode(&after), errmsg(&after)), (0, 42001, "access_token expired"));
}

#[test]
fn missing_malformed_and_unknown_tokens_are_told_apart() {
    let stage = stage();

    assert_eq!(errcode(&stage.post(SEND, "{}")), 41001);
    assert_eq!(code_of(&stage, "short"), 40014);
    assert_eq!(code_of(&stage, "with+a+sign+and+long+enough"), 40014);
    assert_eq!(code_of(&stage, "86_a-token-nobody-has-ever-made"), 40001);
}

#[test]
fn the_stable_token_stays_the_same_until_five_minutes_before_its_end() {
    let stage = stage();
    let first = stage.stable(false);

    stage.advance(6_855_000);
    let same = stage.stable(false);
    stage.advance(45_000);
    let new = stage.stable(false);

    assert_eq!(same, json!({"access_token": first["access_token"], "expires_in": 345}));
    assert_ne!(new["access_token"], first["access_token"]);
    assert_eq!(new["expires_in"], 7200);
    let old = first["access_token"].as_str().unwrap();
    assert_eq!(code_of(&stage, old), 0);
    stage.advance(300_000);
    assert_eq!(code_of(&stage, old), 42001);
}

#[test]
fn a_forced_refresh_ends_the_old_token_at_once_but_not_within_thirty_seconds() {
    let stage = stage();
    let first = stage.stable(false)["access_token"].as_str().unwrap().to_owned();

    let second = stage.stable(true)["access_token"].as_str().unwrap().to_owned();
    stage.advance(29_999);
    let third = stage.stable(true)["access_token"].as_str().unwrap().to_owned();

    assert_ne!(first, second);
    assert_eq!(second, third);
    assert_eq!((code_of(&stage, &first), code_of(&stage, &second)), (40001, 0));
}

#[test]
fn twenty_forced_refreshes_a_day_are_allowed() {
    let stage = stage();
    let forced = || {
        stage.advance(30_000);
        stage.stable(true)
    };

    assert!((0..20).all(|_| forced()["access_token"].is_string()));
    assert_eq!(errcode(&forced()), 45009);
    stage.advance(86_400_000);
    assert!(stage.stable(true)["access_token"].is_string());
}

#[test]
fn the_two_kinds_leave_each_other_alone() {
    let stage = stage();
    let classic = stage.token();
    let stable = stage.stable(false)["access_token"].as_str().unwrap().to_owned();

    stage.stable(true);
    stage.token();
    stage.advance(200_000);

    assert_eq!(code_of(&stage, &classic), 0);
    assert_eq!(code_of(&stage, &stable), 40001);
}

#[test]
fn wrong_credentials_have_their_codes_and_texts() {
    let stage = stage();
    let secret = "secret=wrong";
    let wrong = stage.get(&format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&{secret}"));

    assert_eq!((errcode(&wrong), errmsg(&wrong)), (40125, "invalid appsecret"));
    assert_eq!(fetch(&stage, &format!("grant_type=client_credential&appid=wxother&{secret}")), 40013);
    assert_eq!(fetch(&stage, &format!("grant_type=client_credential&{secret}")), 41002);
    assert_eq!(fetch(&stage, &format!("grant_type=client_credential&appid={APPID}")), 41004);
    assert_eq!(fetch(&stage, &format!("grant_type=x&appid={APPID}&secret={SECRET}")), 40002);
    assert_eq!(errcode(&stage.get("/cgi-bin/stable_token")), 43002);
    assert_eq!(errcode(&stage.post("/cgi-bin/stable_token", "{")), 47001);
    assert_eq!(errcode(&stage.post("/cgi-bin/stable_token", "")), 44002);
}

#[test]
fn the_former_secret_is_40001_and_live_tokens_outlive_the_change() {
    let stage = stage();
    let token = stage.token();

    stage.change(json!({"secret": "fedcba9876543210fedcba9876543210"}));

    assert_eq!(fetch(&stage, &format!("grant_type=client_credential&appid={APPID}&secret={SECRET}")), 40001);
    assert_eq!(code_of(&stage, &token), 0);
}

#[test]
fn a_test_account_fetches_two_hundred_tokens_a_day() {
    let account = AccountBody { kind: Some(Kind::Test), ..AccountBody::default() };
    let stage = stage_with(Settings::default(), account);

    (0..200).for_each(|_| drop(stage.token()));

    let query = format!("grant_type=client_credential&appid={APPID}&secret={SECRET}");
    assert_eq!(fetch(&stage, &query), 45009);
    assert_eq!(stage.simulator.stats().token_fetches, 200);
}

#[test]
fn an_address_off_the_allow_list_is_named_in_the_refusal() {
    let stage = stage();
    let token = stage.token();

    stage.change(json!({"ip_allow_list": ["203.0.113.7"]}));
    let answer = stage.post(&format!("{SEND}?access_token={token}"), &message("m", "拿铁").to_string());

    assert_eq!(errmsg(&answer), "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist");
    assert_eq!(errcode(&answer), 40164);
    stage.change(json!({"ip_allow_list": ["127.0.0.1"]}));
    assert_eq!(code_of(&stage, &token), 0);
}

#[test]
fn an_allow_list_stays_until_it_is_changed_or_lifted_with_null() {
    let stage = stage();
    let token = stage.token();
    stage.change(json!({"ip_allow_list": []}));

    stage.change(json!({"daily_quota": 5}));
    assert_eq!(code_of(&stage, &token), 40164);
    stage.change(json!({"ip_allow_list": null}));
    assert_eq!(code_of(&stage, &token), 0);
}

#[test]
fn revoked_tokens_are_40001_and_a_new_one_works() {
    let stage = stage();
    let (classic, stable) = (stage.token(), stage.stable(false)["access_token"].as_str().unwrap().to_owned());

    stage.faults(json!({"token_revoked": true}));

    assert_eq!((code_of(&stage, &classic), code_of(&stage, &stable)), (40001, 40001));
    let new = stage.token();
    assert_eq!(code_of(&stage, &new), 0);
}

#[test]
fn a_simulator_started_anew_does_not_know_the_old_tokens_nor_repeat_them() {
    let (first, second) = (stage(), stage());
    second.advance(1);

    let (old, new) = (first.token(), second.token());

    assert_ne!(old, new);
    assert_eq!(code_of(&second, &old), 40001);
}
