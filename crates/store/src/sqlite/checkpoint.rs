//! Copies the WAL back into the database: most of it beside the writer, the rest by the writer itself.
//!
//! A passive checkpoint holds up nobody, so a thread of its own runs it. But it never comes to the end of a WAL that
//! is written to, and only a WAL that is copied to its end begins anew; so the writer copies what came meanwhile.
//! That is little, and its commits wait no longer for it than for a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;

use crate::sqlite::broken::Broken;
use crate::sqlite::writer::spawn;
use crate::sqlite::{self, unwritten};
use crate::{Result, StoreError};

/// Pages of WAL after which it is copied back: 32 MiB. A page that is written often is copied once for all of it.
const BEGIN_PAGES: u32 = 4_096;
/// Pages that the writer may be left with: 2 MiB, a few milliseconds.
const REST_PAGES: u32 = 256;
/// So often the thread tries to come near the end; then the writer is too fast for it, and must help.
const ROUNDS: usize = 4;

const IDLE: u8 = 0;
const COPYING: u8 = 1;
const NEARLY_DONE: u8 = 2;

/// What the writer and the thread know of each other.
#[derive(Default)]
struct Progress {
    /// Pages in the WAL.
    wal_pages: AtomicU32,
    phase: AtomicU8,
}

/// The writer's side.
pub(crate) struct Checkpointer {
    progress: Arc<Progress>,
    broken: Broken,
    wake: mpsc::SyncSender<()>,
}

impl Checkpointer {
    /// Starts the thread on `conn`; it ends when this is dropped. `writer` tells how long its WAL is.
    pub(crate) fn start(writer: &mut Connection, conn: Connection, broken: Broken) -> Result<Self> {
        let progress = Arc::<Progress>::default();
        let seen = progress.clone();
        writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            seen.wal_pages.store(u32::try_from(pages).unwrap_or(0), Ordering::Release);
            Ok(())
        }))?;
        let (wake, woken) = mpsc::sync_channel(1);
        let (shared, stop) = (progress.clone(), broken.clone());
        spawn("store-checkpointer", move || {
            while woken.recv().is_ok() {
                copy_most(&conn, &shared, &stop);
            }
        })?;
        Ok(Self { progress, broken, wake })
    }

    /// After a commit: begins where the WAL is long, ends where the thread has come near its end.
    pub(crate) fn look(&self, writer: &Connection) {
        let Progress { wal_pages, phase } = &*self.progress;
        match phase.load(Ordering::Acquire) {
            IDLE if wal_pages.load(Ordering::Acquire) >= BEGIN_PAGES => {
                phase.store(COPYING, Ordering::Release);
                // One place is enough: it is asked only when it is idle.
                let _ = self.wake.try_send(());
            }
            NEARLY_DONE => {
                phase.store(IDLE, Ordering::Release);
                copy(writer, &self.broken);
            }
            _ => {}
        }
    }

    /// Copies the WAL back and cuts it to nothing, without waiting for anybody: all writes stand behind this one.
    /// `false`: a reader or the thread is under way in it.
    pub(crate) fn empty(&self, writer: &Connection) -> bool {
        let tried = writer.busy_timeout(Duration::ZERO).and_then(|()| {
            let busy = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
            writer.busy_timeout(sqlite::BUSY_TIMEOUT).and(busy)
        });
        told(tried.map_err(|error| unwritten(writer, error)), &self.broken).is_some_and(|busy| !busy)
    }
}

fn copy_most(conn: &Connection, progress: &Progress, broken: &Broken) {
    for _ in 0..ROUNDS {
        let Some(copied) = copy(conn, broken) else { break };
        if progress.wal_pages.load(Ordering::Acquire).saturating_sub(copied) <= REST_PAGES {
            break;
        }
    }
    progress.phase.store(NEARLY_DONE, Ordering::Release);
}

/// Copies what can be copied without waiting; how many pages are copied then. Its failure loses nothing: the WAL
/// holds all; but an fsync that failed must not be asked again (the kernel forgets the pages), so that ends the store.
fn copy(conn: &Connection, broken: &Broken) -> Option<u32> {
    if broken.is_set() {
        return None;
    }
    // busy, pages in the WAL, pages copied; -1 where there is no WAL.
    let copied = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2));
    told(copied.map_err(|error| unwritten(conn, error)), broken)
        .map(|copied| u32::try_from(copied).unwrap_or(0))
}

fn told<T>(done: Result<T>, broken: &Broken) -> Option<T> {
    match done {
        Ok(value) => Some(value),
        Err(StoreError::Broken(reason)) => {
            tracing::error!(reason, "a checkpoint failed; the store takes no more");
            broken.set();
            None
        }
        Err(error) => {
            tracing::warn!(%error, "a checkpoint has to wait");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer and a checkpointer on one file, and a table to write to.
    fn connections(dir: &tempfile::TempDir) -> (Connection, Connection) {
        let path = dir.path().join("test.db");
        let open = || Connection::open(&path).unwrap();
        let (writer, checkpointer) = (open(), open());
        writer
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (b)")
            .unwrap();
        checkpointer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;").unwrap();
        (writer, checkpointer)
    }

    fn write_mib(writer: &Connection, mib: u32) {
        writer.execute("INSERT INTO t VALUES (zeroblob(?1))", [mib << 20]).unwrap();
    }

    fn wal_bytes(dir: &tempfile::TempDir) -> u64 {
        dir.path().join("test.db-wal").metadata().unwrap().len()
    }

    #[test]
    fn a_wal_that_thread_and_writer_copied_to_its_end_begins_anew() {
        let dir = tempfile::TempDir::new().unwrap();
        let (writer, checkpointer) = connections(&dir);
        let (progress, broken) = (Progress::default(), Broken::new());
        write_mib(&writer, 8);
        copy_most(&checkpointer, &progress, &broken);
        write_mib(&writer, 1);
        let long = wal_bytes(&dir);

        let phase = progress.phase.load(Ordering::Acquire);
        copy(&writer, &broken);
        (0..6).for_each(|_| write_mib(&writer, 1));

        assert_eq!(phase, NEARLY_DONE);
        assert_eq!(wal_bytes(&dir), long);
    }

    #[test]
    fn a_store_that_is_broken_is_not_copied() {
        let dir = tempfile::TempDir::new().unwrap();
        let (writer, _) = connections(&dir);
        write_mib(&writer, 1);

        let broken = Broken::new();
        broken.set();

        assert_eq!(copy(&writer, &broken), None);
        assert!(copy(&writer, &Broken::new()).is_some_and(|pages| pages > 256));
    }
}
