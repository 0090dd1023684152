//! A scenario from its JSON to a message, and everything that can be wrong on the way.
#![expect(clippy::unwrap_used, reason = "the exception for tests does not cover the functions they share")]

use hongyan_domain::{AccountKind, FieldCode, FieldError, FieldRules, Miniprogram, Template, Timestamp};
use hongyan_scenario::{Compiled, Params, Rendered, Scenario, Trigger, check, render};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);
const CONTENT: &str =
    "订单号{{character_string1.DATA}}\n金额{{amount2.DATA}}\n时间{{time3.DATA}}\n商品{{thing4.DATA}}";

fn paid() -> Value {
    json!({
        "name": "payment_success", "title": "支付成功", "category": "transactional", "template_id": "T",
        "fields": {
            "character_string1": "{{ order_no }}", "amount2": "{{ amount | yuan }}",
            "time3": "{{ paid_at | cn_time }}", "thing4": "{{ goods | default(\"商品\") | shorten(20) }}"
        },
        "params": {
            "order_no": {"type": "text", "required": true, "example": "A-1"},
            "amount": {"type": "money", "required": true, "example": "88.00"},
            "paid_at": {"type": "time", "required": true, "example": "2026-11-23T12:00:00+08:00"},
            "goods": {"type": "text", "required": false, "example": "拿铁"}
        },
        "link": {"url": "https://shop.example/orders/{{ order_no }}?from=wx"},
        "timing": {"at": "once"}, "tolerance": "1m", "when_late": "send", "lane": "urgent", "on_unknown": "park",
        "basis": "payment", "subject": "order_no", "max_age": "1d", "caps": {}, "track_clicks": true
    })
}

/// `paid` with the value at a JSON pointer replaced or added.
fn with(pointer: &str, value: Value) -> Value {
    let mut scenario = paid();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    scenario.pointer_mut(parent).unwrap()[key] = value;
    scenario
}

fn scenario(json: Value) -> Scenario {
    serde_json::from_value(json).expect("the JSON is a scenario")
}

fn template() -> Template {
    Template::parse("T", "支付成功通知", CONTENT)
}

fn checked(json: Value) -> Result<Vec<FieldError>, Vec<FieldError>> {
    check(&scenario(json), Some(&template()), FieldRules::of(AccountKind::Service))
}

fn found(findings: &[FieldError]) -> Vec<(&str, FieldCode)> {
    findings.iter().map(|finding| (&*finding.field, finding.code)).collect()
}

fn rendered(scenario_json: Value, params: &str) -> Result<Rendered, Vec<FieldError>> {
    let compiled = Compiled::new(scenario(scenario_json)).unwrap();
    let params = Params::parse(params)?;
    render(&compiled, &Trigger { params: &params, occurred_at: None, items: &[], variant: None }, NOW)
}

const GIVEN: &str = r#"{"order_no":"A/1 中","amount":88.5,"paid_at":"2026-11-23T04:00:00Z"}"#;

#[test]
fn a_trigger_becomes_a_message() {
    let message = rendered(paid(), GIVEN).unwrap();

    let data =
        r#"{"amount2":"¥88.50","character_string1":"A/1 中","thing4":"商品","time3":"2026年11月23日 12:00"}"#;
    assert_eq!(message.data, data);
    assert_eq!(message.url.as_deref(), Some("https://shop.example/orders/A%2F1%20%E4%B8%AD?from=wx"));
    assert_eq!(message.subject.as_deref(), Some("A/1 中"));
    assert_eq!((message.schedule.due_at, message.schedule.expires_at), (NOW, None));
    assert_eq!(message.schedule.deadline_at.ms() - NOW.ms(), 60_000);
    assert!(!format!("{message:?}").contains("A/1"));
}

#[test]
fn a_scenario_survives_its_json() {
    let json = paid();

    assert_eq!(serde_json::to_value(scenario(json.clone())).unwrap(), json);
}

