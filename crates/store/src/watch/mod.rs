//! Who is told what became of messages and accounts: people by alerts and channels, businesses by webhooks.

pub(crate) mod alerts;
pub(crate) mod channels;
pub(crate) mod deliveries;
mod heard;
mod json;
pub(crate) mod notes;
pub(crate) mod settled_log;
pub(crate) mod webhooks;
