//! Counters read: those in the table, and what the last commits changed of them.

use hongyan_domain::series::Cells;
use hongyan_domain::{AccountId, Lane, Measure, Step, Timestamp};
use rusqlite::{Connection, params};

use super::codec::{self, Names};
use super::{STEP_NOW, fold};
use crate::{Result, Store};

/// Whose counters.
#[derive(Clone, Debug)]
pub enum Whose {
    /// All accounts' together, without their templates.
    All,
    /// These accounts', each by itself.
    Of(Vec<AccountId>),
}

/// Which counters.
#[derive(Clone, Debug)]
pub struct SeriesQuery {
    /// Whose.
    pub whose: Whose,
    /// How wide.
    pub step: Step,
    /// From the span on that holds this.
    pub since: Timestamp,
    /// Spans that begin before this.
    pub until: Timestamp,
}

/// The counters of one span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesRow {
    /// Whose; 0: all accounts' together.
    pub account: AccountId,
    /// When the span begins.
    pub at: Timestamp,
    /// What was counted.
    pub cells: Cells,
}

pub(crate) const SPANS: &str = "
SELECT at, cells
FROM series
WHERE account = ?1
  AND step = ?2
  AND at >= ?3
  AND at < ?4
ORDER BY at";

impl Store {
    /// Counters by account and time; spans in which nothing was counted are left out.
    pub async fn series(&self, query: SeriesQuery) -> Result<Vec<SeriesRow>> {
        self.read(move |conn| {
            let accounts = match &query.whose {
                Whose::All => vec![AccountId(0)],
                Whose::Of(accounts) => accounts.clone(),
            };
            let span = (query.step.begin_of(query.since).ms(), query.until.ms());
            spans(conn, &accounts, query.step.as_str(), span)
        })
        .await
    }

    /// How many messages of an account wait now, by lane and by what they wait for.
    pub async fn waiting(&self) -> Result<Vec<(AccountId, Lane, Measure, i64)>> {
        self.read(|conn| {
            let accounts = crate::store::account_ids(conn)?;
            let rows = spans(conn, &accounts, STEP_NOW, (0, 1))?;
            let cells =
                rows.into_iter().flat_map(|row| row.cells.into_iter().map(move |cell| (row.account, cell)));
            let waiting = cells
                .filter_map(|(account, (key, cell))| Some((account, key.lane?, key.measure, cell.count)));
            Ok(waiting.filter(|(.., count)| *count != 0).collect())
        })
        .await
    }
}

/// The spans of these accounts, in their order, with what was not yet folded.
pub(crate) fn spans(
    conn: &Connection,
    accounts: &[AccountId],
    step: &'static str,
    (since, until): (i64, i64),
) -> Result<Vec<SeriesRow>> {
    let (_, mut fresh) = fold::deltas(conn, usize::MAX >> 1)?;
    fresh.retain(|(_, of, at), _| *of == step && (since..until).contains(at));
    let mut names = Names::new();
    let mut found = Vec::new();
    for account in accounts {
        let mut stored = conn.prepare_cached(SPANS)?;
        let mut rows = stored.query(params![account.0, step, since, until])?;
        while let Some(row) = rows.next()? {
            let at: i64 = row.get(0)?;
            let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            let mut cells = codec::read_cells(bytes, &mut names)?;
            if let Some(more) = fresh.remove(&(*account, step, at)) {
                more.into_iter().for_each(|(key, cell)| cells.entry(key).or_default().add(&cell));
            }
            found.push(SeriesRow { account: *account, at: Timestamp::from_ms(at), cells });
        }
    }
    let wanted = fresh.into_iter().filter(|((account, ..), _)| accounts.contains(account));
    found.extend(wanted.map(|((account, _, at), cells)| SeriesRow {
        account,
        at: Timestamp::from_ms(at),
        cells,
    }));
    found.sort_by_key(|row| (row.account, row.at));
    Ok(found)
}
