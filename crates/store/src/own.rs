//! Who dispatches from this database: one process, by a file lock; its epoch fences every claim.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hongyan_domain::Timestamp;
use rusqlite::Connection;

use crate::store::Shared;
use crate::{Result, Store, StoreError};

/// The right to dispatch from this database; released on drop.
pub struct Ownership {
    epoch: i64,
    shared: Arc<Shared>,
    // The lock lasts as long as the file is open.
    _lock: File,
}

impl std::fmt::Debug for Ownership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ownership").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Ownership {
    /// The fencing number: grows with every owner, never repeats.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.shared.epoch.store(0, Ordering::Release);
    }
}

pub(crate) const EPOCH: &str = "
SELECT value
FROM meta
WHERE account = 0
  AND name = 'epoch'";

const SET_EPOCH: &str = "
UPDATE meta
SET value = ?1
WHERE account = 0
  AND name = 'epoch'
  AND value < ?1";

impl Store {
    /// Takes the right to dispatch: a lock on `<db>.owner`, and an epoch later than any before.
    ///
    /// # Errors
    /// `Owned`: another process (or another `Ownership` of this one) holds it.
    pub async fn own(&self, now: Timestamp) -> Result<Ownership> {
        let lock = lock(&self.shared.path)?;
        let epoch = self
            .write(1, move |ledger| {
                let last = current_epoch(ledger.conn)?;
                // With the time in it, the epoch is new even after an older copy of the file was put back.
                let next = last.saturating_add(1).max(now.ms());
                match ledger.conn.execute(SET_EPOCH, [next])? {
                    1 => Ok(next),
                    _ => Err(StoreError::Corrupt("meta.epoch is missing".to_owned())),
                }
            })
            .await?;
        self.shared.epoch.store(epoch, Ordering::Release);
        Ok(Ownership { epoch, shared: self.shared.clone(), _lock: lock })
    }
}

pub(crate) fn current_epoch(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached(EPOCH)?.query_row([], |row| row.get(0))?)
}

pub(crate) fn lock(database: &std::path::Path) -> Result<File> {
    let mut name = database.as_os_str().to_owned();
    name.push(".owner");
    let path = PathBuf::from(name);
    let unavailable = |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Owned(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}
