//! The counters, kept in the transaction that changes what they count: one write a cell, whatever the batch.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::HashMap;
use hongyan_domain::on_time::Punctuality;
use hongyan_domain::{AccountId, Cause, Signal, State, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::compliance::{self, Judged};
use crate::numbers::on_time;
use crate::series::{self, Deltas};
use crate::watch::settled_log::{self, SettledEvent};
use crate::{Heard, Result, Store, StoreError, TallyDifference, TallyRow};

/// A counter's cell: account, day of acceptance, where the messages stand.
type Cell = (AccountId, i64, State, Option<Cause>);

/// A counter's cell: account, day of acceptance, template.
type Use = (AccountId, i64, Arc<str>);

/// A counter's cell: messages with a link that is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LinkCell {
    pub(crate) account: AccountId,
    /// Of acceptance.
    pub(crate) day: i64,
    pub(crate) template_id: Arc<str>,
    /// Empty: none.
    pub(crate) scenario: Arc<str>,
    /// Empty: none.
    pub(crate) variant: Arc<str>,
}

/// What a transaction changes of a cell.
#[derive(Clone, Copy, Default)]
struct LinkCounts {
    sent: i64,
    clicked: i64,
    clicks: i64,
}

/// What a transaction changes of the counters.
#[derive(Default)]
pub(crate) struct Tally {
    cells: HashMap<Cell, i64>,
    sends: HashMap<(AccountId, i64), i64>,
    uses: HashMap<Use, i64>,
    links: HashMap<LinkCell, LinkCounts>,
    purged_cells: HashMap<Cell, i64>,
    purged_sends: HashMap<(AccountId, i64), i64>,
    on_time: on_time::Cells,
    judged: HashMap<Judged, u64>,
    signs: HashMap<(AccountId, i64, Arc<str>, Signal), u64>,
    pub(crate) series: Deltas,
    /// The messages that came to their end, for whoever is told of them.
    pub(crate) settled: Vec<SettledEvent>,
}

const ADD_TALLY: &str = "
INSERT INTO tally (account, day, state, cause, count, kept)
VALUES (?1, ?2, ?3, ?4, ?5, ?5)
ON CONFLICT (account, day, state, cause)
DO UPDATE SET count = tally.count + excluded.count, kept = tally.kept + excluded.kept";

const ADD_SENDS: &str = "
INSERT INTO sends (account, day, count, kept)
VALUES (?1, ?2, ?3, ?3)
ON CONFLICT (account, day)
DO UPDATE SET count = sends.count + excluded.count, kept = sends.kept + excluded.kept";

const ADD_USE: &str = "
INSERT INTO template_use (account, day, template_id, count)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account, day, template_id)
DO UPDATE SET count = template_use.count + excluded.count";

const ADD_LINKS: &str = "
INSERT INTO click_tally (account, day, template_id, scenario, variant, sent, clicked, clicks)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (account, day, template_id, scenario, variant)
DO UPDATE SET sent = click_tally.sent + excluded.sent, clicked = click_tally.clicked + excluded.clicked,
  clicks = click_tally.clicks + excluded.clicks";

const PURGE_TALLY: &str = "
UPDATE tally
SET kept = kept - ?5
WHERE account = ?1
  AND day = ?2
  AND state = ?3
  AND cause = ?4";

const PURGE_SENDS: &str = "
UPDATE sends
SET kept = kept - ?3
WHERE account = ?1
  AND day = ?2";

impl Tally {
    /// A message's row is deleted; it stays counted.
    pub(crate) fn purge(
        &mut self,
        account: AccountId,
        accepted_at: Timestamp,
        state: State,
        cause: Option<Cause>,
    ) {
        *self.purged_cells.entry(cell(account, accepted_at, state, cause)).or_default() += 1;
    }

    /// The record of a send is deleted; it stays counted.
    pub(crate) fn purge_send(&mut self, account: AccountId, at: Timestamp) {
        *self.purged_sends.entry((account, at.day())).or_default() += 1;
    }

    /// A message accepted then entered a state.
    pub(crate) fn enter(
        &mut self,
        account: AccountId,
        accepted_at: Timestamp,
        state: State,
        cause: Option<Cause>,
    ) {
        *self.cells.entry(cell(account, accepted_at, state, cause)).or_default() += 1;
    }

    /// A message by this template was accepted.
    pub(crate) fn used(&mut self, account: AccountId, accepted_at: Timestamp, template: &Arc<str>) {
        *self.uses.entry((account, accepted_at.day(), template.clone())).or_default() += 1;
    }

    /// WeChat took a message with a link that is counted.
    pub(crate) fn sent_link(&mut self, cell: LinkCell) {
        self.links.entry(cell).or_default().sent += 1;
    }

    /// A link was followed: `first` is 1 for the first time, and 0 for another.
    pub(crate) fn clicked(&mut self, cell: LinkCell, first: i64, clicks: i64) {
        let counts = self.links.entry(cell).or_default();
        counts.clicked += first;
        counts.clicks += clicks;
    }

