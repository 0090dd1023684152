//! What expressions can do to a value. A closed list: nothing reaches outside, nothing computes with floating point.

use minijinja::filters as built_in;
use minijinja::tests as built_in_tests;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Output, State, Value};
use unicode_segmentation::UnicodeSegmentation;

use crate::clock::Moment;
use crate::money::Fen;

/// The filters, as an error lists them.
pub(crate) const FILTERS: [&str; 18] = [
    "yuan", "fen", "cn_time", "cn_date", "shorten", "mask", "default", "total", "map", "join", "first",
    "last", "length", "unique", "replace", "trim", "upper", "lower",
];
/// The tests, after `is`.
pub(crate) const TESTS: [&str; 2] = ["defined", "undefined"];
/// Digits of a phone number that stay: 138****8000.
const PHONE_HEAD: usize = 3;
const PHONE_TAIL: usize = 4;
/// From this many digits on, a text of digits is masked as a phone number.
const PHONE_DIGITS: usize = 7;

/// Why a filter refuses. Written for people; never holds a value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) &'static str);

pub(crate) fn refuse(message: &'static str) -> Error {
    Error::from(ErrorKind::InvalidOperation).with_source(Refusal(message))
}

/// Makes the filters and tests known.
pub(crate) fn add_to(env: &mut Environment<'_>) {
    env.add_filter("yuan", yuan);
    env.add_filter("fen", fen);
    env.add_filter("cn_time", cn_time);
    env.add_filter("cn_date", cn_date);
    env.add_filter("shorten", shorten);
    env.add_filter("mask", mask);
    env.add_filter("total", total);
    env.add_filter("default", built_in::default);
    env.add_filter("map", built_in::map);
    env.add_filter("join", built_in::join);
    env.add_filter("first", built_in::first);
    env.add_filter("last", built_in::last);
    env.add_filter("length", built_in::length);
    env.add_filter("unique", built_in::unique);
    env.add_filter("replace", built_in::replace);
    env.add_filter("trim", built_in::trim);
    env.add_filter("upper", built_in::upper);
    env.add_filter("lower", built_in::lower);
    env.add_test("defined", built_in_tests::is_defined);
    env.add_test("undefined", built_in_tests::is_undefined);
}

/// Writes a value into the text. Only what reads well on a phone is written.
pub(crate) fn write(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    out.write_str(&written(value)?).map_err(Error::from)
}

/// Writes a value into a link, percent-encoded.
pub(crate) fn write_encoded(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let text = written(value)?;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push('%');
            encoded.push(HEX[usize::from(byte >> 4)].into());
            encoded.push(HEX[usize::from(byte & 15)].into());
        }
    }
    out.write_str(&encoded).map_err(Error::from)
}

fn written(value: &Value) -> Result<std::borrow::Cow<'_, str>, Error> {
    match value.kind() {
        ValueKind::String => Ok(value.as_str().unwrap_or_default().into()),
        ValueKind::Number if value.is_integer() => Ok(value.to_string().into()),
        ValueKind::Number => Err(refuse(
            "comes to a floating-point number, which is not exact: give it as the text to show, or use yuan or fen",
        )),
        ValueKind::Bool => {
            Err(refuse("is a bool: write what it means, like {{ \"是\" if gift else \"否\" }}"))
        }
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        _ => Err(refuse(
            "is a list, not a text: pick from it, like {{ items | map(attribute=\"goods\") | join(\"、\") }}",
        )),
    }
}

/// The text of a value; whole numbers too.
fn text(value: &Value) -> Result<std::borrow::Cow<'_, str>, Error> {
    match value.kind() {
        ValueKind::Bool => Err(refuse("a filter got a bool: it takes a text or a number")),
        ValueKind::String | ValueKind::Number | ValueKind::Undefined => written(value),
        _ => Err(refuse("a filter got a list: it takes a text or a number")),
    }
}

fn yuan(value: &Value) -> Result<String, Error> {
    let amount = Fen::from_yuan(&text(value)?);
    amount.map(Fen::with_sign).ok_or_else(|| {
        refuse("yuan got what is no amount: it takes yuan with at most two decimals, like 88 or 88.00")
    })
}

fn fen(value: &Value) -> Result<String, Error> {
    let amount = Fen::from_fen(&text(value)?);
    amount
        .map(Fen::with_sign)
        .ok_or_else(|| refuse("fen got what is no amount: it takes whole fen, like 8800"))
}

fn moment(value: &Value) -> Result<Moment, Error> {
    Moment::read(&text(value)?)
        .ok_or_else(|| refuse("cn_time or cn_date got what is no time: it takes a param of type time"))
}

fn cn_time(value: &Value) -> Result<String, Error> {
    moment(value).map(Moment::cn_time)
}

fn cn_date(value: &Value) -> Result<String, Error> {
    moment(value).map(Moment::cn_date)
}

/// At most `max` characters as people count them, `…` among them where something was cut.
fn shorten(value: &Value, max: usize) -> Result<String, Error> {
    let text = text(value)?;
    if max == 0 {
        return Err(refuse("shorten needs room for a character at least, like shorten(20)"));
    }
    match cut_at(&text, max) {
        Some(end) => Ok(format!("{}…", text[..end].trim_end())),
        None => Ok(text.into_owned()),
    }
}

/// Where a text of more than `max` characters, as people count them, leaves room for one more.
fn cut_at(text: &str, max: usize) -> Option<usize> {
    // No character is shorter than a byte.
    if text.len() <= max {
        return None;
    }
    // Most texts need no tables for that.
    if text.chars().all(stands_alone) {
        let mut starts = text.char_indices().map(|(start, _)| start).skip(max - 1);
        return starts.next().filter(|_| starts.next().is_some());
    }
    let mut starts = text.grapheme_indices(true).map(|(start, _)| start).skip(max - 1);
    starts.next().filter(|_| starts.next().is_some())
}

