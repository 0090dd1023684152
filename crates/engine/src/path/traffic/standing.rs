//! What WeChat's answers make of an account: how fast it goes on, and when it stands still to see whether WeChat is back.

use std::time::Duration;

use hongyan_domain::{Cause, Timestamp};

use super::Traffic;
use crate::path::classify::{MEND_FIRST, MEND_LONGEST};

/// The first wait between two looks at an upstream that fails, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Tries in a row that brought nothing, the last one without an answer, after which WeChat is taken for down.
pub(super) const SILENT_MAX: u32 = 32;
/// The same where the last one was answered "busy". It is known at once, and each further message that is tried may have
/// been taken: fewer.
pub(super) const BUSY_MAX: u32 = 8;
/// How much one answer moves the share of busy ones: the last thirty or so count.
const BUSY_WEIGHT: f32 = 1.0 / 32.0;
/// A share of busy answers that is no reason to go slower.
const BUSY_TOLERATED: f32 = 0.1;

/// Why an account stands still, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Until then; the far future when a person paused it.
    pub until: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// What an answer says about the account, besides the message that got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// WeChat works with us.
    Fine,
    /// WeChat says -1. Now and then it does whatever the rate; often, it asks for less.
    Busy,
    /// No answer.
    Silent,
    /// The account must wait.
    Paused(Pause),
}

impl Traffic {
    /// Learns from an answer.
    pub(crate) fn learn(&mut self, signal: Signal, now: Timestamp) {
        match signal {
            Signal::Fine => {
                (self.fruitless, self.strikes, self.probing) = (0, 0, false);
                self.busy_share -= self.busy_share * BUSY_WEIGHT;
                self.pace.eased(now);
            }
            Signal::Paused(pause) => {
                if pause.cause == Cause::Unreachable {
                    // No byte left, so WeChat did not count it.
                    self.budget.give_back(now);
                }
                self.stand_still(pause, now);
            }
            Signal::Silent => self.went_without(Cause::Unreachable, SILENT_MAX, now),
            Signal::Busy => {
                self.busy_share += (1.0 - self.busy_share) * BUSY_WEIGHT;
                if self.busy_share > BUSY_TOLERATED {
                    self.busy_share = 0.0;
                    self.pace.pushed_back(now);
                }
                self.went_without(Cause::Busy, BUSY_MAX, now);
            }
        }
    }

    /// One more try in a row that brought nothing. After many, no more messages are spent on finding out.
    fn went_without(&mut self, cause: Cause, most: u32, now: Timestamp) {
        self.fruitless += 1;
        if self.fruitless >= most || self.probing {
            self.stand_still(Pause { until: now, cause }, now);
        }
    }

    /// Lets the account go on at once, whatever held it up.
    pub(crate) fn resume(&mut self) {
        (self.pause, self.strikes, self.fruitless, self.probing) = (None, 0, 0, false);
    }

    /// Stands still until `pause.until`; longer each time while WeChat stays away. All that come back
    /// from one outage count as one strike.
    fn stand_still(&mut self, pause: Pause, now: Timestamp) {
        if pause.cause == Cause::RateLimited {
            self.pace.pushed_back(now);
        }
        if let Some(standing) = self.pause.filter(|standing| standing.until > now) {
            // Cause and end belong together: what ends last is what holds the account up.
            if pause.until > standing.until {
                self.pause = Some(pause);
            }
            return;
        }
        let (first, longest) = match pause.cause {
            Cause::IpNotAllowed | Cause::AccountRefused => (MEND_FIRST, MEND_LONGEST),
            _ => (FIRST_PAUSE, LONGEST_PAUSE),
        };
        let stretched = first.saturating_mul(1 << self.strikes.min(8)).min(longest);
        self.strikes += 1;
        self.fruitless = 0;
        self.pause = Some(Pause { until: pause.until.max(now.plus(stretched)), ..pause });
        self.probing = true;
    }

    /// Until when it stands still, if that has changed: `Some(None)`, it goes on.
    pub(crate) fn stands_still_anew(&mut self, now: Timestamp) -> Option<Option<Timestamp>> {
        let paused = self.pause.map(|pause| pause.until).filter(|until| *until > now);
        let until = if self.halted { Some(Timestamp::from_ms(i64::MAX)) } else { paused };
        let before = std::mem::replace(&mut self.still_until, until);
        (before != until).then_some(until)
    }

    pub(super) fn may_go(&mut self, now: Timestamp) -> bool {
        if self.pause.is_some_and(|pause| pause.until <= now) {
            self.pause = None;
        }
        !self.halted && self.pause.is_none() && (self.out.is_empty() || !self.probing)
    }
}
