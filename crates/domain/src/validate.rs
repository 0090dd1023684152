//! Validate: does the data fit the template? All faults at once, before anything is accepted.

use crate::data::{Entry, fault};
use crate::field_error::FieldCode::{
    ControlCharacter, Cut, Emoji, Empty, LineBreak, Missing, NotShown, UnknownField,
};
use crate::field_rule::{self, SHOWN_MAX};
use crate::{AccountKind, Data, Family, Field, FieldCode, FieldError, FieldKind, Template, text};

/// How the limits of the types are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRules {
    /// Whether a value beyond its type's limit is refused.
    pub limits: TypeLimits,
    /// Digits that an amount may have. WeChat's two pages say 10 and 12; the stricter is the default.
    pub amount_digits: usize,
}

/// What a value beyond its type's limit gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeLimits {
    /// An error.
    Enforced,
    /// A warning: test accounts do not enforce them, and an operator may relax them for a template.
    Advised,
}

impl FieldRules {
    /// The rules for an account of this kind.
    pub fn of(kind: AccountKind) -> Self {
        let limits = if kind == AccountKind::Test { TypeLimits::Advised } else { TypeLimits::Enforced };
        Self { limits, amount_digits: 10 }
    }
}

/// Data that fits its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// WeChat's form, `{"thing1":{"value":"…"}}`, in the template's order, raw UTF-8: some endpoints refuse
    /// `\uXXXX`. Colours are left out; WeChat ignores them since 2023-05-04.
    pub data: Box<str>,
    /// What the phone will not show as it was given.
    pub warnings: Vec<FieldError>,
}

/// Fits `data` into `template`, or says everything that is wrong with it.
///
/// Errors: a name the template does not have, a field that is missing (`first` and `remark` may be, nobody
/// sees them) or empty (`const` may be), a control character, and in category templates whatever WeChat would
/// refuse with 47003. In legacy templates WeChat cuts and strips silently: those are warnings.
pub fn fill(template: &Template, data: &Data<'_>, rules: FieldRules) -> Result<Filled, Vec<FieldError>> {
    let mut findings = Findings::default();
    let mut json =
        String::with_capacity(2 + data.entries.iter().map(|entry| entry.value.len() + 48).sum::<usize>());
    json.push('{');
    for field in &template.fields {
        match data.entry(&field.name) {
            Some(entry) => {
                findings.look_at(field, &entry.value, rules);
                push_field(&mut json, &field.name, &entry.value);
            }
            None if is_not_shown(field.kind) => {}
            None => findings.error(field, Missing, missing(field)),
        }
    }
    json.push('}');
    findings.errors.extend(unknown_fields(template, data));
    let Findings { errors, warnings } = findings;
    if errors.is_empty() { Ok(Filled { data: json.into(), warnings }) } else { Err(errors) }
}

fn is_not_shown(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::First | FieldKind::Remark)
}

fn missing(field: &Field) -> String {
    match field.label.as_str() {
        "" => "is missing: the template needs it".to_owned(),
        label => format!("is missing: the template shows it after “{label}”"),
    }
}

fn unknown_fields(template: &Template, data: &Data<'_>) -> impl Iterator<Item = FieldError> {
    let unknown = |entry: &&Entry<'_>| template.field(&entry.name).is_none();
    data.entries.iter().filter(unknown).map(|entry| {
        let names: Vec<_> = template.fields.iter().map(|field| field.name.as_str()).collect();
        let message = match names.join(", ") {
            names if names.is_empty() => "is not a field of the template: it has none".to_owned(),
            names => format!("is not a field of the template: its fields are {names}"),
        };
        fault(&entry.name, UnknownField, message)
    })
}

#[derive(Default)]
struct Findings {
    errors: Vec<FieldError>,
    warnings: Vec<FieldError>,
}

impl Findings {
    fn look_at(&mut self, field: &Field, value: &str, rules: FieldRules) {
        if value.trim().is_empty() {
            if !is_not_shown(field.kind) && field.kind != FieldKind::Const {
                self.error(field, Empty, "is empty: give it a value");
            }
            return;
        }
        if is_not_shown(field.kind) {
            self.warn(field, NotShown, "is not shown: WeChat leaves out first and remark since 2023-05-04");
        }
        let controls_before = self.errors.len();
        self.look_at_characters(field, value, rules);
        if self.errors.len() == controls_before {
            self.look_at_type(field, value, rules);
        }
    }

    fn look_at_characters(&mut self, field: &Field, value: &str, rules: FieldRules) {
        let bad = |c: char| c.is_control() && !text::is_line_break(c);
        if let Some(at) = value.chars().position(bad) {
            let message = format!("has a control character as character {}: remove it", at + 1);
            self.error(field, ControlCharacter, message);
        }
        if value.contains(text::is_line_break) {
            let message = "has a line break: WeChat shows one line, put a blank in its place";
            match field.kind.family() {
                Family::Legacy => self.warn(field, LineBreak, message),
                Family::Category => self.limit(fault(&field.name, LineBreak, message), rules),
            }
        }
        if text::has_emoji(value) {
            self.warn(field, Emoji, "has an emoji: WeChat removes it since 2023-05-04");
        }
    }

    fn look_at_type(&mut self, field: &Field, value: &str, rules: FieldRules) {
        if field.kind.family() == Family::Legacy {
            let cut = !is_not_shown(field.kind) && is_cut(value);
            if cut {
                let message = format!("is too long: the phone shows {SHOWN_MAX} characters and …");
                self.warn(field, Cut, message);
            }
            return;
        }
        if let Err(misfit) = field_rule::check(field.kind, value, rules.amount_digits) {
            self.limit(fault(&field.name, misfit.code, misfit.message), rules);
        }
    }

    fn limit(&mut self, finding: FieldError, rules: FieldRules) {
        match rules.limits {
            TypeLimits::Enforced => self.errors.push(finding),
            TypeLimits::Advised => self.warnings.push(finding),
        }
    }

    fn warn(&mut self, field: &Field, code: FieldCode, message: impl Into<String>) {
        self.warnings.push(fault(&field.name, code, message));
    }

    fn error(&mut self, field: &Field, code: FieldCode, message: impl Into<String>) {
        self.errors.push(fault(&field.name, code, message));
    }
}

/// Whether the phone shows only the beginning of a legacy value.
fn is_cut(value: &str) -> bool {
    value.len() > SHOWN_MAX && text::legacy_units(value).nth(SHOWN_MAX).is_some()
}

fn push_field(json: &mut String, name: &str, value: &str) {
    if json.len() > 1 {
        json.push(',');
    }
    // A template's names are letters, digits and underscores.
    for part in ["\"", name, "\":{\"value\":"] {
        json.push_str(part);
    }
    push_text(json, value);
    json.push('}');
}

/// A JSON string with only what JSON itself demands escaped.
fn push_text(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        json.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            // Only in what is refused anyway.
            other => json.push_str(&format!("\\u{other:04x}")),
        }
        rest = &rest[at + 1..];
    }
    json.push_str(rest);
    json.push('"');
}

#[cfg(test)]
mod tests {
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
        let faults = filled(ORDER, r#"{"character_string1":"订单","thing2":"","thing9":"x","first":"y"}"#)
            .unwrap_err();

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
}
