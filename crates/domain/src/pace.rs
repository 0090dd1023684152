//! How fast and how much one account may send: rate, turns of the lanes, the day's budget.
//!
//! Plain values held by the one owner of the account; the time is passed in with every call.

use std::time::Duration;

use crate::{Lane, Timestamp};

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

    /// WeChat took a send without complaint: one a second more for each second of use, up to the peak.
    pub fn eased(&mut self, now: Timestamp) {
        if self.is_unlimited() {
            return;
        }
        self.fill(now);
        let before = self.eased_at.unwrap_or(now);
        let proof = millis(now.since(before)).min(PROOF_MS);
        self.eased_at = Some(if is_set_back(before, now) { now } else { before.max(now) });
        self.rate = (self.rate + proof).min(self.peak);
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
        self.tokens = self.tokens.min(self.capacity());
    }

    /// The rate that is sustained now, in sends a second; 0 means no limit. For display.
    pub fn rate_per_s(&self) -> f64 {
        self.rate as f64 / MILLI as f64
    }

    fn is_unlimited(&self) -> bool {
        self.base == 0
    }

    /// What may be saved up: the room between rate and peak; a twentieth of a second, so that a loop which
    /// comes late loses nothing; and at least one send.
    fn capacity(&self) -> u64 {
        let room = self.peak.saturating_sub(self.rate);
        room.max(self.rate / 20).max(MILLI) * (MICRO / MILLI)
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

/// Out of so many turns, a lane that waits gets at least one.
const TURNS: u8 = 10;

/// Whose turn it is among the lanes of an account.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// For how many turns each lane has waited while another went.
    passed: [u8; 3],
}

impl Shares {
    /// The lane that goes next, of those `waiting` (indexed by `Lane::index`); `None` if none waits.
    ///
    /// The most urgent goes, but no lane that waits is passed over ten times in a row.
    pub fn pick(&mut self, waiting: [bool; 3]) -> Option<Lane> {
        for lane in Lane::ALL {
            if !waiting[lane.index()] {
                self.passed[lane.index()] = 0;
            }
        }
        let picked = self.due().or_else(|| Lane::ALL.into_iter().find(|lane| waiting[lane.index()]))?;
        for lane in Lane::ALL {
            let passed = &mut self.passed[lane.index()];
            *passed = if lane == picked || !waiting[lane.index()] { 0 } else { *passed + 1 };
        }
        Some(picked)
    }

    /// The lane that may not be passed over again. When both lower lanes come to their last turn together,
    /// one of them goes a turn early.
    fn due(&self) -> Option<Lane> {
        let [_, normal, bulk] = self.passed;
        let last = TURNS - 1;
        match (normal, bulk) {
            _ if bulk >= last => Some(Lane::Bulk),
            _ if normal >= last => Some(Lane::Normal),
            _ if bulk == last - 1 && normal == last - 1 => Some(Lane::Bulk),
            _ => None,
        }
    }
}

/// The tenth of a day's budget that only urgent messages may use.
const URGENT_SHARE: u32 = 10;

/// What an account may still send today (Asia/Shanghai).
#[derive(Clone, Debug)]
pub struct Budget {
    limit: u32,
    used: u32,
    day: i64,
}

impl Budget {
    /// A whole budget of `limit` sends a day; 0 allows none.
    pub fn new(limit: u32, now: Timestamp) -> Self {
        Self { limit, used: 0, day: now.day() }
    }

    /// Whether `lane` may send one more today. The last tenth is for urgent alone.
    pub fn allows(&self, lane: Lane, now: Timestamp) -> bool {
        let kept = if lane == Lane::Urgent { 0 } else { self.limit.div_ceil(URGENT_SHARE) };
        self.used_on(now) < self.limit - kept
    }

    /// Counts one send.
    pub fn spend(&mut self, now: Timestamp) {
        self.turn(now);
        self.used = self.used.saturating_add(1);
    }

    /// Takes back a send counted at `spent_at` that never went out; one of another day is gone.
    pub fn give_back(&mut self, spent_at: Timestamp) {
        if spent_at.day() == self.day {
            self.used = self.used.saturating_sub(1);
        }
    }

    /// When the next budget begins: midnight in Shanghai.
    pub fn until(&self, now: Timestamp) -> Timestamp {
        now.next_day()
    }

    /// WeChat's own figures (`openapi/quota/get`) take the place of ours, also when they are lower: a
    /// cleared quota has to count.
    pub fn learned(&mut self, limit: u32, used: u32, now: Timestamp) {
        self.turn(now);
        (self.limit, self.used) = (limit, used);
    }

    /// A new limit; what was used stays used.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// Today's limit.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// What went today.
    pub fn used_on(&self, now: Timestamp) -> u32 {
        if self.is_today(now) { self.used } else { 0 }
    }

    fn turn(&mut self, now: Timestamp) {
        if !self.is_today(now) {
            (self.day, self.used) = (now.day(), 0);
        }
    }

    /// A reading from before midnight that comes out of order still belongs to the new day.
    fn is_today(&self, now: Timestamp) -> bool {
        let day = now.day();
        day == self.day || day.saturating_add(1) == self.day
    }
}
