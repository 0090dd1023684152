//! Copies.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::{Result, Store, StoreError, sqlite};

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
    let mut options = std::fs::File::options();
    options.write(true).create_new(true).mode(sqlite::OWNER_ONLY).open(to).map_err(failed)?;
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
