//! How a simulator is set up: clock, seed, latency, what becomes of receipts.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// Everything about a simulator that is fixed when it starts. Accounts, followers and faults come later.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the time comes from.
    pub clock: Clock,
    /// Seed of all chance: the same seed and the same calls in the same order give the same run.
    pub seed: u64,
    /// How long every call of WeChat's own API takes.
    pub latency: Latency,
    /// What becomes of receipts, unless a fault says otherwise.
    pub receipts: ReceiptPlan,
    /// The answer to a `client_msg_id` that came before, within 10 minutes.
    pub repeats: RepeatAnswer,
    /// What a send with `\uXXXX` escapes comes to, unless the account says otherwise.
    pub escapes: Escapes,
    /// The size of the msgids handed out.
    pub msgids: MsgidForm,
    /// Life of a fresh token in seconds. WeChat: 7200.
    pub token_seconds: u32,
    /// Sends a day and account; `None`: 1,000,000 for a service account, 100,000 for the others.
    pub daily_quota: Option<u64>,
    /// How many of the last calls of template/send are remembered in full for `phone` and `ledger`
    /// (none for longer than 10 minutes). At about 600 bytes each the default costs 60 MB.
    pub details: usize,
    /// How many pushes to one callback host may be under way at once.
    pub callback_connections: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            clock: Clock::System,
            seed: 1,
            latency: Latency::None,
            receipts: ReceiptPlan::default(),
            repeats: RepeatAnswer::SameMsgid,
            escapes: Escapes::Accept,
            msgids: MsgidForm::Long,
            token_seconds: 7200,
            daily_quota: None,
            details: 100_000,
            callback_connections: 32,
        }
    }
}

/// How long a call takes, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(from = "LatencyRange", into = "LatencyRange")]
pub enum Latency {
    /// Answered at once.
    #[default]
    None,
    /// Any whole number of milliseconds in the range, all alike.
    Uniform {
        /// The shortest.
        min_ms: u32,
        /// The longest.
        max_ms: u32,
    },
}

/// The JSON of a [`Latency`]: `{"min_ms":200,"max_ms":500}`, or `{}` for none.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct LatencyRange {
    #[serde(default)]
    min_ms: u32,
    #[serde(default)]
    max_ms: u32,
}

impl From<LatencyRange> for Latency {
    fn from(range: LatencyRange) -> Latency {
        match range {
            LatencyRange { min_ms: 0, max_ms: 0 } => Latency::None,
            LatencyRange { min_ms, max_ms } => Latency::Uniform { min_ms, max_ms: max_ms.max(min_ms) },
        }
    }
}

impl From<Latency> for LatencyRange {
    fn from(latency: Latency) -> LatencyRange {
        match latency {
            Latency::None => LatencyRange { min_ms: 0, max_ms: 0 },
            Latency::Uniform { min_ms, max_ms } => LatencyRange { min_ms, max_ms },
        }
    }
}

/// What becomes of the receipts (TEMPLATESENDJOBFINISH) of accepted sends.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptPlan {
    /// How long after the answer to the send a receipt is pushed.
    pub delay: Latency,
    /// These come `late_ms` later still.
    pub late: Share,
    /// How late a late receipt is.
    pub late_ms: u32,
    /// These are never pushed.
    pub lost: Share,
    /// These are pushed twice.
    pub doubled: Share,
    /// These are pushed, and answered, before the send itself is answered.
    pub early: Share,
    /// These carry `MsgID` 0, as an old defect of the platform did.
    pub zero_msgid: Share,
    /// These say `failed:user block`.
    pub user_block: Share,
    /// These say `failed: system failed` (with the blank).
    pub system_failed: Share,
    /// These say `failed:freq limit`.
    pub freq_limit: Share,
}

impl Default for ReceiptPlan {
    fn default() -> ReceiptPlan {
        ReceiptPlan {
            delay: Latency::None,
            late: Share::NEVER,
            late_ms: 60_000,
            lost: Share::NEVER,
            doubled: Share::NEVER,
            early: Share::NEVER,
            zero_msgid: Share::NEVER,
            user_block: Share::NEVER,
            system_failed: Share::NEVER,
            freq_limit: Share::NEVER,
        }
    }
}

