//! Links: marking where a visitor comes from, short codes that lead back to the message, and who is a visitor at all.

pub mod code;
pub mod utm;
pub mod visitor;

pub use code::{LinkCode, LinkKey};
pub use utm::{Utm, add_utm};
pub use visitor::{Visit, Visitor, visitor};
