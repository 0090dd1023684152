//! Where memory has room. What is accepted into a lane with room is held there until it is settled, and takes no place in
//! the store's queue; all else waits in that queue, and is read from it in its turn.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use hongyan_domain::{AccountId, Lane};
use parking_lot::RwLock;

/// What the dispatcher tells those who accept. It may be out of date by what is on its way: what finds no room after all
/// is put down in the store.
#[derive(Default)]
pub(crate) struct Room {
    /// Memory holds enough, whatever the lane.
    crowded: AtomicBool,
    full: RwLock<HashSet<(AccountId, Lane)>>,
}

impl Room {
    /// Whether a lane has room.
    pub(crate) fn is_in(&self, account: AccountId, lane: Lane) -> bool {
        !self.crowded.load(Ordering::Relaxed) && !self.full.read().contains(&(account, lane))
    }

    pub(crate) fn tell(&self, lane: (AccountId, Lane), is_full: bool) {
        let mut full = self.full.write();
        if is_full {
            full.insert(lane)
        } else {
            full.remove(&lane)
        };
    }

    pub(crate) fn tell_crowded(&self, crowded: bool) {
        // Told with every message and hardly ever new: a write would take the line from those who read it.
        if self.crowded.load(Ordering::Relaxed) != crowded {
            self.crowded.store(crowded, Ordering::Relaxed);
        }
    }
}
