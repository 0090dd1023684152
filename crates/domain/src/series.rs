//! What is counted over time: measures, the keys they are counted by, and a histogram that says how long things took.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::message::words;
use crate::{Cause, Lane, Rule, State, Timestamp};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

words! {
    /// How wide a counter's span of time is.
    Step {
        /// Sixty seconds.
        Minute = "minute",
        /// Sixty minutes.
        Hour = "hour",
        /// A day of Asia/Shanghai.
        Day = "day",
    }
}

impl Step {
    /// When the span begins that holds `at`.
    pub fn begin_of(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Minute => Timestamp::from_ms(at.ms() - at.ms().rem_euclid(MINUTE_MS)),
            Self::Hour => Timestamp::from_ms(at.ms() - at.ms().rem_euclid(HOUR_MS)),
            Self::Day => at.day_begins_at(),
        }
    }

    /// How long it is.
    pub fn length(self) -> Duration {
        match self {
            Self::Minute => Duration::from_secs(60),
            Self::Hour => Duration::from_secs(3_600),
            Self::Day => Duration::from_secs(86_400),
        }
    }
}

words! {
    /// What one try came to: the words of `Outcome`.
    Answer {
        /// WeChat has it.
        Sent = "sent",
        /// It can never go.
        Refused = "refused",
        /// Not now.
        Retry = "retry",
        /// The account must wait.
        Pause = "pause",
        /// No answer.
        Unknown = "unknown",
    }
}

words! {
    /// Whether WeChat had a message by its deadline.
    Punctual {
        /// It had.
        OnTime = "on_time",
        /// It came later.
        Late = "late",
    }
}

/// What is counted. Each is counted at its own moment, and each can be counted again from the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// A message was committed.
    Accepted,
    /// WeChat has it. Timed from acceptance.
    Sent(Punctual),
    /// It became final. `Delivered` is timed from the send.
    Ended(State, Option<Cause>),
    /// A try came back. Timed as WeChat took to answer.
    Tried(Answer, i64),
    /// A rule refused it before it was accepted: no row, so this alone cannot be counted again.
    Refused(Rule),
    /// It waits, and for what: how many do now, not over time.
    Waiting(Option<Cause>),
}

/// What a counter is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    /// What is counted.
    pub measure: Measure,
    /// In which lane; `None`: whatever lane.
    pub lane: Option<Lane>,
    /// By which template; empty: whatever.
    pub template: Arc<str>,
    /// Of which scenario; empty: of none.
    pub scenario: Arc<str>,
}

/// A counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// How many.
    pub count: i64,
    /// How many of those are in the ledger no more: the retention took them.
    pub purged: i64,
    /// How long they took.
    pub spread: Spread,
}

impl Cell {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.purged += other.purged;
        self.spread.add(&other.spread);
    }

    /// Nothing is counted.
    pub fn is_zero(&self) -> bool {
        self.count == 0 && self.purged == 0 && self.spread.is_empty()
    }
}

/// The counters of one span of time.
pub type Cells = BTreeMap<SeriesKey, Cell>;

/// Of each power of two so many buckets: what a bucket answers is off by an eighth at most.
const PER_OCTAVE: u32 = 4;
/// Durations are cut here: 2^40 ms are 34 years.
const OCTAVES: u32 = 40;

/// A histogram of milliseconds with fixed buckets, four to a power of two. Only those that hold something are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread(Vec<(u8, i64)>);

impl Spread {
    /// Counts `change` durations of so many milliseconds.
    pub fn record(&mut self, ms: i64, change: i64) {
        self.add_to(bucket(ms), change);
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(bucket, count)| self.add_to(*bucket, *count));
    }

    fn add_to(&mut self, bucket: u8, change: i64) {
        match self.0.binary_search_by_key(&bucket, |(at, _)| *at) {
            Ok(found) => {
                self.0[found].1 += change;
                if self.0[found].1 == 0 {
                    self.0.remove(found);
                }
            }
            Err(_) if change == 0 => {}
            Err(place) => self.0.insert(place, (bucket, change)),
        }
    }

    /// Nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn total(&self) -> i64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// The duration that `share` (0 to 1) of all do not exceed, in milliseconds: the middle of its bucket.
    pub fn quantile(&self, share: f64) -> Option<i64> {
        let total = self.total();
        if total <= 0 {
            return None;
        }
        let wanted = ((total as f64) * share.clamp(0.0, 1.0)).ceil().max(1.0) as i64;
        let mut seen = 0;
        let found = self.0.iter().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.or(self.0.last()).map(|(bucket, _)| middle(*bucket))
    }

    /// The buckets that hold something, in order.
    pub fn buckets(&self) -> &[(u8, i64)] {
        &self.0
    }

    /// From `buckets`.
    pub fn from_buckets(buckets: impl IntoIterator<Item = (u8, i64)>) -> Self {
        let mut spread = Self::default();
        buckets.into_iter().for_each(|(bucket, count)| spread.add_to(bucket, count));
        spread
    }
}

fn bucket(ms: i64) -> u8 {
    let ms = ms.clamp(0, (1 << OCTAVES) - 1).cast_unsigned();
    if ms < u64::from(PER_OCTAVE) {
        return ms as u8;
    }
    let octave = ms.ilog2();
    let quarter = (ms >> (octave - 2)) as u32 - PER_OCTAVE;
    (PER_OCTAVE + (octave - 2) * PER_OCTAVE + quarter) as u8
}

fn middle(bucket: u8) -> i64 {
    let bucket = u32::from(bucket);
    if bucket < PER_OCTAVE {
        return i64::from(bucket);
    }
    let (octave, quarter) = ((bucket - PER_OCTAVE) / PER_OCTAVE, (bucket - PER_OCTAVE) % PER_OCTAVE);
    let begin = i64::from(PER_OCTAVE + quarter) << octave;
    begin + (1_i64 << octave) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quantile_of_nothing_is_none_and_of_one_is_that_one() {
        let mut spread = Spread::default();
        assert_eq!(spread.quantile(0.5), None);

        spread.record(3, 1);

        assert_eq!((spread.quantile(0.0), spread.quantile(1.0)), (Some(3), Some(3)));
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut spread = Spread::default();
        (1..=1_000).for_each(|ms| spread.record(ms, 1));

        for (share, exact) in [(0.5, 500_i64), (0.95, 950), (0.99, 990)] {
            let told = spread.quantile(share).unwrap();
            assert!((told - exact).abs() * 8 <= exact, "{share}: {told}");
        }
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let mut spread = Spread::default();
        spread.record(250, 1);
        spread.record(250, -1);

        assert!(spread.is_empty());
    }

    #[test]
    fn a_span_begins_where_it_should() {
        let at = Timestamp::from_ms(1_790_000_061_234);

        assert_eq!(at.ms() - Step::Minute.begin_of(at).ms(), at.ms() % 60_000);
        assert_eq!(Step::Day.begin_of(at), at.day_begins_at());
        assert_eq!(Step::Hour.begin_of(at).ms() % 3_600_000, 0);
    }

    proptest! {
        #[test]
        fn a_bucket_tells_its_durations_to_an_eighth(ms in 0_i64..1 << 39) {
            let told = middle(bucket(ms));

            prop_assert!((told - ms).abs() * 8 <= ms.max(8), "{ms} is told as {told}");
        }
    }
}
