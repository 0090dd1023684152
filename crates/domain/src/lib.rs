//! The words of Hongyan and its decisions.
//!
//! Everything here is a value or a pure function: no async, no I/O, no clock, no randomness.
//! What the other crates do, they do by carrying out what this one answers.

pub mod account;
pub mod decide;
pub mod id;
pub mod message;
pub mod outcome;
pub mod time;

pub use account::{AccountKind, Limits};
pub use decide::{Event, Standing, Transition, decide};
pub use id::{AccountId, Appid, MessageId, Openid};
pub use message::{Cause, Content, Lane, OnUnknown, State};
pub use outcome::{DeliveryStatus, Outcome, SentAs};
pub use time::Timestamp;
