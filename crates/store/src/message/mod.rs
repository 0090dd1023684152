//! Messages: what goes in (`new`), what the steps of the path take and give (`steps`), what people see (`seen`); looked up,
//! shown with their timeline, removed when their time is over.

pub(crate) mod find;
mod new;
pub(crate) mod purge;
pub(crate) mod record;
mod seen;
mod steps;
pub(crate) mod waiting;

pub use new::{Acceptance, Gather, Heard, Joining, Marks, NewMessage, Repeat, Subject, Ties, Worded};
pub use seen::{Happening, MessageFilter, MessageRecord, Moment, Page, TallyDifference, TallyRow};
pub use steps::{
    Backlog, CancelAnswer, Claim, ClaimId, Claimed, Dispatch, OpenClaim, Ready, Receipt, Received, Settled,
    Settlement, Unreported, Written,
};

/// The most rows one call may bring: what the writer does in about 30 ms.
pub const MAX_BATCH: usize = 4096;
