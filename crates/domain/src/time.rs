//! Instants, in Unix milliseconds, and the days of WeChat's quotas. The clock itself is elsewhere.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: milliseconds since 1970, UTC. Written as RFC 3339 wherever people or JSON see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

const SHANGHAI_OFFSET_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// 1970-01-01 was a Thursday.
const DAYS_FROM_MONDAY: i64 = 3;

impl Timestamp {
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
        Self::day_at(self.day())
    }

    /// When the next day begins in Asia/Shanghai: daily quotas are new then.
    pub fn next_day(self) -> Self {
        Self::day_at(self.day() + 1)
    }

    /// The week in Asia/Shanghai, Monday to Sunday, as weeks since that of 1970-01-01.
    pub fn week(self) -> i64 {
        (self.day() + DAYS_FROM_MONDAY).div_euclid(7)
    }

    /// When the next week begins in Asia/Shanghai.
    pub fn next_week(self) -> Self {
        Self::day_at((self.week() + 1) * 7 - DAYS_FROM_MONDAY)
    }

    fn day_at(day: i64) -> Self {
        Self(day.saturating_mul(DAY_MS).saturating_sub(SHANGHAI_OFFSET_MS))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let instant: jiff::Timestamp = text.parse().map_err(|_| {
            serde::de::Error::custom("not an RFC 3339 time with a zone, like 2026-11-23T12:00:00+08:00")
        })?;
        Ok(Self(instant.as_millisecond()))
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
    fn the_ends_of_time_have_a_day_too() {
        for ms in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            let at = Timestamp::from_ms(ms);

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
}
