use super::*;
use FieldCode::*;
use proptest::prelude::*;

const ORDER: &str = "订单编号{{character_string1.DATA}}\n商品名称{{thing2.DATA}}\n下单时间{{time3.DATA}}";
const LEGACY: &str = "{{first.DATA}}\n订单号：{{keyword1.DATA}}\n{{remark.DATA}}";

fn fill_for(kind: AccountKind, content: &str, data: &str) -> Result<Filled, Vec<FieldError>> {
    let template = Template::parse("T", "t", content);
    fill(&template, &Data::parse(data).unwrap(), FieldRules::of(kind))
}

fn filled(content: &str, data: &str) -> Result<Filled, Vec<FieldError>> {
    fill_for(AccountKind::Service, content, data)
}

fn codes(findings: &[FieldError]) -> Vec<(&str, FieldCode)> {
    findings.iter().map(|finding| (&*finding.field, finding.code)).collect()
}

#[test]
fn data_that_fits_becomes_wechats_form_in_the_templates_order() {
    let filled = filled(
        ORDER,
        r##"{"time3":"2026-11-23 12:00","thing2":{"value":"拿铁 \"大\" \\ 杯","color":"#173177"},"character_string1":123}"##,
    );

    let data = r#"{"character_string1":{"value":"123"},"thing2":{"value":"拿铁 \"大\" \\ 杯"},"time3":{"value":"2026-11-23 12:00"}}"#;
    assert_eq!(filled, Ok(Filled { data: data.into(), warnings: Vec::new() }));
}

