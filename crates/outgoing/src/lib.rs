//! The way out to addresses that people entered: group robots, webhooks of businesses, mail servers.
//!
//! A name is resolved once, every address is vetted, and the connection goes to a vetted one: a name that answers
//! differently the second time is never asked a second time. No redirect is followed; time and answer are bounded.
//! Knows nothing of messages and alerts.

mod address;
mod call;
mod guard;
pub mod mail;
pub mod robot;
pub mod sign;

pub use address::{BadAddress, Target};
pub use call::{Failure, Lookup, Outgoing, Reply, Resolver, Settings};
pub use guard::{BadRange, Guard, Range};
