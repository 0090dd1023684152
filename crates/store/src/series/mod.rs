//! What is counted over time, kept in the transaction that changes what it counts.
//!
//! A commit appends its changes as one row; the sweep adds those rows into the counters (`fold`). So a commit writes no
//! page more for five hundred accounts than for one, and counters and ledger are equal after any crash.

mod check;
mod codec;
pub(crate) mod fold;
pub(crate) mod read;
mod seed;

use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use hongyan_domain::series::{Answer, Cell, Punctual};
use hongyan_domain::{AccountId, Cause, Lane, Measure, Rule, SeriesKey, State, Step, Timestamp};
use rusqlite::{Connection, params};

use crate::{Result, Store};

pub(crate) use check::differences;
pub use read::{SeriesQuery, SeriesRow, Whose};
pub(crate) use seed::seed;

/// In place of a minute: what is not counted over time.
const NOW: i64 = i64::MIN;

/// The span of what is not counted over time, in the column `step`.
const STEP_NOW: &str = "now";

/// The part of a message that its counters are kept by.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) lane: Lane,
    pub(crate) template: Arc<str>,
    pub(crate) scenario: Arc<str>,
}

impl Kind {
    fn key(&self, measure: Measure) -> SeriesKey {
        let Self { lane, template, scenario } = self;
        SeriesKey { measure, lane: Some(*lane), template: template.clone(), scenario: scenario.clone() }
    }
}

/// What the counters have to know of a message's row before it moves.
#[derive(Clone, Debug)]
pub(crate) struct Standpoint {
    pub(crate) kind: Kind,
    pub(crate) state: State,
    pub(crate) cause: Option<Cause>,
    pub(crate) accepted_at: Timestamp,
    pub(crate) deadline_at: Timestamp,
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) settled_at: Option<Timestamp>,
}

/// One counter's change: at this moment, so many, which took so long.
type Counted = (Timestamp, SeriesKey, Option<i64>);

impl Standpoint {
    /// What a row of the ledger counts for, over time.
    fn counted(&self) -> impl Iterator<Item = Counted> + '_ {
        let accepted = (self.accepted_at, self.kind.key(Measure::Accepted), None);
        let sent = self.sent_at.map(|at| self.sent(at));
        let ended = self.settled_at.map(|at| self.ended(at, self.state, self.cause));
        std::iter::once(accepted).chain(sent).chain(ended)
    }

    fn sent(&self, at: Timestamp) -> Counted {
        let punctual = if at < self.deadline_at { Punctual::OnTime } else { Punctual::Late };
        (at, self.kind.key(Measure::Sent(punctual)), Some(at.ms() - self.accepted_at.ms()))
    }

    fn ended(&self, at: Timestamp, state: State, cause: Option<Cause>) -> Counted {
        let sent_at = self.sent_at.filter(|_| state == State::Delivered);
        (at, self.kind.key(Measure::Ended(state, cause)), sent_at.map(|sent_at| at.ms() - sent_at.ms()))
    }
}

/// A try as the counters see it.
#[derive(Clone, Copy)]
pub(crate) struct Try<'a> {
    pub(crate) at: Timestamp,
    pub(crate) outcome: &'a str,
    pub(crate) errcode: Option<i64>,
    pub(crate) took_ms: u32,
}

impl Try<'_> {
    /// One of which there is nothing to tell but that WeChat took it: its message's row tells of it.
    pub(crate) fn taken(at: Timestamp, took_ms: u32) -> Self {
        Self { at, outcome: "sent", errcode: Some(0), took_ms }
    }

    /// WeChat's "no" is counted by template and scenario as well; what went well is by its message.
    pub(crate) fn is_by_kind(self) -> bool {
        self.errcode.is_some_and(|errcode| errcode != 0)
    }

    fn counted(self, kind: Option<&Kind>) -> Counted {
        // The words of `Outcome` and of `Answer` are the same: a test in domain holds them together.
        let answer = Answer::parse(self.outcome).unwrap_or(Answer::Unknown);
        let measure = Measure::Tried(answer, self.errcode.unwrap_or(0));
        let key = match kind {
            Some(kind) => kind.key(measure),
            None => SeriesKey { measure, lane: None, template: "".into(), scenario: "".into() },
        };
        (self.at, key, Some(i64::from(self.took_ms)))
    }
}

/// How a change is meant.
#[derive(Clone, Copy)]
enum Change {
    Count,
    TakeBack,
    /// It stays counted; its row is gone.
    Purge,
}

/// What a transaction changes of the counters: by account, minute (its begin in milliseconds, or `NOW`) and key.
#[derive(Default)]
pub(crate) struct Deltas {
    cells: HashMap<(AccountId, i64, SeriesKey), Cell>,
    names: HashSet<Arc<str>>,
}

