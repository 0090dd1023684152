//! The classes: a closed set, drawn so that a sender can act on the class alone.

/// What a sender can do about an error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Not an error.
    Ok,
    /// The token is wrong or old: get another one, then say it again, once.
    RefreshToken,
    /// WeChat is busy. Nobody has documented that it did nothing: again soon, and only with the same `client_msg_id`.
    RetrySoon,
    /// Too many calls in a short span: slower, and again when the span is over. Nothing was done.
    RateLimit,
    /// The day's (or month's) calls are used up: wait for the reset at midnight in Asia/Shanghai. Nothing was done.
    DailyQuota,
    /// The caller's address is not allowed, or waits for an administrator: a person must act.
    IpNotAllowed,
    /// The account is wrong, frozen, unverified or without the permission: a person must act.
    BadAccount,
    /// The template is wrong, banned, or there are too many: every message with it fails.
    BadTemplate,
    /// This request can never succeed as it is.
    BadRequest,
    /// The content is not allowed: the same content must not be sent again.
    Content,
    /// This person cannot be reached.
    UserUnreachable,
    /// This person has had too much for now.
    UserLimited,
    /// WeChat keeps it for review and delivers it by itself: never send again.
    HeldForReview,
    /// WeChat has it already.
    Duplicate,
    /// The wrong HTTP method or scheme: a fault of the caller's program, never a rate limit.
    Method,
    /// The API no longer exists.
    Gone,
    /// In no table, or of no known consequence.
    Unknown,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::RefreshToken,
        Self::RetrySoon,
        Self::RateLimit,
        Self::DailyQuota,
        Self::IpNotAllowed,
        Self::BadAccount,
        Self::BadTemplate,
        Self::BadRequest,
        Self::Content,
        Self::UserUnreachable,
        Self::UserLimited,
        Self::HeldForReview,
        Self::Duplicate,
        Self::Method,
        Self::Gone,
        Self::Unknown,
    ];

    /// In snake case, as in tables and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::RefreshToken => "refresh_token",
            Self::RetrySoon => "retry_soon",
            Self::RateLimit => "rate_limit",
            Self::DailyQuota => "daily_quota",
            Self::IpNotAllowed => "ip_not_allowed",
            Self::BadAccount => "bad_account",
            Self::BadTemplate => "bad_template",
            Self::BadRequest => "bad_request",
            Self::Content => "content",
            Self::UserUnreachable => "user_unreachable",
            Self::UserLimited => "user_limited",
            Self::HeldForReview => "held_for_review",
            Self::Duplicate => "duplicate",
            Self::Method => "method",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        }
    }

    /// The class of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}
