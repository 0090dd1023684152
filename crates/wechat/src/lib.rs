//! A typed client of WeChat's Official Account HTTP API (template messages and what belongs to them), the table of its
//! error codes, and the cryptography and events of its callback.
//!
//! It keeps no state but connections: no token cache, no queue, no retry. It tells with care what a sender must know before
//! it tries again: whether WeChat can have seen a request ([`CallError`]) and what an error code asks for ([`errcode`]).

mod answer;
pub mod callback;
mod client;
pub mod errcode;
mod errmsg;
mod error;
mod escape;
#[doc(hidden)]
pub mod fuzzing;
mod openid;
mod percent;
mod quota;
mod send;
mod settings;
mod template;
mod token;
mod transport;

pub use secrecy::{ExposeSecret, SecretString};

pub use self::client::Client;
pub use self::errmsg::{callers_ip, offending_field};
pub use self::error::{CallError, Garble, NoAnswer, NotSent};
pub use self::openid::Openid;
pub use self::quota::{Quota, RateLimit, RidReport, SEND_PATH};
pub use self::send::{Miniprogram, Sent, TemplateMessage};
pub use self::settings::{AddressGuard, OFFICIAL_BASES, Settings, SettingsError};
pub use self::template::{BlockedMessage, Industries, Industry, PrivateTemplate};
pub use self::token::{Credential, Refresh, Token};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
