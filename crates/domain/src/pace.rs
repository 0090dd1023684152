//! How fast and how much one account may send: rate, turns of the lanes, the day's budget.
//!
//! Plain values held by the one owner of the account; the time is passed in with every call.

mod budget;
mod shares;

use std::time::Duration;

use crate::Timestamp;

pub use budget::{Budget, Daily, allows, runs_out_at};
pub use shares::Shares;

/// The rate is kept in thousandths of a send per second: what it grows by in one millisecond of use.
const MILLI: u64 = 1_000;
/// The bucket is kept in millionths of a send: one millisecond at a rate of r thousandths is r of them, exactly.
const MICRO: u64 = 1_000_000;
/// The rate never falls below one send a second: less would never learn that WeChat has recovered.
const FLOOR: u64 = MILLI;
/// How long a success is taken to prove: idle time is no proof that a faster rate is welcome.
const PROOF_MS: u64 = 1_000;
/// Answers to calls that were in flight together are one pushback, not many. WeChat takes up to 1.5 s.
const SAME_PUSHBACK: Duration = Duration::from_secs(1);
/// A clock that falls back by less is two readings out of order; by more, it was set.
const CLOCK_JITTER: Duration = Duration::from_secs(1);

/// A token bucket whose rate learns from WeChat's pushback.
///
/// In any one second it allows at most the greatest of `peak_per_s`, 1.05 times the rate, and the rate and
/// one more. It starts empty, so that a change of owner does not send a second burst.
#[derive(Clone, Debug)]
pub struct Pace {
    base: u64,
    peak: u64,
    rate: u64,
    tokens: u64,
    filled_at: Timestamp,
    eased_at: Option<Timestamp>,
    pushed_back_at: Option<Timestamp>,
}

impl Pace {
    /// An empty bucket at the base rate, in sends a second. A base of 0 means no limit on rate; a peak below
    /// the base is taken for the base.
    pub fn new(base_per_s: u32, peak_per_s: u32, now: Timestamp) -> Self {
        let base = u64::from(base_per_s) * MILLI;
        Self {
            base,
            peak: base.max(u64::from(peak_per_s) * MILLI),
            rate: base,
            tokens: 0,
            filled_at: now,
            eased_at: None,
            pushed_back_at: None,
        }
    }

    /// Takes up to `wanted` sends and says how many were taken.
    pub fn allow(&mut self, now: Timestamp, wanted: u32) -> u32 {
        if self.is_unlimited() {
            return wanted;
        }
        self.fill(now);
        let taken = wanted.min(u32::try_from(self.tokens / MICRO).unwrap_or(u32::MAX));
        self.tokens -= u64::from(taken) * MICRO;
        taken
    }

    /// Gives back what was allowed and then not sent.
    pub fn give_back(&mut self, unsent: u32) {
        self.tokens = self.tokens.saturating_add(u64::from(unsent) * MICRO).min(self.capacity());
    }

    /// When one more will be allowed: `now` if one is allowed already.
    pub fn next_at(&self, now: Timestamp) -> Timestamp {
        if self.is_unlimited() {
            return now;
        }
        let missing = MICRO.saturating_sub(self.tokens_at(now));
        now.plus(Duration::from_millis(missing.div_ceil(self.rate)))
    }

    /// WeChat took a send without complaint. Above the base, one a second more for each second of use, up to
    /// the peak; below it, which was known to be good, a tenth of the base.
    pub fn eased(&mut self, now: Timestamp) {
        if self.is_unlimited() {
            return;
        }
        self.fill(now);
        let before = self.eased_at.unwrap_or(now);
        let proof = millis(now.since(before)).min(PROOF_MS);
        self.eased_at = Some(if is_set_back(before, now) { now } else { before.max(now) });
        self.rate = (self.rate + proof * self.growth() / MILLI).min(self.peak);
    }

    /// WeChat asked for less: half the rate, and nothing saved up. Further ones within a second are the same one.
    pub fn pushed_back(&mut self, now: Timestamp) {
        if self.is_unlimited() {
            return;
        }
        self.fill(now);
        self.eased_at = Some(now);
        self.tokens = 0;
        let same = self
            .pushed_back_at
            .is_some_and(|before| !is_set_back(before, now) && now.since(before) < SAME_PUSHBACK);
        if !same {
            self.pushed_back_at = Some(now);
            self.rate = (self.rate / 2).max(FLOOR);
        }
    }

    /// New limits for a running account. What was learned stays, as far as they allow: a rate pushed back
    /// below the old base is not lifted to the new one.
    pub fn set_limits(&mut self, base_per_s: u32, peak_per_s: u32, now: Timestamp) {
        let fresh = Self::new(base_per_s, peak_per_s, now);
        if self.is_unlimited() || fresh.is_unlimited() {
            *self = fresh;
            return;
        }
        self.fill(now);
        let wished = if self.rate < self.base { self.rate } else { self.rate.max(fresh.base) };
        (self.base, self.peak) = (fresh.base, fresh.peak);
        self.rate = wished.min(fresh.peak);
    }

