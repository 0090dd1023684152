//! Which base to try first: the first, unless another one had to step in a moment ago.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long a base that stepped in is preferred.
const REMEMBERED: Duration = Duration::from_secs(30);

/// While one call looks whether the first base is back, the others go on with the one that works.
const PROBE: Duration = Duration::from_secs(5);

pub(super) struct Failover {
    epoch: Instant,
    /// 0: the first base. Otherwise `until, in ms since epoch` << 8 | index.
    state: AtomicU64,
}

impl Failover {
    pub(super) fn new() -> Self {
        Self { epoch: Instant::now(), state: AtomicU64::new(0) }
    }

    pub(super) fn preferred(&self) -> usize {
        let state = self.state.load(Ordering::Relaxed);
        if state == 0 {
            return 0;
        }
        let index = usize::from(state.to_le_bytes()[0]);
        let probing = self.packed(index, PROBE);
        let over = self.now_ms() >= state >> 8;
        let won =
            over && self.state.compare_exchange(state, probing, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if won { 0 } else { index }
    }

    /// Tells that a call that began with base `first` reached base `used`.
    pub(super) fn settle(&self, first: usize, used: usize) {
        if used == 0 {
            if self.state.load(Ordering::Relaxed) != 0 {
                self.state.store(0, Ordering::Relaxed);
            }
        } else if used != first {
            self.state.store(self.packed(used, REMEMBERED), Ordering::Relaxed);
        }
    }

    fn packed(&self, index: usize, for_: Duration) -> u64 {
        let until = self.now_ms() + u64::try_from(for_.as_millis()).unwrap_or(0);
        (until << 8) | u64::try_from(index & 0xff).unwrap_or(0)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX >> 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_base_that_stepped_in_is_preferred_for_half_a_minute() {
        let failover = Failover::new();
        assert_eq!(failover.preferred(), 0);

        failover.settle(0, 1);
        tokio::time::advance(Duration::from_secs(29)).await;

        assert_eq!(failover.preferred(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn afterwards_one_call_probes_the_first_base_and_the_others_stay() {
        let failover = Failover::new();
        failover.settle(0, 1);

        tokio::time::advance(Duration::from_secs(30)).await;

        assert_eq!([failover.preferred(), failover.preferred(), failover.preferred()], [0, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_succeeds_ends_the_fail_over() {
        let failover = Failover::new();
        failover.settle(0, 1);
        tokio::time::advance(Duration::from_secs(31)).await;
        let first = failover.preferred();

        failover.settle(first, 0);

        assert_eq!(failover.preferred(), 0);
        assert_eq!(failover.preferred(), 0);
    }
}
