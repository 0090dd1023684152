//! How close a template is to WeChat's penalties: a score from what its recipients and WeChat itself did about it.
//!
//! The penalties (requirements §8, 运营规范 3.9) come without a number: WeChat does not publish when it bans. So the
//! weights here are an order of grievance, each with its reason, and the score is told per thousand sends.

use serde::{Deserialize, Serialize};

use crate::message::words;
use crate::policy::BrakeRule;

words! {
    /// Something that speaks against a template.
    Signal {
        /// WeChat stopped a message for what is in it.
        Blocked = "blocked",
        /// A receipt said `failed:user block`.
        UserBlocked = "user_blocked",
        /// A person stopped following within a day of a message.
        Unsubscribed = "unsubscribed",
        /// A person wrote an opt-out word within a day of a message.
        OptedOut = "opted_out",
        /// A person complained.
        Complained = "complained",
    }
}

impl Signal {
    /// What one of them in a thousand sends adds to the score.
    pub fn weight(self) -> u64 {
        match self {
            // WeChat has judged already: what follows by its rules is the ban of the interface for seven days.
            Self::Blocked => 20,
            // Somebody took the trouble; WeChat reads complaints, and a person decides about the template.
            Self::Complained => 10,
            // The account loses the person for good, and the message made them go.
            Self::Unsubscribed => 4,
            // They say so to us and not to WeChat: it can still be mended.
            Self::OptedOut => 3,
            // The receipt tells of a switch that may have been thrown long ago, and for another template.
            Self::UserBlocked => 2,
        }
    }
}

words! {
    /// What is complained of.
    ComplaintKind {
        /// They did not want it.
        Unwanted = "unwanted",
        /// It said what is not so.
        Misleading = "misleading",
        /// Somebody was to be cheated.
        Fraud = "fraud",
        /// Something else.
        Other = "other",
    }
}

/// What was counted of a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signals {
    /// Messages that WeChat took.
    pub sent: u64,
    /// `Signal::Blocked`.
    pub blocked: u64,
    /// `Signal::UserBlocked`.
    pub user_blocked: u64,
    /// `Signal::Unsubscribed`.
    pub unsubscribed: u64,
    /// `Signal::OptedOut`.
    pub opted_out: u64,
    /// `Signal::Complained`.
    pub complained: u64,
}

impl Signals {
    /// How many of one kind.
    pub fn of(&self, signal: Signal) -> u64 {
        match signal {
            Signal::Blocked => self.blocked,
            Signal::UserBlocked => self.user_blocked,
            Signal::Unsubscribed => self.unsubscribed,
            Signal::OptedOut => self.opted_out,
            Signal::Complained => self.complained,
        }
    }

    /// Where one kind is counted.
    pub fn of_mut(&mut self, signal: Signal) -> &mut u64 {
        match signal {
            Signal::Blocked => &mut self.blocked,
            Signal::UserBlocked => &mut self.user_blocked,
            Signal::Unsubscribed => &mut self.unsubscribed,
            Signal::OptedOut => &mut self.opted_out,
            Signal::Complained => &mut self.complained,
        }
    }

    /// Adds what was counted elsewhere, or on another day.
    pub fn add(&mut self, more: &Self) {
        self.sent += more.sent;
        Signal::ALL.iter().for_each(|signal| *self.of_mut(*signal) += more.of(*signal));
    }

    /// What is left without those counted before.
    #[must_use]
    pub fn without(&self, before: &Self) -> Self {
        let mut left = Self { sent: self.sent.saturating_sub(before.sent), ..*self };
        for signal in Signal::ALL {
            *left.of_mut(*signal) = self.of(*signal).saturating_sub(before.of(*signal));
        }
        left
    }

    /// Messages that came as far as WeChat: those it blocked were never taken.
    pub fn tried(&self) -> u64 {
        self.sent.max(Signal::ALL.iter().map(|signal| self.of(*signal)).max().unwrap_or(0))
    }
}

/// The score, and what each kind of signal adds to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// Weighted signals in a thousand sends; at most 1000. From 60 on the house brakes.
    pub score: u32,
    /// What made it, the heaviest first; without those that add nothing.
    pub parts: Vec<Part>,
}

/// What one kind of signal adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Which.
    pub signal: Signal,
    /// How many there were.
    pub count: u64,
    /// What they add to the score.
    pub adds: u32,
}

