//! The fence: whatever is written into a scenario or given by a trigger is an answer or an error, never a panic, a
//! hang or a gigabyte.

use hongyan_domain::{AccountKind, FieldCode, FieldError, FieldRules, Timestamp};
use hongyan_scenario::{Compiled, Params, Scenario, Trigger, check, render};
use proptest::prelude::*;
use serde_json::json;

const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

fn scenario(expression: &str) -> Scenario {
    let json = json!({
        "name": "s", "title": "t", "category": "service",
        "fields": {"thing1": expression},
        "params": {
            "a": {"type": "text", "required": true, "example": "x"}, "n": {"type": "number", "example": 3},
            "m": {"type": "money"}, "t": {"type": "time"}, "p": {"type": "phone"}, "b": {"type": "bool"}
        }
    });
    serde_json::from_value(json).expect("the JSON is a scenario")
}

fn rendered(expression: &str, params: &str) -> Result<String, Vec<FieldError>> {
    let compiled = Compiled::new(scenario(expression))?;
    let params = Params::parse(params)?;
    let trigger = Trigger { params: &params, occurred_at: None, items: &[], variant: None };
    render(&compiled, &trigger, NOW).map(|message| message.data)
}

fn code(expression: &str, params: &str) -> Option<FieldCode> {
    rendered(expression, params).err().map(|faults| faults[0].code)
}

