//! Who dispatches from this database: one process, by a file lock; its epoch fences every claim.

use std::fs::{File, Metadata, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use hongyan_domain::Timestamp;
use rusqlite::Connection;

use crate::sqlite::{OWNER_ONLY, row};
use crate::store::Shared;
use crate::{Result, Store, StoreError};

/// The right to dispatch from this database; released on drop.
pub struct Ownership {
    epoch: i64,
    shared: Arc<Shared>,
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
        *self.shared.owner.lock().unwrap_or_else(PoisonError::into_inner) = None;
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

const FORGET: &str = "
UPDATE message
SET in_memory = FALSE
WHERE state = 'pending'
  AND in_memory";

impl Store {
    /// Takes the right to dispatch: a lock on `<db>.owner`, and an epoch later than any before. What the owner before held
    /// in memory goes to the queues.
    ///
    /// # Errors
    /// `Owned`: another process (or another `Ownership` of this one) holds it.
    pub async fn own(&self, now: Timestamp) -> Result<Ownership> {
        let lock = OwnerLock::take(&self.shared.path)?;
        let epoch = self
            .write(1, move |ledger| {
                let last = current_epoch(ledger.conn)?;
                // With the time in it, the epoch is new even after an older copy of the file was put back.
                let next = last.saturating_add(1).max(now.ms());
                if ledger.conn.execute(SET_EPOCH, [next])? != 1 {
                    return Err(StoreError::Corrupt("meta.epoch is missing".to_owned()));
                }
                ledger.conn.execute(FORGET, [])?;
                Ok(next)
            })
            .await?;
        *self.shared.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        self.shared.epoch.store(epoch, Ordering::Release);
        Ok(Ownership { epoch, shared: self.shared.clone() })
    }

    /// Looks whether this process still owns the database, once a second or so. A lock file that somebody deleted is
    /// made and locked anew. Without an ownership there is nothing to look at.
    ///
    /// # Errors
    /// `Broken`: the database's file was deleted or replaced.
    /// `Fenced`, `Owned`: another process has taken over; this one has to end.
    pub async fn check_ownership(&self) -> Result<()> {
        let held = self.shared.epoch.load(Ordering::Acquire);
        if held == 0 {
            return Ok(());
        }
        self.check_file()?;
        let current = self.read(current_epoch).await?;
        if held != current {
            return Err(StoreError::Fenced { held, current });
        }
        let mut owner = self.shared.owner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lock) = owner.as_mut() else { return Ok(()) };
        if !lock.stands()? {
            *lock = OwnerLock::take(&self.shared.path)?;
            tracing::warn!(path = %lock.path.display(), "the lock file was deleted; it is made anew: leave it alone");
        }
        Ok(())
    }
}

impl Store {
    /// What is written to a file that has no name any more is gone with the process.
    fn check_file(&self) -> Result<()> {
        let path = &self.shared.path;
        if FileId::of(path)? == Some(self.shared.file) {
            return Ok(());
        }
        let reason = format!(
            "{}: the database was deleted or replaced while it was in use; nothing more is accepted. Put it back, or restore a backup, and start again",
            path.display()
        );
        tracing::error!(reason, "the store takes no more");
        self.shared.writer.stop();
        Err(StoreError::Broken(reason))
    }
}

const SEEN_AT: &str = "
SELECT value
FROM meta
WHERE account = 0
  AND name = 'seen_at'";

const NOTE_SEEN: &str = "
INSERT INTO meta (account, name, value)
VALUES (0, 'seen_at', ?1)
ON CONFLICT (account, name)
DO UPDATE SET value = excluded.value
WHERE meta.value < excluded.value";

impl Store {
    /// The last time that a process on this database has seen; `None`: there was none yet.
    pub async fn seen_at(&self) -> Result<Option<Timestamp>> {
        self.read(|conn| {
            let seen: Option<i64> = row::first(conn.prepare_cached(SEEN_AT)?.query([])?)?;
            Ok(seen.map(Timestamp::from_ms))
        })
        .await
    }

    /// Keeps a time that was seen, so that the next process notices a clock that was set back. An earlier one than that
    /// which is kept changes nothing: what was in doubt by then still waits to be judged by it.
    pub async fn note_seen(&self, at: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(NOTE_SEEN)?.execute([at.ms()])?;
            Ok(())
        })
        .await
    }
}

pub(crate) fn current_epoch(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached(EPOCH)?.query_row([], |row| row.get(0))?)
}

/// The locked file beside the database.
pub(crate) struct OwnerLock {
    path: PathBuf,
    // The lock lasts as long as the file is open.
    file: File,
}

impl OwnerLock {
    /// `database` is the file's real name: by a link to it the same lock is found.
    pub(crate) fn take(database: &Path) -> Result<Self> {
        let path = Self::path_of(database);
        let unavailable = |error: std::io::Error| unavailable(&path, &error);
        let mut options = File::options();
        options.create(true).truncate(false).write(true).mode(OWNER_ONLY);
        let file = options.open(&path).map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Owned(path.display().to_string())),
            Err(TryLockError::Error(error)) => Err(unavailable(error)),
        }
    }

    /// Whether the name still leads to the file that is locked: a deleted one keeps nobody else out.
    fn stands(&self) -> Result<bool> {
        let held = self.file.metadata().map_err(|error| unavailable(&self.path, &error))?;
        Ok(FileId::of(&self.path)? == Some(FileId::from(&held)))
    }

    /// Whether somebody owns a database of this name, whatever has become of its file.
    pub(crate) fn is_taken(database: &Path) -> Result<bool> {
        match Self::path_of(database).try_exists() {
            Ok(true) => match Self::take(database) {
                Err(StoreError::Owned(_)) => Ok(true),
                taken => taken.map(|_| false),
            },
            _ => Ok(false),
        }
    }

    fn path_of(database: &Path) -> PathBuf {
        let mut name = database.as_os_str().to_owned();
        name.push(".owner");
        PathBuf::from(name)
    }
}

/// Which file a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for FileId {
    fn from(of: &Metadata) -> Self {
        Self { device: of.dev(), inode: of.ino() }
    }
}

impl FileId {
    /// `None`: to none.
    pub(crate) fn of(path: &Path) -> Result<Option<Self>> {
        match path.metadata() {
            Ok(found) => Ok(Some(Self::from(&found))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unavailable(path, &error)),
        }
    }
}

fn unavailable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}
