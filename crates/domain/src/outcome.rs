//! What a dispatch came to at once, and what WeChat reports of it later. Values, not errors.

use std::time::Duration;

use crate::{Cause, Timestamp};

/// What one try to hand a message to WeChat came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// WeChat has it.
    Sent {
        /// WeChat's number for it, by which the receipt will name it.
        msgid: Option<u64>,
        /// Taken plainly, held for review, or known already.
        how: SentAs,
    },
    /// This message can never go.
    Refused {
        /// Why.
        cause: Cause,
    },
    /// Not now; the same message may go later. Spends an attempt. With `Cause::Busy` it may have been delivered: then
    /// it is tried like what got no answer.
    Retry {
        /// At the earliest after this.
        after: Duration,
        /// Why.
        cause: Cause,
    },
    /// The account must wait, whatever the message. Spends no attempt.
    Pause {
        /// Until then.
        until: Timestamp,
        /// Why.
        cause: Cause,
    },
    /// No answer: it may have been delivered. Spends an attempt, the last one only after WeChat has forgotten the first.
    Unknown,
}

/// In what way WeChat has a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentAs {
    /// errcode 0.
    Accepted,
    /// 40252: WeChat reviews the content and delivers it by itself when it passes.
    HeldForReview,
    /// WeChat says it has this message from an earlier attempt of ours.
    Duplicate,
}

impl Outcome {
    /// The word used in tables, JSON and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Refused { .. } => "refused",
            Self::Retry { .. } => "retry",
            Self::Pause { .. } => "pause",
            Self::Unknown => "unknown",
        }
    }
}

/// What WeChat reports of a sent message (TEMPLATESENDJOBFINISH).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// `success`: on the phone.
    Success,
    /// `failed:user block`: the person switched off messages of this account.
    UserBlocked,
    /// `failed: system failed`: any other failure.
    SystemFailed,
    /// `failed:freq limit`: undocumented, seen live.
    FreqLimited,
    /// A status nobody has documented; kept raw beside the receipt, counted as failed.
    Other,
}

impl DeliveryStatus {
    /// The word used in tables, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::UserBlocked => "user_blocked",
            Self::SystemFailed => "system_failed",
            Self::FreqLimited => "freq_limited",
            Self::Other => "other",
        }
    }

    /// All of them, for tables.
    pub const ALL: [Self; 5] =
        [Self::Success, Self::UserBlocked, Self::SystemFailed, Self::FreqLimited, Self::Other];

    /// The status that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}
