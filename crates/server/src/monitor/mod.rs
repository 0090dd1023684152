//! What operators watch: the overview and its events, the queue, counters of all kinds, health; and who is told of it,
//! by alerts and webhooks.

pub(crate) mod alert;
pub(crate) mod click_stats;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod on_time;
pub(crate) mod overview;
pub(crate) mod queue;
pub(crate) mod requests;
pub(crate) mod series;
pub(crate) mod settings;
pub(crate) mod stats;
pub(crate) mod webhook;