    /// It left one.
    pub(crate) fn leave(
        &mut self,
        account: AccountId,
        accepted_at: Timestamp,
        state: State,
        cause: Option<Cause>,
    ) {
        *self.cells.entry(cell(account, accepted_at, state, cause)).or_default() -= 1;
    }

    /// A message accepted then was on time, late, or too late to go.
    pub(crate) fn arrived(
        &mut self,
        (account, accepted_at): (AccountId, Timestamp),
        scenario: Box<str>,
        told: Punctuality,
    ) {
        self.on_time.entry((account, accepted_at.day(), scenario)).or_default().count(told);
    }

    /// A rule said something of a message of this template and scenario.
    pub(crate) fn judged(
        &mut self,
        (account, at): (AccountId, Timestamp),
        heard: Heard,
        (template, scenario): (&Arc<str>, Option<&Arc<str>>),
    ) {
        let Some(rule) = heard.verdict.rule() else { return };
        let (day, verdict, observed) = (at.day(), heard.verdict.as_str(), heard.observed);
        let (template, scenario) = (template.clone(), scenario.cloned());
        let cell = Judged { account, day, rule, verdict, observed, template, scenario };
        *self.judged.entry(cell).or_default() += 1;
    }

    /// Something came that speaks against a template.
    pub(crate) fn sign(&mut self, account: AccountId, at: Timestamp, template: &Arc<str>, signal: Signal) {
        *self.signs.entry((account, at.day(), template.clone(), signal)).or_default() += 1;
    }

    /// WeChat accepted a send.
    pub(crate) fn sent(&mut self, account: AccountId, at: Timestamp) {
        *self.sends.entry((account, at.day())).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.series.add(other.series);
        self.settled.extend(other.settled);
        for (cell, change) in other.cells {
            *self.cells.entry(cell).or_default() += change;
        }
        for (day, change) in other.sends {
            *self.sends.entry(day).or_default() += change;
        }
        for (cell, change) in other.uses {
            *self.uses.entry(cell).or_default() += change;
        }
        for (cell, change) in other.links {
            let counts = self.links.entry(cell).or_default();
            counts.sent += change.sent;
            counts.clicked += change.clicked;
            counts.clicks += change.clicks;
        }
        for (cell, change) in other.purged_cells {
            *self.purged_cells.entry(cell).or_default() += change;
        }
        for (cell, more) in other.on_time {
            self.on_time.entry(cell).or_default().add(more);
        }
        for (day, change) in other.purged_sends {
            *self.purged_sends.entry(day).or_default() += change;
        }
        for (cell, count) in other.judged {
            *self.judged.entry(cell).or_default() += count;
        }
        for (sign, count) in other.signs {
            *self.signs.entry(sign).or_default() += count;
        }
    }

    pub(crate) fn write(self, conn: &Connection) -> Result<()> {
        add(conn, self.cells, self.sends)?;
        add_uses(conn, self.uses)?;
        add_links(conn, self.links)?;
        on_time::add(conn, self.on_time)?;
        compliance::add_counts(conn, self.judged, self.signs)?;
        purge(conn, self.purged_cells, self.purged_sends)?;
        self.series.write(conn)?;
        settled_log::append(conn, &self.settled)
    }
}

type Cells = HashMap<Cell, i64>;
type Sends = HashMap<(AccountId, i64), i64>;

fn add(conn: &Connection, cells: Cells, sends: Sends) -> Result<()> {
    let mut tally = conn.prepare_cached(ADD_TALLY)?;
    for ((account, day, state, cause), change) in cells.into_iter().filter(|(_, change)| *change != 0) {
        tally.execute(params![account.0, day, state.as_str(), cause.map_or("", Cause::as_str), change])?;
    }
    let mut add = conn.prepare_cached(ADD_SENDS)?;
    for ((account, day), change) in sends {
        add.execute(params![account.0, day, change])?;
    }
    Ok(())
}

fn add_uses(conn: &Connection, uses: HashMap<Use, i64>) -> Result<()> {
    let mut add = conn.prepare_cached(ADD_USE)?;
    for ((account, day, template), change) in uses {
        add.execute(params![account.0, day, &*template, change])?;
    }
    Ok(())
}

fn add_links(conn: &Connection, links: HashMap<LinkCell, LinkCounts>) -> Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    let mut add = conn.prepare_cached(ADD_LINKS)?;
    for (cell, counts) in links {
        let LinkCell { account, day, template_id, scenario, variant } = cell;
        let LinkCounts { sent, clicked, clicks } = counts;
        add.execute(params![account.0, day, &*template_id, &*scenario, &*variant, sent, clicked, clicks])?;
    }
    Ok(())
}

