//! Who is told what became of messages and accounts: people by alerts and channels, businesses by webhooks.

pub(crate) mod alerts;
pub(crate) mod webhooks;
