//! Tells whoever tries keys or passwords that open nothing to stop. A key that opens something never passes here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use hongyan_domain::Timestamp;
use parking_lot::Mutex;

/// Failed attempts of one address in a window.
const FAILURES_MAX: u32 = 30;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered; at 40 bytes each, 400 KB. When it is full of fresh ones, strangers wait as well.
const ADDRESSES_MAX: usize = 10_000;

/// A full memory is looked through for old entries so often, not at every failure.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Failures by address.
pub(crate) struct Throttle {
    most: u32,
    addresses: Mutex<Addresses>,
}

/// As many failures as are taken from one address.
impl Default for Throttle {
    fn default() -> Self {
        Self::of(FAILURES_MAX)
    }
}

#[derive(Default)]
struct Addresses {
    failures: HashMap<IpAddr, Failures>,
    swept_at: Option<Timestamp>,
}

struct Failures {
    since: Timestamp,
    count: u32,
}

impl Failures {
    /// A clock that was set back ends a window too: it would last as long as the clock was ahead.
    fn are_over(&self, now: Timestamp) -> bool {
        now < self.since || now.since(self.since) >= WINDOW
    }
}

impl Throttle {
    /// Takes so many failures in a window.
    pub(crate) fn of(most: u32) -> Self {
        Self { most, addresses: Mutex::default() }
    }

    /// Whether `address` may try another key now.
    pub(crate) fn allows(&self, address: IpAddr, now: Timestamp) -> bool {
        let mut addresses = self.addresses.lock();
        addresses.sweep_if_full(now);
        match addresses.failures.get(&address) {
            Some(known) => known.count < self.most || known.are_over(now),
            None => addresses.failures.len() < ADDRESSES_MAX,
        }
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, address: IpAddr, now: Timestamp) {
        let mut addresses = self.addresses.lock();
        addresses.sweep_if_full(now);
        let failures = &mut addresses.failures;
        if failures.len() >= ADDRESSES_MAX && !failures.contains_key(&address) {
            return;
        }
        let known = failures.entry(address).or_insert(Failures { since: now, count: 0 });
        if known.are_over(now) {
            *known = Failures { since: now, count: 0 };
        }
        known.count += 1;
    }
}

impl Throttle {
    /// Counts a try as a failure before it is known to be one, so that of many at the same moment no more are let in than
    /// one after the other. `false`: it is not let in.
    pub(crate) fn lets_in(&self, address: IpAddr, now: Timestamp) -> bool {
        let allowed = self.allows(address, now);
        if allowed {
            self.failed(address, now);
        }
        allowed
    }

    /// Takes back a try that was none.
    pub(crate) fn forgive(&self, address: IpAddr) {
        if let Some(known) = self.addresses.lock().failures.get_mut(&address) {
            known.count = known.count.saturating_sub(1);
        }
    }
}

impl Addresses {
    fn sweep_if_full(&mut self, now: Timestamp) {
        let swept = self.swept_at.is_some_and(|at| at <= now && now.since(at) < SWEEP_EVERY);
        if self.failures.len() < ADDRESSES_MAX || swept {
            return;
        }
        self.swept_at = Some(now);
        self.failures.retain(|_, known| !known.are_over(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

    #[test]
    fn an_address_that_failed_too_often_waits_out_the_window_and_others_do_not() {
        let (throttle, bad, good) =
            (Throttle::default(), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));

        for _ in 0..FAILURES_MAX {
            assert!(throttle.allows(bad, NOW));
            throttle.failed(bad, NOW);
        }

        assert!(!throttle.allows(bad, NOW));
        assert!(throttle.allows(good, NOW));
        assert!(throttle.allows(bad, NOW.plus(WINDOW)));
    }

    #[test]
    fn memory_stays_bounded_and_is_freed_after_the_window() {
        let throttle = Throttle::default();

        for n in 0..20_000_u32 {
            throttle.failed(IpAddr::from(n.to_be_bytes()), NOW);
        }
        assert_eq!(throttle.addresses.lock().failures.len(), ADDRESSES_MAX);
        assert!(!throttle.allows(IpAddr::from([255, 0, 0, 1]), NOW));

        assert!(throttle.allows(IpAddr::from([255, 0, 0, 1]), NOW.plus(WINDOW)));
        assert_eq!(throttle.addresses.lock().failures.len(), 0);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (throttle, address) = (Throttle::of(1), IpAddr::from([1, 2, 3, 4]));
        let ahead = NOW.plus(Duration::from_secs(3_600));
        throttle.failed(address, ahead);
        assert!(!throttle.allows(address, ahead));

        assert!(throttle.lets_in(address, NOW) && !throttle.lets_in(address, NOW));
    }

    #[test]
    fn of_tries_at_the_same_moment_no_more_are_let_in_than_may_fail() {
        let (throttle, address) = (Throttle::default(), IpAddr::from([1, 2, 3, 4]));

        let let_in = (0..80).filter(|_| throttle.lets_in(address, NOW)).count();
        throttle.forgive(address);

        assert_eq!(let_in, FAILURES_MAX as usize);
        assert!(throttle.lets_in(address, NOW) && !throttle.lets_in(address, NOW));
    }
}
