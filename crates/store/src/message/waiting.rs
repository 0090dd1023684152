//! What waits, as people see the queue: the heads of its lanes and what is next in the schedule. Seeks, never a scan.

use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

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
ORDER BY deadline_at, id
LIMIT 1";

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
            let heads = lanes.into_iter().map(|of| head(conn, of));
            heads.filter_map(Result::transpose).collect()
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

fn head(conn: &Connection, of: Backlog) -> Result<Option<Head>> {
    let mut head = conn.prepare_cached(HEAD)?;
    let times = head
        .query_row(params![of.account.0, of.lane.index()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    Ok(times.map(|(accepted, due, deadline)| Head {
        of,
        accepted_at: Timestamp::from_ms(accepted),
        due_at: Timestamp::from_ms(due),
        deadline_at: Timestamp::from_ms(deadline),
    }))
}