/// Characters that never join with a neighbour: ASCII, Han, full-width forms, common Chinese punctuation.
fn stands_alone(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{2010}'..='\u{2027}' | '\u{3001}'..='\u{3029}' | '\u{3400}'..='\u{9fff}' | '\u{ff01}'..='\u{ff9d}')
}

/// A phone number keeps its ends, a name its first character; the rest becomes `*`.
fn mask(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    let characters: Vec<&str> = text.graphemes(true).collect();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_phone = text.is_ascii() && digits >= PHONE_DIGITS;
    let (head, tail) = match characters.len() {
        len if is_phone && len > PHONE_HEAD + PHONE_TAIL => (PHONE_HEAD, PHONE_TAIL),
        _ if is_phone => (0, PHONE_TAIL),
        _ => (1, 0),
    };
    let hidden = |place: usize| place >= head && place + tail < characters.len();
    Ok(characters.iter().enumerate().map(|(place, shown)| if hidden(place) { "*" } else { shown }).collect())
}

/// The sum of an amount over the items, exactly, in yuan.
fn total(items: &Value, param: &str) -> Result<String, Error> {
    let wrong = || {
        refuse(
            "total got what it cannot add: it takes items and the name of a money param that each of them has, like items | total(\"amount\")",
        )
    };
    let mut sum = Fen::ZERO;
    for item in items.try_iter().map_err(|_| wrong())? {
        let amount = item.get_attr(param).map_err(|_| wrong())?;
        if amount.is_undefined() {
            return Err(wrong());
        }
        sum = Fen::from_yuan(&text(&amount)?).and_then(|amount| sum.plus(amount)).ok_or_else(wrong)?;
    }
    Ok(sum.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Environment<'static> {
        let mut env = Environment::empty();
        env.set_formatter(write);
        add_to(&mut env);
        env
    }

    fn worked_out(expression: &str) -> Option<String> {
        env().render_str(expression, Value::UNDEFINED).ok()
    }

    #[test]
    fn every_filter_and_test_that_an_error_lists_is_known() {
        for filter in FILTERS {
            let error = env().render_str(&format!("{{{{ 1 | {filter}(1, 2, 3, 4) }}}}"), ()).unwrap_err();
            assert_ne!(error.kind(), ErrorKind::UnknownFilter, "{filter}");
        }
        for test in TESTS {
            assert!(env().render_str(&format!("{{{{ 1 if 1 is {test} else 2 }}}}"), ()).is_ok(), "{test}");
        }
    }

    #[test]
    fn filters_write_what_a_phone_shows() {
        let cases = [
            ("{{ '88.5' | yuan }}", "¥88.50"),
            ("{{ 88 | yuan }}", "¥88.00"),
            ("{{ 8807 | fen }}", "¥88.07"),
            ("{{ '2026-11-23T04:00:00Z' | cn_time }}", "2026年11月23日 12:00"),
            ("{{ '2026-11-23 12:00' | cn_date }}", "2026年11月23日"),
            ("{{ '大杯拿铁' | shorten(4) }}", "大杯拿铁"),
            ("{{ '大杯拿铁加冰' | shorten(4) }}", "大杯拿…"),
            ("{{ 'ab cd' | shorten(4) }}", "ab…"),
            ("{{ '拿铁' | shorten(1) }}", "…"),
            ("{{ '拿' | shorten(1) }}", "拿"),
            ("{{ '拿铁咖' | shorten(2) }}", "拿…"),
            ("{{ 'e\u{301}e\u{301}e\u{301}' | shorten(2) }}", "e\u{301}…"),
            ("{{ '👨‍👩‍👧👨‍👩‍👧' | shorten(2) }}", "👨‍👩‍👧👨‍👩‍👧"),
            ("{{ '13800138000' | mask }}", "138****8000"),
            ("{{ 13800138000 | mask }}", "138****8000"),
            ("{{ '8613800' | mask }}", "***3800"),
            ("{{ '欧阳修' | mask }}", "欧**"),
            ("{{ '张' | mask }}", "张"),
            ("{{ '' | mask }}", ""),
            ("{{ [{'a': '0.1'}, {'a': '0.2'}] | total('a') | yuan }}", "¥0.30"),
            ("{{ nothing | default('-') }}", "-"),
        ];

        for (expression, text) in cases {
            assert_eq!(worked_out(expression).as_deref(), Some(text), "{expression}");
        }
    }

    #[test]
    fn what_would_not_be_exact_or_readable_is_refused() {
        let refused = [
            "{{ 0.1 + 0.2 }}",
            "{{ 8807 / 100 }}",
            "{{ 88.5 | yuan }}",
            "{{ '1.005' | yuan }}",
            "{{ '8.8' | fen }}",
            "{{ true }}",
            "{{ none }}",
            "{{ [1] }}",
            "{{ [1] | yuan }}",
            "{{ true | shorten(2) }}",
            "{{ 'x' | shorten(0) }}",
            "{{ 'x' | shorten(-1) }}",
            "{{ 'x' | shorten }}",
            "{{ 'soon' | cn_time }}",
            "{{ 1 | total('a') }}",
            "{{ [{'a': 'x'}] | total('a') }}",
            "{{ [{'a': '1'}, {}] | total('a') }}",
        ];

        for expression in refused {
            assert_eq!(worked_out(expression), None, "{expression}");
        }
    }
}
