//! Step due, where memory is full: what it cannot hold goes to where the store holds it. What is due later waits in the
//! schedule, which brings it in time; what is due waits in its lane's queue and is read again.

use std::sync::Arc;

use hongyan_domain::{AccountId, Lane, MessageId, Timestamp};
use hongyan_store::{MAX_BATCH, Shelf};

use crate::Shared;
use crate::path::dispatch::{Dispatcher, Hint, STORE_PAUSE};

/// A message that memory lets go of.
#[derive(Clone, Copy)]
pub(crate) struct PutOut {
    account: AccountId,
    lane: Lane,
    message: MessageId,
    to: Shelf,
}

/// What memory lets go of, until the store holds it.
#[derive(Default)]
pub(crate) struct Shelving {
    waiting: Vec<PutOut>,
    /// Some of it is being written; one batch at a time.
    writing: bool,
}

impl Shelving {
    pub(super) fn add(&mut self, account: AccountId, put_out: Vec<(Lane, MessageId, Shelf)>) {
        let put_out = put_out.into_iter().map(|(lane, message, to)| PutOut { account, lane, message, to });
        self.waiting.extend(put_out);
    }

    pub(super) fn is_clear(&self) -> bool {
        self.waiting.is_empty() && !self.writing
    }
}

impl Dispatcher {
    /// Begins to write what found no room.
    pub(super) fn shelve(&mut self, now: Timestamp) {
        if self.shelving.writing || self.shelving.waiting.is_empty() || now < self.store_rests_until {
            return;
        }
        self.shelving.writing = true;
        let first = self.shelving.waiting.len().saturating_sub(MAX_BATCH);
        tokio::spawn(write(self.shared.clone(), self.shelving.waiting.split_off(first)));
    }

    /// Lanes whose queue holds it now are read again. What could not be written is held on to: nobody else knows of it.
    pub(super) fn end_shelving(&mut self, batch: Vec<PutOut>, written: bool, now: Timestamp) {
        self.shelving.writing = false;
        if !written {
            self.store_rests_until = now.plus(STORE_PAUSE);
            self.shelving.waiting.extend(batch);
            return;
        }
        let queued = batch.into_iter().filter(|one| one.to == Shelf::Queue);
        let mut lanes: Vec<_> = queued.map(|one| (one.account, one.lane)).collect();
        lanes.sort_unstable_by_key(|(account, lane)| (*account, lane.index()));
        lanes.dedup();
        for (account, lane) in lanes {
            self.with(account, now, |traffic| traffic.more_in_store(lane));
        }
    }
}

async fn write(shared: Arc<Shared>, batch: Vec<PutOut>) {
    let rows = batch.iter().map(|one| (one.account, one.message, one.to)).collect();
    let written = shared.store.put_down(rows).await;
    if let Err(error) = &written {
        tracing::error!(%error, "could not put down what memory has no room for");
        shared.metrics.store_failures.inc();
    }
    shared.hint(Hint::Shelved(batch, written.is_ok())).await;
}
