//! Step: due. What memory lets go of goes back to where the store holds it: to its schedule, or to the queue of its lane.

use hongyan_domain::{AccountId, MessageId};
use rusqlite::{Connection, params};

use crate::store::check_batch;
use crate::{Result, Store};

const SHELVE: &str = "
UPDATE message
SET scheduled = scheduled OR ?3,
    in_memory = FALSE
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'
  AND (in_memory OR scheduled < ?3)";

/// Where the store holds what memory does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Until `scheduled_promote` brings it back, whenever it is due.
    Schedule,
    /// For `ready`, unless it is in the schedule already.
    Queue,
}

impl Store {
    /// Pending messages leave memory. How many rows that changed: those that ended meanwhile, or are there already, stay as
    /// they are.
    pub async fn put_down(&self, batch: Vec<(AccountId, MessageId, Shelf)>) -> Result<usize> {
        check_batch(batch.len())?;
        self.write(batch.len(), move |ledger| {
            let put_down = |(account, message, shelf)| put_down(ledger.conn, account, message, shelf);
            Ok(batch.iter().copied().map(put_down).collect::<Result<Vec<_>>>()?.into_iter().sum())
        })
        .await
    }
}

/// Nobody holds this message in memory any more, as far as the store can tell.
pub(crate) fn let_go(conn: &Connection, account: AccountId, message: MessageId) -> Result<()> {
    put_down(conn, account, message, Shelf::Queue).map(drop)
}

fn put_down(conn: &Connection, account: AccountId, message: MessageId, shelf: Shelf) -> Result<usize> {
    let row = params![account.0, message.raw(), shelf == Shelf::Schedule];
    Ok(conn.prepare_cached(SHELVE)?.execute(row)?)
}