fn purge(conn: &Connection, cells: Cells, sends: Sends) -> Result<()> {
    let mut tally = conn.prepare_cached(PURGE_TALLY)?;
    for ((account, day, state, cause), change) in cells {
        tally.execute(params![account.0, day, state.as_str(), cause.map_or("", Cause::as_str), change])?;
    }
    let mut purge = conn.prepare_cached(PURGE_SENDS)?;
    for ((account, day), change) in sends {
        purge.execute(params![account.0, day, change])?;
    }
    Ok(())
}

/// A message that waits is counted as waiting, whatever it waits for: causes of retries come and go.
fn cell(account: AccountId, accepted_at: Timestamp, state: State, cause: Option<Cause>) -> Cell {
    match state {
        State::Pending | State::Claimed => (account, accepted_at.day(), State::Pending, None),
        _ => (account, accepted_at.day(), state, cause),
    }
}

pub(crate) const TALLY: &str = "
SELECT account, day, state, cause, count
FROM tally
WHERE (?1 IS NULL OR account = ?1)
  AND day >= ?2
  AND day < ?3
  AND count <> 0
ORDER BY account, day, state, cause";

pub(crate) const SENDS: &str = "
SELECT account, count
FROM sends
WHERE day = ?1";

impl Store {
    /// The counters of these days of acceptance (`Timestamp::day`).
    pub async fn tally(&self, days: Range<i64>, account: Option<AccountId>) -> Result<Vec<TallyRow>> {
        self.read(move |conn| {
            let mut rows = conn.prepare_cached(TALLY)?;
            let mut rows = rows.query(params![account.map(|account| account.0), days.start, days.end])?;
            let mut tally = Vec::new();
            while let Some(row) = rows.next()? {
                tally.push(tally_row(row)?);
            }
            Ok(tally)
        })
        .await
    }

    /// How many sends WeChat accepted on this day, by account.
    pub async fn sends_today(&self, day: i64) -> Result<std::collections::HashMap<AccountId, u64>> {
        self.read(move |conn| {
            let mut rows = conn.prepare_cached(SENDS)?;
            let counted = rows.query_map([day], |row| Ok((AccountId(row.get(0)?), row.get(1)?)))?;
            Ok(counted.collect::<std::result::Result<_, _>>()?)
        })
        .await
    }

    /// Counts all rows again; answers the counters that differ. Reads everything: not for a live path.
    pub async fn check_tally(&self) -> Result<Vec<TallyDifference>> {
        self.read(|conn| {
            let mut differences = compare(conn, "messages", COUNTED_MESSAGES, FOUND_MESSAGES)?;
            differences.extend(compare(conn, "sends", COUNTED_SENDS, FOUND_SENDS)?);
            differences.extend(series::differences(conn)?);
            Ok(differences)
        })
        .await
    }
}

fn tally_row(row: &Row<'_>) -> Result<TallyRow> {
    let state: String = row.get(2)?;
    let cause: String = row.get(3)?;
    Ok(TallyRow {
        account: AccountId(row.get(0)?),
        day: row.get(1)?,
        state: State::parse(&state).ok_or_else(|| StoreError::Corrupt(format!("tally.state `{state}`")))?,
        cause: Cause::parse(&cause),
        count: row.get(4)?,
    })
}

const COUNTED_MESSAGES: &str = "
SELECT account || '/' || day || '/' || state || '/' || cause, kept
FROM tally
WHERE kept <> 0";

// 28800000: Asia/Shanghai is eight hours ahead, and has been since 1991.
const FOUND_MESSAGES: &str = "
SELECT account || '/' || ((accepted_at + 28800000) / 86400000) || '/' || state || '/'
         || CASE WHEN state = 'pending' THEN '' ELSE COALESCE(cause, '') END,
       COUNT(*)
FROM message
GROUP BY 1";

const COUNTED_SENDS: &str = "
SELECT account || '/' || day, kept
FROM sends
WHERE kept <> 0";

const FOUND_SENDS: &str = "
SELECT account || '/' || ((at + 28800000) / 86400000), COUNT(*)
FROM (
    SELECT account, at FROM dispatch WHERE outcome = 'sent'
    UNION ALL
    SELECT account, sent_at FROM message WHERE claim IS NOT NULL)
GROUP BY 1";

fn compare(conn: &Connection, what: &str, counted: &str, found: &str) -> Result<Vec<TallyDifference>> {
    let counted = counts(conn, counted)?;
    let found = counts(conn, found)?;
    let mut rows: Vec<_> = counted.keys().chain(found.keys()).collect();
    rows.sort_unstable();
    rows.dedup();
    let both = |row: &String| (counted.get(row).copied().unwrap_or(0), found.get(row).copied().unwrap_or(0));
    let differing =
        rows.into_iter().map(|row| (row, both(row))).filter(|(_, (counted, found))| counted != found);
    Ok(differing
        .map(|(row, (counted, found))| TallyDifference { row: format!("{what} {row}"), counted, found })
        .collect())
}

fn counts(conn: &Connection, sql: &str) -> Result<BTreeMap<String, i64>> {
    let mut rows = conn.prepare(sql)?;
    let counts = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(counts.collect::<std::result::Result<_, _>>()?)
}
