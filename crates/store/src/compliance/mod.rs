//! What compliance is told by: counts of what the rules said, signs of trouble, brakes, complaints, daily reports.
//!
//! People stand here as blind indexes only. What is counted is counted with what it counts, in batches.

mod blocked;
mod brakes;
mod complaints;
mod counts;
pub(crate) mod near;
pub(crate) mod reports;

pub use blocked::{BlockedDraft, BlockedFilter, BlockedMessage, BlockedRead, BlockedWritten};
pub use brakes::{Brake, BrakeDraft, Braked, Brakes, WOKEN_AFTER};
pub use complaints::{About, Complained, Complaint, NewComplaint};
pub use counts::{Counts, JudgedRow, RiskRow};
pub use reports::{ComplianceBefore, Report, SentRow};

pub(crate) use blocked::blocked_of;
pub(crate) use complaints::{complained_of, complaints_of_person};
pub(crate) use counts::{Judged, add as add_counts};
pub(crate) use near::last_before;
