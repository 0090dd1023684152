//! What comes without a key of ours: WeChat's callback, and phones that follow a link of a message.

pub(crate) mod callback;
pub(crate) mod link;