impl Deltas {
    /// One allocation for all that are equal.
    pub(crate) fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let new: Arc<str> = name.into();
        self.names.insert(new.clone());
        new
    }

    /// A message was accepted, and waits, perhaps for something.
    pub(crate) fn accepted(
        &mut self,
        (account, cause): (AccountId, Option<Cause>),
        at: Timestamp,
        kind: &Kind,
    ) {
        self.change(account, (at, kind.key(Measure::Accepted), None), Change::Count);
        self.wait(account, (kind.lane, cause), 1);
    }

    /// A message moved.
    pub(crate) fn moved(
        &mut self,
        account: AccountId,
        from: &Standpoint,
        (to, cause): (State, Option<Cause>),
        at: Timestamp,
    ) {
        if waits(from.state) {
            self.wait(account, (from.kind.lane, from.cause), -1);
        }
        if waits(to) {
            self.wait(account, (from.kind.lane, cause), 1);
        }
        if let Some(settled_at) = from.settled_at {
            self.change(account, from.ended(settled_at, from.state, from.cause), Change::TakeBack);
        }
        if to == State::Sent {
            if let Some(sent_at) = from.sent_at {
                self.change(account, from.sent(sent_at), Change::TakeBack);
            }
            self.change(account, from.sent(at), Change::Count);
        }
        if to.is_final() {
            self.change(account, from.ended(at, to, cause), Change::Count);
        }
    }

    /// A try came back.
    pub(crate) fn tried(&mut self, account: AccountId, tried: Try<'_>, kind: Option<&Kind>) {
        self.change(account, tried.counted(kind), Change::Count);
    }

    /// A message's row is deleted; it stays counted.
    pub(crate) fn purged(&mut self, account: AccountId, row: &Standpoint) {
        row.counted().for_each(|counted| self.change(account, counted, Change::Purge));
    }

    /// A try's row is deleted; it stays counted.
    pub(crate) fn purged_try(&mut self, account: AccountId, tried: Try<'_>, kind: Option<&Kind>) {
        self.change(account, tried.counted(kind), Change::Purge);
    }

    fn wait(&mut self, account: AccountId, (lane, cause): (Lane, Option<Cause>), change: i64) {
        let (template, scenario) = (self.name(""), self.name(""));
        let key = SeriesKey { measure: Measure::Waiting(cause), lane: Some(lane), template, scenario };
        self.cells.entry((account, NOW, key)).or_default().count += change;
    }

    fn change(&mut self, account: AccountId, (at, key, took_ms): Counted, change: Change) {
        let minute = Step::Minute.begin_of(at).ms();
        let cell = self.cells.entry((account, minute, key)).or_default();
        match change {
            Change::Count => {
                cell.count += 1;
                took_ms.into_iter().for_each(|ms| cell.spread.record(ms, 1));
            }
            Change::TakeBack => {
                cell.count -= 1;
                took_ms.into_iter().for_each(|ms| cell.spread.record(ms, -1));
            }
            Change::Purge => cell.purged += 1,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        if self.cells.is_empty() {
            *self = other;
            return;
        }
        for (key, cell) in other.cells {
            self.cells.entry(key).or_default().add(&cell);
        }
    }

    pub(crate) fn write(self, conn: &Connection) -> Result<()> {
        let mut cells: Vec<_> = self.cells.into_iter().filter(|(_, cell)| !cell.is_zero()).collect();
        if cells.is_empty() {
            return Ok(());
        }
        cells.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        conn.prepare_cached(APPEND)?.execute(params![codec::write_delta(&cells)])?;
        Ok(())
    }
}

fn waits(state: State) -> bool {
    matches!(state, State::Pending | State::Claimed)
}

// Numbers begin anew once all are folded: then nothing is left that they could be confused with.
const APPEND: &str = "
INSERT INTO series_delta (account, seq, cells)
SELECT 0, COALESCE(MAX(seq), 0) + 1, ?1
FROM series_delta
WHERE account = 0";

/// What a rule refused before it was accepted: such requests leave no row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Whose.
    pub account: AccountId,
    /// By which rule.
    pub rule: Rule,
    /// By which template.
    pub template: Arc<str>,
    /// Of which scenario; empty: of none.
    pub scenario: Arc<str>,
    /// In which lane.
    pub lane: Lane,
}

impl Store {
    /// Counts what rules refused at the door, each so many times.
    pub async fn count_refusals(&self, refused: Vec<(Refusal, i64)>, at: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            for (refusal, times) in &refused {
                let Refusal { account, rule, template, scenario, lane } = refusal.clone();
                let key = Kind { lane, template, scenario }.key(Measure::Refused(rule));
                let cell = (account, Step::Minute.begin_of(at).ms(), key);
                ledger.tally.series.cells.entry(cell).or_default().count += times;
            }
            Ok(())
        })
        .await
    }
}