/// How often a thing happens: to a share of all cases, and at most `next` times.
///
/// In JSON a bare number is a rate (`0.1`), and `{"next":3}` means the next three for certain.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// From 0 (never) to 1 (always).
    pub rate: f64,
    /// At most so many times; `None`: without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl Share {
    /// It does not happen.
    pub const NEVER: Share = Share { rate: 0.0, next: None };
    /// It always happens.
    pub const ALWAYS: Share = Share { rate: 1.0, next: None };

    /// To this share of all cases.
    pub fn rate(rate: f64) -> Share {
        Share { rate, next: None }
    }

    /// To the next `count` cases, and then no more.
    pub fn next(count: u64) -> Share {
        Share { rate: 1.0, next: Some(count) }
    }
}

impl Default for Share {
    fn default() -> Share {
        Share::NEVER
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
        deserializer.deserialize_any(ShareVisitor)
    }
}

struct ShareVisitor;

impl<'de> Visitor<'de> for ShareVisitor {
    type Value = Share;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rate from 0 to 1, or {\"rate\": 0..1, \"next\": count}")
    }

    fn visit_f64<E: de::Error>(self, rate: f64) -> Result<Share, E> {
        checked_rate(rate).map(Share::rate)
    }

    fn visit_u64<E: de::Error>(self, rate: u64) -> Result<Share, E> {
        checked_rate(rate as f64).map(Share::rate)
    }

    fn visit_i64<E: de::Error>(self, rate: i64) -> Result<Share, E> {
        checked_rate(rate as f64).map(Share::rate)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Share, A::Error> {
        let mut share = Share::ALWAYS;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "rate" => share.rate = checked_rate(map.next_value()?)?,
                "next" => share.next = map.next_value()?,
                other => return Err(de::Error::unknown_field(other, &["rate", "next"])),
            }
        }
        Ok(share)
    }
}

fn checked_rate<E: de::Error>(rate: f64) -> Result<f64, E> {
    if (0.0..=1.0).contains(&rate) {
        return Ok(rate);
    }
    Err(E::custom(format_args!("a rate must be from 0 to 1, not {rate}")))
}

/// The answer to the same openid and `client_msg_id` again, within 10 minutes. WeChat does not document it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepeatAnswer {
    /// `ok` with the msgid of the first.
    #[default]
    SameMsgid,
    /// Error 45065 with the msgid of the first, as mass sending does.
    Errcode45065,
}

/// What a send with `\uXXXX` escapes comes to.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Escapes {
    /// They are read as the characters they stand for.
    #[default]
    Accept,
    /// Error 40033, as some of WeChat's endpoints answer.
    Refuse,
}

/// The size of the msgids handed out. Both are unique over restarts of the simulator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MsgidForm {
    /// 19 digits, above 2^53, like WeChat's own today.
    #[default]
    Long,
    /// Below 2^53, so that JavaScript reads them exactly.
    Short,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_from_a_number_or_an_object() {
        let read = |json: &str| serde_json::from_str::<Share>(json).map_err(|error| error.to_string());

        assert_eq!(read("0.25"), Ok(Share::rate(0.25)));
        assert_eq!(read("1"), Ok(Share::ALWAYS));
        assert_eq!(read(r#"{"next":3}"#), Ok(Share::next(3)));
        assert_eq!(read(r#"{"rate":0.5,"next":3}"#), Ok(Share { rate: 0.5, next: Some(3) }));
    }

    #[test]
    fn a_rate_out_of_range_or_a_misspelt_key_is_an_error_that_says_so() {
        let error = |json: &str| serde_json::from_str::<Share>(json).unwrap_err().to_string();

        assert!(error("1.5").contains("from 0 to 1, not 1.5"));
        assert!(error("-1").contains("from 0 to 1, not -1"));
        assert!(error(r#"{"nxt":3}"#).contains("unknown field `nxt`"));
    }

    #[test]
    fn a_latency_is_a_range_of_milliseconds() {
        let read = |json: &str| serde_json::from_str::<Latency>(json).unwrap();

        assert_eq!(read(r#"{"min_ms":200,"max_ms":500}"#), Latency::Uniform { min_ms: 200, max_ms: 500 });
        assert_eq!(read(r#"{"min_ms":200}"#), Latency::Uniform { min_ms: 200, max_ms: 200 });
        assert_eq!(read("{}"), Latency::None);
    }
}