    /// The rate that is sustained now, in sends a second; 0 means no limit. For display.
    pub fn rate_per_s(&self) -> f64 {
        self.rate as f64 / MILLI as f64
    }

    fn is_unlimited(&self) -> bool {
        self.base == 0
    }

    /// What a second of use without complaint adds to the rate.
    fn growth(&self) -> u64 {
        if self.rate < self.base { (self.base / 10).max(MILLI) } else { MILLI }
    }

    /// What may be saved up: the room between rate and peak; a twentieth of a second, so that a loop which
    /// comes late loses nothing; and at least one send.
    fn capacity(&self) -> u64 {
        let growing = if self.rate < self.base { self.growth() } else { 0 };
        let room = self.peak.saturating_sub(self.rate + growing);
        // And what one millisecond brings, or the fraction above a whole send would be lost at each fill. A
        // second holds 999 such fills after the first send, so the bound stays.
        room.max(self.rate / 20).max(MILLI) * (MICRO / MILLI) + self.rate
    }

    fn tokens_at(&self, now: Timestamp) -> u64 {
        let gained = millis(now.since(self.filled_at)).saturating_mul(self.rate);
        self.tokens.saturating_add(gained).min(self.capacity())
    }

    fn fill(&mut self, now: Timestamp) {
        self.tokens = self.tokens_at(now);
        if now > self.filled_at || is_set_back(self.filled_at, now) {
            self.filled_at = now;
        }
    }
}

