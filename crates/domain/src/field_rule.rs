//! What may stand in a field of each type: WeChat's 类目模板消息参数值内容限制说明 and, for the types it leaves
//! out, the page of subscribe messages. Where they disagree or say nothing, the stricter reading.

use crate::field_error::FieldCode::{self, BadCharacter, BadFormat, TooLong};
use crate::{FieldKind, date_time, text};

/// Why a value does not fit its type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) code: FieldCode,
    /// What was given, what is allowed, what to do.
    pub(crate) message: String,
}

type Fits = Result<(), Misfit>;

/// Since 2023-05-04 no field shows more than this (developer community 000a2ae286cdc0f41a8face4c51801).
pub(crate) const SHOWN_MAX: usize = 20;

impl FieldKind {
    /// The most that a value of this kind may have where a template is granted no more: characters, digits of an
    /// amount or a number, Chinese characters of a name (twice as many letters). `None`: its length has no limit of
    /// its own. Legacy kinds: what the phone shows of them.
    pub fn usual_limit(self) -> Option<usize> {
        match self {
            Self::First | Self::Remark | Self::Time | Self::Date => None,
            // For enum, enum_string and short_thing no limit is documented; the rule of 2023 holds for all.
            Self::Thing
            | Self::ShortThing
            | Self::Const
            | Self::Enum
            | Self::EnumString
            | Self::Keyword
            | Self::Plain => Some(SHOWN_MAX),
            Self::Number | Self::Letter | Self::CharacterString => Some(32),
            Self::Symbol | Self::Phrase => Some(5),
            // WeChat's two pages say 10 and 12.
            Self::Amount | Self::Name => Some(10),
            Self::PhoneNumber => Some(17),
            Self::CarNumber => Some(8),
        }
    }
}

/// Whether `value` fits a field of this kind that may have so many characters. Legacy kinds take all: WeChat cuts
/// what is too long.
pub(crate) fn check(kind: FieldKind, value: &str, limit: usize) -> Fits {
    match kind {
        FieldKind::First | FieldKind::Keyword | FieldKind::Remark | FieldKind::Plain => Ok(()),
        FieldKind::Thing
        | FieldKind::ShortThing
        | FieldKind::Const
        | FieldKind::Enum
        | FieldKind::EnumString => at_most(value, limit, "characters"),
        FieldKind::Number => number(value, limit),
        FieldKind::Letter => only(value, |c| c.is_ascii_alphabetic(), "letters A to Z")
            .and_then(|()| at_most(value, limit, "letters")),
        FieldKind::Symbol => {
            only(value, is_symbol, "symbols").and_then(|()| at_most(value, limit, "symbols"))
        }
        FieldKind::CharacterString => {
            only(value, |c| c.is_ascii() || !c.is_alphanumeric(), "digits, letters A to Z and symbols")
                .and_then(|()| at_most(value, limit, "characters"))
        }
        FieldKind::Time => date_time::check_time(value),
        FieldKind::Date => date_time::check_date(value),
        FieldKind::Amount => amount(value, limit),
        FieldKind::PhoneNumber => only(value, |c| c.is_ascii_digit() || is_symbol(c), "digits and symbols")
            .and_then(|()| at_most(value, limit, "characters")),
        FieldKind::CarNumber => car_number(value, limit),
        FieldKind::Name => name(value, limit),
        FieldKind::Phrase => only(value, text::is_chinese, "Chinese characters")
            .and_then(|()| at_most(value, limit, "characters")),
    }
}

/// `value` cut to `limit` characters, the last of them `…`, where it is longer and its kind is free text. Numbers,
/// times, amounts, phones, names and constants would say something else when cut: those are left to be refused.
pub(crate) fn shortened(kind: FieldKind, value: &str, limit: usize) -> Option<String> {
    let is_free_text = matches!(kind, FieldKind::Thing | FieldKind::ShortThing);
    if !is_free_text || value.len() <= limit || text::count(value) <= limit {
        return None;
    }
    let kept: String = text::characters(value).take(limit.saturating_sub(1)).collect();
    Some(format!("{}…", kept.trim_end()))
}

fn is_symbol(c: char) -> bool {
    !c.is_alphanumeric()
}

fn at_most(value: &str, allowed: usize, unit: &str) -> Fits {
    // No character is shorter than a byte: most values need not be counted.
    if value.len() <= allowed {
        return Ok(());
    }
    let given = text::count(value);
    if given <= allowed {
        return Ok(());
    }
    let message = format!("has {given} {unit}: at most {allowed} are allowed, shorten it");
    Err(Misfit { code: TooLong, message })
}

fn only(value: &str, allowed: impl Fn(char) -> bool, words: &str) -> Fits {
    match value.chars().enumerate().find(|&(_, c)| !allowed(c)) {
        None => Ok(()),
        Some((at, c)) => Err(bad_character(c, at, words)),
    }
}

fn bad_character(c: char, at: usize, words: &str) -> Misfit {
    let message = format!("has {c:?} as character {}: only {words} are allowed", at + 1);
    Misfit { code: BadCharacter, message }
}

