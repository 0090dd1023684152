//! A message: one template filled for one recipient, its states and the causes of them.

use serde::{Deserialize, Serialize};

/// The urgency a message travels with inside its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Someone is looking at the phone: payments, codes.
    Urgent,
    /// The default.
    Normal,
    /// Campaigns.
    Bulk,
}

impl Lane {
    /// In order of urgency.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Bulk];

    /// The word used in tables, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    /// Its place in `ALL`, and its number in the store.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Declares a closed set of words: the enum, `ALL`, `as_str` and `parse`.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word used in tables, JSON and metrics.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one that `word` names.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str> as serde::Deserialize<'de>>::deserialize(deserializer)?;
                Self::parse(&word).ok_or_else(|| serde::de::Error::unknown_variant(&word, &[$($word,)+]))
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Where a message stands. Live: pending, claimed, sent. The others are final; only `unknown` may
    /// still be settled, by a receipt that comes after all.
    State {
        /// Accepted and waiting: for its time, its turn, or another try.
        Pending = "pending",
        /// Durably promised to a dispatch that is under way.
        Claimed = "claimed",
        /// WeChat has it; the receipt is awaited.
        Sent = "sent",
        /// WeChat reported it delivered.
        Delivered = "delivered",
        /// It was not delivered, and will not be.
        Failed = "failed",
        /// Our policy said no.
        Suppressed = "suppressed",
        /// It may have been delivered; it is not sent again.
        Unknown = "unknown",
        /// Taken back before it was sent.
        Cancelled = "cancelled",
    }
}

impl State {
    /// Whether nothing more is expected.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Claimed | Self::Sent)
    }
}

words! {
    /// Why a message is where it is.
    Cause {
        /// WeChat said -1. Nobody has documented that it means that nothing was taken.
        Busy = "busy",
        /// 45011: the per-minute limit.
        RateLimited = "rate_limited",
        /// 45009: today's quota is used up.
        DailyQuota = "daily_quota",
        /// No usable `access_token`.
        Token = "token",
        /// 40164, 895xx: our address is not on the account's allow-list.
        IpNotAllowed = "ip_not_allowed",
        /// WeChat could not be reached.
        Unreachable = "unreachable",
        /// 43117: too many to this person lately.
        UserLimited = "user_limited",
        /// 40241 on a first attempt: the same content went to this person within 60 s.
        Repeated = "repeated",
        /// 40252: WeChat reviews it and delivers it by itself.
        HeldForReview = "held_for_review",
        /// WeChat had it from an earlier attempt.
        Duplicate = "duplicate",
        /// Its time ran out before it could go.
        Expired = "expired",
        /// It was tried as often as is allowed.
        AttemptsExhausted = "attempts_exhausted",
        /// 40037: no such template in this account.
        TemplateInvalid = "template_invalid",
        /// 43116: WeChat banned the template.
        TemplateBanned = "template_banned",
        /// 40249: WeChat refused the content.
        ContentRefused = "content_refused",
        /// 47003 and kin: a field does not fit.
        ArgumentInvalid = "argument_invalid",
        /// 40003.
        OpenidInvalid = "openid_invalid",
        /// 43004.
        NotFollowing = "not_following",
        /// 43019: the account has this person on its blacklist.
        Blacklisted = "blacklisted",
        /// The account may not send (frozen, unverified, no permission).
        AccountRefused = "account_refused",
        /// Any other answer that no repetition can mend.
        BadRequest = "bad_request",
        /// Receipt: the person switched off messages of this account.
        UserBlocked = "user_blocked",
        /// Receipt: WeChat failed.
        SystemFailed = "system_failed",
        /// Receipt: too many to this person.
        FreqLimited = "freq_limited",
        /// Receipt: a status nobody has documented.
        ReceiptOther = "receipt_other",
        /// No answer that tells whether it was taken came while WeChat still de-duplicates.
        NoAnswer = "no_answer",
        /// Accepted by WeChat, and no receipt came.
        NoReceipt = "no_receipt",
        /// Taken back by request.
        ByRequest = "by_request",
        /// Taken back by an event about the same thing.
        ByEvent = "by_event",
        /// Our rule: the person is on the suppression list.
        Suppression = "suppression",
        /// Our rule: the wording.
        Content = "content",
        /// Our rule: the person did nothing lately that allows it.
        Reach = "reach",
        /// Our rule: too many to this person.
        Frequency = "frequency",
        /// Our rule: the same content went just now.
        Repeat = "repeat",
        /// Our rule: not at this hour.
        QuietHours = "quiet_hours",
        /// Our rule: a brake stops its template until a person releases it.
        Brake = "brake",
    }
}

words! {
    /// What to do with a message that may have been delivered once WeChat no longer de-duplicates.
    OnUnknown {
        /// Leave it as `unknown` (the default): never twice.
        Park = "park",
        /// Send it again: at the risk of twice.
        Resend = "resend",
    }
}

words! {
    /// What kind of word it is to the person: the measure of policy.
    Category {
        /// About something they did: an order, a payment.
        Transactional = "transactional",
        /// Part of a service they use.
        Service = "service",
        /// Something they are to buy or do.
        Marketing = "marketing",
    }
}

words! {
    /// What a recipient did, by which they may be reached.
    InteractionKind {
        /// They paid.
        Payment = "payment",
        /// They tapped a menu of the account.
        MenuClick = "menu_click",
        /// They wrote to the account.
        Message = "message",
        /// They followed by scanning a code.
        ScanSubscribe = "scan_subscribe",
    }
}

/// What the person will see, apart from who they are: the part of WeChat's send body that is the caller's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Where a tap leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The mini-program that a tap opens; it goes before `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miniprogram: Option<Miniprogram>,
    /// The filled fields in WeChat's own form, `{"thing1":{"value":"…"}}`, already validated: raw JSON.
    pub data: Box<str>,
}

/// A page of a mini-program linked to the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Miniprogram {
    /// Its appid.
    pub appid: String,
    /// The page, with its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagepath: Option<String>,
}
