//! Which message an event belongs to that names only its person and a time: the nearest that reached WeChat.

use std::time::Duration;

use hongyan_domain::{AccountId, MessageId, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::Result;
use crate::seal::Blind;
use crate::sqlite::row;

const HOUR_MS: i64 = 3_600_000;
/// Hours of acceptance looked through before a time: what went later than a day after it was accepted has an index of
/// its own.
const WAITED: i64 = 24;

/// A message that reached WeChat.
pub(crate) struct Went {
    pub(crate) id: MessageId,
    pub(crate) template_id: String,
    /// WeChat refused what is in it, so it is counted as blocked already.
    pub(crate) refused: bool,
    pub(crate) at: Timestamp,
}

// Where a receipt came before the answer, or WeChat refused it, `sent_at` is empty: then when it was settled.
pub(crate) const OF_HOUR: &str = "
SELECT id, template_id, COALESCE(sent_at, settled_at), cause = 'content_refused'
FROM message
WHERE account = ?1
  AND accepted_at / 3600000 = ?2
  AND recipient = ?3
  AND COALESCE(sent_at, settled_at) - accepted_at <= 86400000
  AND (sent_at IS NOT NULL OR state = 'delivered' OR cause = 'content_refused')";

pub(crate) const LATER: &str = "
SELECT id, template_id, COALESCE(sent_at, settled_at), cause = 'content_refused'
FROM message
WHERE account = ?1
  AND recipient = ?2
  AND COALESCE(sent_at, settled_at) BETWEEN ?3 AND ?4
  AND COALESCE(sent_at, settled_at) - accepted_at > 86400000 -- as the index says
  AND (sent_at IS NOT NULL OR state = 'delivered' OR cause = 'content_refused')";

/// The person's messages that went in this time, in no order.
pub(crate) fn went(
    conn: &Connection,
    (account, recipient): (AccountId, &Blind),
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Went>> {
    let mut of_hour = conn.prepare_cached(OF_HOUR)?;
    let mut found = Vec::new();
    for hour in from.ms().div_euclid(HOUR_MS) - WAITED..=until.ms().div_euclid(HOUR_MS) {
        found.extend(row::all(of_hour.query(params![account.0, hour, &recipient[..]])?, read)?);
    }
    found.retain(|went| (from..=until).contains(&went.at));
    let mut later = conn.prepare_cached(LATER)?;
    let later = later.query(params![account.0, &recipient[..], from.ms(), until.ms()])?;
    found.extend(row::all(later, read)?);
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Went> {
    let refused = row.get::<_, Option<bool>>(3)?.unwrap_or(false);
    Ok(Went { id: row::id(row, 0)?, template_id: row.get(1)?, refused, at: row::at(row, 2)? })
}

/// The last message that went to a person, at most so long before `at`.
pub(crate) fn last_before(
    conn: &Connection,
    person: (AccountId, &Blind),
    at: Timestamp,
    within: Duration,
) -> Result<Option<Went>> {
    let found = went(conn, person, at.minus(within), at)?;
    Ok(found.into_iter().filter(|went| !went.refused).max_by_key(|went| went.at))
}
