//! The JSON that the control side gives: stats, ledger and phone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which calls of template/send to list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerQuery {
    /// Of this account.
    pub appid: Option<String>,
    /// With this id.
    pub client_msg_id: Option<String>,
    /// To this person.
    pub openid: Option<String>,
    /// At most so many, the latest; 1,000 unless said.
    pub limit: Option<usize>,
}

/// One call of template/send, and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerEntry {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// The account.
    pub appid: String,
    /// To whom.
    pub openid: Option<String>,
    /// The caller's id.
    pub client_msg_id: Option<String>,
    /// The template.
    pub template_id: Option<String>,
    /// What was answered; 0 is accepted.
    pub errcode: i32,
    /// The msgid answered; `None` when refused.
    pub msgid: Option<u64>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a call of template/send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It reached the phone.
    Delivered,
    /// It reached the phone although the same openid and client_msg_id had before.
    Duplicate,
    /// The first had been accepted within 10 minutes; nothing was delivered again.
    Repeat,
    /// Accepted, but it did not reach the phone; the receipt says so.
    Undelivered,
    /// Held for review.
    Held,
    /// Let through after review: it reached the phone now.
    Released,
    /// Refused with the errcode.
    Refused,
}

/// One message as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhoneMessage {
    /// When it came, Unix milliseconds.
    pub at_ms: i64,
    /// From which account.
    pub appid: String,
    /// The template's title.
    pub title: String,
    /// The lines below it, after WeChat's stripping of 2023.
    pub lines: Vec<String>,
    /// Where a tap leads.
    pub url: Option<String>,
    /// The mini program that a tap opens first.
    pub miniprogram: Option<PhoneMiniprogram>,
    /// Its msgid.
    pub msgid: u64,
    /// The sender's id.
    pub client_msg_id: Option<String>,
    /// Whether the same message had come before.
    pub duplicate: bool,
}

/// The mini program that a tap opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhoneMiniprogram {
    /// Whose.
    pub appid: String,
    /// Which page.
    pub pagepath: Option<String>,
}

/// `GET /_sim/stats`: what has happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Calls of template/send answered with `ok`, repeats included.
    pub sends: u64,
    /// Distinct openid + client_msg_id that reached a phone.
    pub delivered: u64,
    /// Second deliveries of the same openid + client_msg_id to a phone, ever.
    pub duplicates: u64,
    /// Sends answered with the first one's msgid, without a second delivery.
    pub repeats: u64,
    /// Accepted, but the phone did not get it (`failed:…`).
    pub undelivered: u64,
    /// Held for review, ever.
    pub held: u64,
    /// Let through after review.
    pub released: u64,
    /// Receipts pushed, each counted at its first try; doubled ones count twice.
    pub receipts_sent: u64,
    /// Receipts answered with `success` or nothing within 5 s.
    pub receipts_answered: u64,
    /// Further tries of receipts.
    pub receipts_retried: u64,
    /// Receipts given up after 3 tries.
    pub receipts_failed: u64,
    /// Receipts never pushed, by plan.
    pub receipts_lost: u64,
    /// Pushes that wait for their time.
    pub pushes_waiting: u64,
    /// Pushes left out because too many waited.
    pub pushes_dropped: u64,
    /// Events and messages of followers pushed.
    pub events_sent: u64,
    /// Events answered.
    pub events_answered: u64,
    /// Successful calls of token and stable_token.
    pub token_fetches: u64,
    /// Calls of WeChat's own API, of every kind.
    pub calls: u64,
    /// Connections dropped by a fault.
    pub dropped_connections: u64,
    /// How often each errcode other than 0 was answered.
    pub errcodes: BTreeMap<i32, u64>,
}
