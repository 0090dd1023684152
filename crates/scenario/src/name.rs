//! The name of a scenario.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name, in characters.
pub const NAME_MAX: usize = 64;

/// What a scenario is called by programs: 1 to 64 of `a-z 0-9 _`, a letter first. It stands in URLs, metrics and
/// UTM parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// A text that cannot be a name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a name: 1 to {NAME_MAX} of a-z 0-9 _ are allowed, a letter first, like payment_success")]
pub struct BadName;

impl Name {
    /// Takes `text` if it can be a name.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = text.len() <= NAME_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(plain);
        if fits { Ok(Self(text.into())) } else { Err(BadName) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain_and_starts_with_a_letter() {
        for name in ["a", "payment_success", "a1_", &"x".repeat(64)] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
        for text in ["", "1a", "_a", "Paid", "a-b", "a b", "支付", "a\n", &"x".repeat(65)] {
            assert_eq!(Name::new(text), Err(BadName), "{text}");
        }
    }
}
