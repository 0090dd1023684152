//! How a row of `message` is read.

use std::sync::Arc;

use hongyan_domain::{
    AccountId, Category, Cause, Content, InteractionKind, Lane, MessageId, OnUnknown, Openid, Standing,
    State, Taken, Timestamp,
};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};

use crate::seal::keyring::Keyring;
use crate::seal::{self, Column, Place};
use crate::{Marks, Ready, Result, StoreError};

/// The columns of `RawReady`, in its order.
macro_rules! ready_columns {
    () => {
        "account, id, state, attempts, doubt_since, on_unknown, template_id, body, lane, due_at, deadline_at, \
         expires_at, accepted_at, category, scenario, basis, judged_at, reached_by, counted, words, variant, \
         tracked"
    };
}
pub(crate) use ready_columns;

/// Where the body of a message stands.
pub(crate) fn body_place(account: AccountId, row: i64) -> Place {
    Place { column: Column::MessageBody, account, row }
}

/// How many they are: what a query asks besides stands from here on.
pub(crate) const READY_COLUMNS: usize = 22;
/// Where the scenario stands among `ready_columns!()`.
pub(crate) const SCENARIO: usize = 14;

/// A `Ready` whose body is sealed still.
pub(crate) struct RawReady {
    pub(crate) account: AccountId,
    pub(crate) id: MessageId,
    pub(crate) standing: Standing,
    pub(crate) template_id: Arc<str>,
    body: Vec<u8>,
    pub(crate) lane: Lane,
    pub(crate) due_at: Timestamp,
    pub(crate) deadline_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) accepted_at: Timestamp,
    pub(crate) category: Category,
    pub(crate) scenario: Option<Arc<str>>,
    pub(crate) basis: Option<InteractionKind>,
    taken: Option<Taken>,
    pub(crate) marks: Marks,
}

impl RawReady {
    /// Reads `ready_columns!()`.
    pub(crate) fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            account: AccountId(row.get(0)?),
            id: id(row, 1)?,
            standing: standing(row, 2)?,
            template_id: row.get::<_, String>(6)?.into(),
            body: row.get(7)?,
            lane: lane(row, 8)?,
            due_at: at(row, 9)?,
            deadline_at: at(row, 10)?,
            expires_at: at_or_never(row, 11)?,
            accepted_at: at(row, 12)?,
            category: word(row, 13, Category::parse)?,
            scenario: row.get::<_, Option<String>>(SCENARIO)?.map(Into::into),
            basis: word_or_none(row, 15, InteractionKind::parse)?,
            taken: taken(row, 16)?,
            marks: Marks {
                words: row.get(19)?,
                variant: row.get::<_, Option<String>>(20)?.map(Into::into),
                tracked: row.get(21)?,
            },
        })
    }

    /// Opens the body; `None`: it was erased.
    pub(crate) fn body(&self, conn: &Connection, keyring: &Keyring) -> Result<Option<(Openid, Content)>> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let place = body_place(self.account, self.id.raw());
        let plain = keyring.keys_for(conn, self.account, &self.body)?.open(place, &self.body)?;
        seal::read_body(&plain).map(Some)
    }

    /// With its body opened: what waits is never erased.
    pub(crate) fn open(self, conn: &Connection, keyring: &Keyring) -> Result<Ready> {
        let body = self.body(conn, keyring)?;
        let (openid, content) =
            body.ok_or_else(|| StoreError::Corrupt("a waiting message was erased".to_owned()))?;
        Ok(Ready {
            account: self.account,
            id: self.id,
            openid,
            recipient: None,
            template_id: self.template_id,
            content,
            lane: self.lane,
            due_at: self.due_at,
            deadline_at: self.deadline_at,
            expires_at: self.expires_at,
            standing: self.standing,
            accepted_at: self.accepted_at,
            category: self.category,
            scenario: self.scenario,
            basis: self.basis,
            taken: self.taken,
            marks: self.marks,
            worded: None,
            in_memory: false,
        })
    }
}

/// Reads state, attempts, doubt_since, on_unknown from `first` on.
pub(crate) fn standing(row: &Row<'_>, first: usize) -> Result<Standing> {
    Ok(Standing {
        state: word(row, first, State::parse)?,
        attempts: row.get(first + 1)?,
        doubt_since: at_or_never(row, first + 2)?,
        on_unknown: word(row, first + 3, OnUnknown::parse)?,
    })
}

pub(crate) fn cause(row: &Row<'_>, column: usize) -> Result<Option<Cause>> {
    word_or_none(row, column, Cause::parse)
}

/// Reads a word of a closed set.
pub(crate) fn word<T>(row: &Row<'_>, column: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    // Not the text: in a damaged row it may be anybody's.
    parse(text).ok_or_else(|| StoreError::Corrupt(format!("column {column} holds no word of its set")))
}

/// Reads a word of a closed set, or nothing.
pub(crate) fn word_or_none<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>> {
    match row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)? {
        None => Ok(None),
        Some(_) => word(row, column, parse).map(Some),
    }
}

/// Reads judged_at, reached_by, counted from `first` on.
pub(crate) fn taken(row: &Row<'_>, first: usize) -> Result<Option<Taken>> {
    let Some(at) = at_or_never(row, first)? else { return Ok(None) };
    let window = word_or_none(row, first + 1, InteractionKind::parse)?;
    Ok(Some(Taken { at, window, counted: row.get(first + 2)?, fingerprint: 0 }))
}

pub(crate) fn id(row: &Row<'_>, column: usize) -> Result<MessageId> {
    MessageId::from_raw(row.get(column)?)
        .ok_or_else(|| StoreError::Corrupt("a message id below zero".to_owned()))
}

pub(crate) fn lane(row: &Row<'_>, column: usize) -> Result<Lane> {
    let index: usize = row.get(column)?;
    Lane::ALL.get(index).copied().ok_or_else(|| StoreError::Corrupt(format!("lane {index}")))
}

pub(crate) fn at(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    Ok(Timestamp::from_ms(row.get(column)?))
}

pub(crate) fn at_or_never(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    let ms: Option<i64> = row.get(column)?;
    Ok(ms.map(Timestamp::from_ms))
}

/// All of `rows`.
pub(crate) fn all<T>(mut rows: rusqlite::Rows<'_>, read: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// The one column of the first row, if there is one.
pub(crate) fn first<T: FromSql>(mut rows: rusqlite::Rows<'_>) -> Result<Option<T>> {
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}
