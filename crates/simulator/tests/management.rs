//! Templates, industries, quotas and rids, as a caller sees them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use serde_json::{Value, json};
use support::{APPID, CATEGORY, SECRET, SEND, errcode, errmsg, stage};

const QUOTA: &str = "/cgi-bin/openapi/quota/get";
const SEND_PATH: &str = r#"{"cgi_path":"/cgi-bin/message/template/send"}"#;

#[test]
fn industries_are_chosen_once_a_month_and_told_by_wechats_names() {
    let stage = stage();
    let set = |body: &str| stage.authorized("/cgi-bin/template/api_set_industry", body);

    assert_eq!(errcode(&set(include_str!("../../wechat/golden/set_industry.request.json"))), 0);
    assert_eq!(errcode(&set(r#"{"industry_id1":"1","industry_id2":"13"}"#)), 43100);
    stage.advance(31 * 86_400_000);
    assert_eq!(errcode(&set(r#"{"industry_id1":"1","industry_id2":"13"}"#)), 0);
    assert_eq!(errcode(&set(r#"{"industry_id1":"1","industry_id2":"42"}"#)), 40097);

    let told = stage.authorized("/cgi-bin/template/get_industry", "");
    let golden: Value =
        serde_json::from_str(include_str!("../../wechat/golden/get_industry.answer.json")).unwrap();
    assert_eq!(told, golden);
}

#[test]
fn a_template_is_added_listed_used_and_deleted() {
    let stage = stage();
    let request = include_str!("../../wechat/golden/add_template.request.json");

    let added = stage.authorized("/cgi-bin/template/api_add_template", request);
    let id = added["template_id"].as_str().unwrap();
    let listed =
        stage.get(&format!("/cgi-bin/template/get_all_private_template?access_token={}", stage.token()));
    let delete = json!({ "template_id": id }).to_string();

    assert_eq!((errcode(&added), id.len()), (0, 43));
    let last = listed["template_list"].as_array().unwrap().last().unwrap();
    assert_eq!(last["content"], "订单编号{{character_string1.DATA}}\n下单时间{{time2.DATA}}");
    assert_eq!((&last["deputy_industry"], listed.get("errcode")), (&json!(""), None));
    assert_eq!(errcode(&stage.authorized("/cgi-bin/template/del_private_template", &delete)), 0);
    assert_eq!(errcode(&stage.authorized("/cgi-bin/template/del_private_template", &delete)), 40037);
}

#[test]
fn the_list_has_the_form_of_the_golden_file() {
    let stage = stage();

    let listed = stage.authorized("/cgi-bin/template/get_all_private_template", "");

    let golden: Value =
        serde_json::from_str(include_str!("../../wechat/golden/list_templates.answer.json")).unwrap();
    let keys =
        |value: &Value| value["template_list"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&listed), keys(&golden));
    assert_eq!(listed["template_list"][0]["template_id"], CATEGORY);
}

#[test]
fn adding_is_refused_as_in_the_golden_files() {
    let stage = stage();
    let add = |body: &str| stage.authorized("/cgi-bin/template/api_add_template", body);
    let golden = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let told = |answer: &Value| (errcode(answer), errmsg(answer).to_owned());

    let unknown = add(r#"{"template_id_short":"47123","keyword_name_list":["没有"]}"#);
    let escaped = add(r#"{"template_id_short":"47123","keyword_name_list":["\u8ba2\u5355\u7f16\u53f7"]}"#);
    let old = add(r#"{"template_id_short":"TM00015","keyword_name_list":["name"]}"#);
    let good = r#"{"template_id_short":"47123","keyword_name_list":["订单编号"]}"#;
    (0..23).for_each(|_| assert_eq!(errcode(&add(good)), 0));

    assert_eq!(
        told(&unknown),
        told(&golden(include_str!("../../wechat/golden/add_template.error.40246.json")))
    );
    assert_eq!(errcode(&escaped), 40246);
    assert_eq!(told(&old), told(&golden(include_str!("../../wechat/golden/add_template.error.40247.json"))));
    assert_eq!(
        told(&add(good)),
        told(&golden(include_str!("../../wechat/golden/add_template.error.45026.json")))
    );
}

#[test]
fn the_quota_is_told_used_up_and_cleared() {
    let stage = stage();
    stage.change(json!({"daily_quota": 2}));
    stage.send_id("m1", "一");
    stage.send_id("m2", "二");

    let told = stage.authorized(QUOTA, SEND_PATH);
    let refused = stage.send_id("m3", "三");
    let cleared = stage.authorized("/cgi-bin/openapi/quota/clear", SEND_PATH);

    assert_eq!(told["quota"], json!({"daily_limit": 2, "used": 2, "remain": 0}));
    assert_eq!(told["rate_limit"], json!({"call_count": 4_200_000, "refresh_second": 60}));
    assert_eq!((errcode(&refused), errcode(&cleared)), (45009, 0));
    assert_eq!(errcode(&stage.send_id("m3", "三")), 0);
}

#[test]
fn the_quota_resets_at_midnight_in_shanghai() {
    let stage = stage();
    stage.change(json!({"daily_quota": 1}));
    stage.send_id("m1", "一");

    stage.advance(12 * 3_600_000 - 1);
    let before = errcode(&stage.send_id("m2", "二"));
    stage.advance(1);

    assert_eq!((before, errcode(&stage.send_id("m2", "二"))), (45009, 0));
}

#[test]
fn the_minute_limit_ends_with_the_minute() {
    let stage = stage();
    stage.change(json!({"minute_limit": 1}));
    stage.send_id("m1", "一");

    let within = errcode(&stage.send_id("m2", "二"));
    stage.advance(60_000);

    assert_eq!((within, errcode(&stage.send_id("m2", "二"))), (45011, 0));
}

#[test]
fn all_quotas_are_cleared_by_token_or_by_secret_ten_times_a_month() {
    let stage = stage();
    let by_token =
        || errcode(&stage.authorized("/cgi-bin/clear_quota", &json!({"appid": APPID}).to_string()));
    let v2 = format!("/cgi-bin/clear_quota/v2?appid={APPID}&appsecret={SECRET}");
    let by_secret = || errcode(&stage.post(&v2, ""));

    assert_eq!(errcode(&stage.authorized("/cgi-bin/clear_quota", r#"{"appid":"wxother"}"#)), 40013);
    assert!((0..5).all(|_| by_token() == 0 && by_secret() == 0));
    assert_eq!((by_token(), by_secret()), (48006, 48006));
    let wrong = format!("/cgi-bin/clear_quota/v2?appid={APPID}&appsecret=wrong");
    assert_eq!(errcode(&stage.post(&wrong, "")), 40125);
}

#[test]
fn unknown_paths_have_no_quota() {
    assert_eq!(errcode(&stage().authorized(QUOTA, r#"{"cgi_path":"/cgi-bin/x"}"#)), 76021);
}

#[test]
fn a_rid_tells_about_the_refused_call() {
    let stage = stage();
    let refused = stage.authorized(SEND, "{");
    let rid = refused["errmsg"].as_str().unwrap().split(" rid: ").nth(1).unwrap();

    let told = stage.authorized("/cgi-bin/openapi/rid/get", &json!({ "rid": rid }).to_string());

    assert_eq!(told["request"]["request_body"], "{");
    assert_eq!(told["request"]["response_body"], refused.to_string());
    assert_eq!(told["request"]["client_ip"], "127.0.0.1");
    let code = |rid: &str| {
        errcode(&stage.authorized("/cgi-bin/openapi/rid/get", &json!({ "rid": rid }).to_string()))
    };
    assert_eq!((code("61725984-6126f6f9-040f19c4"), code("x")), (76001, 76002));
}

#[test]
fn stopped_messages_are_listed_page_by_page() {
    let stage = stage();
    stage.faults(json!({"errcodes": [{"errcode": 40249, "next": 3}]}));
    ["一", "二", "三"].iter().for_each(|word| drop(stage.send_id(word, word)));
    let page = |largest: u64| {
        let body = json!({"tmpl_msg_id": CATEGORY, "largest_id": largest, "limit": 2});
        stage.authorized("/wxa/sec/queryblocktmplmsg", &body.to_string())["msginfo"].clone()
    };

    assert_eq!(page(0).as_array().unwrap().len(), 2);
    assert_eq!(page(2)[0]["id"], 3);
    assert_eq!(page(2)[0]["content"], "订单编号A123\n商品名称三\n下单时间2024年1月2日 12:00");
}

#[test]
fn addresses_are_told() {
    let stage = stage();

    for path in ["/cgi-bin/getcallbackip", "/cgi-bin/get_api_domain_ip"] {
        let told = stage.get(&format!("{path}?access_token={}", stage.token()));
        assert_eq!(told["ip_list"][0], "127.0.0.1");
    }
}

#[test]
fn every_request_of_the_golden_files_is_understood() {
    let stage = stage();
    let calls = [
        ("add_template", "/cgi-bin/template/api_add_template"),
        ("blocked_messages", "/wxa/sec/queryblocktmplmsg"),
        ("clear_api_quota", "/cgi-bin/openapi/quota/clear"),
        ("clear_quota", "/cgi-bin/clear_quota"),
        ("delete_template", "/cgi-bin/template/del_private_template"),
        ("quota", QUOTA),
        ("rid", "/cgi-bin/openapi/rid/get"),
        ("send.minimal", SEND),
        ("send", SEND),
        ("set_industry", "/cgi-bin/template/api_set_industry"),
        ("stable_token.force", "/cgi-bin/stable_token"),
        ("stable_token", "/cgi-bin/stable_token"),
    ];

    for (name, path) in calls {
        let file = format!("{}/../wechat/golden/{name}.request.json", env!("CARGO_MANIFEST_DIR"));
        let answer = stage.authorized(path, &std::fs::read_to_string(file).unwrap());
        // What the file names may not be there (a template, a rid, a field); what it says must be understood.
        let code = answer["errcode"].as_i64().unwrap_or(0);
        assert!([0, 40037, 47003, 76001].contains(&code), "{name}: {answer}");
    }
}
