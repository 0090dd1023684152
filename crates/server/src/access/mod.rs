//! Who may call and what they did: keys and rights, users and their sessions, the first set-up, the audit.

pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod forwarded;
pub(crate) mod key;
pub(crate) mod oidc;
pub(crate) mod setup;
pub(crate) mod throttle;
pub(crate) mod user;
