//! Copies, and new keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hongyan_domain::AccountId;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, params};

use crate::accounts::revise;
use crate::keyring::{self, Keyring, Purpose, Slot};
use crate::seal::SealKey;
use crate::{MasterKey, Result, Store, StoreError, row, sqlite};

/// Page cache of the connection that is copied from: it reads each page once.
const COPY_CACHE_KIB: u32 = 1024;

impl Store {
    /// Writes a consistent copy of one moment to `path`, which must not exist; it is on the disk when this returns.
    /// The copy needs the same master key. Writers go on meanwhile; the WAL grows until it is done.
    pub async fn backup(&self, path: &Path) -> Result<()> {
        let (from, to) = (self.shared.path.clone(), path.to_path_buf());
        let copied = tokio::task::spawn_blocking(move || copy(&from, &to));
        copied.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the backup did not end".to_owned())))
    }
}

fn copy(from: &Path, to: &PathBuf) -> Result<()> {
    let failed = |error: std::io::Error| StoreError::Unavailable(format!("backup {}: {error}", to.display()));
    std::fs::File::create_new(to).map_err(failed)?;
    let source = sqlite::open_reader(from, COPY_CACHE_KIB)?;
    let mut target = Connection::open(to)?;
    // All pages in one step: the copy is of one moment, and a writer cannot make it begin again.
    let step = Backup::new(&source, &mut target)?.step(-1)?;
    if step != StepResult::Done {
        return Err(StoreError::Unavailable("the backup could not read everything".to_owned()));
    }
    drop(target);
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(failed)
}

const NEWEST: &str = "
SELECT MAX(version)
FROM data_key
WHERE account = ?1
  AND purpose = 'data'";

const ALL_KEYS: &str = "
SELECT account, purpose, version, wrapped
FROM data_key
ORDER BY account, purpose, version";

const REWRAP: &str = "
UPDATE data_key
SET wrapped = ?4
WHERE account = ?1
  AND purpose = ?2
  AND version = ?3";

impl Store {
    /// Makes a new data key for an account: what is sealed from now on takes it, what was sealed stays readable.
    /// The new key's version.
    pub async fn rotate_data_key(&self, account: AccountId) -> Result<u32> {
        let shared = self.shared.clone();
        let version = self
            .write(1, move |ledger| {
                shared.keyring.check_master(ledger.conn)?;
                let newest: Option<u32> =
                    row::first(ledger.conn.prepare_cached(NEWEST)?.query([account.0])?)?.flatten();
                let version = newest.ok_or(StoreError::NoAccount(account))? + 1;
                let slot = Slot { account, purpose: Purpose::Data, version };
                keyring::insert_key(ledger.conn, &shared.keyring.master(), slot)?;
                revise(ledger.conn)?;
                Ok(version)
            })
            .await?;
        self.shared.keyring.forget(account);
        Ok(version)
    }

    /// Wraps all data keys under a new master key, which opens the database from now on: write its file first.
    /// Other processes that have the database open must be started again with it.
    pub async fn rewrap(&self, new: &MasterKey) -> Result<()> {
        let shared = self.shared.clone();
        let wrapping = Arc::new(keyring::wrapping(new)?);
        let wraps = wrapping.clone();
        self.write(1, move |ledger| rewrap_all(ledger.conn, &shared.keyring, &wraps)).await?;
        self.shared.keyring.set_master(wrapping);
        Ok(())
    }
}

fn rewrap_all(conn: &Connection, keyring: &Keyring, new: &SealKey) -> Result<()> {
    keyring.check_master(conn)?;
    let old = keyring.master();
    let wrapped = row::all(conn.prepare_cached(ALL_KEYS)?.query([])?, |row| {
        let purpose = row::word(row, 1, Purpose::parse)?;
        let slot = Slot { account: AccountId(row.get(0)?), purpose, version: row.get(2)? };
        Ok((slot, row.get::<_, Vec<u8>>(3)?))
    })?;
    for (slot, sealed) in wrapped {
        let plain = old.open(slot.place(), &sealed)?;
        let wrapped = new.seal(slot.place(), |text| text.extend_from_slice(&plain))?;
        let rewrap = params![slot.account.0, slot.purpose.as_str(), slot.version, wrapped];
        if conn.prepare_cached(REWRAP)?.execute(rewrap)? != 1 {
            return Err(StoreError::Corrupt("a data key is gone inside its own transaction".to_owned()));
        }
    }
    Ok(())
}