pub(crate) fn bad_format(message: &str) -> Misfit {
    Misfit { code: BadFormat, message: message.to_owned() }
}

fn number(value: &str, allowed: usize) -> Fits {
    only(value, |c| c.is_ascii_digit() || c == '.', "digits and one decimal point")?;
    if !is_decimal(value) {
        return Err(bad_format("is not a number: write digits, with decimals after one point, like 12.50"));
    }
    digits_at_most(value, allowed)
}

/// Digits, and perhaps one point with digits on both sides.
fn is_decimal(value: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match value.split_once('.') {
        None => digits(value),
        Some((whole, decimals)) => digits(whole) && digits(decimals),
    }
}

fn digits_at_most(value: &str, allowed: usize) -> Fits {
    let given = value.bytes().filter(u8::is_ascii_digit).count();
    if given <= allowed {
        return Ok(());
    }
    let message = format!("has {given} digits: at most {allowed} are allowed, decimals counted");
    Err(Misfit { code: TooLong, message })
}

/// A currency sign or none, digits with decimals or none, 元 or none.
fn amount(value: &str, allowed: usize) -> Fits {
    let digits = value.strip_prefix(is_currency_sign).unwrap_or(value);
    let digits = digits.strip_suffix('元').unwrap_or(digits);
    if !is_decimal(digits) {
        return Err(bad_format(
            "is not an amount: write digits, with one currency sign before or 元 after them and no \
             thousands separators, like ¥1234.50 or 1234.50元",
        ));
    }
    digits_at_most(digits, allowed)
}

fn is_currency_sign(c: char) -> bool {
    matches!(
        c,
        '$' | '¢' | '£' | '¤' | '¥' | '฿' | '\u{20a0}'..='\u{20cf}' | '＄' | '￠' | '￡' | '￥' | '￦'
    )
}

fn car_number(value: &str, allowed: usize) -> Fits {
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let chinese = text::is_chinese(c) && (at == 0 || at == last);
        if !chinese && !c.is_ascii_alphanumeric() {
            return Err(bad_character(c, at, "letters, digits, and a Chinese character first and last"));
        }
    }
    at_most(value, allowed, "characters")
}

