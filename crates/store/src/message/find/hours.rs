//! Which hours a search may pass over: the counters say in which of them nothing of the kind was accepted. Without them
//! a search for a template that was last used a month ago would look at every message since.

use hongyan_domain::series::Cells;
use hongyan_domain::{AccountId, Measure, Step};
use rusqlite::Connection;

use super::HOUR_MS;
use crate::series::read::spans;
use crate::sqlite::row;
use crate::{MessageFilter, Result};

/// Hours whose counters are read at once.
const CHUNK: i64 = 48;

pub(crate) const OLDEST: &str = "
SELECT at
FROM series
WHERE account = ?1
  AND step = 'hour'
ORDER BY at
LIMIT 1";

/// The hours of one account in which something of a filter's template, scenario and lane was accepted.
pub(super) struct Hours<'a> {
    conn: &'a Connection,
    account: AccountId,
    filter: &'a MessageFilter,
    /// The first hour that is counted; before it nothing can be told. No hour is: `i64::MAX`.
    pub(super) oldest: i64,
    /// Those found and not asked for yet, the newest last.
    found: Vec<i64>,
    /// Hours from here on were looked at.
    looked_from: i64,
}

impl<'a> Hours<'a> {
    /// Those before the hour `below`.
    pub(super) fn below(
        below: i64,
        (conn, account): (&'a Connection, AccountId),
        filter: &'a MessageFilter,
    ) -> Result<Self> {
        let oldest: Option<i64> = row::first(conn.prepare_cached(OLDEST)?.query([account.0])?)?;
        let oldest = oldest.map_or(i64::MAX, |at| at.div_euclid(HOUR_MS));
        Ok(Self { conn, account, filter, oldest, found: Vec::new(), looked_from: below })
    }

    /// The next older one, and how many hours' counters were read for it.
    pub(super) fn next(&mut self) -> Result<(Option<i64>, usize)> {
        let mut read = 0;
        while self.found.is_empty() && self.looked_from > self.oldest {
            let from = self.looked_from.saturating_sub(CHUNK).max(self.oldest);
            let span = (from * HOUR_MS, self.looked_from.saturating_mul(HOUR_MS));
            let rows = spans(self.conn, &[self.account], Step::Hour.as_str(), span)?;
            read += rows.len();
            let fitting = rows.iter().filter(|row| self.fits(&row.cells));
            self.found = fitting.map(|row| row.at.ms().div_euclid(HOUR_MS)).collect();
            self.looked_from = from;
        }
        Ok((self.found.pop(), read))
    }

    fn fits(&self, cells: &Cells) -> bool {
        let MessageFilter { template_id, scenario, lane, .. } = self.filter;
        cells.iter().any(|(key, cell)| {
            key.measure == Measure::Accepted
                && cell.count > cell.purged
                && template_id.as_deref().is_none_or(|wanted| wanted == &*key.template)
                && scenario.as_deref().is_none_or(|wanted| wanted == &*key.scenario)
                && (lane.is_none() || *lane == key.lane)
        })
    }
}
