//! The log of messages that came to their end, for webhooks.
//!
//! While there is a webhook, a commit appends the messages it brought to their end as one row, in the same transaction.

use hongyan_domain::{AccountId, MessageId, State, Timestamp};
use rusqlite::{Connection, params};
use serde_json::json;

use crate::message::record::{self, record_columns};
use crate::path::claim::Held;
use crate::sqlite::row;
use crate::watch::webhooks::Progress;
use crate::{Action, Deed, MessageRecord, Result, Store, StoreError};

/// What a row of the log begins with; another layout takes another.
const VERSION: u8 = b'E';
/// An event in a row of the log: account, message, when, the state's place in `State::ALL`.
const EVENT_LEN: usize = 25;

/// A message that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledEvent {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub message: MessageId,
    /// Where it ended.
    pub state: State,
    /// When.
    pub at: Timestamp,
}

/// A row of the log that was read: its number, from which event on, and those events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledRow {
    /// Its number.
    pub seq: i64,
    /// How many of its events come before these.
    pub from: i64,
    /// The rest.
    pub events: Vec<SettledEvent>,
}

const EXISTS: &str = "
SELECT 1
FROM webhook
WHERE account = 0
LIMIT 1";

const APPEND: &str = "
INSERT INTO settled_log (account, seq, at, events)
SELECT 0, COALESCE(MAX(seq), 0) + 1, ?1, ?2
FROM settled_log
WHERE account = 0";

/// Appends what a commit brought to its end, if anybody is to be told.
pub(crate) fn append(conn: &Connection, events: &[SettledEvent]) -> Result<()> {
    let Some(last) = events.last() else { return Ok(()) };
    if !conn.prepare_cached(EXISTS)?.exists([])? {
        return Ok(());
    }
    let mut packed = Vec::with_capacity(1 + events.len() * EVENT_LEN);
    packed.push(VERSION);
    for event in events {
        packed.extend_from_slice(&event.account.0.to_le_bytes());
        packed.extend_from_slice(&event.message.raw().to_le_bytes());
        packed.extend_from_slice(&event.at.ms().to_le_bytes());
        packed.push(State::ALL.iter().position(|state| *state == event.state).unwrap_or(0) as u8);
    }
    conn.prepare_cached(APPEND)?.execute(params![last.at.ms(), packed])?;
    Ok(())
}

fn unpack(packed: &[u8]) -> Result<Vec<SettledEvent>> {
    let spoilt = || StoreError::Corrupt("settled_log.events".to_owned());
    let Some((&VERSION, packed)) = packed.split_first() else { return Err(spoilt()) };
    let (events, rest) = packed.as_chunks::<EVENT_LEN>();
    if !rest.is_empty() {
        return Err(spoilt());
    }
    let number = |event: &[u8; EVENT_LEN], at: usize| {
        event[at..].first_chunk::<8>().map_or(0, |bytes| i64::from_le_bytes(*bytes))
    };
    let event = |event: &[u8; EVENT_LEN]| {
        Ok(SettledEvent {
            account: AccountId(number(event, 0)),
            message: MessageId::from_raw(number(event, 8)).ok_or_else(spoilt)?,
            at: Timestamp::from_ms(number(event, 16)),
            state: *State::ALL.get(usize::from(event[24])).ok_or_else(spoilt)?,
        })
    };
    events.iter().map(event).collect()
}

const LOG: &str = "
SELECT seq, events
FROM settled_log
WHERE account = 0
  AND seq > ?1
ORDER BY seq
LIMIT ?2";

const FIRST_SINCE: &str = "
SELECT MIN(seq)
FROM settled_log
WHERE account = 0
  AND at >= ?1";

const NEWEST: &str = "
SELECT COALESCE(MAX(seq), 0)
FROM settled_log
WHERE account = 0";

const SET_BACK: &str = "
UPDATE webhook
SET seq = ?2,
    nth = 0,
    failures = 0,
    failing_since = NULL,
    next_at = 0
WHERE account = 0
  AND id = ?1";

// The newest row stays, so that numbers go on after it.
const PURGE: &str = "
DELETE FROM settled_log
WHERE account = 0
  AND at < ?1
  AND seq < (SELECT MAX(seq) FROM settled_log WHERE account = 0)";

impl Store {
    /// What a webhook was not told yet: up to `rows` rows of the log, the first without what it was told of it.
    pub async fn settled_since(&self, progress: Progress, rows: usize) -> Result<Vec<SettledRow>> {
        self.read(move |conn| {
            let mut log = conn.prepare_cached(LOG)?;
            let rows = log.query(params![progress.seq, rows])?;
            let mut rows = row::all(rows, |row| {
                let events = unpack(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
                Ok(SettledRow { seq: row.get(0)?, from: 0, events })
            })?;
            if let Some(first) = rows.first_mut() {
                let told = usize::try_from(progress.nth).unwrap_or(0).min(first.events.len());
                first.events.drain(..told);
                first.from = progress.nth;
            }
            Ok(rows)
        })
        .await
    }

    /// Sets a webhook back (or forward) to what ended at this time or later. `false`: there is none of that name.
    pub async fn replay_webhook(&self, id: &str, since: Timestamp, now: Timestamp) -> Result<bool> {
        let (id, actor) = (id.to_owned(), self.actor.clone());
        self.write(1, move |ledger| {
            let conn = ledger.conn;
            let first: Option<i64> =
                conn.prepare_cached(FIRST_SINCE)?.query_row([since.ms()], |row| row.get(0))?;
            let newest: i64 = conn.prepare_cached(NEWEST)?.query_row([], |row| row.get(0))?;
            let seq = first.map_or(newest, |first| first - 1);
            if conn.prepare_cached(SET_BACK)?.execute(params![id, seq])? == 0 {
                return Ok(false);
            }
            let (action, subject, detail) = (Action::WebhookReplay, id.clone(), json!({ "since": since }));
            ledger.audit(&actor, &Deed { action, account: None, subject, detail, at: now })?;
            Ok(true)
        })
        .await
    }

    /// Removes what ended before this from the log; who was not told it by then is not told it.
    pub async fn purge_settled(&self, before: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(PURGE)?.execute([before.ms()])?;
            Ok(())
        })
        .await
    }

    /// These messages as people see them, without their timelines; `None`: purged.
    pub async fn messages_by_id(
        &self,
        ids: Vec<(AccountId, MessageId)>,
    ) -> Result<Vec<Option<MessageRecord>>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut found = Vec::with_capacity(ids.len());
            for (account, id) in ids {
                let held = Held::none(conn, account);
                let mut by_id = conn.prepare_cached(BY_ID)?;
                let mut rows = by_id.query([account.0, id.raw()])?;
                let message = rows.next()?.map(|row| record::read(conn, &shared.keyring, &held, row));
                found.push(message.transpose()?);
            }
            Ok(found)
        })
        .await
    }
}

const BY_ID: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id = ?2"
);