#[test]
fn an_expression_that_grows_without_bound_is_stopped() {
    let doubled = "{% set x = a %}".to_owned() + &"{% set x = x ~ x %}".repeat(40) + "{{ x }}";
    let nested = "{% for x in [a ~ a] %}".repeat(20) + "{{ x }}" + &"{% endfor %}".repeat(20);
    let looped = "{% for i in a %}{% for j in a %}{% for k in a %}{% for l in a %}x{% endfor %}{% endfor %}{% endfor %}{% endfor %}";
    let captured = "{% set x %}{{ a }}{{ a }}{{ a }}{% endset %}"
        .repeat(3)
        .replace("{{ a }}", "{{ a | replace('x', a) }}")
        + "{{ x }}";
    let params = format!(r#"{{"a":"{}","n":9999999}}"#, "x".repeat(2000));
    let hostile = [
        &*doubled,
        &nested,
        looped,
        &captured,
        "{{ a * n }}",
        "{{ 'x' * 99999999 }}",
        "{{ [1] * 99999999 }}",
        "{{ ([a] * 99999) | join(a) }}",
        "{{ a | replace('x', a) | replace('x', a) | replace('x', a) }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ 9 ** 99999999 }}",
        "{{ a * -n }}{{ a }}{{ a }}",
    ];

    for expression in hostile {
        assert!(rendered(expression, &params).is_err(), "{expression}");
    }
}

#[test]
fn an_expression_that_is_too_long_or_too_deep_is_refused() {
    let long = "x".repeat(1025);
    let deep = "{{ ".to_owned() + &"(".repeat(480) + "a" + &")".repeat(480) + " }}";
    let lists = "{{ ".to_owned() + &"[".repeat(480) + &"]".repeat(480) + " }}";
    let signs = "{{ ".to_owned() + &"-".repeat(1000) + "1 }}";
    let nots = "{{ ".to_owned() + &"not ".repeat(250) + "a }}";

    assert_eq!(code(&long, r#"{"a":"x"}"#), Some(FieldCode::TooLong));
    for expression in [deep, lists, nots] {
        assert_eq!(code(&expression, r#"{"a":"x"}"#), Some(FieldCode::BadExpression), "{expression:.20}");
    }
    assert_eq!(rendered(&signs, r#"{"a":"x"}"#), Ok(r#"{"thing1":"1"}"#.to_owned()));
}

#[test]
fn a_long_chain_neither_overflows_nor_hangs() {
    let chains = [
        ("a", " ~ a", 250),
        ("1", " + 1", 250),
        ("a", ".a", 500),
        ("a", "[0]", 330),
        ("a", " | upper", 120),
        ("a", " is defined", 90),
        ("a", " if a else a", 80),
        ("a", " and a", 160),
        ("1", " < 1", 250),
        ("", "not ", 200),
    ];

    for (head, link, count) in chains {
        let expression = format!("{{{{ {head}{} }}}}", link.repeat(count));
        assert_ne!(code(&expression, r#"{"a":"x"}"#), Some(FieldCode::TooLong), "{link}");
    }
}

#[test]
fn a_param_that_is_hostile_is_refused() {
    let huge = format!(r#"{{"a":"{}"}}"#, "x".repeat(10_000_000));
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let many = format!("{{{}}}", (0..100_000).map(|n| format!("\"a{n}\":1")).collect::<Vec<_>>().join(","));
    let cases = [
        (&*huge, FieldCode::TooLong),
        (&deep, FieldCode::WrongType),
        (&many, FieldCode::TooMany),
        (r#"{"a":NaN}"#, FieldCode::Malformed),
        (r#"{"a":1e999}"#, FieldCode::BadFormat),
        (r#"{"a":"x","n":"NaN"}"#, FieldCode::BadFormat),
        (r#"{"a":"x","n":"1e5"}"#, FieldCode::BadFormat),
        (r#"{"a":"x","a":"y"}"#, FieldCode::Doubled),
        (r#"{"a":null}"#, FieldCode::WrongType),
        (r#"{"a":"\ud800"}"#, FieldCode::Malformed),
        ("", FieldCode::WrongType),
        ("[]", FieldCode::WrongType),
    ];

    for (params, expected) in cases {
        assert_eq!(code("{{ a }}", params), Some(expected), "{params:.40}");
    }
}

#[test]
fn a_param_is_text_and_never_an_expression() {
    let data = rendered("{{ a }}", r#"{"a":"{{ n }}{% if %}\"}"}"#).unwrap();

    assert_eq!(data, r#"{"thing1":"{{ n }}{% if %}\"}"}"#);
}

#[test]
fn errors_do_not_repeat_what_was_given() {
    let secret = "13800138000x";
    let params = json!({"a": secret}).to_string();
    let typed = |name: &str| json!({"a": "x", name: secret}).to_string();
    let expressions = [
        "{{ a | yuan }}",
        "{{ a | fen }}",
        "{{ a | cn_time }}",
        "{{ a / 2 }}",
        "{{ a - 1 }}",
        "{{ a * a }}",
        "{{ -a }}",
        "{{ a[a][a] }}",
        "{{ a | map(a) }}",
        "{{ a | map(a) | join }}",
        "{{ a | shorten(a) }}",
        "{{ [a] }}",
        "{{ {a: a} }}",
        "{{ items | total(a) }}",
        "{% for x, y in [a] %}{% endfor %}",
        "{{ a | join(1, 2, 3) }}",
        "{{ a | unique(a=a) }}",
    ];

    for expression in expressions {
        let faults = rendered(expression, &params).unwrap_err();
        assert!(!format!("{faults:?}").contains("1380"), "{expression}: {faults:?}");
    }
    for name in ["n", "m", "t", "b"] {
        let faults = rendered("{{ a }}", &typed(name)).unwrap_err();
        assert!(!format!("{faults:?}").contains("1380"), "{name}: {faults:?}");
    }
}

#[test]
fn an_absent_param_is_named() {
    let faults = rendered("{{ a }}{{ n }}", r#"{"a":"x"}"#).unwrap_err();

    let message = "fields.thing1: uses n, which is not given: give it, or write {{ n | default(\"…\") }}";
    assert_eq!(faults[0].to_string(), message);
}

/// Pieces that often make an expression.
const PIECES: &str = r#"{{ }} {% %} -%} {# #} a n m t b items count loop.index | yuan fen cn_time cn_date shorten( mask default(
    total( map( join first last length unique replace( trim upper attribute= ( ) [ ] { } , : . * ** / // % - + ~ = == <
    in is not defined if else for endfor endif set endset 'x' " ' 0 1 20 9999999999 1.5 中 😀"#;

fn any_expression() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = PIECES.split_whitespace().collect();
    let piece = (proptest::sample::select(pieces), prop_oneof![Just(""), Just(" ")]);
    proptest::collection::vec(piece.prop_map(|(piece, blank)| format!("{piece}{blank}")), 0..30)
        .prop_map(|pieces| pieces.concat())
}

/// Expressions that can mostly be read.
fn readable_expression() -> impl Strategy<Value = String> {
    let one_of = |words: &'static str| proptest::sample::select(words.split(' ').collect::<Vec<_>>());
    let value = one_of("a n m t p b items count '文' 7 -1 [a,n] none 1.5");
    let filter = one_of(
        "yuan fen cn_time cn_date shorten(3) shorten(n) mask default('-') total('m') map(attribute='a') map('shorten',2) \
         join('、') first last length unique replace(a,n) trim upper lower",
    );
    let operator = one_of("+ - * / // % ** ~ == < and or in");
    let term = (value, proptest::collection::vec(filter, 0..4)).prop_map(|(value, filters)| {
        filters.into_iter().fold(value.to_owned(), |term, filter| format!("{term} | {filter}"))
    });
    (term.clone(), operator, term)
        .prop_map(|(left, operator, right)| format!("{{{{ ({left}) {operator} ({right}) }}}}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn reading_and_rendering_any_expression_never_panics(expression in prop_oneof![any_expression(), any::<String>(), readable_expression()], a in any::<String>(), n in any::<i64>()) {
        let full = json!({"a": a, "n": n, "m": "8.80", "t": "2026-11-23", "p": "13800138000", "b": true}).to_string();

        let rendered = rendered(&expression, &full);
        let checked = check(&scenario(&expression), None, FieldRules::of(AccountKind::Service));

        for fault in rendered.err().into_iter().chain(checked.err()).flatten() {
            prop_assert!(!fault.message.is_empty());
        }
    }
}

proptest! {
    #[test]
    fn any_params_are_read_or_refused(params in any::<String>(), value in any::<String>()) {
        _ = rendered("{{ a }}", &params);
        for name in ["a", "n", "m", "t", "p", "b"] {
            let given = json!({"a": "x", name: value}).to_string();
            if let Ok(data) = rendered("{{ a }}", &given) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&data).is_ok());
            }
        }
    }
}
