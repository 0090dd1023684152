//! The one thread that writes. What waits for it is committed together, and answered after the commit.
//!
//! A command that fails takes nothing of its neighbours with it: then the transaction is run again with a savepoint
//! for each. They are not there the first time, since SQLite copies every page a savepoint guards.

use std::sync::Arc;

use aws_lc_rs::hmac;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::numbers::tally::Tally;
use crate::people::hot::{Changes, Hot};
use crate::sqlite::broken::Broken;
use crate::sqlite::checkpoint::Checkpointer;
use crate::sqlite::queue::{QUEUE, Queue, Turn};
use crate::sqlite::unwritten;
use crate::{Result, StoreError};

/// What a command works with: the open transaction, and what the writer keeps in memory beside it.
pub(crate) struct Ledger<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) tally: &'a mut Tally,
    pub(crate) people: &'a mut Changes,
    pub(crate) hot: &'a Hot,
    pub(crate) open: &'a mut OpenReceipts,
    /// Chains the audit's rows.
    pub(crate) audit: &'a hmac::Key,
    /// Set when what was deleted must not stay behind in the WAL either.
    pub(crate) scrub: &'a mut bool,
}

impl Ledger<'_> {
    /// After rows of `receipt` were deleted.
    pub(crate) fn reread_open_receipts(&mut self) -> Result<()> {
        *self.open = OpenReceipts::count(self.conn)?;
        Ok(())
    }
}

/// How many receipts wait for their message. While there are none, an answer need not look for one.
#[derive(Clone, Copy, Default)]
pub(crate) struct OpenReceipts {
    /// With a msgid.
    pub(crate) named: i64,
    /// Without.
    pub(crate) unnamed: i64,
}

const COUNT_OPEN: &str = "
SELECT COALESCE(SUM(msgid <> 0), 0), COALESCE(SUM(msgid = 0), 0)
FROM receipt
WHERE message IS NULL";

impl OpenReceipts {
    fn count(conn: &Connection) -> Result<Self> {
        let counted = |row: &rusqlite::Row<'_>| Ok(Self { named: row.get(0)?, unnamed: row.get(1)? });
        Ok(conn.prepare_cached(COUNT_OPEN)?.query_row([], counted)?)
    }
}

