//! What channels are told of alerts: queued with what it is about, told until it is told or given up.

use hongyan_domain::alert::News;
use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::sqlite::row;
use crate::watch::alerts::{AlertKey, key};
use crate::watch::json::{parse, written};
use crate::{Result, Store};

/// What is told in one note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteWords {
    /// One line.
    pub title: String,
    /// More.
    pub lines: Vec<String>,
    /// Where to read on.
    pub link: Option<String>,
}

/// Something to be told to a channel.
#[derive(Clone, Debug)]
pub struct NewNote {
    /// About what.
    pub key: AlertKey,
    /// To which channel.
    pub channel: String,
    /// What happened.
    pub news: News,
    /// In its language.
    pub words: NoteWords,
}

/// Something that is or was to be told.
#[derive(Clone, Debug)]
pub struct Note {
    /// Its number.
    pub id: i64,
    /// What, about what, to whom.
    pub new: NewNote,
    /// Since when.
    pub at: Timestamp,
    /// `queued`, `sent` or `failed`.
    pub state: String,
    /// Tries so far.
    pub attempts: u32,
    /// The last error.
    pub error: Option<String>,
}

/// What a try to tell came to.
#[derive(Clone, Debug)]
pub enum Told {
    /// It was told.
    Sent,
    /// It is to be tried again then.
    Again {
        /// When.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// It is given up.
    Failed {
        /// What went wrong.
        error: String,
    },
}

const NEXT_NOTE: &str = "
SELECT value
FROM meta
WHERE account = 0
  AND name = 'alert_note'";

const PUT_NEXT_NOTE: &str = "
INSERT INTO meta (account, name, value)
VALUES (0, 'alert_note', ?1)
ON CONFLICT (account, name)
DO UPDATE SET value = excluded.value";

const PUT_NOTE: &str = "
INSERT INTO alert_note (account, id, channel, rule, template_id, news, words, at, state, attempts, next_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'queued', 0, ?8)";

pub(super) fn queue(conn: &Connection, notes: &[&NewNote], now: Timestamp) -> Result<()> {
    let mut next: i64 = {
        let mut stored = conn.prepare_cached(NEXT_NOTE)?;
        let mut rows = stored.query([])?;
        rows.next()?.map_or(Ok(0), |row| row.get(0))?
    };
    let mut put = conn.prepare_cached(PUT_NOTE)?;
    for note in notes {
        next += 1;
        let AlertKey { account, rule, template_id } = &note.key;
        let (news, words) = (note.news.as_str(), written(&note.words)?);
        put.execute(params![account.0, next, note.channel, rule, template_id, news, words, now.ms()])?;
    }
    conn.prepare_cached(PUT_NEXT_NOTE)?.execute([next])?;
    Ok(())
}

const DUE: &str = "
SELECT account, id, channel, rule, template_id, news, words, at, state, attempts, error
FROM alert_note
WHERE state = 'queued'
  AND next_at <= ?1
ORDER BY next_at, account, id
LIMIT ?2";

const NEWEST: &str = "
SELECT account, id, channel, rule, template_id, news, words, at, state, attempts, error
FROM alert_note
WHERE account = ?1
ORDER BY id DESC
LIMIT ?2";

const TOLD: &str = "
UPDATE alert_note
SET state = ?3,
    attempts = attempts + 1,
    next_at = ?4,
    error = ?5
WHERE account = ?1
  AND id = ?2
  AND state = 'queued'";

const PURGE: &str = "
DELETE FROM alert_note
WHERE account = ?1
  AND at < ?2
  AND state <> 'queued'";

impl Store {
    /// What is to be told now.
    pub async fn due_notes(&self, now: Timestamp, limit: usize) -> Result<Vec<Note>> {
        self.read(move |conn| {
            let mut due = conn.prepare_cached(DUE)?;
            row::all(due.query(params![now.ms(), limit])?, note)
        })
        .await
    }

    /// The newest notes of these accounts, newest first.
    pub async fn notes(&self, accounts: Vec<AccountId>, limit: usize) -> Result<Vec<Note>> {
        self.read(move |conn| {
            let mut notes = Vec::new();
            for account in accounts {
                let mut newest = conn.prepare_cached(NEWEST)?;
                notes.extend(row::all(newest.query(params![account.0, limit])?, note)?);
            }
            notes.sort_by_key(|note| std::cmp::Reverse(note.id));
            notes.truncate(limit);
            Ok(notes)
        })
        .await
    }

    /// Writes down what a try to tell came to.
    pub async fn note_told(&self, account: AccountId, id: i64, told: Told, now: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            let (state, next_at, error) = match &told {
                Told::Sent => ("sent", now, None),
                Told::Again { at, error } => ("queued", *at, Some(error)),
                Told::Failed { error } => ("failed", now, Some(error)),
            };
            let values = params![account.0, id, state, next_at.ms(), error];
            ledger.conn.prepare_cached(TOLD)?.execute(values)?;
            Ok(())
        })
        .await
    }

    /// Removes notes that were told, or given up, before this.
    pub async fn purge_notes(&self, before: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            let mut purge = ledger.conn.prepare_cached(PURGE)?;
            for account in crate::store::account_ids(ledger.conn)? {
                purge.execute(params![account.0, before.ms()])?;
            }
            Ok(())
        })
        .await
    }
}

fn note(row: &Row<'_>) -> Result<Note> {
    Ok(Note {
        id: row.get(1)?,
        new: NewNote {
            key: key(row, (0, 3, 4))?,
            channel: row.get(2)?,
            news: row::word(row, 5, News::parse)?,
            words: parse(row, 6)?,
        },
        at: row::at(row, 7)?,
        state: row.get(8)?,
        attempts: row.get(9)?,
        error: row.get(10)?,
    })
}
