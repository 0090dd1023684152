//! Names of things. Each is a type of its own, so that one cannot stand where another is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Our number for an account; every table's primary key starts with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub i64);

/// WeChat's name for an account: `wx` and 16 hex digits in production; any 1–64 of `[A-Za-z0-9_-]` is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Appid(String);

/// Longest appid taken; WeChat's have 18 characters.
const APPID_MAX: usize = 64;
/// Longest openid taken; WeChat's have 28 characters.
const OPENID_MAX: usize = 64;

impl Appid {
    /// Takes `text` if it is 1–64 of `[A-Za-z0-9_-]`.
    pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
        let text = text.into();
        if is_plain_name(&text, APPID_MAX) { Ok(Self(text)) } else { Err(BadId("appid")) }
    }

    /// The name as WeChat spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Appid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Appid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A person under one account. Personal data: it has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Openid(Box<str>);

impl Openid {
    /// Takes `text` if it is 1–64 of `[A-Za-z0-9_-]`.
    pub fn new(text: &str) -> Result<Self, BadId> {
        if is_plain_name(text, OPENID_MAX) { Ok(Self(text.into())) } else { Err(BadId("openid")) }
    }

    /// The plain text, for the send body, the cipher and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A number that spreads people evenly and is the same for ever (FNV-1a): by it they are split for A/B tests.
    pub fn spread(&self) -> u64 {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.0.bytes().fold(0xcbf2_9ce4_8422_2325, step)
    }
}

impl fmt::Debug for Openid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Openid(…)")
    }
}

fn is_plain_name(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// A text that cannot be the id it was given for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a valid {0}: 1 to 64 of A-Z a-z 0-9 _ - are allowed")]
pub struct BadId(&'static str);

impl BadId {
    pub(crate) fn new(what: &'static str) -> Self {
        Self(what)
    }
}

/// A message's id: 41 bits of milliseconds, 10 bits of process, 12 bits of counter, so ids sort by age.
///
/// Written `msg_` and 13 lower-case base32 digits. Those 13 digits are also the `client_msg_id` that
/// WeChat sees: short and plain, since WeChat documents neither a length nor a character set for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(i64);

/// Crockford's base32, lower case: no i, l, o, u.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED_LEN: usize = 13;
const PREFIX: &str = "msg_";

impl MessageId {
    /// Older than every id that is handed out.
    pub const ZERO: Self = Self(0);

    /// An id as it stands in the store; never negative.
    pub fn from_raw(raw: i64) -> Option<Self> {
        (raw >= 0).then_some(Self(raw))
    }

    /// The number as it stands in the store.
    pub fn raw(self) -> i64 {
        self.0
    }

    /// The least that is handed out at `at`, by whatever process.
    pub fn first_at(at: crate::Timestamp) -> Self {
        Self((at.ms() - EPOCH_MS).max(0) << (PROCESS_BITS + COUNTER_BITS))
    }

    /// The id under which WeChat de-duplicates every attempt of this message.
    pub fn client_msg_id(self) -> String {
        let mut rest = self.0.unsigned_abs();
        let mut text = [b'0'; ENCODED_LEN];
        for place in text.iter_mut().rev() {
            *place = DIGITS[(rest & 31) as usize];
            rest >>= 5;
        }
        text.iter().map(|&byte| byte as char).collect()
    }

    /// The message that a `client_msg_id` of ours belongs to.
    pub fn from_client_msg_id(text: &str) -> Option<Self> {
        if text.len() != ENCODED_LEN {
            return None;
        }
        let mut raw: u128 = 0;
        for byte in text.bytes() {
            let digit = DIGITS.iter().position(|&d| d == byte)?;
            raw = raw << 5 | digit as u128;
        }
        i64::try_from(raw).ok().map(Self)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.client_msg_id())
    }
}

impl FromStr for MessageId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        text.strip_prefix(PREFIX).and_then(Self::from_client_msg_id).ok_or(BadId("message id"))
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Hands out message ids that grow, even when the clock steps back.
#[derive(Debug)]
pub struct MessageIds {
    process: i64,
    last: i64,
}

/// 2024-01-01T00:00:00Z: 41 bits from here last until 2093.
const EPOCH_MS: i64 = 1_704_067_200_000;
const PROCESS_BITS: i64 = 10;
const COUNTER_BITS: i64 = 12;

impl MessageIds {
    /// Ids of the process numbered `process` (0–1023), later than `last` if one is known.
    pub fn new(process: u16, last: Option<MessageId>) -> Self {
        let process = i64::from(process) & ((1 << PROCESS_BITS) - 1);
        let counter = |id: i64| id & ((1 << COUNTER_BITS) - 1);
        let without_process = |id: i64| id >> (PROCESS_BITS + COUNTER_BITS) << COUNTER_BITS | counter(id);
        Self { process, last: last.map_or(0, |id| without_process(id.0)) }
    }

    /// The next id; 4,096 a millisecond before it runs ahead of the clock.
    pub fn next(&mut self, now: crate::Timestamp) -> MessageId {
        let floor = (now.ms() - EPOCH_MS).max(0) << COUNTER_BITS;
        self.last = floor.max(self.last + 1);
        let (ms, counter) = (self.last >> COUNTER_BITS, self.last & ((1 << COUNTER_BITS) - 1));
        MessageId(((ms << PROCESS_BITS | self.process) << COUNTER_BITS) | counter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_message_id_reads_back_from_its_text() {
        let id = MessageIds::new(7, None).next(Timestamp::from_ms(1_790_000_000_123));

        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(MessageId::from_client_msg_id(&id.client_msg_id()), Some(id));
    }

    #[test]
    fn ids_grow_when_the_clock_steps_back_or_the_millisecond_is_full() {
        let mut ids = MessageIds::new(0, None);
        let later = ids.next(Timestamp::from_ms(1_790_000_000_000));

        let after_step_back = ids.next(Timestamp::from_ms(1_780_000_000_000));
        let mut previous = after_step_back;
        for _ in 0..10_000 {
            let next = ids.next(Timestamp::from_ms(1_790_000_000_000));
            assert!(next > previous);
            previous = next;
        }

        assert!(after_step_back > later);
    }

    #[test]
    fn a_restarted_process_goes_on_after_the_last_id_it_stored() {
        let now = Timestamp::from_ms(1_790_000_000_000);
        let mut before = MessageIds::new(3, None);
        let stored: Vec<_> = (0..5).map(|_| before.next(now)).collect();

        let mut restarted = MessageIds::new(3, stored.last().copied());

        for at in [Timestamp::from_ms(0), now, now] {
            assert!(!stored.contains(&restarted.next(at)));
        }
    }

    #[test]
    fn an_openid_does_not_show_in_debug_output() {
        let openid = Openid::new("oABC123").unwrap();

        assert_eq!(format!("{openid:?}"), "Openid(…)");
    }

    #[test]
    fn ids_with_foreign_characters_are_refused() {
        for text in ["", "a b", "a\0", "é", "a/b", &"x".repeat(65)] {
            assert!(Openid::new(text).is_err(), "{text:?}");
            assert!(Appid::new(text).is_err(), "{text:?}");
        }
        for text in ["", "msg_", "msg_0", "msg_uuuuuuuuuuuuu", "msg_zzzzzzzzzzzzz", "0000000000000"] {
            assert!(text.parse::<MessageId>().is_err(), "{text:?}");
        }
    }
}
