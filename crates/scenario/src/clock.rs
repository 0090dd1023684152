//! Times as triggers give them and as phones in China show them. Asia/Shanghai has been UTC+8 without summer time
//! since 1991.

use hongyan_domain::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

const SHANGHAI: Offset = jiff::tz::offset(8);
/// Four digits, and after the epoch: what WeChat's time fields can show.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=9999;

/// A minute or second of the clock in Shanghai.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(DateTime);

impl Moment {
    /// Reads RFC 3339, or a date or `2026-11-23 12:00[:05]` of the clock in Shanghai.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let civil = match text.parse::<DateTime>() {
            Ok(civil) if !has_zone(text) => civil,
            _ => SHANGHAI.to_datetime(text.parse::<jiff::Timestamp>().ok()?),
        };
        YEARS.contains(&civil.year()).then_some(Self(civil))
    }

    /// The instant, to the millisecond.
    pub(crate) fn instant(self) -> Option<Timestamp> {
        let zoned = TimeZone::fixed(SHANGHAI).to_timestamp(self.0).ok()?;
        Some(Timestamp::from_ms(zoned.as_millisecond()))
    }

    /// That instant, to the second, if it lies in the years that can be shown.
    pub(crate) fn at(instant: Timestamp) -> Option<Self> {
        let civil = SHANGHAI.to_datetime(jiff::Timestamp::from_second(instant.ms().div_euclid(1_000)).ok()?);
        YEARS.contains(&civil.year()).then_some(Self(civil))
    }

    /// In the form that `model` has: with a zone or without.
    pub(crate) fn written_as(self, model: &str) -> String {
        let plain = self.plain();
        if has_zone(model) { format!("{}+08:00", plain.replace(' ', "T")) } else { plain }
    }

    /// `2026-11-23 12:00:05`: what a time field takes as it stands.
    pub(crate) fn plain(self) -> String {
        let mut text = String::with_capacity(20);
        self.push_year(&mut text);
        text.push('-');
        push_two(&mut text, self.0.month());
        text.push('-');
        push_two(&mut text, self.0.day());
        text.push(' ');
        self.push_clock(&mut text);
        text.push(':');
        push_two(&mut text, self.0.second());
        text
    }

    /// `2026年11月23日 12:00`.
    pub(crate) fn cn_time(self) -> String {
        let mut text = self.cn_date();
        text.push(' ');
        self.push_clock(&mut text);
        text
    }

    /// `2026年11月23日`.
    pub(crate) fn cn_date(self) -> String {
        let mut text = String::with_capacity(24);
        self.push_year(&mut text);
        text.push('年');
        push_short(&mut text, self.0.month());
        text.push('月');
        push_short(&mut text, self.0.day());
        text.push('日');
        text
    }

    fn push_year(self, text: &mut String) {
        let year = self.0.year();
        push_two(text, (year / 100) as i8);
        push_two(text, (year % 100) as i8);
    }

    fn push_clock(self, text: &mut String) {
        push_two(text, self.0.hour());
        text.push(':');
        push_two(text, self.0.minute());
    }
}

/// Two digits. By hand, since formatting was an eighth of the time of a message.
fn push_two(text: &mut String, number: i8) {
    text.push(digit(number / 10));
    text.push(digit(number % 10));
}

fn push_short(text: &mut String, number: i8) {
    if number >= 10 {
        text.push(digit(number / 10));
    }
    text.push(digit(number % 10));
}

fn digit(number: i8) -> char {
    (b'0' + number.unsigned_abs()).into()
}

/// A date has no `+`, no `Z` and its minuses at the start only.
fn has_zone(text: &str) -> bool {
    text.get("2026-11-23".len()..).is_some_and(|clock| clock.contains(['Z', 'z', '+', '-', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_a_zone_is_shown_as_shanghai_sees_it() {
        let cases = [
            ("2026-11-23T12:00:05+08:00", "2026-11-23 12:00:05"),
            ("2026-11-23T16:30:00Z", "2026-11-24 00:30:00"),
            ("2026-11-23T12:00:00.123-05:00", "2026-11-24 01:00:00"),
            ("2026-11-23 12:00", "2026-11-23 12:00:00"),
            ("2026-11-23T12:00:05", "2026-11-23 12:00:05"),
            ("2026-11-23", "2026-11-23 00:00:00"),
        ];

        for (text, shown) in cases {
            assert_eq!(Moment::read(text).unwrap().plain(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let none = [
            "",
            "tomorrow",
            "12:00",
            "2026-13-01",
            "2026-11-23T25:00:00Z",
            "1700000000",
            "0001-01-01",
            "2026年11月23日",
        ];

        for text in none {
            assert_eq!(Moment::read(text), None, "{text}");
        }
    }

    #[test]
    fn the_chinese_forms_have_no_leading_zeros_in_a_date() {
        let moment = Moment::read("2026-01-02 03:04").unwrap();

        assert_eq!(moment.cn_time(), "2026年1月2日 03:04");
        assert_eq!(moment.cn_date(), "2026年1月2日");
    }

    #[test]
    fn the_clock_in_shanghai_and_utc_name_the_same_instant() {
        let here = Moment::read("2026-11-23 12:00").unwrap().instant();

        assert_eq!(here, Moment::read("2026-11-23T04:00:00.000Z").unwrap().instant());
        assert_eq!(here.unwrap().to_string(), "2026-11-23T04:00:00.000Z");
    }
}
