//! What waits, as people see the queue: the heads of its lanes and what is next in the schedule. Seeks, and a look at
//! what memory holds; never a scan.

use std::collections::HashMap;

use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, params};

use crate::sqlite::row;
use crate::{Backlog, Result, Store};

/// Of the schedule so many rows are looked at: of accounts beyond, the next time is not told.
const SCHEDULE_LOOKS: usize = 2_000;

/// The message of a lane that should go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose, and in which lane.
    pub of: Backlog,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Not before this.
    pub due_at: Timestamp,
    /// When it should be with WeChat.
    pub deadline_at: Timestamp,
}

pub(crate) const HEAD: &str = "
SELECT accepted_at, due_at, deadline_at
FROM message
WHERE account = ?1
  AND lane = ?2
  AND state = 'pending'
  AND NOT scheduled
  AND NOT in_memory
ORDER BY deadline_at, id
LIMIT 1";

pub(crate) const IN_MEMORY: &str = "
SELECT account, lane, deadline_at, id
FROM message
WHERE state = 'pending'
  AND in_memory";

const TIMES: &str = "
SELECT accepted_at, due_at, deadline_at
FROM message
WHERE account = ?1
  AND id = ?2";

pub(crate) const SCHEDULE: &str = "
SELECT account, due_at
FROM message
WHERE state = 'pending'
  AND scheduled
ORDER BY due_at
LIMIT ?1";

impl Store {
    /// The first message of each of these lanes, where there is one.
    pub async fn lane_heads(&self, lanes: Vec<Backlog>) -> Result<Vec<Head>> {
        self.read(move |conn| {
            let in_memory = in_memory(conn)?;
            let first = |of| first(conn, of, in_memory.get(&of).copied());
            lanes.into_iter().map(first).filter_map(Result::transpose).collect()
        })
        .await
    }

    /// When the next scheduled message of an account falls due, for those accounts that come first in the schedule.
    pub async fn next_scheduled(&self) -> Result<Vec<(AccountId, Timestamp)>> {
        self.read(|conn| {
            let mut schedule = conn.prepare_cached(SCHEDULE)?;
            let rows = row::all(schedule.query([SCHEDULE_LOOKS])?, |row| {
                Ok((AccountId(row.get(0)?), row::at(row, 1)?))
            })?;
            let mut next: Vec<(AccountId, Timestamp)> = Vec::new();
            for (account, due_at) in rows {
                if next.iter().all(|(known, _)| *known != account) {
                    next.push((account, due_at));
                }
            }
            Ok(next)
        })
        .await
    }
}

/// By lane, the place of the first that is in memory and in no queue: at most what memory holds is looked at.
fn in_memory(conn: &Connection) -> Result<HashMap<Backlog, (i64, i64)>> {
    let mut in_memory = conn.prepare_cached(IN_MEMORY)?;
    let mut rows = in_memory.query([])?;
    let mut first: HashMap<_, (i64, i64)> = HashMap::new();
    while let Some(row) = rows.next()? {
        // One of no lane is a damaged row, and nobody asks for it.
        let Ok(lane) = row::lane(row, 1) else { continue };
        let place = (row.get(2)?, row.get(3)?);
        let known = first.entry(Backlog { account: AccountId(row.get(0)?), lane }).or_insert(place);
        *known = place.min(*known);
    }
    Ok(first)
}

fn first(conn: &Connection, of: Backlog, in_memory: Option<(i64, i64)>) -> Result<Option<Head>> {
    let queued = head(conn, of, HEAD, params![of.account.0, of.lane.index()])?;
    let held = in_memory.map(|(_, id)| head(conn, of, TIMES, params![of.account.0, id])).transpose()?;
    Ok(queued.into_iter().chain(held.flatten()).min_by_key(|head| head.deadline_at))
}

fn head(conn: &Connection, of: Backlog, sql: &str, which: impl Params) -> Result<Option<Head>> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let times = conn.prepare_cached(sql)?.query_row(which, read).optional()?;
    Ok(times.map(|(accepted, due, deadline)| Head {
        of,
        accepted_at: Timestamp::from_ms(accepted),
        due_at: Timestamp::from_ms(due),
        deadline_at: Timestamp::from_ms(deadline),
    }))
}
