//! template/send: what is refused and with which words, what repeats, what the phone shows.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use hongyan_simulator::{
    AccountBody, Escapes, Fate, FollowerStatus, Kind, LedgerQuery, MsgidForm, RepeatAnswer, Settings,
    TemplateBody, TemplateState,
};
use http::Method;
use serde_json::{Value, json};
use support::{APPID, CATEGORY, LEGACY, OPENID, SEND, errcode, errmsg, json_of, message, stage, stage_with};

#[test]
fn an_accepted_send_is_answered_as_in_the_golden_file_with_a_19_digit_msgid() {
    let stage = stage();
    let golden_request = include_str!("../../wechat/golden/send.request.json");
    let target = format!("{SEND}?access_token={}", stage.token());

    let answer = stage.call(&Method::POST, &target, golden_request.as_bytes());

    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    let msgid = json_of(&answer)["msgid"].as_u64().unwrap().to_string();
    let golden = include_str!("../../wechat/golden/send.answer.json").trim_end();
    assert_eq!(body.replace(&msgid, "3557254367693750277"), golden);
    assert_eq!(msgid.len(), 19);
    let seen = &stage.simulator.control().phone(OPENID)[0];
    assert_eq!(seen.lines, ["订单编号A123", "商品名称拿铁（大杯）", "下单时间2024年1月2日 12:00"]);
    assert_eq!(seen.url.as_deref(), Some("https://example.com/order/1"));
    assert_eq!(seen.miniprogram.as_ref().unwrap().pagepath.as_deref(), Some("pages/order?id=1"));
}

#[test]
fn short_msgids_stay_below_2_to_the_53() {
    let stage =
        stage_with(Settings { msgids: MsgidForm::Short, ..Settings::default() }, AccountBody::default());

    let (first, second) = (stage.send_id("m1", "一"), stage.send_id("m2", "二"));

    assert!(first["msgid"].as_u64().unwrap() < second["msgid"].as_u64().unwrap());
    assert!(second["msgid"].as_u64().unwrap() < 1 << 53);
}

#[test]
fn every_refusal_of_the_golden_files_has_the_same_code_and_text() {
    let stage = stage();
    let mut compared = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wechat/golden")).unwrap() {
        let path = file.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with("send.error.") {
            continue;
        }
        let golden: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        stage.faults(json!({"errcodes": [{"errcode": golden["errcode"], "next": 1}]}));
        let answer = stage.send_id("m", "拿铁");
        assert_eq!((errcode(&answer), errmsg(&answer)), (errcode(&golden), errmsg(&golden)), "{path:?}");
        compared += 1;
    }
    assert!(compared >= 18, "{compared} golden refusals");
}

#[test]
fn recipients_are_refused_by_what_they_are() {
    let stage = stage();
    stage.person("gone", FollowerStatus::Unfollowed);
    stage.person("black", FollowerStatus::Blacklisted);

    assert_eq!(stage.code_with(|body| body["touser"] = json!("gone")), 43004);
    assert_eq!(stage.code_with(|body| body["touser"] = json!("black")), 43019);
    assert_eq!(stage.code_with(|body| body["touser"] = json!("stranger")), 40003);
    assert_eq!(stage.code_with(|body| body["touser"] = Value::Null), 40003);
}

#[test]
fn templates_and_links_are_refused_by_their_own_codes() {
    let stage = stage();
    let banned = TemplateBody {
        appid: APPID.into(),
        template_id: Some(LEGACY.into()),
        state: Some(TemplateState::Banned),
        ..TemplateBody::default()
    };
    stage.simulator.control().put_template(&banned).unwrap();
    stage.change(json!({"miniprograms": ["wxmini"]}));
    let mini = |appid: &str, path: &str| json!({"appid": appid, "pagepath": path});

    assert_eq!(stage.code_with(|body| body["template_id"] = json!("other")), 40037);
    assert_eq!(stage.code_with(|body| body["template_id"] = json!("")), 40036);
    assert_eq!(stage.code_with(|body| body["template_id"] = json!(LEGACY)), 43116);
    assert_eq!(stage.code_with(|body| body["url"] = json!("x".repeat(2049))), 40039);
    assert_eq!(stage.code_with(|body| body["miniprogram"] = mini("wxother", "p")), 40013);
    assert_eq!(stage.code_with(|body| body["miniprogram"] = mini("wxmini", "/p")), 40165);
    assert_eq!(stage.code_with(|body| body["miniprogram"] = mini("wxmini", "pages/a?b=1")), 0);
}

