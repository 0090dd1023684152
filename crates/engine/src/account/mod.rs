//! What holds for an account: the catalog of accounts and templates in force, its rules, its token.

pub mod catalog;
pub mod rules;
pub(crate) mod templates;
pub(crate) mod token;
