//! A backup put back: checked first, and held, since what waits in it may have been sent by the database it is a copy of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hongyan_domain::Timestamp;
use rusqlite::Connection;
use serde_json::json;

use crate::path::hold;
use crate::path::own::OwnerLock;
use crate::seal::keyring::Keyring;
use crate::{Action, Actor, Deed, Result, Settings, Store, StoreError, audit, sqlite};

/// Page cache while it is checked and brought up to date.
const CACHE_KIB: u32 = 16 * 1024;
/// What SQLite keeps beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Which backup is put back, and how.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The file that `Store::backup` wrote. It is read and not touched.
    pub from: PathBuf,
    /// What becomes of a database that is there already.
    pub occupied: Occupied,
    /// Whose deed it is.
    pub actor: Actor,
}

/// What becomes of a database that stands where the backup is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupied {
    /// It stays, and nothing is done.
    Refuse,
    /// It is renamed.
    SetAside,
}

/// What was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where it is now.
    pub path: PathBuf,
    /// Where the database that was there is now.
    pub set_aside: Option<PathBuf>,
}

impl Store {
    /// Puts a backup in the place of `settings.url`: whole or not at all. It is checked, brought up to date and held:
    /// the next `serve` accepts and sends nothing until `release`.
    ///
    /// # Errors
    /// `Owned`: a process sends from the database that is there. `Invalid`: there is one and it is to stay, or the file
    /// is no backup. `Corrupt`, `Newer`, `WrongKey`: it cannot be used.
    pub async fn restore(settings: Settings, restore: Restore, now: Timestamp) -> Result<Restored> {
        let restored = tokio::task::spawn_blocking(move || put_back(&settings, &restore, now));
        restored.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the restore did not end".to_owned())))
    }
}

fn put_back(settings: &Settings, restore: &Restore, now: Timestamp) -> Result<Restored> {
    let named = sqlite::path_of(&settings.url)?;
    // By a link the same file is found, and the same lock; one that leads nowhere yet is a name like any other.
    let path = sqlite::real_path(&named).unwrap_or(named);
    // Nobody can begin to send from here meanwhile.
    let _lock = OwnerLock::take(&path)?;
    let is_there = path.exists();
    if is_there && restore.occupied == Occupied::Refuse {
        return Err(StoreError::Invalid(format!(
            "{} is there already: name another place, or have it set aside",
            path.display()
        )));
    }
    let copy = beside(&path, ".restoring");
    let made = prepare(settings, restore, &copy, now).and_then(|()| {
        let set_aside = if is_there { Some(set_aside(&path, now)?) } else { None };
        fs::rename(&copy, &path).map_err(|error| failed(&path, &error))?;
        sync_folder(&path)?;
        Ok(set_aside)
    });
    if made.is_err() {
        for name in ["", "-wal", "-shm"] {
            // It may not have come so far.
            let _ = fs::remove_file(beside(&copy, name));
        }
    }
    made.map(|set_aside| Restored { path, set_aside })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

/// Copies the backup, looks whether it is whole and opens with our key, and marks it.
fn prepare(settings: &Settings, restore: &Restore, copy: &Path, now: Timestamp) -> Result<()> {
    fs::copy(&restore.from, copy).map_err(|error| failed(&restore.from, &error))?;
    check(copy, &restore.from)?;
    let mut conn = sqlite::open_writer(copy, CACHE_KIB)?;
    let begin = conn.transaction()?;
    let keyring = Keyring::open(&begin, &settings.master_key)?;
    hold::set(&begin, now)?;
    let file = restore.from.file_name().unwrap_or_default().to_string_lossy();
    let (action, subject, detail) = (Action::Restore, String::new(), json!({ "file": file }));
    let deed = Deed { action, account: None, subject, detail, at: now };
    audit::append(&begin, keyring.audit(), &restore.actor, &deed)?;
    begin.commit()?;
    // One file again, which can be renamed.
    conn.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    drop(conn);
    fs::File::open(copy).and_then(|file| file.sync_all()).map_err(|error| failed(copy, &error))
}

fn check(copy: &Path, from: &Path) -> Result<()> {
    let conn = Connection::open(copy)?;
    if sqlite::newest_applied(&conn)? == 0 {
        return Err(StoreError::Invalid(format!("{} is no database of Hongyan's", from.display())));
    }
    let found: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Corrupt(format!("{}: {found}", from.display()))) }
}

/// Renames the database that is there, with what belongs to it.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf> {
    let aside = beside(path, &format!(".before-{}", now.ms()));
    fs::rename(path, &aside).map_err(|error| failed(path, &error))?;
    for ending in BESIDE {
        match fs::rename(beside(path, ending), beside(&aside, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(path, &error)),
            _ => {}
        }
    }
    Ok(aside)
}

/// The new name must outlive a power cut.
fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(folder, &error))
}
