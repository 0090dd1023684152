//! The one function through which a message changes state.
//!
//! It takes where a message stands and what happened, and answers where it stands now. The store
//! applies the answer, the dispatch record and the counters from the same value.

use std::time::Duration;

use crate::{Cause, DeliveryStatus, OnUnknown, Outcome, Rule, SentAs, State, Timestamp};

/// WeChat de-duplicates openid + `client_msg_id` for 10 minutes. A try may start only inside that, less the
/// longest call, less room for two clocks that differ.
pub const RESEND_WINDOW: Duration = Duration::from_secs(8 * 60);

/// The longest that a call may be set to take: one that begins at the end of `RESEND_WINDOW` is with WeChat ten seconds
/// before it forgets.
pub const LONGEST_CALL: Duration = Duration::from_secs(110);

/// Tries that count, before a message is given up.
pub const MAX_ATTEMPTS: u16 = 8;

/// The longest wait between two tries of one message: as long as the longest between two looks at an account that
/// stands still, so that a look is at a message that was tried before, and not at one more.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// What has to be known of a message to decide its next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: State,
    /// Tries that counted so far.
    pub attempts: u16,
    /// When the oldest try began that may have been taken: its answer never came, or was "busy".
    pub doubt_since: Option<Timestamp>,
    /// What to do when the doubt outlives WeChat's memory.
    pub on_unknown: OnUnknown,
}

/// Something that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its turn has come: it is to be durably promised to a dispatch.
    Claimed,
    /// The dispatch that was claimed at this time came back. Of a claim that was given up since, only
    /// `Outcome::Sent` may be passed on: the others no longer say anything of the message.
    Answered {
        /// When the claim was committed: no byte left before.
        claimed_at: Timestamp,
        /// What it came to.
        outcome: Outcome,
    },
    /// It was claimed, and no byte of it ever left.
    Released,
    /// The process that had claimed it at this time is gone; nobody knows whether it sent.
    Lost {
        /// When the claim was committed.
        claimed_at: Timestamp,
    },
    /// WeChat's receipt.
    Reported(DeliveryStatus),
    /// Its time ran out while it waited.
    Expired,
    /// No receipt came for as long as one is awaited.
    Unreported,
    /// Somebody takes it back.
    Cancelled,
    /// An event about the same thing takes it back: the order is refunded.
    Withdrawn,
    /// A rule holds it back when its turn has come.
    Held {
        /// When it may be asked again.
        until: Timestamp,
        /// Which rule.
        rule: Rule,
    },
    /// A rule refuses it when its turn has come.
    Forbidden(Rule),
    /// A person lets go what a rule held for them.
    Approved {
        /// When it may go: when it would have gone, or now.
        due_at: Timestamp,
    },
}

/// Where a message stands after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state it enters (possibly the one it was in).
    pub to: State,
    /// Why.
    pub cause: Option<Cause>,
    /// When it may be tried again; only with `pending`.
    pub due_at: Option<Timestamp>,
    /// Tries that counted.
    pub attempts: u16,
    /// When the oldest try began that may have been taken: its answer never came, or was "busy".
    pub doubt_since: Option<Timestamp>,
}

/// Decides what an event makes of a message. `None`: the event changes nothing (it is late, doubled, or
/// not possible any more).
pub fn decide(standing: &Standing, event: &Event, now: Timestamp) -> Option<Transition> {
    match (standing.state, event) {
        // It waited for its turn so long that WeChat has forgotten the try whose answer never came.
        (State::Pending, Event::Claimed) if standing.is_forgotten(now) => {
            Some(standing.enters(State::Unknown, Some(Cause::NoAnswer)))
        }
        (State::Pending, Event::Claimed) => Some(standing.enters(State::Claimed, None)),
        (State::Pending, Event::Expired) if standing.doubt_since.is_some() => {
            Some(standing.enters(State::Unknown, Some(Cause::NoAnswer)))
        }
        (State::Pending, Event::Expired) => Some(standing.enters(State::Failed, Some(Cause::Expired))),
        (State::Pending, Event::Cancelled) if standing.doubt_since.is_none() => {
            Some(standing.enters(State::Cancelled, Some(Cause::ByRequest)))
        }
        (State::Pending, Event::Withdrawn) if standing.doubt_since.is_none() => {
            Some(standing.enters(State::Cancelled, Some(Cause::ByEvent)))
        }
        (State::Pending, Event::Held { until, rule }) => {
            Some(standing.waits(*until, Some(rule.cause()), now))
        }
        (State::Pending, Event::Approved { due_at }) => Some(standing.waits(*due_at, None, now)),
        // A rule says nothing of the try before, whose answer never came.
        (State::Pending, Event::Forbidden(_)) if standing.doubt_since.is_some() => {
            Some(standing.enters(State::Unknown, Some(Cause::NoAnswer)))
        }
        (State::Pending, Event::Forbidden(rule)) => {
            Some(standing.enters(State::Suppressed, Some(rule.cause())))
        }
        (State::Claimed, Event::Answered { claimed_at, outcome }) => {
            Some(answered(standing, *claimed_at, outcome, now))
        }
        (State::Claimed, Event::Released) => Some(standing.waits(now, None, now)),
        // A try like any other whose answer never came. But it counts to the last, or a message that kills the
        // process would kill it for as long as it may be tried.
        (State::Claimed, Event::Lost { claimed_at }) => {
            Some(standing.counted().doubting(*claimed_at).goes_again(Duration::ZERO, Cause::NoAnswer, now))
        }
        (State::Sent, Event::Unreported) => Some(standing.enters(State::Unknown, Some(Cause::NoReceipt))),
        // A success that is learned late (its claim was counted when it was given up) still beats not
        // knowing, and one more try.
        (State::Pending | State::Unknown, Event::Answered { outcome: Outcome::Sent { how, .. }, .. }) => {
            Some(standing.enters(State::Sent, sent_cause(*how)))
        }
        (State::Pending | State::Claimed | State::Sent | State::Unknown, Event::Reported(status)) => {
            Some(reported(standing, *status))
        }
        _ => None,
    }
}