#[test]
fn all_faults_are_found_at_once_and_name_the_field() {
    let faults =
        filled(ORDER, r#"{"character_string1":"订单","thing2":"","thing9":"x","first":"y"}"#).unwrap_err();

    let expected = [
        ("data.character_string1", BadCharacter),
        ("data.thing2", Empty),
        ("data.time3", Missing),
        ("data.thing9", UnknownField),
        ("data.first", UnknownField),
    ];
    assert_eq!(codes(&faults), expected);
    assert_eq!(faults[2].message, "is missing: the template shows it after “下单时间”");
    let known = "is not a field of the template: its fields are character_string1, thing2, time3";
    assert_eq!(faults[3].message, known);
}

#[test]
fn control_characters_and_blank_values_are_refused_everywhere() {
    for content in ["订单{{thing1.DATA}}", "订单{{plain.DATA}}"] {
        let name = Template::parse("T", "t", content).fields[0].name.clone();
        for (value, code) in
            [("a\\u0000b", ControlCharacter), ("\\tb", ControlCharacter), ("", Empty), (" 　 ", Empty)]
        {
            let data = format!("{{\"{name}\":\"{value}\"}}");
            for kind in [AccountKind::Service, AccountKind::Test] {
                let faults = fill_for(kind, content, &data).unwrap_err();
                assert_eq!(codes(&faults), [(&*format!("data.{name}"), code)], "{data}");
            }
        }
    }
}

#[test]
fn what_wechat_strips_from_legacy_templates_is_only_warned_of() {
    let long = "字".repeat(21);
    let data = format!(r#"{{"first":"{long}","keyword1":"{long}\n😀"}}"#);

    let filled = filled(LEGACY, &data).unwrap();

    let warned = [
        ("data.first", NotShown),
        ("data.keyword1", LineBreak),
        ("data.keyword1", Emoji),
        ("data.keyword1", Cut),
    ];
    assert_eq!(codes(&filled.warnings), warned);
    let raw = format!(r#"{{"first":{{"value":"{long}"}},"keyword1":{{"value":"{long}\n😀"}}}}"#);
    assert_eq!(&*filled.data, raw);
}

#[test]
fn twenty_units_of_a_legacy_value_are_not_cut() {
    let data = format!(r#"{{"keyword1":"{}ABC123"}}"#, "字".repeat(19));

    assert_eq!(filled(LEGACY, &data).unwrap().warnings, []);
}

#[test]
fn test_accounts_only_warn_of_limits() {
    let data = r#"{"character_string1":"订单","thing2":"一\n二","time3":"tomorrow"}"#;

    let real = filled(ORDER, data).unwrap_err();
    let test = fill_for(AccountKind::Test, ORDER, data).unwrap();

    let expected =
        [("data.character_string1", BadCharacter), ("data.thing2", LineBreak), ("data.time3", BadFormat)];
    assert_eq!(codes(&real), expected);
    assert_eq!(codes(&test.warnings), expected);
}

#[test]
fn an_operator_may_relax_the_digits_of_amounts() {
    let template = Template::parse("T", "t", "金额{{amount1.DATA}}");
    let data = Data::parse(r#"{"amount1":"123456789012"}"#).unwrap();
    let strict = FieldRules::of(AccountKind::Service);

    assert!(fill(&template, &data, strict).is_err());
    assert!(fill(&template, &data, FieldRules { amount_digits: 12, ..strict }).is_ok());
}

#[test]
fn a_field_that_wechat_granted_more_is_checked_against_that() {
    let data = format!("{{\"thing1\":\"{}\",\"keyword2\":\"{0}\"}}", "字".repeat(30));
    let data = Data::parse(&data).unwrap();
    let mut template = Template::parse("T", "t", "品{{thing1.DATA}}\n注{{keyword2.DATA}}");
    let rules = FieldRules::of(AccountKind::Service);
    let strict = fill(&template, &data, rules);

    template.relax([("thing1", 30), ("keyword2", 30), ("gone", 30)]);

    assert_eq!(codes(&strict.unwrap_err()), [("data.thing1", TooLong)]);
    assert_eq!(fill(&template, &data, rules).unwrap().warnings, []);
}

#[test]
fn what_is_too_long_is_shortened_only_where_that_is_asked_and_always_told() {
    let long = "您的订单已经发货请注意查收谢谢光临小店哦呀";
    let given = format!(r#"{{"character_string1":"A1","thing2":"{long}","time3":"12:00"}}"#);
    let (template, data) = (Template::parse("T", "t", ORDER), Data::parse(&given).unwrap());
    let rules = FieldRules::of(AccountKind::Service);

    let refused = fill(&template, &data, rules).unwrap_err();
    let short = fill(&template, &data, rules.on_overflow(Overflow::Shorten)).unwrap();

    assert_eq!(codes(&refused), [("data.thing2", TooLong)]);
    assert_eq!(codes(&short.warnings), [("data.thing2", Shortened)]);
    assert!(short.data.contains("您的订单已经发货请注意查收谢谢光临小店…"), "{}", short.data);
}

#[test]
fn shortening_never_touches_numbers_amounts_phones_and_times() {
    let content =
        "a{{number1.DATA}}\nb{{amount2.DATA}}\nc{{phone_number3.DATA}}\nd{{character_string4.DATA}}";
    let digits = "1".repeat(40);
    let data = format!(
        r#"{{"number1":"{digits}","amount2":"{digits}","phone_number3":"{digits}","character_string4":"{digits}"}}"#
    );
    let rules = FieldRules::of(AccountKind::Service).on_overflow(Overflow::Shorten);

    let faults = fill(&Template::parse("T", "t", content), &Data::parse(&data).unwrap(), rules).unwrap_err();

    assert_eq!(faults.iter().filter(|fault| fault.code == TooLong).count(), 4);
}

#[test]
fn an_approved_constant_may_be_empty() {
    assert!(filled("提示{{const1.DATA}}", r#"{"const1":""}"#).is_ok());
}

#[test]
fn messages_do_not_repeat_values() {
    let secret = "13800138000 abcdefghijklmnopqrstuvwxyz";
    for name in ["thing1", "number1", "phone_number1", "amount1", "time1", "name1"] {
        let data = format!("{{\"{name}\":\"{secret}\"}}");

        let faults = filled(&format!("x{{{{{name}.DATA}}}}"), &data).unwrap_err();

        assert!(!faults[0].message.contains("1380"), "{}", faults[0]);
    }
}

proptest! {
    #[test]
    fn what_is_filled_reads_back_as_it_was_given(value in any::<String>()) {
        let json = serde_json::json!({ "keyword1": { "value": value } }).to_string();
        let Ok(data) = Data::parse(&json) else { return Ok(()) };

        if let Ok(filled) = fill(&Template::parse("T", "t", LEGACY), &data, FieldRules::of(AccountKind::Service)) {
            let back = Data::parse(&filled.data).unwrap();
            prop_assert_eq!(back.value("keyword1"), Some(value.as_str()));
            let escapes = filled.data.matches("\\u").count() - value.matches("\\u").count();
            prop_assert_eq!(escapes, 0);
        }
    }

    #[test]
    fn no_value_makes_any_type_panic(value in any::<String>(), kind in 0..FieldKind::ALL.len()) {
        let name = format!("{}1", FieldKind::ALL[kind].as_str());
        let json = serde_json::json!({ &name: value }).to_string();

        if let Ok(data) = Data::parse(&json) {
            let template = Template::parse("T", "t", &format!("x{{{{{name}.DATA}}}}"));
            let (test, service) = (FieldRules::of(AccountKind::Test), FieldRules::of(AccountKind::Service));
            let strict = fill(&template, &data, service);
            let lenient = fill(&template, &data, test);
            prop_assert!(lenient.is_ok() || strict.is_err());
        }
    }
}
