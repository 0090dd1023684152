//! What keeps a message back: the rules, word lists, a person's approval, the hold over everything.

pub(crate) mod approval;
pub(crate) mod content;
pub(crate) mod hold;
pub(crate) mod policy;