#[test]
fn a_field_that_does_not_fit_is_named() {
    let stage = stage();
    let mut long = message("m", "一二三四五六七八九十一二三四五六七八九十一");
    let too_long = stage.send(&long);
    long["data"]["thing2"]["value"] = json!("");
    let empty = stage.send(&long);

    assert_eq!(
        (errcode(&too_long), errmsg(&too_long)),
        (47003, "argument invalid! data.thing2.value invalid")
    );
    assert_eq!((errcode(&empty), errmsg(&empty)), (47003, "argument invalid! data.thing2.value is emtpy"));
    assert_eq!(stage.code_with(|body| body["data"]["time3"]["value"] = json!("明天")), 47003);
    assert_eq!(stage.code_with(|body| body["data"]["thing2"]["value"] = json!("好😀")), 47003);
    assert_eq!(stage.code_with(|body| drop(body.as_object_mut().unwrap().remove("data"))), 47003);
}

#[test]
fn a_test_account_does_not_enforce_the_limits() {
    let account = AccountBody { kind: Some(Kind::Test), ..AccountBody::default() };
    let stage = stage_with(Settings::default(), account);

    let long = "一二三四五六七八九十一二三四五六七八九十一";

    assert_eq!(errcode(&stage.send_id("m", long)), 0);
    assert_eq!(stage.simulator.control().phone(OPENID)[0].lines[1], format!("商品名称{long}"));
}

#[test]
fn a_legacy_template_is_stripped_and_never_refused() {
    let stage = stage();
    let data = json!({
        "first": {"value": "您好"}, "remark": {"value": "谢谢"},
        "keyword1": {"value": "🎉一二三四五六七八九十\n一二三四五六七八九十多", "color": "#173177"},
    });

    let answer =
        stage.send(&json!({"touser": OPENID, "template_id": LEGACY, "topcolor": "#FF0000", "data": data}));

    assert_eq!(errcode(&answer), 0);
    let seen = &stage.simulator.control().phone(OPENID)[0];
    assert_eq!(seen.title, "领取奖金提醒");
    assert_eq!(seen.lines, ["领奖金额：一二三四五六七八九十一二三四五六七八九十…"]);
}

