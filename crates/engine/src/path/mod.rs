//! The path of a message, one file a step, in the order a message meets them:
//! `accept` (with `judge`, `foretell`, `trigger`, `gather`, `repeat`) → `dispatch` (due, pace; `traffic` of each account, `room` in memory) → `claim` → `launch` →
//! `send` (by a `crew`) → `classify` → `settle` → `receive` → `sweep`. What a crash leaves of it: `recover` and `doubt`.

pub mod accept;
pub(crate) mod claim;
pub(crate) mod classify;
pub(crate) mod crew;
pub(crate) mod dispatch;
pub(crate) mod doubt;
pub mod foretell;
pub(crate) mod gather;
pub(crate) mod judge;
pub(crate) mod launch;
pub(crate) mod receive;
pub(crate) mod recover;
pub(crate) mod refused;
pub(crate) mod repeat;
pub(crate) mod resend;
pub(crate) mod room;
pub(crate) mod send;
pub(crate) mod settle;
pub(crate) mod sweep;
pub(crate) mod traffic;
pub(crate) mod trigger;
