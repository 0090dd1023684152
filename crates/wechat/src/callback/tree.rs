//! What XML and JSON callbacks have in common: named fields, of which some hold fields.

use super::CallbackError;

/// WeChat's callbacks nest three deep.
pub(super) const DEEPEST: usize = 8;

/// The richest callback, a list of subscription choices, has under 100 fields.
pub(super) const MOST_FIELDS: usize = 1024;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) text: String,
    pub(super) fields: Vec<(String, Node)>,
}

impl Node {
    pub(super) fn leaf(text: String) -> Self {
        Self { text, fields: Vec::new() }
    }

    /// The first field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&Node> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, node)| node)
    }

    /// All fields of that name: XML repeats an element, JSON has an array or, for one entry, an object.
    pub(super) fn list<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Node> {
        self.fields.iter().filter(move |(own, _)| own == name).map(|(_, node)| node)
    }

    /// The text of a field, where it is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.field(name).map(|node| node.text.trim()).filter(|text| !text.is_empty())
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&str, CallbackError> {
        self.text(name).ok_or(CallbackError::Missing(name))
    }

    pub(super) fn number<T: std::str::FromStr>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, CallbackError> {
        self.text(name).map(|text| text.parse().map_err(|_| CallbackError::Invalid(name))).transpose()
    }
}
