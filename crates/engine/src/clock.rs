//! The clock, passed to whoever needs the time. Tests hold one that only they move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use hongyan_domain::Timestamp;

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// A test's, moved by hand.
    Manual(Manual),
}

/// A test's clock, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Manual {
    /// What has truly passed: Unix milliseconds.
    pub ms: Arc<AtomicI64>,
    /// How far the machine's clock was set back from that.
    pub set_back_ms: Arc<AtomicI64>,
}

/// A moment from which time is measured, whatever is done to the machine's clock meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Mark(Began);

#[derive(Clone, Copy, Debug)]
enum Began {
    System(Instant),
    Manual(i64),
}

impl Clock {
    /// A clock that stands at `at` until it is moved.
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(Manual { ms: Arc::new(AtomicI64::new(at.ms())), ..Manual::default() })
    }

    /// The time, as the machine's clock shows it: it may be set back.
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                Timestamp::from_ms(since.map_or(0, |since| since.as_millis() as i64))
            }
            Self::Manual(Manual { ms, set_back_ms }) => {
                Timestamp::from_ms(ms.load(Ordering::SeqCst) - set_back_ms.load(Ordering::SeqCst))
            }
        }
    }

    /// This moment.
    pub fn mark(&self) -> Mark {
        Mark(match self {
            Self::System => Began::System(Instant::now()),
            Self::Manual(manual) => Began::Manual(manual.ms.load(Ordering::SeqCst)),
        })
    }

    /// What has passed since a mark of this clock.
    pub fn since(&self, mark: &Mark) -> Duration {
        match (self, mark.0) {
            (_, Began::System(began)) => began.elapsed(),
            (Self::Manual(manual), Began::Manual(began)) => {
                let passed = manual.ms.load(Ordering::SeqCst).saturating_sub(began);
                Duration::from_millis(u64::try_from(passed).unwrap_or(0))
            }
            // A mark of another clock.
            (Self::System, Began::Manual(_)) => Duration::ZERO,
        }
    }

    /// Moves a manual clock on (or, with a negative number, back, and all that is measured with it); the machine's
    /// cannot be moved.
    pub fn advance_ms(&self, by: i64) {
        if let Self::Manual(manual) = self {
            manual.ms.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Sets back what a manual clock shows, as an operator or NTP does with the machine's; nothing else goes back.
    pub fn set_back_ms(&self, by: i64) {
        if let Self::Manual(manual) = self {
            manual.set_back_ms.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Waits until `at`. With a manual clock it never returns: whoever moves the clock wakes the sleepers.
    pub async fn until(&self, at: Timestamp) {
        match self {
            Self::System => tokio::time::sleep(at.since(self.now())).await,
            Self::Manual(_) => std::future::pending().await,
        }
    }

    /// Waits for `duration`, as [`Clock::until`] does.
    pub async fn pass(&self, duration: Duration) {
        self.until(self.now().plus(duration)).await;
    }
}
