//! What stands in a request and how it is read: path, query, body, tables, days, the language that is wished for.

pub(crate) mod body;
pub(crate) mod day;
pub(crate) mod field;
pub(crate) mod lang;
pub(crate) mod one_or_many;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod table;
