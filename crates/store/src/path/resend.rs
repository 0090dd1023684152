//! Content that goes to its person once more: two messages, each of which tells of the other.

use hongyan_domain::{AccountId, MessageId, Timestamp};
use rusqlite::{Connection, params};

use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::{Happening, Moment, Result};

const NOTE: &str = "
INSERT INTO resend (account, message, again, at)
VALUES (?1, ?2, ?3, ?4)";

/// Notes that `again` is made of what `message` says.
pub(crate) fn note(
    ledger: &Ledger<'_>,
    account: AccountId,
    (message, again): (MessageId, MessageId),
    at: Timestamp,
) -> Result<()> {
    ledger.conn.prepare_cached(NOTE)?.execute(params![account.0, message.raw(), again.raw(), at.ms()])?;
    Ok(())
}

const AGAIN: &str = "
SELECT again, at
FROM resend
WHERE account = ?1
  AND message = ?2";

const BEFORE: &str = "
SELECT message, at
FROM resend
WHERE account = ?1
  AND again = ?2";

/// What a message's timeline tells of others with its content.
pub(crate) fn moments(conn: &Connection, account: AccountId, id: MessageId) -> Result<Vec<Moment>> {
    let mut again = conn.prepare_cached(AGAIN)?;
    let mut moments = row::all(again.query([account.0, id.raw()])?, |row| {
        Ok(Moment { at: row::at(row, 1)?, what: Happening::Resent { again: row::id(row, 0)? } })
    })?;
    let mut before = conn.prepare_cached(BEFORE)?;
    moments.extend(row::all(before.query([account.0, id.raw()])?, |row| {
        Ok(Moment { at: row::at(row, 1)?, what: Happening::Resends { message: row::id(row, 0)? } })
    })?);
    Ok(moments)
}
