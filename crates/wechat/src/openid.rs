//! An openid: personal data, so it shows itself only when asked.

use std::fmt;

/// A person's id under one account. Debug does not show it; there is no Display.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
#[serde(transparent)]
pub struct Openid(String);

impl Openid {
    /// The id in plain text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the plain text away.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<String> for Openid {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Openid {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Openid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Openid(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", Openid::from("o9AgO5Kd5ggOC")), "Openid(…)");
    }
}
