//! The clock, passed to whoever needs the time. Tests hold one that only they move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hongyan_domain::Timestamp;

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// A test's: Unix milliseconds, moved by hand.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at` until it is moved.
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(at.ms())))
    }

    /// The time.
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                Timestamp::from_ms(since.map_or(0, |since| since.as_millis() as i64))
            }
            Self::Manual(ms) => Timestamp::from_ms(ms.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock on (or, with a negative number, back); the machine's cannot be moved.
    pub fn advance_ms(&self, by: i64) {
        if let Self::Manual(ms) = self {
            ms.fetch_add(by, Ordering::SeqCst);
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