/// Whether the clock was set back since `before`, rather than read out of order.
fn is_set_back(before: Timestamp, now: Timestamp) -> bool {
    before.since(now) > CLOCK_JITTER
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

    fn after_ms(ms: i64) -> Timestamp {
        Timestamp::from_ms(NOW.ms() + ms)
    }

    /// What a pace of these rates lets through when asked every `step` ms from `from` to `to`.
    fn allowed(pace: &mut Pace, from: i64, to: i64, step: usize) -> u64 {
        (from..to).step_by(step).map(|ms| u64::from(pace.allow(after_ms(ms), u32::MAX))).sum()
    }

    #[test]
    fn a_sustained_rate_is_exact_over_minutes() {
        for rate in [1, 3, 7, 100, 333, 100_000, 1_000_003] {
            let mut pace = Pace::new(rate, rate, NOW);

            let ten_minutes = allowed(&mut pace, 0, 600_001, 1);

            assert_eq!(ten_minutes, u64::from(rate) * 600, "{rate}/s");
        }
    }

    #[test]
    fn a_fresh_owner_starts_empty() {
        let mut pace = Pace::new(50, 100, NOW);

        assert_eq!(pace.allow(NOW, 10), 0);
        assert_eq!(pace.next_at(NOW), after_ms(20));
        assert_eq!(pace.allow(after_ms(19), 10), 0);
        assert_eq!(pace.allow(after_ms(20), 10), 1);
    }

    #[test]
    fn what_is_saved_up_is_the_room_to_the_peak() {
        for (base, peak, saved) in [(50, 100, 50), (100, 100, 5), (5, 10, 5), (5, 5, 1), (5, 1, 1), (1, 0, 1)]
        {
            let mut pace = Pace::new(base, peak, NOW);

            assert_eq!(pace.allow(after_ms(3_600_000), u32::MAX), saved, "{base}..{peak}");
        }
    }

    #[test]
    fn a_base_of_zero_is_no_limit() {
        let mut pace = Pace::new(0, 100, NOW);
        pace.pushed_back(NOW);
        pace.eased(NOW);
        pace.give_back(7);

        assert_eq!(pace.allow(NOW, u32::MAX), u32::MAX);
        assert_eq!(pace.next_at(NOW), NOW);
        assert_eq!(pace.rate_per_s(), 0.0);
    }

    #[test]
    fn the_rate_grows_by_one_for_each_second_of_use() {
        let mut pace = Pace::new(50, 100, NOW);

        for ms in (0..=10_000).step_by(10) {
            pace.eased(after_ms(ms));
        }
        assert_eq!(pace.rate_per_s(), 60.0);

        pace.eased(after_ms(10_000_000));
        assert_eq!(pace.rate_per_s(), 61.0);

        for s in 0..1_000 {
            pace.eased(after_ms(10_000_000 + s * 1_000));
        }
        assert_eq!(pace.rate_per_s(), 100.0);
    }

    #[test]
    fn what_was_known_to_be_good_comes_back_within_seconds() {
        let mut pace = Pace::new(100, 100, NOW);
        pace.pushed_back(NOW);

        for ms in (0..=5_000).step_by(10) {
            pace.eased(after_ms(ms));
        }

        assert_eq!(pace.rate_per_s(), 100.0);
    }

    #[test]
    fn a_pushback_halves_the_rate_and_its_echoes_do_not() {
        let mut pace = Pace::new(50, 100, NOW);
        pace.allow(after_ms(10_000), 1);

        for ms in [10_000, 10_001, 10_500, 10_999] {
            pace.pushed_back(after_ms(ms));
        }
        assert_eq!(pace.rate_per_s(), 25.0);
        assert_eq!(pace.allow(after_ms(10_999), 10), 0);

        for s in 11..100 {
            pace.pushed_back(after_ms(s * 1_000));
        }
        assert_eq!(pace.rate_per_s(), 1.0);
    }

    #[test]
    fn new_limits_take_effect_at_once() {
        let mut pace = Pace::new(50, 100, NOW);
        pace.set_limits(80, 200, NOW);
        assert_eq!(pace.rate_per_s(), 80.0);

        pace.set_limits(5, 10, NOW);
        assert_eq!(pace.rate_per_s(), 10.0);

        pace.pushed_back(NOW);
        pace.pushed_back(after_ms(1_000));
        pace.set_limits(50, 100, after_ms(1_000));
        assert_eq!(pace.rate_per_s(), 2.5);

        pace.set_limits(0, 0, after_ms(1_000));
        assert_eq!(pace.allow(after_ms(1_000), 9), 9);
    }

    #[test]
    fn what_was_not_sent_can_be_given_back() {
        let mut pace = Pace::new(50, 100, NOW);
        assert_eq!(pace.allow(after_ms(1_000), 50), 50);

        pace.give_back(30);

        assert_eq!(pace.allow(after_ms(1_000), 50), 30);
    }

    #[test]
    fn a_clock_set_back_neither_stops_the_pace_nor_fills_it() {
        let mut pace = Pace::new(10, 10, NOW);
        pace.allow(after_ms(1_000), 10);

        assert_eq!(pace.allow(after_ms(-3_600_000), 10), 0);
        assert_eq!(pace.allow(after_ms(-3_600_000 + 100), 10), 1);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Allow(u32),
        Eased,
        PushedBack,
        GiveBack,
    }

    fn step() -> impl Strategy<Value = (i64, Step)> {
        let what = prop_oneof![
            8 => (0..300u32).prop_map(Step::Allow),
            4 => Just(Step::Eased),
            1 => Just(Step::PushedBack),
            1 => Just(Step::GiveBack),
        ];
        (0..400i64, what)
    }

    /// Runs the steps and tells when how many sends went; all of an allowance may be given back at once.
    fn run(pace: &mut Pace, steps: Vec<(i64, Step)>) -> Vec<(i64, u32)> {
        let (mut ms, mut sent) = (0, Vec::new());
        for (wait, step) in steps {
            ms += wait;
            match step {
                Step::Allow(wanted) => sent.push((ms, pace.allow(after_ms(ms), wanted))),
                Step::Eased => pace.eased(after_ms(ms)),
                Step::PushedBack => pace.pushed_back(after_ms(ms)),
                Step::GiveBack => {
                    if let Some((_, count)) = sent.pop_if(|(at, _)| *at == ms) {
                        pace.give_back(count);
                    }
                }
            }
        }
        sent
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_the_peak(
            base in 1..200u32, room in 0..200u32, steps in prop::collection::vec(step(), 1..200),
        ) {
            let peak = base + room;
            let mut pace = Pace::new(base, peak, NOW);
            let most = f64::from(peak).max(f64::from(peak) * 1.05).max(f64::from(peak) + 1.0);

            let sent = run(&mut pace, steps);

            for (from, _) in &sent {
                let second: u32 =
                    sent.iter().filter(|(at, _)| (*from..from + 1_000).contains(at)).map(|(_, count)| count).sum();
                prop_assert!(f64::from(second) <= most, "{} in one second, peak {}", second, peak);
            }
        }

        #[test]
        fn one_is_allowed_at_next_at_and_not_before(
            base in 1..5_000u32, room in 0..100u32, wait in 0..5_000i64, wanted in 0..200u32,
        ) {
            let mut pace = Pace::new(base, base + room, NOW);
            pace.allow(after_ms(wait), wanted);

            let next_at = pace.next_at(after_ms(wait));

            if next_at > after_ms(wait) {
                prop_assert_eq!(pace.clone().allow(Timestamp::from_ms(next_at.ms() - 1), 1), 0);
            }
            prop_assert_eq!(pace.allow(next_at, 1), 1);
        }

        #[test]
        fn any_times_and_numbers_are_survived(
            rates in any::<(u32, u32)>(), times in prop::collection::vec(any::<i64>(), 1..20),
        ) {
            let mut pace = Pace::new(rates.0, rates.1, NOW);
            for now in times.into_iter().map(Timestamp::from_ms) {
                pace.allow(now, u32::MAX);
                pace.eased(now);
                pace.give_back(u32::MAX);
                pace.pushed_back(now);
                pace.next_at(now);
            }
        }
    }
}
