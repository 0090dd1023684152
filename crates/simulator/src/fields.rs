//! The types of template fields and what each takes, after the official 类目模板消息参数值内容限制说明
//! and, for the types it leaves out, the official subscribe-message page.

/// What the name of a field says about its value: `thing1`, `time3`; `keyword2` for the legacy kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// `first`: not shown since 2023.
    First,
    /// `remark`: not shown since 2023.
    Remark,
    /// Any other field of a legacy template: stripped silently, never refused.
    Legacy,
    Thing,
    Number,
    Letter,
    Symbol,
    CharacterString,
    Time,
    Date,
    Amount,
    PhoneNumber,
    CarNumber,
    Name,
    Phrase,
    Const,
    /// `enum`, `short_thing` and others whose limits nobody published.
    Unpublished,
}

/// The longest of a field of a legacy template, and of a `thing`.
pub(crate) const SHOWN_CHARACTERS: usize = 20;

impl FieldKind {
    pub(crate) fn of(name: &str) -> FieldKind {
        match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "first" => FieldKind::First,
            "remark" => FieldKind::Remark,
            "thing" => FieldKind::Thing,
            "number" => FieldKind::Number,
            "letter" => FieldKind::Letter,
            "symbol" => FieldKind::Symbol,
            "character_string" => FieldKind::CharacterString,
            "time" => FieldKind::Time,
            "date" => FieldKind::Date,
            "amount" => FieldKind::Amount,
            "phone_number" => FieldKind::PhoneNumber,
            "car_number" => FieldKind::CarNumber,
            "name" => FieldKind::Name,
            "phrase" => FieldKind::Phrase,
            "const" => FieldKind::Const,
            "enum" | "enum_string" | "short_thing" => FieldKind::Unpublished,
            _ => FieldKind::Legacy,
        }
    }

    pub(crate) fn is_legacy(self) -> bool {
        matches!(self, FieldKind::First | FieldKind::Remark | FieldKind::Legacy)
    }

    /// Whether WeChat takes the value in a category template; if not, 47003.
    pub(crate) fn takes(self, value: &str) -> bool {
        if self.is_legacy() {
            return true;
        }
        if value.is_empty() {
            return self == FieldKind::Const;
        }
        if value.chars().any(|c| c.is_control() || is_emoji(c)) {
            return false;
        }
        let length = value.chars().count();
        match self {
            FieldKind::Thing | FieldKind::Const => length <= SHOWN_CHARACTERS,
            FieldKind::Number => length <= 32 && is_decimal(value),
            FieldKind::Letter => length <= 32 && value.chars().all(|c| c.is_ascii_alphabetic()),
            FieldKind::Symbol => length <= 5 && !value.chars().any(char::is_alphanumeric),
            FieldKind::CharacterString => length <= 32 && !value.chars().any(is_chinese),
            FieldKind::Time => is_range_of(value, is_time),
            FieldKind::Date => is_range_of(value, |point| is_date(point) || is_dated_time(point)),
            FieldKind::Amount => is_amount(value),
            FieldKind::PhoneNumber => length <= 17 && !value.chars().any(char::is_alphabetic),
            FieldKind::CarNumber => length <= 8 && is_car_number(value),
            FieldKind::Name => is_name(value, length),
            FieldKind::Phrase => length <= 5 && value.chars().all(is_chinese),
            _ => length <= SHOWN_CHARACTERS,
        }
    }
}

/// The blocks of pictographs, and the marks that join or vary them.
pub(crate) fn is_emoji(c: char) -> bool {
    matches!(u32::from(c),
        0x1F000..=0x1FAFF | 0x2600..=0x27BF | 0x2B05..=0x2B07 | 0x2B1B..=0x2B1C | 0x2B50 | 0x2B55
        | 0x231A..=0x231B | 0x23E9..=0x23F3 | 0x200D | 0x20E3 | 0xFE0F | 0xE0020..=0xE007F)
}

fn is_chinese(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3134F)
}

fn is_decimal(value: &str) -> bool {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// One currency sign at most, up to 12 digits (the template page; the subscribe page says 10), 元 at the end.
fn is_amount(value: &str) -> bool {
    let value = value.strip_suffix('元').unwrap_or(value);
    let bare = value.strip_prefix(['¥', '￥', '$', '€', '£']).unwrap_or(value);
    is_decimal(bare) && bare.bytes().filter(u8::is_ascii_digit).count() <= 12
}

/// The first and the last character may be Chinese.
fn is_car_number(value: &str) -> bool {
    let mut inner = value.chars();
    let (first, last) = (inner.next(), inner.next_back());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '·' | '-');
    [first, last].into_iter().flatten().all(|c| is_chinese(c) || plain(c)) && inner.all(plain)
}

/// Up to 10 characters with any Chinese among them, up to 20 letters and symbols otherwise; no digits.
fn is_name(value: &str, length: usize) -> bool {
    let longest = if value.chars().any(is_chinese) { 10 } else { 20 };
    length <= longest && !value.chars().any(|c| c.is_ascii_digit())
}

fn is_range_of(value: &str, is_point: impl Fn(&str) -> bool) -> bool {
    match value.split_once('~') {
        Some((from, to)) => is_point(from.trim()) && is_point(to.trim()),
        None => is_point(value),
    }
}

