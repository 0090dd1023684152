//! What is noticed and who is told: broken rules, accounts that stand still, answers that should never come; people by
//! channels, businesses by webhooks.

pub(crate) mod alarm;
pub(crate) mod alerts;
pub(crate) mod done;
pub(crate) mod heard;
pub(crate) mod notes;
pub(crate) mod standstill;
pub(crate) mod stills;
pub(crate) mod webhooks;