fn answered(standing: &Standing, claimed_at: Timestamp, outcome: &Outcome, now: Timestamp) -> Transition {
    match outcome {
        Outcome::Sent { how, .. } => standing.counted().enters(State::Sent, sent_cause(*how)),
        // Refused now says nothing of the try before, whose answer never came.
        Outcome::Refused { .. } if standing.doubt_since.is_some() => {
            standing.counted().enters(State::Unknown, Some(Cause::NoAnswer))
        }
        Outcome::Refused { cause } => standing.counted().enters(State::Failed, Some(*cause)),
        // The account waits, not the message: it is due as soon as the account goes on.
        Outcome::Pause { cause, .. } => standing.waits(now, Some(*cause), now),
        // Nobody has documented that "busy" means that nothing was taken: it may have gone all the same.
        Outcome::Retry { after, cause: Cause::Busy } => {
            standing.doubtful(claimed_at, now).goes_again(*after, Cause::Busy, now)
        }
        Outcome::Retry { after, cause } => standing.counted().goes_again(*after, *cause, now),
        Outcome::Unknown => {
            standing.doubtful(claimed_at, now).goes_again(Duration::ZERO, Cause::NoAnswer, now)
        }
    }
}

fn reported(standing: &Standing, status: DeliveryStatus) -> Transition {
    let failed = |cause| standing.enters(State::Failed, Some(cause));
    match status {
        DeliveryStatus::Success => standing.enters(State::Delivered, None),
        DeliveryStatus::UserBlocked => failed(Cause::UserBlocked),
        DeliveryStatus::SystemFailed => failed(Cause::SystemFailed),
        DeliveryStatus::FreqLimited => failed(Cause::FreqLimited),
        DeliveryStatus::Other => failed(Cause::ReceiptOther),
    }
}

fn sent_cause(how: SentAs) -> Option<Cause> {
    match how {
        SentAs::Accepted => None,
        SentAs::HeldForReview => Some(Cause::HeldForReview),
        SentAs::Duplicate => Some(Cause::Duplicate),
    }
}

/// 1 s after the first counted try, doubling, at most half a minute.
fn backoff(attempts: u16) -> Duration {
    let doublings = u32::from(attempts.saturating_sub(1)).min(5);
    Duration::from_secs(1 << doublings).min(MAX_BACKOFF)
}

impl Transition {
    /// Whether the message certainly did not reach its person, now or by an earlier try: what was taken from the
    /// person for it is given back.
    pub fn gives_back(&self) -> bool {
        let ended = matches!(self.to, State::Failed | State::Suppressed | State::Cancelled | State::Pending);
        ended && (self.doubt_since.is_none() || self.to == State::Failed)
    }
}

impl Standing {
    fn enters(self, to: State, cause: Option<Cause>) -> Transition {
        Transition { to, cause, due_at: None, attempts: self.attempts, doubt_since: self.doubt_since }
    }

    fn counted(mut self) -> Self {
        self.attempts = self.attempts.saturating_add(1);
        self
    }

    /// One more try that may have been taken. It is bound by the time that WeChat remembers the first for, not by a
    /// number of tries: an outage spends all but the last. After that time only what is to be resent is tried at all,
    /// and there each try may be one delivery more: it counts.
    fn doubtful(self, claimed_at: Timestamp, now: Timestamp) -> Self {
        let standing = self.doubting(claimed_at);
        let is_remembered = standing.doubt_since.is_some_and(|since| now < since.plus(RESEND_WINDOW));
        if is_remembered && standing.attempts >= MAX_ATTEMPTS - 1 { standing } else { standing.counted() }
    }

    fn doubting(mut self, claimed_at: Timestamp) -> Self {
        self.doubt_since = Some(self.doubt_since.map_or(claimed_at, |since| since.min(claimed_at)));
        self
    }

    /// Back to waiting, unless the next try would come after WeChat forgot the first.
    fn waits(self, due_at: Timestamp, cause: Option<Cause>, now: Timestamp) -> Transition {
        let due_at = due_at.max(now);
        if self.is_forgotten(due_at) {
            return self.enters(State::Unknown, Some(Cause::NoAnswer));
        }
        Transition { due_at: Some(due_at), ..self.enters(State::Pending, cause) }
    }

    /// Whether a try at that time could reach a person twice, and that is not wanted. With `Resend` the
    /// doubt is kept all the same: what may have been delivered must never be called failed.
    pub fn is_forgotten(&self, at: Timestamp) -> bool {
        let outlived = |since: Timestamp| at >= since.plus(RESEND_WINDOW);
        self.on_unknown == OnUnknown::Park && self.doubt_since.is_some_and(outlived)
    }

    /// Waits for its next try, at least `after`, or is given up after the last.
    fn goes_again(self, after: Duration, cause: Cause, now: Timestamp) -> Transition {
        match (self.attempts >= MAX_ATTEMPTS, self.doubt_since) {
            (true, Some(_)) => self.enters(State::Unknown, Some(Cause::NoAnswer)),
            // What WeChat itself named as the reason says more than the number of tries.
            (true, None) if cause == Cause::UserLimited => self.enters(State::Failed, Some(cause)),
            (true, None) => self.enters(State::Failed, Some(Cause::AttemptsExhausted)),
            (false, _) => self.waits(now.plus(after.max(backoff(self.attempts))), Some(cause), now),
        }
    }
}

#[cfg(test)]
mod tests;
