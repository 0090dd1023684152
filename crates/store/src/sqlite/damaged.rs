//! Rows that cannot be read: a changed seal, a word of no set, a value of another type. They are passed over, so that
//! one of them does not keep all others waiting, and told once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use hongyan_domain::{AccountId, MessageId};

use crate::{Result, StoreError};

/// So many are told apart; with more than these the database is to be restored, not read line by line.
const TOLD_MAX: usize = 10_000;

/// The damaged rows met since the store was opened.
#[derive(Default)]
pub(crate) struct Damaged(Mutex<HashSet<(AccountId, MessageId)>>);

impl Damaged {
    /// What was read of a message's row; `None`: it cannot be read, and is passed over.
    ///
    /// # Errors
    /// Whatever is no fault of this one row.
    pub(crate) fn pass<T>(&self, message: (AccountId, MessageId), read: Result<T>) -> Result<Option<T>> {
        match read {
            Err(StoreError::Corrupt(reason)) => {
                self.tell(message, &reason);
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn tell(&self, message: (AccountId, MessageId), reason: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD_MAX && told.insert(message) {
            let (account, message) = (message.0.0, message.1);
            tracing::error!(account, %message, reason, "a message's row cannot be read; it is passed over");
        }
    }
}
