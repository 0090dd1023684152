//! What compliance does besides the rules: counts, the brake, the list of blocked messages, the daily self-check.
//!
//! All of it runs in the sweep, in bounded steps; nothing here is done once a message but a count in memory.

mod blocked;
mod brake;
mod self_check;

use std::collections::HashSet;

use parking_lot::Mutex;

pub use self_check::{Check, CheckKind, CheckState, Counted, Offender, SelfCheck};

pub(crate) use blocked::read_blocked;
pub(crate) use brake::look_at_brakes;
pub(crate) use self_check::self_check;

use crate::{EngineError, Shared};

/// What the duties remember between two rounds.
#[derive(Default)]
pub(crate) struct Duties {
    brakes_at: Mutex<Option<hongyan_domain::Timestamp>>,
    /// Released brakes whose messages were all let go once. A few.
    woken_once: Mutex<HashSet<i64>>,
    blocked: blocked::Reading,
    self_check: tokio::sync::Mutex<self_check::Progress>,
}

/// Adds what was counted in memory. A crash loses at most the last second of it.
pub(crate) async fn add_counts(shared: &Shared) -> Result<(), EngineError> {
    let counts = std::mem::take(&mut *shared.counts.lock());
    if counts.is_empty() {
        return Ok(());
    }
    Ok(shared.store.count(counts).await?)
}
