//! The people who are written to: what is known of them, what is given out or removed of it, and who leaves.

mod delta;
pub(crate) mod depart;
pub(crate) mod erase;
pub(crate) mod hot;
pub(crate) mod person;
pub(crate) mod personal;
pub(crate) mod recipients;