/// `15:01`, `15:01:02`, or either with a date in front.
fn is_time(point: &str) -> bool {
    is_clock(point) || is_dated_time(point)
}

fn is_dated_time(point: &str) -> bool {
    match point.split_once(' ') {
        Some((date, clock)) => is_date(date) && is_clock(clock.trim_start()),
        None => point.split_once('日').is_some_and(|(date, clock)| is_date_text(date) && is_clock(clock)),
    }
}

fn is_clock(clock: &str) -> bool {
    let parts: Vec<&str> = clock.split(':').collect();
    (2..=3).contains(&parts.len())
        && is_number_up_to(parts[0], 23)
        && parts[1..].iter().all(|part| part.len() == 2 && is_number_up_to(part, 59))
}

fn is_date(date: &str) -> bool {
    match date.strip_suffix('日') {
        Some(text) => is_date_text(text),
        None => ['-', '/', '.'].iter().any(|mark| is_date_of(date.split(*mark))),
    }
}

/// `2019年10月1`, the 日 taken off.
fn is_date_text(text: &str) -> bool {
    is_date_of(text.split(['年', '月']))
}

fn is_date_of<'a>(mut parts: impl Iterator<Item = &'a str>) -> bool {
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let (Some(year), Some(month), Some(day)) = (year, month, day) else { return false };
    parts.next().is_none()
        && year.len() == 4
        && is_number_up_to(year, 9999)
        && is_number_up_to(month, 12)
        && is_number_up_to(day, 31)
}

fn is_number_up_to(text: &str, highest: u32) -> bool {
    !text.is_empty()
        && text.len() <= 4
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<u32>().is_ok_and(|number| number <= highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted_out(name: &str, values: &[&'static str]) -> Vec<&'static str> {
        values.iter().copied().filter(|value| FieldKind::of(name).takes(value)).collect()
    }

    fn all_taken(name: &str, values: &[&'static str]) {
        assert_eq!(sorted_out(name, values), values, "{name} should take all of these");
    }

    fn none_taken(name: &str, values: &[&'static str]) {
        assert_eq!(sorted_out(name, values), [""; 0], "{name} should take none of these");
    }

    #[test]
    fn a_thing_has_at_most_20_characters_without_emoji_or_line_breaks() {
        all_taken("thing1", &["拿铁（大杯）", "一二三四五六七八九十一二三四五六七八九十"]);
        none_taken("thing1", &["一二三四五六七八九十一二三四五六七八九十一", "", "a\nb", "咖啡☕", "好😀"]);
    }

    #[test]
    fn times_and_dates_take_the_forms_of_the_official_page() {
        all_taken(
            "time2",
            &["15:01", "15:01:02", "2019年10月1日 15:01", "2019年10月1日 15:01~2019年10月1日 16:00"],
        );
        all_taken("time2", &["2026-11-23 12:00", "2019/10/1 15:01"]);
        none_taken("time2", &["25:01", "15:1", "明天", "2019年13月1日 15:01", "15:01~"]);
        all_taken(
            "date3",
            &[
                "2019年10月1日",
                "2019-10-01",
                "2019.10.1",
                "2019年10月1日~2019年10月7日",
                "2019年10月1日 15:01",
            ],
        );
        none_taken("date3", &["2019年10月", "10-01", "15:01"]);
    }

    #[test]
    fn amounts_are_one_currency_sign_and_up_to_12_digits() {
        all_taken("amount4", &["39.80", "¥39.80", "100元", "￥123456789012"]);
        none_taken("amount4", &["1234567890123", "¥¥1", "三十九元", "1.", "39.80美元"]);
    }

    #[test]
    fn the_other_types_keep_to_their_alphabets() {
        all_taken("number1", &["12", "12.5"]);
        none_taken("number1", &["12a", "1.2.3", "一"]);
        all_taken("character_string1", &["A123-456", "a b"]);
        none_taken("character_string1", &["订单1", "123456789012345678901234567890123"]);
        all_taken("phone_number1", &["+86-0766-66888866"]);
        none_taken("phone_number1", &["+86-0766-668888666", "电话1"]);
        all_taken("car_number1", &["粤A8Z888挂"]);
        none_taken("car_number1", &["粤A粤Z888", "粤A8Z888挂挂"]);
        all_taken("name1", &["张三", "John Smith"]);
        none_taken("name1", &["一二三四五六七八九十一", "张三1", "abcdefghijklmnopqrstu"]);
        all_taken("phrase1", &["配送中"]);
        none_taken("phrase1", &["已经完成配送", "ok"]);
        all_taken("const1", &["", "普通会员"]);
        all_taken("letter1", &["abc"]);
        none_taken("letter1", &["a1"]);
        all_taken("symbol1", &["+-*"]);
        none_taken("symbol1", &["a+", "++++++"]);
    }

    #[test]
    fn legacy_fields_take_anything() {
        all_taken("keyword1", &["", "一二三四五六七八九十一二三四五六七八九十一二三\n😀"]);
        assert_eq!(FieldKind::of("first"), FieldKind::First);
        assert_eq!(FieldKind::of("keyword12"), FieldKind::Legacy);
    }
}
