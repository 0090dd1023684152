//! Who may call: API keys and the set-up secret, users of the console, their passwords, codes and sessions.

pub(crate) mod api_key;
pub(crate) mod api_keys;
pub(crate) mod password;
pub(crate) mod totp;
pub(crate) mod user;
pub(crate) mod users;