#[test]
fn what_is_left_out_has_a_default_and_what_is_unknown_is_refused() {
    let least = json!({"name": "s", "title": "t", "category": "service"});

    let written = serde_json::to_value(scenario(least)).unwrap();

    assert_eq!(written["timing"], json!({"at": "once"}));
    assert_eq!((&written["tolerance"], &written["max_age"]), (&json!("5m"), &json!("1d")));
    assert_eq!((&written["lane"], &written["on_unknown"]), (&json!("normal"), &json!("park")));
    for wrong in [
        with("/colour", json!("red")),
        with("/params/amount/unit", json!("fen")),
        with("/timing", json!({"at": "twice"})),
        with("/timing", json!({"within": "10"})),
        with("/timing", json!({"within": "10m", "at": "once"})),
        with("/timing", json!({"before": {"param": "paid_at"}})),
        with("/link/href", json!("x")),
        with("/name", json!("Payment")),
    ] {
        assert!(serde_json::from_value::<Scenario>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_sound_scenario_has_no_findings() {
    assert_eq!(checked(paid()), Ok(vec![]));
}

#[test]
fn every_fault_of_a_scenario_is_found_at_once() {
    let mut json = paid();
    json["title"] = json!(" ");
    json["fields"] = json!({
        "character_string1": "{{ order_no", "amount2": "{{ money | yuan }}", "time3": "{{ paid_at | chinese }}",
        "thing9": "x"
    });
    json["tolerance"] = json!("0s");
    json["subject"] = json!("goods");
    json["caps"] = json!({"per_day": 0});
    json["cancelled_by"] = json!(["payment_success"]);
    json["merge"] = json!({"within": "2d", "by": "subject"});

    let faults = checked(json).unwrap_err();

    let expected = [
        ("title", FieldCode::Empty),
        ("tolerance", FieldCode::BadFormat),
        ("merge.within", FieldCode::BadFormat),
        ("subject", FieldCode::Missing),
        ("cancelled_by[0]", FieldCode::BadFormat),
        ("caps.per_day", FieldCode::BadFormat),
        ("fields.amount2", FieldCode::UnknownParam),
        ("fields.character_string1", FieldCode::BadExpression),
        ("fields.time3", FieldCode::BadExpression),
        ("fields.thing4", FieldCode::Missing),
        ("fields.thing9", FieldCode::UnknownField),
    ];
    assert_eq!(found(&faults), expected);
}

#[test]
fn a_fault_in_an_expression_is_told_with_its_place_and_its_mend() {
    let cases = [
        ("订单 {{ order_no", "at character 7: unexpected end of input"),
        (
            "{{ order_no | shout }}",
            "at character 15: shout is no filter here: allowed are yuan, fen, cn_time",
        ),
        (
            "{{ 1 if order_no is odd }}",
            "at character 21: odd is no test here: allowed are defined, undefined",
        ),
        ("{% include 'x' %}", "at character 4: "),
        ("{% macro m() %}{% endmacro %}", "at character 4: "),
        ("{% with a = 1 %}{% endwith %}", "at character 4: with is no statement here: allowed are if, elif"),
        ("{{ range(9) }}", "at character 4: range is no function here: nothing can be called"),
        ("{{ order_no.upper() }}", "at character 13: upper is no function here"),
        (
            "{{ thing4.DATA }}",
            "uses thing4, which is no param: declared are amount, goods, order_no, paid_at",
        ),
    ];

    for (expression, message) in cases {
        let faults = checked(with("/fields/thing4", json!(expression))).unwrap_err();
        assert_eq!(faults[0].field, "fields.thing4");
        assert!(faults[0].message.to_string().starts_with(message), "{expression}: {}", faults[0]);
    }
}

#[test]
fn examples_show_what_wechat_would_refuse() {
    let cases = [
        ("/fields/amount2", json!("{{ goods }}"), FieldCode::BadFormat),
        ("/fields/thing4", json!("一二三四五六七八九十一二三四五六七八九十一"), FieldCode::TooLong),
        ("/fields/time3", json!("{{ amount }}"), FieldCode::BadFormat),
        // Absent when only what is required is given.
        ("/fields/thing4", json!("{{ goods }}"), FieldCode::Missing),
        ("/fields/thing4", json!("{{ goods | cn_time }}"), FieldCode::BadExpression),
        ("/fields/thing4", json!("{{ amount / 3 }}"), FieldCode::BadExpression),
    ];

    for (pointer, value, code) in cases {
        let faults = checked(with(pointer, value.clone())).unwrap_err();
        assert_eq!(faults[0].code, code, "{pointer} {value} {}", faults[0]);
        assert_eq!(faults[0].field, pointer[1..].replace('/', "."));
    }
}

#[test]
fn what_could_be_better_blocks_nothing() {
    let mut json = paid();
    json["params"]["amount"] = json!({"type": "money", "required": true});
    json["params"]["gift"] = json!({"type": "bool", "example": false});

    let advice = checked(json).unwrap();

    assert_eq!(
        found(&advice),
        [("params.gift", FieldCode::Unused), ("params.amount.example", FieldCode::Missing)]
    );
}

#[test]
fn a_param_is_named_so_that_it_can_be_written() {
    for name in ["1a", "a-b", "订单", "", "items", "count", "not", "loop"] {
        let mut json = paid();
        json["params"][name] = json!({"type": "text"});
        let faults = checked(json).unwrap_err();
        assert_eq!(faults[0].code, FieldCode::BadFormat, "{name}");
    }
    let example = checked(with("/params/amount/example", json!([1]))).unwrap_err();
    assert_eq!(found(&example), [("params.amount.example", FieldCode::WrongType)]);
}

#[test]
fn every_fault_of_a_trigger_is_found_at_once() {
    let compiled = Compiled::new(scenario(paid())).unwrap();
    let params = Params::parse(r#"{"amount":"88.005","paid_at":"noon","order_id":"A-1"}"#).unwrap();
    let occurred_at = Some(Timestamp::from_ms(NOW.ms() - 2 * 86_400_000));
    let trigger = Trigger { params: &params, occurred_at, items: &[], variant: Some("b") };

    let faults = render(&compiled, &trigger, NOW).unwrap_err();

    let expected = [
        ("params.amount", FieldCode::BadFormat),
        ("params.order_no", FieldCode::Missing),
        ("params.paid_at", FieldCode::BadFormat),
        ("params.order_id", FieldCode::UnknownParam),
        ("variant", FieldCode::UnknownField),
        ("occurred_at", FieldCode::TooEarly),
    ];
    assert_eq!(found(&faults), expected);
    assert!(!format!("{faults:?}").contains("88.005"));
}

#[test]
fn an_appointment_in_the_past_is_refused_with_its_param() {
    let mut json = with("/timing", json!({"before": {"param": "paid_at", "by": "1h"}}));
    json["fields"]["time3"] = json!("{{ paid_at }}");
    let at = |at: &str| rendered(json.clone(), &format!(r#"{{"order_no":"A","amount":1,"paid_at":"{at}"}}"#));

    let faults = at("2026-09-21T14:13:20Z").unwrap_err();
    let ahead = at("2026-09-21T16:13:20Z").unwrap();

    assert_eq!(found(&faults), [("params.paid_at", FieldCode::TooEarly)]);
    assert_eq!(ahead.schedule.due_at.ms() - NOW.ms(), 3_600_000);
    assert_eq!(ahead.schedule.expires_at.unwrap().ms() - NOW.ms(), 7_200_000);
}

#[test]
fn a_time_to_go_ahead_of_has_to_be_required_and_a_time() {
    let cases = [
        ("paid", "1h", ("timing.before.param", FieldCode::UnknownParam)),
        ("goods", "1h", ("timing.before.param", FieldCode::Missing)),
        ("amount", "1h", ("timing.before.param", FieldCode::WrongType)),
        ("paid_at", "0s", ("timing.before.by", FieldCode::BadFormat)),
    ];

    for (param, by, expected) in cases {
        let faults = checked(with("/timing", json!({"before": {"param": param, "by": by}}))).unwrap_err();
        assert_eq!(found(&faults)[0], expected);
    }
}

/// `paid` that counts from its param, triggered for a payment so many seconds before now.
fn paid_ago(seconds: i64) -> Result<Rendered, Vec<FieldError>> {
    let paid_at = Timestamp::from_ms(NOW.ms() - seconds * 1_000);
    let params = json!({"order_no": "A-1", "amount": 88.5, "paid_at": paid_at});
    rendered(with("/occurred_param", json!("paid_at")), &params.to_string())
}

#[test]
fn a_message_is_due_and_old_by_the_param_that_tells_when_it_happened() {
    let message = paid_ago(40).unwrap();
    assert_eq!(message.schedule.deadline_at.ms() - NOW.ms(), 20_000);
    assert_eq!(message.occurred_at.map(|at| NOW.ms() - at.ms()), Some(40_000));

    let replayed = paid_ago(5 * 86_400).unwrap_err();
    assert_eq!(found(&replayed), [("params.paid_at", FieldCode::TooEarly)]);
    let ahead = paid_ago(-3_600).unwrap_err();
    assert_eq!(found(&ahead), [("params.paid_at", FieldCode::TooLate)]);
}

#[test]
fn what_the_trigger_says_of_its_time_goes_before_the_param() {
    let compiled = Compiled::new(scenario(with("/occurred_param", json!("paid_at")))).unwrap();
    let params = Params::parse(GIVEN).unwrap();
    let trigger = Trigger { params: &params, occurred_at: Some(NOW), items: &[], variant: None };

    let message = render(&compiled, &trigger, NOW).unwrap();

    assert_eq!(message.occurred_at, Some(NOW));
}

#[test]
fn the_param_that_tells_when_it_happened_is_a_time_and_not_the_one_to_go_ahead_of() {
    let ahead = json!({"before": {"param": "paid_at", "by": "1h"}});
    let mut reminder = with("/timing", ahead);
    reminder["occurred_param"] = json!("paid_at");
    let table = [
        (with("/occurred_param", json!("when")), FieldCode::UnknownParam),
        (with("/occurred_param", json!("order_no")), FieldCode::WrongType),
        (reminder, FieldCode::BadFormat),
    ];

    for (json, code) in table {
        assert_eq!(found(&checked(json).unwrap_err()), [("occurred_param", code)]);
    }
    assert_eq!(checked(with("/occurred_param", json!("paid_at"))), Ok(vec![]));
}

#[test]
fn a_trigger_never_chooses_the_host() {
    let cases = [
        "{{ order_no }}",
        "https://{{ order_no }}/x",
        "https://shop.example{{ order_no }}",
        "https://{% if amount %}a{% endif %}.example/",
        "javascript:alert(1)//{{ order_no }}",
        "ftp://a.example/{{ order_no }}",
    ];
    for url in cases {
        let faults = checked(with("/link", json!({"url": url}))).unwrap_err();
        assert_eq!(found(&faults)[0], ("link.url", FieldCode::BadFormat), "{url}");
    }
    for order_no in ["//evil.example", "@evil.example", "\\evil", "?x=1&y", "#a", "%2F", "a\nb"] {
        let params = json!({"order_no": order_no, "amount": 1, "paid_at": "2026-11-23"}).to_string();
        let url = rendered(paid(), &params).unwrap().url.unwrap();
        let value =
            url.strip_prefix("https://shop.example/orders/").and_then(|rest| rest.strip_suffix("?from=wx"));
        assert!(value.is_some_and(|value| !value.contains(['/', '?', '#', '@', '\\', '&', '\n'])), "{url}");
    }
}

#[test]
fn a_step_up_in_a_path_is_refused() {
    for order_no in [".", ".."] {
        let params = json!({"order_no": order_no, "amount": 1, "paid_at": "2026-11-23"}).to_string();
        let faults =
            rendered(with("/link/url", json!("https://a.example/o/{{ order_no }}/x")), &params).unwrap_err();
        assert_eq!(found(&faults), [("link.url", FieldCode::BadExpression)]);
    }
}

#[test]
fn a_mini_program_is_filled_and_a_half_one_is_refused() {
    let link = |pagepath: &str| json!({"miniprogram": {"appid": "wx1", "pagepath": pagepath}});

    let message = rendered(with("/link", link("pages/order?id={{ order_no }}")), GIVEN).unwrap();

    let pagepath = Some("pages/order?id=A%2F1%20%E4%B8%AD".to_owned());
    assert_eq!(message.miniprogram, Some(Miniprogram { appid: "wx1".to_owned(), pagepath }));
    let cases = [
        (link("{{ order_no }}"), "link.miniprogram.pagepath"),
        (link(""), "link.miniprogram.pagepath"),
        (json!({"miniprogram": {"appid": ""}}), "link.miniprogram.appid"),
        (json!({"miniprogram": {"appid": "w x"}}), "link.miniprogram.appid"),
        (json!({}), "link"),
        (json!({"url": "https://a.example/", "utm": {"source": "\u{1}"}}), "link.utm.source"),
    ];
    for (link, field) in cases {
        assert_eq!(checked(with("/link", link)).unwrap_err()[0].field, field);
    }
}

#[test]
fn merged_triggers_see_each_other() {
    let mut json = paid();
    json["merge"] = json!({"within": "5m", "by": "recipient"});
    json["fields"]["amount2"] = json!("{{ items | total(\"amount\") | yuan }}");
    json["fields"]["thing4"] = json!(
        "{{ count }}单：{% for item in items %}{{ item.goods }}{% if not loop.last %}、{% endif %}{% endfor %}"
    );
    let given = |goods: &str| {
        format!(r#"{{"order_no":"A","amount":"0.10","paid_at":"2026-11-23","goods":"{goods}"}}"#)
    };
    let (first, last) = (given("拿铁"), given("可颂"));
    let items = [Params::parse(&first).unwrap(), Params::parse(&last).unwrap()];
    let compiled = Compiled::new(scenario(json)).unwrap();

    let together = Trigger { params: &items[1], occurred_at: None, items: &items, variant: None };
    let alone = Trigger { items: &[], ..together };

    let data =
        |trigger| serde_json::from_str::<Value>(&render(&compiled, trigger, NOW).unwrap().data).unwrap();
    assert_eq!(
        (&data(&together)["thing4"], &data(&together)["amount2"]),
        (&json!("2单：拿铁、可颂"), &json!("¥0.20"))
    );
    assert_eq!((&data(&alone)["thing4"], &data(&alone)["amount2"]), (&json!("1单：可颂"), &json!("¥0.10")));
}

#[test]
fn too_many_items_and_a_bad_item_are_named() {
    let compiled = Compiled::new(scenario(paid())).unwrap();
    let good = Params::parse(GIVEN).unwrap();
    let bad = Params::parse(r#"{"order_no":"A","amount":"x","paid_at":"2026-11-23"}"#).unwrap();
    let fault = |items: &[Params<'_>]| {
        let trigger = Trigger { params: &good, occurred_at: None, items, variant: None };
        let faults = render(&compiled, &trigger, NOW).unwrap_err();
        (faults[0].field.to_string(), faults[0].code)
    };

    assert_eq!(fault(&[good.clone(), bad]), ("items[1].amount".to_owned(), FieldCode::BadFormat));
    assert_eq!(fault(&vec![good.clone(); 101]), ("items".to_owned(), FieldCode::TooMany));
}

#[test]
fn a_variant_words_its_fields_otherwise() {
    let mut json = paid();
    json["variants"] = json!([
        {"name": "a", "weight": 1},
        {"name": "b", "weight": 1, "fields": {"thing4": "订单 {{ order_no }} 已支付"}, "link": {"url": "https://b.example/"}}
    ]);
    let compiled = Compiled::new(scenario(json.clone())).unwrap();
    let params = Params::parse(GIVEN).unwrap();
    let message = |variant| {
        let trigger = Trigger { params: &params, occurred_at: None, items: &[], variant };
        render(&compiled, &trigger, NOW).unwrap()
    };

    assert_eq!(message(Some("a")), message(None));
    assert!(message(Some("b")).data.contains("订单 A/1 中 已支付"));
    assert_eq!(message(Some("b")).url.as_deref(), Some("https://b.example/"));
    json["variants"][0]["fields"] = json!({"thing9": "x"});
    json["variants"][1]["name"] = json!("a");
    json["variants"][1]["weight"] = json!(1001);
    json["variants"][1]["fields"]["thing4"] = json!("{{ amount | cn_time }}");
    let expected = [
        ("variants[0].fields.thing9", FieldCode::UnknownField),
        ("variants[1].name", FieldCode::Doubled),
        ("variants[1].weight", FieldCode::BadFormat),
    ];
    assert_eq!(found(&checked(json.clone()).unwrap_err()), expected);
    json["variants"].as_array_mut().unwrap().remove(0);
    json["variants"][0]["weight"] = json!(1);
    assert_eq!(found(&checked(json).unwrap_err()), [("variants[0].fields.thing4", FieldCode::BadExpression)]);
}
