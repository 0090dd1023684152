//! Instants, in Unix milliseconds, and the days of WeChat's quotas. The clock itself is elsewhere.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: milliseconds since 1970, UTC. Written as RFC 3339 wherever people or JSON see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

const SHANGHAI_OFFSET_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);
/// 1970-01-01 was a Thursday.
const DAYS_FROM_MONDAY: i64 = 3;

impl Timestamp {
    /// The first instant that is taken from outside: 1970 began.
    pub const FIRST: Self = Self(0);
    /// The last instant that is taken from outside, and that RFC 3339 can write: 9999 ends.
    pub const LAST: Self = Self(253_402_300_799_999);

    /// From Unix milliseconds.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Unix milliseconds.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// This instant moved on by `duration`; stays at the last one there is.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This instant moved back by `duration`.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long from `earlier` to this; zero if `earlier` is the later one.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The day in Asia/Shanghai, as days since 1970: the unit of WeChat's daily quotas.
    pub fn day(self) -> i64 {
        self.0.saturating_add(SHANGHAI_OFFSET_MS).div_euclid(DAY_MS)
    }

    /// When its day began in Asia/Shanghai.
    pub fn day_begins_at(self) -> Self {
        Self::of_day(self.day())
    }

    /// When the next day begins in Asia/Shanghai: daily quotas are new then.
    pub fn next_day(self) -> Self {
        Self::of_day(self.day() + 1)
    }

    /// The week in Asia/Shanghai, Monday to Sunday, as weeks since that of 1970-01-01.
    pub fn week(self) -> i64 {
        (self.day() + DAYS_FROM_MONDAY).div_euclid(7)
    }

    /// When the next week begins in Asia/Shanghai.
    pub fn next_week(self) -> Self {
        Self::of_day((self.week() + 1) * 7 - DAYS_FROM_MONDAY)
    }

    /// When that day begins in Asia/Shanghai.
    pub fn of_day(day: i64) -> Self {
        Self(day.saturating_mul(DAY_MS).saturating_sub(SHANGHAI_OFFSET_MS))
    }

    /// When the calendar month that holds this began in Asia/Shanghai.
    pub fn month_start(self) -> Self {
        self.date().map_or(self, |date| Self::of_date(date.first_of_month()))
    }

    /// When the next calendar month begins in Asia/Shanghai.
    pub fn next_month(self) -> Self {
        self.date().map_or(self, |date| Self::of_date(date.last_of_month()).next_day())
    }

    /// Whether that day in Asia/Shanghai is one of Monday to Friday. Public holidays are not known here.
    pub fn is_weekday(self) -> bool {
        (self.day() + DAYS_FROM_MONDAY).rem_euclid(7) < 5
    }

    /// The day in Asia/Shanghai as people write it, `2026-11-23`.
    pub fn day_text(self) -> String {
        self.date().map_or_else(|| self.to_string(), |date| date.to_string())
    }

    fn date(self) -> Option<Date> {
        EPOCH.checked_add(jiff::Span::new().try_days(self.day()).ok()?).ok()
    }

    fn of_date(date: Date) -> Self {
        let days = EPOCH.until(date).map_or(0, |span| i64::from(span.get_days()));
        Self::of_day(days)
    }
}

impl fmt::Display for Timestamp {
    /// Always with three digits of the second, so that texts sort as the instants do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0.div_euclid(DAY_MS), self.0.rem_euclid(DAY_MS));
        let date = jiff::Span::new().try_days(days).ok().and_then(|days| EPOCH.checked_add(days).ok());
        // Nothing after the year 9999 is taken in; what stands in a store all the same is shown somehow.
        let Some(date) = date else { return write!(f, "{}ms", self.0) };
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{date}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
    }
}

/// Why a text is no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// Not RFC 3339, or a day or hour that does not exist.
    Form,
    /// Outside of [`Timestamp::FIRST`] to [`Timestamp::LAST`].
    Years,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not an RFC 3339 time with a zone, like 2026-11-23T12:00:00+08:00",
            Self::Years => "a time outside the years 1970 to 9999",
        })
    }
}

impl std::error::Error for TimeError {}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads RFC 3339. Digits beyond the millisecond are cut off; a leap second is the one before it.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let ms = rfc_3339(text).ok_or(TimeError::Form)?;
        Some(Self(ms)).filter(|at| (Self::FIRST..=Self::LAST).contains(at)).ok_or(TimeError::Years)
    }
}

fn rfc_3339(text: &str) -> Option<i64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?.strip_prefix(['T', 't', ' '])?);
    let (time, rest) = rest.split_at_checked(8)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?),
        None => ("", rest),
    };
    // jiff knows the calendar; that the parts are where they belong is seen here.
    let day: Date = date.parse().ok().filter(|_| parts(date, '-') == Some([4, 2, 2]))?;
    let [hour, minute, second] = numbers(time)?;
    let seconds =
        (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3_600 + minute * 60 + second.min(59))?;
    let ms: i64 = format!("{fraction:0<3.3}").parse().ok()?;
    let days = i64::from(EPOCH.until(day).ok()?.get_days());
    Some(days * DAY_MS + seconds * 1_000 + ms - offset_minutes(zone)? * 60_000)
}

