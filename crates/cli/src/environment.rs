//! The process's environment, read once at the start and passed on.

use std::collections::BTreeMap;

/// The variables there are. Those that are not UTF-8 are nobody's setting and are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    pub(crate) fn read() -> Self {
        let pairs = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(pairs.collect())
    }

    /// The value of a variable that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What may be settings among them: `HONGYAN_SECTION__KEY` as `section.key`, with the name of the variable. One
    /// without two underscores is no key that could be known, and keeps its own.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (String, &str, &str)> {
        self.0.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix("HONGYAN_")?.replacen("__", ".", 1).to_lowercase();
            Some((key, name.as_str(), value.as_str()))
        })
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
