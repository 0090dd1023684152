//! When WeChat last called each account's callback: noted in memory, since it calls thousands of times a second, and kept
//! in the store every few seconds, so that the next process knows it as well.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use hongyan_domain::{AccountId, Timestamp};
use hongyan_store::{Store, StoreError};
use parking_lot::Mutex;

use crate::Shared;

/// It is shown to people: nobody asks for the second.
pub(crate) const WRITE_EVERY: Duration = Duration::from_secs(10);

/// What was heard; bounded by the number of accounts.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Known>);

#[derive(Default)]
struct Known {
    at: HashMap<AccountId, Timestamp>,
    /// Those that are not in the store yet.
    unwritten: HashSet<AccountId>,
}

impl Heard {
    /// What the last process heard.
    pub(crate) async fn read(store: &Store) -> Result<Self, StoreError> {
        let at = store.heard().await?.into_iter().collect();
        Ok(Self(Mutex::new(Known { at, unwritten: HashSet::new() })))
    }

    /// WeChat called.
    pub(crate) fn note(&self, account: AccountId, now: Timestamp) {
        let mut known = self.0.lock();
        known.at.insert(account, now);
        known.unwritten.insert(account);
    }

    /// When it last did.
    pub(crate) fn at(&self, account: AccountId) -> Option<Timestamp> {
        self.0.lock().at.get(&account).copied()
    }

    fn take_unwritten(&self) -> Vec<(AccountId, Timestamp)> {
        let mut known = self.0.lock();
        let unwritten = std::mem::take(&mut known.unwritten);
        unwritten.into_iter().filter_map(|account| Some((account, *known.at.get(&account)?))).collect()
    }
}

/// Keeps what was heard since the last time.
pub(crate) async fn write(shared: &Shared) -> Result<(), StoreError> {
    let heard = shared.heard.take_unwritten();
    if heard.is_empty() {
        return Ok(());
    }
    let written = shared.store.note_heard(heard.clone()).await;
    if written.is_err() {
        shared.heard.0.lock().unwritten.extend(heard.into_iter().map(|(account, _)| account));
    }
    written
}
