//! The SQLite file: how connections to it are made, and what its errors mean. Beside it what works on the file: the one
//! writer and its queue, readers, checkpoints, copies and their return; and how rows are read.

pub(crate) mod broken;
pub(crate) mod checkpoint;
pub(crate) mod damaged;
pub(crate) mod queue;
pub(crate) mod readers;
pub(crate) mod restore;
pub(crate) mod row;
pub(crate) mod upkeep;
pub(crate) mod writer;

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::path::own::OwnerLock;
use crate::{Result, StoreError, series};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// 3.7.0 to 3.51.2 can lose a commit when the WAL is reset (sqlite.org, WAL-reset notes).
const OLDEST_SQLITE: i32 = 3_051_003;
/// The command line writes the same file in short transactions.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// More statements than this crate has.
const STATEMENTS: usize = 256;
/// With 8 KiB the trees are lower and a message costs 4 to 7 % less CPU than with 4; with 2 it costs 10 % more.
const PAGE_BYTES: u32 = 8_192;
/// The WAL file is cut back to this after a checkpoint.
const WAL_KEPT_BYTES: u32 = 64 << 20;

/// Mode of every file made here: even sealed, it is nobody else's to copy.
pub(crate) const OWNER_ONLY: u32 = 0o600;

/// Takes the path out of `sqlite:PATH`. What SQLite would take for memory or for a URI of its own is no path: each
/// connection would have another database.
pub(crate) fn path_of(url: &str) -> Result<PathBuf> {
    let is_path = |path: &&str| !path.is_empty() && !path.starts_with(':') && !path.starts_with("file:");
    match url.strip_prefix("sqlite:").filter(is_path) {
        Some(path) => Ok(PathBuf::from(path)),
        _ => Err(StoreError::Url(url.split_once("//").map_or(url, |(scheme, _)| scheme).to_owned())),
    }
}

/// The file's own name, whatever links lead to it: SQLite names the log beside it so, and we the lock.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| StoreError::Unavailable(format!("{}: {error}", path.display())))
}

/// A second name of the same file would have a log of its own: writing by both destroys the database.
fn check_names(path: &Path) -> Result<()> {
    match path.metadata() {
        Ok(found) if found.nlink() > 1 => Err(StoreError::Linked(path.display().to_string())),
        _ => Ok(()),
    }
}

/// Opens the one connection that writes, and brings the schema up to date.
pub(crate) fn open_writer(path: &Path, cache_kib: u32) -> Result<Connection> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite(rusqlite::version().to_owned()));
    }
    check_names(path)?;
    create(path)?;
    migrate(path)?;
    let conn = Connection::open(path)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // FULL: a commit is on the disk when it returns. Checkpoints are run by the writer, after it has answered.
    // secure_delete: what moves to another page is overwritten where it was. Later that place is not found any more,
    // and an erasure would leave it behind (`people/erase.rs`).
    conn.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA fullfsync = 1;
         PRAGMA checkpoint_fullfsync = 1;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA secure_delete = FAST;
         PRAGMA journal_size_limit = {WAL_KEPT_BYTES};
         PRAGMA cache_size = -{cache_kib};"
    ))?;
    keep_plans(&conn)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// After plain text was overwritten in its row: it must not stay behind in a free place or in the WAL. Nobody else reads
/// yet, and the whole file is written anew once in its life.
pub(crate) fn scrub(conn: &Connection) -> Result<()> {
    conn.execute_batch("VACUUM;")?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Opens the connection that copies the WAL back beside the writer.
pub(crate) fn open_checkpointer(path: &Path) -> Result<Connection> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // The first statement opens the WAL; without it a checkpoint would find none.
    conn.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA fullfsync = 1;
         PRAGMA checkpoint_fullfsync = 1;
         PRAGMA wal_autocheckpoint = 0;",
    )?;
    Ok(conn)
}

/// Plans do not depend on what is bound: else SQLite makes them anew for other values.
fn keep_plans(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Opens a connection that can only read.
pub(crate) fn open_reader(path: &Path, cache_kib: u32) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.execute_batch(&format!("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{cache_kib};"))?;
    keep_plans(&conn)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// Makes the file where there is none, for its owner alone: SQLite gives the files beside it the same mode. One that is
/// there keeps the mode that its operator gave it.
fn create(path: &Path) -> Result<()> {
    // Its file is gone, and who had it open still writes into it: a new one would hide that.
    if !path.exists() && OwnerLock::is_taken(path)? {
        return Err(StoreError::Owned(path.display().to_string()));
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(StoreError::Unavailable(format!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// On a connection of its own: what a migration says of the indexes is read when a connection opens.
fn migrate(path: &Path) -> Result<()> {
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // A table that moves leaves nothing behind where it was: an erasure would not find it there.
    // The page's size holds for a file that is made now; an older one keeps its own.
    conn.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;"
    ))?;
    let runner = embedded::migrations::runner();
    let known = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0);
    let found = newest_applied(&conn)?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found < known {
        let migrated = runner.set_grouped(true).run(&mut conn);
        migrated.map_err(|error| StoreError::Database(format!("migration: {error}")))?;
    }
    series::seed(&mut conn)
}

/// Makes a database as it was with the first `version` migrations.
#[cfg(test)]
pub(crate) fn migrate_to(path: &Path, version: i64) -> Connection {
    let mut conn = Connection::open(path).expect("a file can be made");
    let runner = embedded::migrations::runner().set_target(refinery::Target::Version(version));
    runner.run(&mut conn).expect("the migrations run");
    conn
}

pub(crate) fn newest_applied(conn: &Connection) -> Result<i64> {
    if !conn.table_exists(None, "refinery_schema_history")? {
        return Ok(0);
    }
    let sql = "SELECT COALESCE(MAX(version), 0) FROM refinery_schema_history";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

/// What a write came to that failed. A file system that was mounted anew to be read only takes nothing: all that was
/// committed is there and nothing else, unlike on a disk that fails.
pub(crate) fn unwritten(conn: &Connection, error: rusqlite::Error) -> StoreError {
    let refused = error.sqlite_error().is_some_and(|told| told.extended_code == ffi::SQLITE_IOERR_WRITE);
    match refused && conn.path().is_some_and(is_read_only) {
        true => StoreError::Unavailable("the file system is read-only".to_owned()),
        false => error.into(),
    }
}

/// Tried with a file of its own: to close the database's would give up the locks on it.
fn is_read_only(database: &str) -> bool {
    let trial = format!("{database}-trial");
    match std::fs::File::create(&trial) {
        Ok(_) => {
            // Where it cannot be removed it is empty and in nobody's way.
            let _ = std::fs::remove_file(&trial);
            false
        }
        Err(error) => error.kind() == ErrorKind::ReadOnlyFilesystem,
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        if matches!(
            error,
            FromSqlConversionFailure(..)
                | IntegralValueOutOfRange(..)
                | InvalidColumnType(..)
                | Utf8Error(..)
        ) {
            return Self::Corrupt("a column holds a value of another type".to_owned());
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Unavailable("the disk is full".to_owned()),
            Some(ErrorCode::ReadOnly) => Self::Unavailable("the database is read-only".to_owned()),
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Unavailable("the database file cannot be opened".to_owned())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Unavailable("another process is writing".to_owned())
            }
            Some(ErrorCode::SystemIoFailure) => Self::Broken(error.to_string()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            // The message of a constraint names columns, never values.
            _ => Self::Database(error.to_string()),
        }
    }
}