fn name(value: &str, allowed: usize) -> Fits {
    let of_a_name = |c: char| text::is_chinese(c) || c.is_ascii_alphabetic() || is_symbol(c);
    only(value, of_a_name, "Chinese characters, letters A to Z and symbols")?;
    if value.chars().any(text::is_chinese) {
        return at_most(value, allowed, "characters, some of them Chinese");
    }
    at_most(value, allowed * 2, "characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(kind: FieldKind, values: &[&str]) -> Vec<Option<FieldCode>> {
        values.iter().map(|value| checked(kind, value).err().map(|misfit| misfit.code)).collect()
    }

    fn checked(kind: FieldKind, value: &str) -> Fits {
        check(kind, value, kind.usual_limit().unwrap_or(0))
    }

    fn assert_fits(kind: FieldKind, values: &[&str]) {
        assert_eq!(faults(kind, values), vec![None; values.len()], "{kind:?} {values:?}");
    }

    fn assert_refused(kind: FieldKind, code: FieldCode, values: &[&str]) {
        assert_eq!(faults(kind, values), vec![Some(code); values.len()], "{kind:?} {values:?}");
    }

    #[test]
    fn texts_are_as_long_as_wechat_says() {
        let (twenty, more) =
            ("您的订单已经发货请注意查收谢谢光临小店", "您的订单已经发货请注意查收谢谢光临小店哦呀");
        assert_eq!((text::count(twenty), text::count(more)), (19, 21));
        for kind in [FieldKind::Thing, FieldKind::Const, FieldKind::ShortThing, FieldKind::Enum] {
            assert_fits(kind, &["a", twenty, "12345678901234567890", "😀😀😀😀😀😀😀😀😀😀"]);
            assert_refused(kind, TooLong, &[more, "123456789012345678901"]);
        }
        assert_fits(FieldKind::Letter, &["abcXYZ", &"a".repeat(32)]);
        assert_refused(FieldKind::Letter, BadCharacter, &["a1", "a b", "é", "中"]);
        assert_refused(FieldKind::Letter, TooLong, &[&"a".repeat(33)]);
        assert_fits(FieldKind::Symbol, &["+-*", "★★★★★"]);
        assert_refused(FieldKind::Symbol, BadCharacter, &["+1", "中"]);
        assert_refused(FieldKind::Symbol, TooLong, &["******"]);
    }

    #[test]
    fn a_character_string_has_no_chinese() {
        assert_fits(FieldKind::CharacterString, &["A-123/b 4", "（1，2）", &"9".repeat(32)]);
        assert_refused(FieldKind::CharacterString, BadCharacter, &["订单1", "É", "１２"]);
        assert_refused(FieldKind::CharacterString, TooLong, &[&"9".repeat(33)]);
    }

    #[test]
    fn a_number_is_digits_and_decimals() {
        assert_fits(FieldKind::Number, &["0", "12.50", &"1".repeat(32)]);
        assert_refused(FieldKind::Number, BadCharacter, &["-1", "1e3", "1,000", "１２", "true", " 1"]);
        assert_refused(FieldKind::Number, BadFormat, &[".5", "5.", "1.2.3", "."]);
        assert_refused(FieldKind::Number, TooLong, &[&"1".repeat(33), &format!("{}.1", "1".repeat(32))]);
    }

    #[test]
    fn an_amount_is_a_sign_digits_and_yuan() {
        let all = ["1", "¥12.50", "￥1234567890", "99元", "$0.99", "€5", "￥3.00元"];
        assert_fits(FieldKind::Amount, &all);
        let none = ["", "¥", "元", "1,234", "-5", "¥¥5", "5 元", "CNY5", "5.", "五元", "1e400"];
        assert_refused(FieldKind::Amount, BadFormat, &none);
        assert_refused(FieldKind::Amount, TooLong, &["12345678901", "¥123456789.01"]);
        assert_eq!(check(FieldKind::Amount, "123456789012", 12), Ok(()));
    }

    #[test]
    fn phones_plates_names_and_phrases_follow_their_own_rules() {
        assert_fits(FieldKind::PhoneNumber, &["+86-0766-66888866", "138****8000", "(0755) 86013388"]);
        assert_refused(FieldKind::PhoneNumber, BadCharacter, &["ext1", "电话1"]);
        assert_refused(FieldKind::PhoneNumber, TooLong, &["+86-0766-668888661"]);
        assert_fits(FieldKind::CarNumber, &["粤A8Z888挂", "A12345", "粤"]);
        assert_refused(FieldKind::CarNumber, BadCharacter, &["粤粤12345", "粤A-123"]);
        assert_refused(FieldKind::CarNumber, TooLong, &["粤A8Z8888挂"]);
        assert_fits(FieldKind::Name, &["张三", "欧阳·买买提", "Anne-Marie O'Neil", "一二三四五六七八九十"]);
        assert_refused(FieldKind::Name, BadCharacter, &["R2D2"]);
        assert_refused(
            FieldKind::Name,
            TooLong,
            &["一二三四五六七八九十一", "A一二三四五六七八九十", "Abcdefghij Klmnopqrst"],
        );
        assert_fits(FieldKind::Phrase, &["已发货", "一二三四五"]);
        assert_refused(FieldKind::Phrase, BadCharacter, &["OK", "好！"]);
        assert_refused(FieldKind::Phrase, TooLong, &["一二三四五六"]);
    }

    #[test]
    fn a_template_that_is_granted_more_takes_more_and_no_other_character() {
        let thirty = "字".repeat(30);

        assert_eq!(check(FieldKind::Thing, &thirty, 30), Ok(()));
        assert_eq!(check(FieldKind::Phrase, "一二三四五六", 6), Ok(()));
        assert_eq!(check(FieldKind::Name, &"a".repeat(30), 15), Ok(()));
        assert_eq!(check(FieldKind::Phrase, "已发货!", 6).unwrap_err().code, BadCharacter);
    }

    #[test]
    fn only_free_text_is_shortened_and_only_where_it_is_too_long() {
        let long = "您的订单已经发货请注意查收谢谢光临小店哦呀";
        let cases = [
            (FieldKind::Thing, "短", 20, None),
            (FieldKind::Thing, "您的订单 已发货", 6, Some("您的订单…")),
            (FieldKind::ShortThing, "一二三四五六", 5, Some("一二三四…")),
            (FieldKind::Thing, "a👨‍👩‍👧b👨‍👩‍👧", 3, Some("a👨‍👩‍👧…")),
            (FieldKind::Number, "123456", 5, None),
            (FieldKind::Amount, "¥12345678901", 10, None),
            (FieldKind::PhoneNumber, "138001380001380013800", 17, None),
            (FieldKind::CharacterString, "A1234567", 5, None),
            (FieldKind::Name, "一二三四五六", 5, None),
            (FieldKind::Phrase, "一二三四五六", 5, None),
            (FieldKind::Const, "一二三四五六", 5, None),
            (FieldKind::Time, "2026年11月23日 12:00", 5, None),
            (FieldKind::Keyword, long, 20, None),
        ];

        for (kind, value, limit, expected) in cases {
            assert_eq!(shortened(kind, value, limit).as_deref(), expected, "{kind:?} {value}");
        }
        assert_eq!(text::count(&shortened(FieldKind::Thing, long, 20).unwrap()), 20);
    }

    #[test]
    fn a_message_names_what_was_given_and_what_is_allowed() {
        let long = checked(FieldKind::Phrase, "一二三四五六").unwrap_err();
        let strange = checked(FieldKind::Number, "12a").unwrap_err();

        assert_eq!(long.message, "has 6 characters: at most 5 are allowed, shorten it");
        assert_eq!(strange.message, "has 'a' as character 3: only digits and one decimal point are allowed");
    }
}
