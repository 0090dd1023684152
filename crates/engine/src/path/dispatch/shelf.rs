//! Step due, where memory is full: what is due last goes back to the store's schedule, which brings it in time.

use std::sync::Arc;

use hongyan_domain::{AccountId, Lane, MessageId, Timestamp};
use hongyan_store::MAX_BATCH;

use crate::Shared;
use crate::path::dispatch::{Dispatcher, Hint, STORE_PAUSE};

/// What is to go back to the schedule.
#[derive(Default)]
pub(crate) struct Shelf {
    waiting: Vec<(AccountId, Lane, MessageId)>,
    /// It is being written; one batch at a time.
    writing: bool,
}

impl Shelf {
    pub(super) fn add(&mut self, account: AccountId, crowded_out: Vec<(Lane, MessageId)>) {
        self.waiting.extend(crowded_out.into_iter().map(|(lane, message)| (account, lane, message)));
    }

    pub(super) fn is_clear(&self) -> bool {
        self.waiting.is_empty() && !self.writing
    }
}

impl Dispatcher {
    /// Begins to write what found no room.
    pub(super) fn shelve(&mut self, now: Timestamp) {
        if self.shelf.writing || self.shelf.waiting.is_empty() || now < self.store_rests_until {
            return;
        }
        self.shelf.writing = true;
        let first = self.shelf.waiting.len().saturating_sub(MAX_BATCH);
        tokio::spawn(write(self.shared.clone(), self.shelf.waiting.split_off(first)));
    }

    /// Lanes that still hold some of it are read again: once the store can write, they find it again.
    pub(super) fn end_shelving(&mut self, left: Vec<(AccountId, Lane)>, now: Timestamp) {
        self.shelf.writing = false;
        if !left.is_empty() {
            self.store_rests_until = now.plus(STORE_PAUSE);
        }
        for (account, lane) in left {
            self.with(account, now, |traffic| traffic.more_in_store(lane));
        }
    }
}

async fn write(shared: Arc<Shared>, batch: Vec<(AccountId, Lane, MessageId)>) {
    let rows = batch.iter().map(|(account, _, message)| (*account, *message)).collect();
    let mut left = Vec::new();
    if let Err(error) = shared.store.shelve(rows).await {
        tracing::error!(%error, "could not bring back to the schedule what is due later");
        shared.metrics.store_failures.inc();
        left = batch.into_iter().map(|(account, lane, _)| (account, lane)).collect();
        left.sort_unstable_by_key(|(account, lane)| (*account, lane.index()));
        left.dedup();
    }
    shared.hint(Hint::Shelved(left)).await;
}
