//! The forms in which WeChat reads a time (`15:01`, `2019年10月1日 15:01`), a date, and ranges of them.

use crate::field_rule::{Misfit, bad_format};

/// Whether `value` is what a `time` field takes: a 24-hour clock, perhaps after a date, or two with `~` between.
pub(crate) fn check_time(value: &str) -> Result<(), Misfit> {
    if is_range(value, is_time_point) {
        return Ok(());
    }
    Err(bad_format(
        "is not a time: write 15:01, 15:01:02 or 2019年10月1日 15:01 (also 2019-10-1, 2019/10/1, 2019.10.1), \
         or two of them with ~ between",
    ))
}

/// Whether `value` is what a `date` field takes: a date, perhaps with a time, or two with `~` between.
pub(crate) fn check_date(value: &str) -> Result<(), Misfit> {
    if is_range(value, is_date_point) {
        return Ok(());
    }
    Err(bad_format(
        "is not a date: write 2019年10月1日, 2019-10-1, 2019/10/1 or 2019.10.1, perhaps with 15:01 after it, \
         or two of them with ~ between",
    ))
}

fn is_range(value: &str, is_point: impl Fn(&str) -> bool) -> bool {
    match value.split_once('~') {
        None => is_point(value),
        Some((from, to)) => is_point(from.trim_end_matches(' ')) && is_point(to.trim_start_matches(' ')),
    }
}

fn is_time_point(point: &str) -> bool {
    is_clock(point) || take_date(point).is_some_and(is_clock_after)
}

fn is_date_point(point: &str) -> bool {
    take_date(point).is_some_and(|rest| rest.is_empty() || is_clock_after(rest))
}

/// A time after a date. Blanks between are needed only where digits would run into digits, and there
/// `take_date` has found no date.
fn is_clock_after(rest: &str) -> bool {
    is_clock(rest.trim_start_matches(' '))
}

/// `H:MM` or `H:MM:SS`, to 23:59:59.
fn is_clock(text: &str) -> bool {
    let Some((hour, rest)) = take_number(text, 1..=2) else { return false };
    let Some((minute, rest)) = rest.strip_prefix(':').and_then(|rest| take_number(rest, 2..=2)) else {
        return false;
    };
    let second = match rest.strip_prefix(':') {
        None if rest.is_empty() => Some(0),
        None => None,
        Some(rest) => take_number(rest, 2..=2).and_then(|(second, rest)| rest.is_empty().then_some(second)),
    };
    hour < 24 && minute < 60 && second.is_some_and(|second| second < 60)
}

/// A date of the calendar at the start of `text`, in one of the four forms; what follows it.
fn take_date(text: &str) -> Option<&str> {
    let (year, rest) = take_number(text, 4..=4)?;
    let sign = rest.chars().next().filter(|c| matches!(c, '年' | '-' | '/' | '.'))?;
    let (month, rest) = take_number(&rest[sign.len_utf8()..], 1..=2)?;
    let rest = rest.strip_prefix(if sign == '年' { '月' } else { sign })?;
    let (day, rest) = take_number(rest, 1..=2)?;
    let rest = if sign == '年' { rest.strip_prefix('日')? } else { rest };
    is_calendar_day(year, month, day).then_some(rest)
}

fn is_calendar_day(year: u16, month: u16, day: u16) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// A number of so many ASCII digits (at most 4) at the start of `text`, and what follows.
fn take_number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<(u16, &str)> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(len);
    if digits.contains(&len) { number.parse().ok().map(|number| (number, rest)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_forms_wechat_names() {
        for time in [
            "15:01",
            "9:05",
            "00:00",
            "23:59:59",
            "15:01:02",
            "2019年10月1日 15:01",
            "2019年10月01日15:01:02",
            "2026-11-23 12:00",
            "2026/1/2 12:00",
            "2026.11.23 12:00:01",
            "2024-02-29 0:00",
            "2000-02-29 0:00",
            "09:00~18:00",
            "2019年10月1日 15:01~2019年10月2日 15:01",
            "2019年10月1日 15:01 ~ 16:30",
        ] {
            assert_eq!(check_time(time), Ok(()), "{time}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "24:00",
            "12:60",
            "12:00:60",
            "1500",
            "12:0",
            "012:00",
            "12：00",
            "下午3点",
            "2019年10月1日",
            "2026-11-23T12:00:00+08:00",
            "2026-11-2312:00",
            "2026-11-23",
            "2026-11/23 12:00",
            "2026-13-01 12:00",
            "2025-02-29 12:00",
            "1900-02-29 12:00",
            "2026-11-2 312:00",
            "2026年1月2日x12:00",
            "26-01-01 12:00",
            "12:00~",
            "~12:00",
            "1:00~2:00~3:00",
            "12:00 ",
            "１２:00",
            "tomorrow",
        ] {
            assert!(check_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_read_with_and_without_a_time() {
        for date in [
            "2019年10月1日",
            "2019-10-01",
            "2019/10/1",
            "2019.10.1",
            "2019年10月1日 15:01",
            "2019-10-1 ~ 2019-10-7",
        ] {
            assert_eq!(check_date(date), Ok(()), "{date}");
        }
        for text in [
            "15:01",
            "2019年10月",
            "2019-2-30",
            "2019-0-1",
            "2019-10-1~",
            "10月1日",
            "2019年10月1",
            "20191001",
        ] {
            assert!(check_date(text).is_err(), "{text}");
        }
    }
}
