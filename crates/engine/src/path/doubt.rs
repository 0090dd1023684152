//! How long a doubt has lasted. WeChat forgets a try after ten minutes by its own clock, whatever is done to ours: a
//! clock that is set back must not make an old doubt young again.

use std::time::Duration;

use hongyan_domain::{RESEND_WINDOW, Standing, Timestamp};

use crate::clock::{Clock, Mark};

/// A clock that is corrected by less than this is none that was set back; `RESEND_WINDOW` has room for it.
const CORRECTION: Duration = Duration::from_secs(5);

/// The clock that doubts are measured by. It never goes back: within a process it goes on with the machine's
/// monotonic clock, and it begins after everything that the process before has seen.
#[derive(Clone, Debug)]
pub(crate) struct DoubtClock {
    clock: Clock,
    began: Mark,
    began_at: Timestamp,
}

impl DoubtClock {
    /// `seen`: the last time that was seen before this process.
    pub(crate) fn start(clock: &Clock, seen: Option<Timestamp>) -> Self {
        let now = clock.now();
        let began_at = match seen.filter(|seen| now.plus(CORRECTION) < *seen) {
            // Set back while nobody looked, so nobody knows how long that was: whatever was in doubt is forgotten.
            Some(seen) => seen.plus(RESEND_WINDOW),
            None => now,
        };
        Self { clock: clock.clone(), began: clock.mark(), began_at }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.began_at.plus(self.clock.since(&self.began)).max(self.clock.now())
    }

    /// Whether a try of a message that stands so could reach its person twice, and that is not wanted.
    pub(crate) fn is_forgotten(&self, standing: &Standing) -> bool {
        standing.doubt_since.is_some() && standing.is_forgotten(self.judged_at(standing.doubt_since))
    }

    /// The time at which a doubt that began then is judged. One that has not even begun yet is of a clock that was set
    /// back since: it is as old as can be.
    pub(crate) fn judged_at(&self, doubt_since: Option<Timestamp>) -> Timestamp {
        let now = self.now();
        match doubt_since.filter(|since| now.plus(CORRECTION) < *since) {
            Some(since) => since.plus(RESEND_WINDOW),
            None => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use hongyan_domain::{OnUnknown, State};

    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);
    const MINUTE_MS: i64 = 60_000;

    fn doubtful(since: Timestamp) -> Standing {
        Standing { state: State::Pending, attempts: 1, doubt_since: Some(since), on_unknown: OnUnknown::Park }
    }

    #[test]
    fn a_clock_set_back_makes_no_doubt_younger() {
        let clock = Clock::manual(NOW);
        let doubt = DoubtClock::start(&clock, None);
        let standing = doubtful(doubt.now());

        clock.advance_ms(5 * MINUTE_MS);
        clock.set_back_ms(60 * MINUTE_MS);
        let after_five = doubt.is_forgotten(&standing);
        clock.advance_ms(4 * MINUTE_MS);

        assert_eq!((after_five, doubt.is_forgotten(&standing)), (false, true));
    }

    #[test]
    fn a_clock_set_back_between_two_processes_ends_every_doubt_from_before() {
        let clock = Clock::manual(NOW);
        let seen = Timestamp::from_ms(NOW.ms() + 30 * MINUTE_MS);

        let doubt = DoubtClock::start(&clock, Some(seen));

        assert!(doubt.is_forgotten(&doubtful(NOW)) && doubt.is_forgotten(&doubtful(seen)));
        assert!(!doubt.is_forgotten(&doubtful(doubt.now())), "a new one has its time");
    }

    #[test]
    fn a_doubt_that_begins_in_the_future_is_of_another_clock() {
        let doubt = DoubtClock::start(&Clock::manual(NOW), None);

        assert!(doubt.is_forgotten(&doubtful(Timestamp::from_ms(NOW.ms() + MINUTE_MS))));
        assert!(!doubt.is_forgotten(&doubtful(Timestamp::from_ms(NOW.ms() + 1_000))));
    }
}