/// The highest score; above it nothing gets worse.
const SCORE_MAX: u64 = 1_000;
/// Per so many sends.
const PER: u64 = 1_000;

/// The risk of a template.
pub fn risk(signals: &Signals) -> Risk {
    let tried = signals.tried().max(1);
    let adds = |signal: Signal| (signals.of(signal) * signal.weight() * PER / tried).min(SCORE_MAX);
    let part = |signal: &Signal| Part {
        signal: *signal,
        count: signals.of(*signal),
        adds: u32::try_from(adds(*signal)).unwrap_or(u32::MAX),
    };
    let mut parts: Vec<_> = Signal::ALL.iter().map(part).filter(|part| part.count > 0).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.adds));
    let score: u64 = parts.iter().map(|part| u64::from(part.adds)).sum();
    Risk { score: u32::try_from(score.min(SCORE_MAX)).unwrap_or(u32::MAX), parts }
}

impl BrakeRule {
    /// The risk of a template that is to be braked; `None`: it may go on.
    pub fn brakes(&self, signals: &Signals) -> Option<Risk> {
        let risk = risk(signals);
        (signals.tried() >= u64::from(self.sample) && risk.score >= self.score).then_some(risk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::{Category, Mode};

    fn signals(sent: u64, counts: [u64; 5]) -> Signals {
        let [blocked, user_blocked, unsubscribed, opted_out, complained] = counts;
        Signals { sent, blocked, user_blocked, unsubscribed, opted_out, complained }
    }

    #[test]
    fn the_score_is_the_weighted_signals_in_a_thousand_sends() {
        let cases = [
            (signals(0, [0, 0, 0, 0, 0]), 0),
            (signals(1_000, [0, 0, 0, 0, 0]), 0),
            (signals(1_000, [1, 0, 0, 0, 0]), 20),
            (signals(1_000, [0, 1, 0, 0, 0]), 2),
            (signals(1_000, [0, 0, 1, 0, 0]), 4),
            (signals(1_000, [0, 0, 0, 1, 0]), 3),
            (signals(1_000, [0, 0, 0, 0, 1]), 10),
            (signals(1_000, [1, 1, 1, 1, 1]), 39),
            (signals(100_000, [1, 1, 1, 1, 1]), 0),
            (signals(10_000, [0, 0, 0, 0, 60]), 60),
            (signals(0, [5, 0, 0, 0, 0]), 1_000),
            (signals(10, [10, 10, 10, 10, 10]), 1_000),
        ];

        for (signals, score) in cases {
            assert_eq!(risk(&signals).score, score, "{signals:?}");
        }
    }

    #[test]
    fn the_parts_name_what_made_the_score_the_heaviest_first() {
        let risk = risk(&signals(1_000, [0, 4, 0, 0, 2]));

        let parts: Vec<_> = risk.parts.iter().map(|part| (part.signal, part.count, part.adds)).collect();
        assert_eq!(parts, [(Signal::Complained, 2, 20), (Signal::UserBlocked, 4, 8)]);
    }

    #[test]
    fn the_brake_wants_the_score_and_the_sample() {
        let rule = BrakeRule { mode: Mode::Enforce, score: 60, sample: 500, days: 7 };
        let cases = [
            (signals(500, [0, 0, 0, 0, 3]), true),
            (signals(499, [0, 0, 0, 0, 3]), false),
            (signals(501, [0, 0, 0, 0, 3]), false),
            (signals(0, [499, 0, 0, 0, 0]), false),
            (signals(0, [500, 0, 0, 0, 0]), true),
            (signals(1_000_000, [0, 9_000, 0, 0, 0]), false),
        ];

        for (signals, brakes) in cases {
            assert_eq!(rule.brakes(&signals).is_some(), brakes, "{signals:?}");
        }
        assert_eq!(Policy::house(Category::Service).brake, rule);
    }

    #[test]
    fn what_was_counted_before_a_release_counts_no_more() {
        let (before, now) = (signals(600, [30, 0, 0, 0, 0]), signals(700, [31, 2, 0, 0, 0]));

        assert_eq!(now.without(&before), signals(100, [1, 2, 0, 0, 0]));
        assert_eq!(before.without(&now), signals(0, [0, 0, 0, 0, 0]));
    }
}
