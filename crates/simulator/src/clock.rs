//! Time as the simulator sees it: the system's, or a number that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// WeChat counts its days in Asia/Shanghai, which has had no daylight saving since 1991.
const SHANGHAI_MS: i64 = 8 * 3_600_000;

/// Where the simulator takes the time from. Unix milliseconds.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The clock of this machine.
    #[default]
    System,
    /// A number that only its owner moves. With it nothing in the simulator sleeps: latency is not waited for,
    /// and receipts go out when [`crate::Simulator::deliver_receipts`] is called.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at_ms`, and the handle that moves it.
    pub fn manual(at_ms: i64) -> (Clock, Arc<AtomicI64>) {
        let hand = Arc::new(AtomicI64::new(at_ms));
        (Clock::Manual(Arc::clone(&hand)), hand)
    }

    /// Unix milliseconds, now.
    pub fn now_ms(&self) -> i64 {
        match self {
            Clock::System => system_ms(),
            Clock::Manual(hand) => hand.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn is_manual(&self) -> bool {
        matches!(self, Clock::Manual(_))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the simulator reads the machine's clock")]
fn system_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The number of the minute that holds `at_ms`.
pub(crate) fn minute_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(MINUTE_MS)
}

/// The number of the day in Asia/Shanghai that holds `at_ms`.
pub(crate) fn day_of(at_ms: i64) -> i64 {
    (at_ms + SHANGHAI_MS).div_euclid(DAY_MS)
}

/// The number of the calendar month in Asia/Shanghai that holds `at_ms`, counted from year 0.
///
/// From days to the civil calendar after Howard Hinnant's `civil_from_days`.
pub(crate) fn month_of(at_ms: i64) -> i64 {
    let shifted = day_of(at_ms) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    (year_of_era + era * 400) * 12 + month_from_march + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        let noon_utc = 1_764_158_400_000; // 2025-11-26T12:00:00Z, 20:00 in Shanghai

        assert_eq!(day_of(noon_utc), day_of(noon_utc + 4 * 3_600_000 - 1));
        assert_eq!(day_of(noon_utc) + 1, day_of(noon_utc + 4 * 3_600_000));
    }

    #[test]
    fn a_month_ends_at_midnight_in_shanghai() {
        let last_ms_of_november = 1_764_518_400_000 - 1; // 2025-11-30T16:00:00Z less one

        assert_eq!(month_of(last_ms_of_november) % 12, 10);
        assert_eq!(month_of(last_ms_of_november + 1), month_of(last_ms_of_november) + 1);
        assert_eq!(month_of(last_ms_of_november + 1) / 12, 2025);
    }

    #[test]
    fn january_follows_december_of_the_year_before() {
        let new_year = 1_767_196_800_000; // 2025-12-31T16:00:00Z

        assert_eq!(month_of(new_year), 2026 * 12);
        assert_eq!(month_of(new_year - 1), 2025 * 12 + 11);
    }
}
