//! Adds what commits changed into the counters, and removes counters that are too old. Only the sweep does it.

use std::collections::{BTreeMap, HashMap};

use hongyan_domain::series::Cells;
use hongyan_domain::{AccountId, Step, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{self, Names};
use super::{NOW, STEP_NOW};
use crate::{Result, Store, store};

/// Commits folded in one transaction: those of ten seconds at fifty a second.
const DELTAS: usize = 500;
/// Counters of one account and step removed in one go.
const OLD_ROWS: usize = 1_000;

/// The counters that deltas change, by account, step and begin of the span.
pub(super) type Changed = HashMap<(AccountId, &'static str, i64), Cells>;

/// A bound for what one delta is worth: the widest spans first, as they lie in the store.
const STEPS: [Step; 3] = [Step::Minute, Step::Hour, Step::Day];

impl Store {
    /// Adds up to 500 commits' changes into the counters. How many; call again until 0.
    pub async fn fold_series(&self) -> Result<usize> {
        let (last, changed) = self.read(|conn| deltas(conn, DELTAS)).await?;
        let Some((last, count)) = last else { return Ok(0) };
        self.write(changed.len(), move |ledger| apply(ledger.conn, last, &changed)).await?;
        Ok(count)
    }

    /// Removes counters by the minute and by the hour of spans that began before these.
    pub async fn purge_series(&self, minutes_before: Timestamp, hours_before: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            let mut purge = ledger.conn.prepare_cached(PURGE)?;
            let mut accounts = store::account_ids(ledger.conn)?;
            accounts.push(AccountId(0));
            for account in accounts {
                for (step, before) in [(Step::Minute, minutes_before), (Step::Hour, hours_before)] {
                    purge.execute(params![account.0, step.as_str(), before.ms(), OLD_ROWS])?;
                }
            }
            Ok(())
        })
        .await
    }
}

const PURGE: &str = "
DELETE FROM series
WHERE (account, step, at) IN (
    SELECT account, step, at
    FROM series
    WHERE account = ?1
      AND step = ?2
      AND at < ?3
    ORDER BY at
    LIMIT ?4)";

pub(crate) const READ: &str = "
SELECT seq, cells
FROM series_delta
WHERE account = 0
ORDER BY seq
LIMIT ?1";

/// The number of the last delta read and how many there were, and what they change.
pub(super) fn deltas(conn: &Connection, limit: usize) -> Result<(Option<(i64, usize)>, Changed)> {
    let (mut names, mut changed, mut last) = (Names::new(), Changed::new(), None);
    let mut rows = conn.prepare_cached(READ)?;
    let mut rows = rows.query([limit])?;
    while let Some(row) = rows.next()? {
        let count = last.map_or(0, |(_, count)| count);
        last = Some((row.get(0)?, count + 1));
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let mut spans = BTreeMap::new();
        codec::read_delta(bytes, &mut names, |account, minute, key, cell| {
            spans.entry((account, minute)).or_insert_with(Vec::new).push((key, cell));
        })?;
        spans
            .into_iter()
            .for_each(|((account, minute), cells)| spread(&mut changed, account, minute, &cells));
    }
    Ok((last, changed))
}

type Counted = (hongyan_domain::SeriesKey, hongyan_domain::series::Cell);

/// What one account's minute is to all the spans that hold it.
pub(super) fn spread(changed: &mut Changed, account: AccountId, minute: i64, cells: &[Counted]) {
    if minute == NOW {
        add(changed.entry((account, STEP_NOW, 0)).or_default(), cells.iter().cloned());
        return;
    }
    for step in STEPS {
        let begins = step.begin_of(Timestamp::from_ms(minute)).ms();
        add(changed.entry((account, step.as_str(), begins)).or_default(), cells.iter().cloned());
        // Of all accounts together nobody asks for a template: each is of one account.
        let blank = cells.iter().cloned().map(|(key, cell)| (of_all(key), cell));
        add(changed.entry((AccountId(0), step.as_str(), begins)).or_default(), blank);
    }
}

fn of_all(key: hongyan_domain::SeriesKey) -> hongyan_domain::SeriesKey {
    hongyan_domain::SeriesKey { template: "".into(), ..key }
}

fn add(cells: &mut Cells, more: impl Iterator<Item = Counted>) {
    for (key, cell) in more {
        cells.entry(key).or_default().add(&cell);
    }
}

const STANDS: &str = "
SELECT cells
FROM series
WHERE account = ?1
  AND step = ?2
  AND at = ?3";

const PUT: &str = "
INSERT INTO series (account, step, at, cells)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account, step, at)
DO UPDATE SET cells = excluded.cells";

const FOLDED: &str = "
DELETE FROM series_delta
WHERE account = 0
  AND seq <= ?1";

const IS_THERE: &str = "
SELECT 1
FROM series_delta
WHERE account = 0
  AND seq = ?1";

fn apply(conn: &Connection, last: i64, changed: &Changed) -> Result<()> {
    // Another process folded them meanwhile: it was the owner then.
    if !conn.prepare_cached(IS_THERE)?.exists([last])? {
        return Ok(());
    }
    let known = store::account_ids(conn)?;
    let mut spans: Vec<_> = changed.iter().collect();
    spans.sort_unstable_by_key(|(span, _)| **span);
    for ((account, step, at), cells) in spans {
        // A deleted account's counters went with it.
        if account.0 == 0 || known.binary_search(account).is_ok() {
            put(conn, (*account, step, *at), cells)?;
        }
    }
    conn.prepare_cached(FOLDED)?.execute([last])?;
    Ok(())
}

pub(super) fn put(
    conn: &Connection,
    (account, step, at): (AccountId, &str, i64),
    more: &Cells,
) -> Result<()> {
    let span = params![account.0, step, at];
    let stands: Option<Vec<u8>> =
        conn.prepare_cached(STANDS)?.query_row(span, |row| row.get(0)).optional()?;
    let mut cells = stands.map_or(Ok(Cells::new()), |bytes| codec::read_cells(&bytes, &mut Names::new()))?;
    add(&mut cells, more.iter().map(|(key, cell)| (key.clone(), cell.clone())));
    let bytes = codec::write_cells(&cells);
    conn.prepare_cached(PUT)?.execute(params![account.0, step, at, bytes])?;
    Ok(())
}