fn parts(text: &str, between: char) -> Option<[usize; 3]> {
    let mut parts = text.split(between).map(str::len);
    Some([parts.next()?, parts.next()?, parts.next()?])
}

/// `12:00:59`.
fn numbers(time: &str) -> Option<[i64; 3]> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    if parts(time, ':') != Some([2, 2, 2]) {
        return None;
    }
    let mut all = time.split(':').map(digits);
    Some([all.next()??, all.next()??, all.next()??])
}

/// `Z`, `+08:00`.
fn offset_minutes(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let [hour, minute, _] = numbers(&format!("{rest}:00"))?;
    (hour < 24 && minute < 60).then_some(sign * (hour * 60 + minute))
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_day_turns_at_midnight_in_shanghai() {
        let before: Timestamp = serde_json::from_str("\"2026-11-23T23:59:59.999+08:00\"").unwrap();
        let midnight: Timestamp = serde_json::from_str("\"2026-11-23T16:00:00Z\"").unwrap();

        assert_eq!(before.next_day(), midnight);
        assert_eq!(before.day() + 1, midnight.day());
    }

    #[test]
    fn a_week_begins_on_monday_in_shanghai() {
        let sunday: Timestamp = serde_json::from_str("\"2026-11-22T23:59:59.999+08:00\"").unwrap();
        let monday: Timestamp = serde_json::from_str("\"2026-11-23T00:00:00+08:00\"").unwrap();

        assert_eq!(sunday.next_week(), monday);
        assert_eq!(sunday.week() + 1, monday.week());
        assert_eq!(monday.day_begins_at(), monday);
    }

    #[test]
    fn a_month_is_that_of_shanghai() {
        let at = |text: &str| serde_json::from_str::<Timestamp>(&format!("\"{text}\"")).unwrap();
        let cases = [
            ("2026-11-30T15:59:59Z", "2026-11-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00"),
            ("2026-11-30T16:00:00Z", "2026-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
            ("2028-02-29T12:00:00+08:00", "2028-02-01T00:00:00+08:00", "2028-03-01T00:00:00+08:00"),
        ];

        for (now, start, next) in cases {
            assert_eq!((at(now).month_start(), at(now).next_month()), (at(start), at(next)), "{now}");
        }
        assert_eq!(at("2026-11-30T16:00:00Z").day_text(), "2026-12-01");
    }

    #[test]
    fn saturday_and_sunday_are_no_weekdays() {
        let monday: Timestamp = serde_json::from_str("\"2026-11-23T00:00:00+08:00\"").unwrap();

        let week: Vec<_> = (0..7).map(|day| Timestamp::of_day(monday.day() + day).is_weekday()).collect();

        assert_eq!(week, [true, true, true, true, true, false, false]);
    }

    #[test]
    fn the_ends_of_time_have_a_day_too() {
        for ms in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            let at = Timestamp::from_ms(ms);

            let _ = (at.month_start(), at.next_month(), at.is_weekday(), at.day_text());
            assert!(at.next_day() >= at.plus(Duration::ZERO) || at.ms() > i64::MAX - DAY_MS, "{ms}");
        }
    }

    #[test]
    fn times_are_written_and_read_as_rfc_3339() {
        let at = Timestamp::from_ms(1_790_000_000_123);

        let text = serde_json::to_string(&at).unwrap();

        assert_eq!(text, "\"2026-09-21T14:13:20.123Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), at);
    }

    #[test]
    fn texts_of_times_sort_as_the_times_do() {
        let texts =
            [0, 90, 900, 1_790_000_000_000, 1_790_000_000_089, 1_790_000_000_890, Timestamp::LAST.ms()];

        let texts = texts.map(|ms| Timestamp::from_ms(ms).to_string());

        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(texts[5], "2026-09-21T14:13:20.890Z");
        assert_eq!(texts[6], "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_ms(i64::MAX).to_string(), format!("{}ms", i64::MAX));
    }

    #[test]
    fn all_of_rfc_3339_is_read() {
        let noon = 1_795_406_400_000;
        for (text, ms) in [
            ("2026-11-23T12:00:00+08:00", noon),
            ("2026-11-23t04:00:00z", noon),
            ("2026-11-23 04:00:00-00:00", noon),
            ("2026-11-23T04:00:00.5Z", noon + 500),
            ("2026-11-23T04:00:00.123999999999999Z", noon + 123),
            ("2026-11-24T03:59:59.999+23:59", noon + 59_999),
            ("2026-11-23T03:59:60Z", noon - 1_000),
            ("1970-01-01T00:00:00Z", 0),
            ("2028-02-29T00:00:00Z", 1_835_395_200_000),
            ("9999-12-31T23:59:59Z", Timestamp::LAST.ms() - 999),
        ] {
            assert_eq!(text.parse(), Ok(Timestamp::from_ms(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_or_of_no_year_we_know_is_told_apart() {
        for text in ["1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimeError::Years), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "2026-11-23",
            "2026-11-23T12:00:00",
            "2026-11-23T12:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T12:00:61Z",
            "2026-11-23T12:00:00.Z",
            "2026-11-23T12:00:00+0800",
            "2026-11-23T12:00:00+24:00",
            "2026-11-23T12:00:00-99:99",
            "2026-11-23T+1:00:00Z",
            "10000-01-01T00:00:00Z",
            "２０２６-11-23T12:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimeError::Form), "{text}");
        }
    }
}