/// A piece of work that waits for its transaction.
pub(crate) trait Command: Send {
    fn turn(&self) -> Turn;
    /// About how many rows it writes.
    fn rows(&self) -> usize;
    /// Whether it went well.
    fn run(&mut self, ledger: &mut Ledger<'_>) -> bool;
    /// Tells the caller; `commit` is how the transaction ended, the error of it if it failed.
    fn answer(self: Box<Self>, commit: std::result::Result<(), &StoreError>);
}

struct Work<F, T> {
    turn: Turn,
    rows: usize,
    work: F,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<F, T> Command for Work<F, T>
where
    F: FnMut(&mut Ledger<'_>) -> Result<T> + Send,
    T: Send,
{
    fn turn(&self) -> Turn {
        self.turn
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn run(&mut self, ledger: &mut Ledger<'_>) -> bool {
        let result = (self.work)(ledger);
        let well = result.is_ok();
        self.result = Some(result);
        well
    }

    fn answer(self: Box<Self>, commit: std::result::Result<(), &StoreError>) {
        let result = match (commit, self.result) {
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(error.again()),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(StoreError::Unavailable("the command was not run".to_owned())),
        };
        // A caller that was cancelled does not want its answer any more.
        let _ = self.reply.send(result);
    }
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Writer {
    commands: mpsc::Sender<Box<dyn Command>>,
    broken: Broken,
}

impl Writer {
    /// Starts the thread. It ends when the last `Writer` is dropped and all commands are answered.
    pub(crate) fn start(
        mut conn: Connection,
        checkpoints: Connection,
        (audit, hot): (hmac::Key, Arc<Hot>),
    ) -> Result<Self> {
        let (commands, incoming) = mpsc::channel(QUEUE);
        let broken = Broken::new();
        let checkpointer = Checkpointer::start(&mut conn, checkpoints, broken.clone())?;
        let open = OpenReceipts::count(&conn)?;
        // In this order: what another process writes in between is heard of.
        let others = others(&conn)?;
        hot.reload(&conn)?;
        let (queue, scrub) = (Queue::new(incoming), false);
        let broken_too = broken.clone();
        let thread =
            Thread { conn, queue, open, audit, hot, others, scrub, checkpointer, broken: broken_too };
        spawn("store-writer", move || thread.run())?;
        Ok(Self { commands, broken })
    }

    /// Runs `work` in the next transaction; when this returns `Ok`, it is on the disk. `rows` is about how many
    /// rows it writes. It may be run twice, the first time in a transaction that is rolled back.
    pub(crate) async fn write<T, F>(&self, turn: Turn, rows: usize, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Ledger<'_>) -> Result<T> + Send + 'static,
    {
        if self.broken.is_set() {
            return Err(refused());
        }
        let (reply, answer) = oneshot::channel();
        let command = Box::new(Work { turn, rows, work, result: None, reply });
        self.commands.send(command).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(cut_off()))
    }

    /// From now on nothing is written: what is on the disk is not what this process believes.
    pub(crate) fn stop(&self) {
        self.broken.set();
    }

    /// Returns once a write has failed in a way that leaves open what is on the disk.
    pub(crate) async fn stopped(&self) {
        self.broken.wait().await;
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the writer has stopped".to_owned())
}

fn cut_off() -> StoreError {
    StoreError::Broken("the writer ended in the middle of its work".to_owned())
}

fn refused() -> StoreError {
    StoreError::Broken("an earlier write failed".to_owned())
}

struct Thread {
    conn: Connection,
    queue: Queue,
    open: OpenReceipts,
    audit: hmac::Key,
    hot: Arc<Hot>,
    /// Grows when another connection has written.
    others: i64,
    /// The WAL holds what must go.
    scrub: bool,
    checkpointer: Checkpointer,
    broken: Broken,
}

impl Thread {
    fn run(mut self) {
        let mut batch = Vec::new();
        while self.queue.next(&mut batch).is_some() {
            let committed = self.commit(&mut batch);
            if let Err(StoreError::Broken(reason)) = &committed {
                tracing::error!(reason, "a write failed; the store takes no more");
                self.broken.set();
            }
            self.empty_wal();
            for command in batch.drain(..) {
                command.answer(committed.as_ref().copied());
            }
            if !self.broken.is_set() {
                self.checkpointer.look(&self.conn);
            }
        }
    }

    /// Runs all of `batch` in one transaction.
    fn commit(&mut self, batch: &mut [Box<dyn Command>]) -> Result<()> {
        if self.broken.is_set() {
            return Err(refused());
        }
        match self.transact(batch, Guard::Together)? {
            Ended::Committed => Ok(()),
            Ended::RolledBack => self.transact(batch, Guard::Each).map(|_| ()),
        }
    }

    fn transact(&mut self, batch: &mut [Box<dyn Command>], guard: Guard) -> Result<Ended> {
        let before = self.open;
        let ended = self.try_to_commit(batch, guard);
        if !matches!(ended, Ok(Ended::Committed)) {
            self.open = before;
            if !self.conn.is_autocommit() {
                // Where it fails as well, the next BEGIN tells.
                let _ = execute(&self.conn, "ROLLBACK");
            }
        }
        ended
    }

    fn try_to_commit(&mut self, batch: &mut [Box<dyn Command>], guard: Guard) -> Result<Ended> {
        execute(&self.conn, "BEGIN IMMEDIATE")?;
        self.hear_of_others()?;
        let (mut all, mut people) = (Tally::default(), Changes::default());
        for command in batch {
            let (before, mark, mut own) = (self.open, people.mark(), Tally::default());
            guard.begin(&self.conn)?;
            let tally = if guard.is_for_each() { &mut own } else { &mut all };
            let (conn, hot, audit) = (&self.conn, &*self.hot, &self.audit);
            let (open, scrub) = (&mut self.open, &mut self.scrub);
            let well = command.run(&mut Ledger { conn, tally, people: &mut people, hot, open, audit, scrub });
            if self.conn.is_autocommit() {
                // SQLite itself rolled everything back: no room, or no disk.
                return Err(StoreError::Unavailable("a write did not fit; nothing was written".to_owned()));
            }
            match (well, guard) {
                (true, _) => all.add(own),
                (false, Guard::Together) => return Ok(Ended::RolledBack),
                (false, Guard::Each) => {
                    self.open = before;
                    people.back_to(mark);
                    execute(&self.conn, "ROLLBACK TO command")?;
                }
            }
            guard.end(&self.conn)?;
        }
        all.write(&self.conn)?;
        people.write(&self.conn, &self.hot)?;
        execute(&self.conn, "COMMIT")?;
        people.committed(&self.hot);
        Ok(Ended::Committed)
    }

    /// Another process may have changed what is kept in memory of people.
    fn hear_of_others(&mut self) -> Result<()> {
        let others = others(&self.conn)?;
        if self.others != others {
            self.hot.reload(&self.conn)?;
            self.others = others;
        }
        Ok(())
    }

    /// Empties the WAL where something in it must go. A reader that is under way keeps it from that: then the next
    /// commit tries again.
    fn empty_wal(&mut self) {
        if self.scrub && !self.broken.is_set() {
            self.scrub = !self.checkpointer.empty(&self.conn);
        }
    }
}

impl Drop for Thread {
    /// A defect that ends the thread leaves open what is on the disk, as a disk that fails does.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.broken.set();
        }
    }
}

/// What one command's failure undoes.
#[derive(Clone, Copy)]
enum Guard {
    /// All of the transaction.
    Together,
    /// That command.
    Each,
}

impl Guard {
    /// Then each command's counts are its own, too.
    fn is_for_each(self) -> bool {
        matches!(self, Self::Each)
    }

    fn begin(self, conn: &Connection) -> Result<()> {
        match self {
            Self::Together => Ok(()),
            Self::Each => execute(conn, "SAVEPOINT command"),
        }
    }

    fn end(self, conn: &Connection) -> Result<()> {
        match self {
            Self::Together => Ok(()),
            Self::Each => execute(conn, "RELEASE command"),
        }
    }
}

fn others(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

/// How a transaction ended.
enum Ended {
    Committed,
    RolledBack,
}

/// Starts a thread of the store.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    started.map(|_| ()).map_err(|error| StoreError::Unavailable(format!("no thread {name}: {error}")))
}

fn execute(conn: &Connection, sql: &str) -> Result<()> {
    let done = conn.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    done.map(drop).map_err(|error| unwritten(conn, error))
}