#[test]
fn the_wrong_method_and_broken_bodies_have_their_codes() {
    let stage = stage();
    let token = stage.token();
    let code = |body: &[u8]| {
        errcode(&json_of(&stage.call(&Method::POST, &format!("{SEND}?access_token={token}"), body)))
    };

    assert_eq!(errcode(&stage.get(&format!("{SEND}?access_token={token}"))), 43002);
    assert_eq!(code(b""), 44002);
    assert_eq!(code(b"{"), 47001);
    assert_eq!(code(b"[]"), 47001);
    assert_eq!(code(b"{\"touser\":\"\xff\xfe\"}"), 47001);
    assert_eq!(code("[".repeat(10_000).as_bytes()), 47001);
    assert_eq!(code(format!("{{\"a\":{}", "[".repeat(10_000)).as_bytes()), 47001);
    assert_eq!(code(&[b' '; 32_769]), 45002);
    assert_eq!(code(br#"{"touser":"o","data":{"a":{"value":1e400}}}"#), 47001);
    assert_eq!(errcode(&stage.post("/cgi-bin/nothing", "{}")), 40066);
}

#[test]
fn escapes_are_refused_where_the_account_says_so() {
    let stage = stage();
    let escaped = message("m", "COFFEE").to_string().replace("COFFEE", r"\u62ff\u94c1");

    assert_eq!(errcode(&stage.authorized(SEND, &escaped)), 0);
    assert_eq!(stage.simulator.control().phone(OPENID)[0].lines[1], "商品名称拿铁");
    stage.change(json!({"escapes": Escapes::Refuse}));
    assert_eq!(errcode(&stage.authorized(SEND, &escaped)), 40033);
}

#[test]
fn what_sdks_send_besides_is_taken() {
    let stage = stage();
    let mut body = message("m", "拿铁");
    body["color"] = json!("#173177");
    body["url"] = json!(" ");
    body["miniprogram"] = json!({"appid": "", "pagepath": ""});
    let target = format!("{SEND}?neededText=1&access_token={}&debug=1", stage.token());

    let answer = stage.post(&target, &format!("{body}\n"));

    assert_eq!(errcode(&answer), 0);
    let seen = &stage.simulator.control().phone(OPENID)[0];
    assert_eq!((&seen.url, &seen.miniprogram), (&None, &None));
}

#[test]
fn the_same_id_within_ten_minutes_is_answered_with_the_first_msgid_and_not_delivered_again() {
    let stage = stage();
    let first = stage.send_id("m", "拿铁");

    stage.advance(599_000);
    let again = stage.send_id("m", "美式");

    assert_eq!(again["msgid"], first["msgid"]);
    let stats = stage.simulator.stats();
    assert_eq!((stats.sends, stats.delivered, stats.repeats, stats.duplicates), (2, 1, 1, 0));
    assert_eq!(stage.simulator.control().phone(OPENID).len(), 1);
}

#[test]
fn the_same_id_after_ten_minutes_is_delivered_again_and_counted_as_a_duplicate() {
    let stage = stage();
    stage.send_id("m", "拿铁");

    stage.advance(600_000);
    let again = stage.send_id("m", "拿铁");

    let stats = stage.simulator.stats();
    assert_eq!((errcode(&again), stats.delivered, stats.duplicates), (0, 1, 1));
    let phone = stage.simulator.control().phone(OPENID);
    assert_eq!(phone.iter().map(|seen| seen.duplicate).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_repeat_can_be_answered_as_mass_sending_does() {
    let settings = Settings { repeats: RepeatAnswer::Errcode45065, ..Settings::default() };
    let stage = stage_with(settings, AccountBody::default());
    let first = stage.send_id("m", "拿铁");

    let again = stage.send_id("m", "拿铁");

    assert_eq!((errcode(&again), errmsg(&again)), (45065, "clientmsgid exist"));
    assert_eq!(again["msgid"], first["msgid"]);
}

#[test]
fn the_same_id_to_another_person_is_another_message() {
    let stage = stage();
    stage.person("o2", FollowerStatus::Following);

    stage.send_id("m", "拿铁");
    let other = stage.code_with(|body| body["touser"] = json!("o2"));

    assert_eq!((other, stage.simulator.stats().delivered), (0, 2));
}

#[test]
fn the_same_content_within_a_minute_under_another_id_is_40241() {
    let stage = stage();
    stage.send_id("m1", "拿铁");

    stage.advance(59_000);
    let other_id = stage.send_id("m2", "拿铁");
    let same_id = stage.send_id("m1", "拿铁");
    stage.advance(1_000);
    let later = stage.send_id("m2", "拿铁");

    assert_eq!((errcode(&other_id), errcode(&same_id), errcode(&later)), (40241, 0, 0));
    assert_eq!(stage.simulator.stats().delivered, 2);
}

#[test]
fn the_same_content_may_be_allowed() {
    let stage = stage();
    stage.change(json!({"same_content": "allow"}));

    assert_eq!(errcode(&stage.send_id("m1", "拿铁")), 0);
    assert_eq!(errcode(&stage.send_id("m2", "拿铁")), 0);
}

#[test]
fn too_many_messages_a_minute_to_one_person_are_43117() {
    let stage = stage();
    stage.change(json!({"openid_minute_limit": 2}));

    let codes: Vec<i64> = ["一", "二", "三"].iter().map(|word| errcode(&stage.send_id(word, word))).collect();

    assert_eq!(codes, [0, 0, 43117]);
    stage.advance(60_000);
    assert_eq!(errcode(&stage.send_id("三", "三")), 0);
}

#[test]
fn the_ledger_tells_what_became_of_every_call() {
    let stage = stage();
    stage.send_id("m1", "拿铁");
    stage.send_id("m1", "拿铁");
    stage.send_id("m2", "一二三四五六七八九十一二三四五六七八九十一");

    let query = LedgerQuery { appid: Some(APPID.into()), ..LedgerQuery::default() };
    let entries = stage.simulator.control().ledger(&query);
    let of_m2 = LedgerQuery { client_msg_id: Some("m2".into()), ..query };

    let told: Vec<_> =
        entries.iter().map(|entry| (entry.errcode, entry.fate, entry.msgid.is_some())).collect();
    assert_eq!(told, [(0, Fate::Delivered, true), (0, Fate::Repeat, true), (47003, Fate::Refused, false)]);
    assert_eq!(entries[0].template_id.as_deref(), Some(CATEGORY));
    assert_eq!(stage.simulator.control().ledger(&of_m2).len(), 1);
}

#[test]
fn an_account_without_permission_is_48001() {
    let stage = stage();

    stage.change(json!({"permission": "unauthorized"}));

    assert_eq!(errcode(&stage.send_id("m", "拿铁")), 48001);
}

#[test]
fn only_so_many_calls_are_remembered_and_none_for_longer_than_ten_minutes() {
    let stage = stage_with(Settings { details: 2, ..Settings::default() }, AccountBody::default());

    ["一", "二", "三"].iter().for_each(|word| drop(stage.send_id(word, word)));
    let ids = |stage: &support::Stage| -> Vec<String> {
        let entries = stage.simulator.control().ledger(&LedgerQuery::default());
        entries.into_iter().filter_map(|entry| entry.client_msg_id).collect()
    };

    assert_eq!(ids(&stage), ["二", "三"]);
    stage.advance(600_001);
    stage.send_id("四", "四");
    assert_eq!(ids(&stage), ["四"]);
}

#[test]
fn a_call_that_is_too_old_takes_no_younger_one_with_it() {
    let stage = stage();
    let send_after = |word: &str, pause_ms: i64| {
        stage.advance(pause_ms);
        stage.send_id(word, word);
    };

    send_after("一", 0);
    send_after("二", 300_000);
    send_after("三", 300_001);

    let entries = stage.simulator.control().ledger(&LedgerQuery::default());
    let ids: Vec<_> = entries.iter().filter_map(|entry| entry.client_msg_id.as_deref()).collect();
    assert_eq!(ids, ["二", "三"]);
}
