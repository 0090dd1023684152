//! Step: due. What waits for its time and finds no room in memory goes back to the schedule.

use hongyan_domain::{AccountId, MessageId};

use crate::store::check_batch;
use crate::{Result, Store};

const SHELVE: &str = "
UPDATE message
SET scheduled = TRUE
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'
  AND NOT scheduled";

impl Store {
    /// Pending messages leave the queue for the schedule, whenever they are due; `scheduled_promote` brings them back.
    /// How many did: those that ended meanwhile, or are there already, stay as they are.
    pub async fn shelve(&self, batch: Vec<(AccountId, MessageId)>) -> Result<usize> {
        check_batch(batch.len())?;
        self.write(batch.len(), move |ledger| {
            let mut shelve = ledger.conn.prepare_cached(SHELVE)?;
            let mut shelved = 0;
            for (account, message) in &batch {
                shelved += shelve.execute([account.0, message.raw()])?;
            }
            Ok(shelved)
        })
        .await
    }
}
