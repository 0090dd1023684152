//! What has happened since the start, counted without a lock; only refusals take one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::reports::Stats;

/// One number that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers behind [`Stats`], under the same names.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) sends: Counter,
    pub(crate) delivered: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) repeats: Counter,
    pub(crate) undelivered: Counter,
    pub(crate) held: Counter,
    pub(crate) released: Counter,
    pub(crate) receipts_sent: Counter,
    pub(crate) receipts_answered: Counter,
    pub(crate) receipts_retried: Counter,
    pub(crate) receipts_failed: Counter,
    pub(crate) receipts_lost: Counter,
    pub(crate) pushes_dropped: Counter,
    pub(crate) events_sent: Counter,
    pub(crate) events_answered: Counter,
    pub(crate) token_fetches: Counter,
    pub(crate) calls: Counter,
    pub(crate) dropped_connections: Counter,
    errcodes: Mutex<BTreeMap<i32, u64>>,
}

impl Counters {
    pub(crate) fn refused(&self, errcode: i32) {
        *self.errcodes.lock().entry(errcode).or_default() += 1;
    }

    pub(crate) fn read(&self, pushes_waiting: u64) -> Stats {
        Stats {
            sends: self.sends.get(),
            delivered: self.delivered.get(),
            duplicates: self.duplicates.get(),
            repeats: self.repeats.get(),
            undelivered: self.undelivered.get(),
            held: self.held.get(),
            released: self.released.get(),
            receipts_sent: self.receipts_sent.get(),
            receipts_answered: self.receipts_answered.get(),
            receipts_retried: self.receipts_retried.get(),
            receipts_failed: self.receipts_failed.get(),
            receipts_lost: self.receipts_lost.get(),
            pushes_waiting,
            pushes_dropped: self.pushes_dropped.get(),
            events_sent: self.events_sent.get(),
            events_answered: self.events_answered.get(),
            token_fetches: self.token_fetches.get(),
            calls: self.calls.get(),
            dropped_connections: self.dropped_connections.get(),
            errcodes: self.errcodes.lock().clone(),
        }
    }
}
