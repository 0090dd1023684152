//! Complaints, as they are imported: joined to the message they are about, and heeded.

use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::{
    AccountId, Category, ComplaintKind, MessageId, Openid, Reason, Signal, Source, Suppression, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::near;
use crate::people::person::{Owner, Person};
use crate::seal::Blind;
use crate::seal::keyring::AccountKeys;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::check_batch;
use crate::{Action, Happening, Moment, Page, Result, Store, StoreError};

/// A complaint that names only its person is about the last message of this long: people complain within a week.
const REACH: Duration = Duration::from_secs(7 * 86_400);

/// What a complaint is about.
#[derive(Clone, Debug)]
pub enum About {
    /// This message.
    Message(MessageId),
    /// The last message to this person.
    Person(Openid),
    /// This template; nobody is named.
    Template(String),
}

/// A complaint on its way in.
#[derive(Clone, Debug)]
pub struct NewComplaint {
    /// What it is about.
    pub about: About,
    /// What is complained of.
    pub kind: ComplaintKind,
    /// The caller's own id: the same again is the same complaint.
    pub reference: Option<String>,
    /// When.
    pub occurred_at: Timestamp,
}

/// What became of one complaint, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complained {
    /// It is kept, and counted against its template.
    New {
        /// Its number in its account.
        id: i64,
        /// The message it is about, where one is known.
        message: Option<MessageId>,
        /// The template, where one is known.
        template_id: Option<String>,
    },
    /// It was here before.
    Same {
        /// Its number in its account.
        id: i64,
    },
    /// No message has that id.
    UnknownMessage,
}

/// A complaint as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Its number in its account.
    pub id: i64,
    /// The caller's own id.
    pub reference: Option<String>,
    /// What is complained of.
    pub kind: ComplaintKind,
    /// The message it is about.
    pub message: Option<MessageId>,
    /// The template, where one is known.
    pub template_id: Option<String>,
    /// When it was made.
    pub occurred_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
}

impl Store {
    /// Commits complaints; one answer each, in order. Whoever complained gets no more of `category` (`None`: of all).
    pub async fn complain(
        &self,
        account: AccountId,
        batch: Vec<NewComplaint>,
        category: Option<Category>,
        now: Timestamp,
    ) -> Result<Vec<Complained>> {
        check_batch(batch.len())?;
        let (rows, batch) = (batch.len() * 2, Arc::new((batch, self.actor.clone())));
        let complain = |keys: crate::store::KeysOf| {
            let batch = batch.clone();
            Ok(move |ledger: &mut Ledger<'_>| {
                let keys = keys.of(account)?;
                let put = |one| put(ledger, (account, keys), one, (category, now));
                let answers = batch.0.iter().map(put).collect::<Result<Vec<_>>>()?;
                let new = answers.iter().filter(|one| matches!(one, Complained::New { .. })).count();
                if new > 0 {
                    let (action, detail) = (Action::ComplaintAdd, json!({ "complaints": new }));
                    ledger.audit_account(&batch.1, (action, account), detail, now)?;
                }
                Ok(answers)
            })
        };
        self.write_sealed(&[account], (crate::sqlite::queue::Turn::InOrder, rows), complain).await
    }

    /// A page of an account's complaints, newest first.
    ///
    /// # Errors
    /// `Invalid`: the cursor is none of ours.
    pub async fn complaints(
        &self,
        account: AccountId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Complaint>> {
        let wrong =
            || StoreError::Invalid("the cursor is not one of this list: begin without one".to_owned());
        let below: i64 = cursor.map_or(Some(i64::MAX), |cursor| cursor.parse().ok()).ok_or_else(wrong)?;
        let limit = limit.clamp(1, crate::MAX_BATCH);
        self.read(move |conn| {
            let mut list = conn.prepare_cached(LIST)?;
            let items = row::all(list.query(params![account.0, below, limit])?, read)?;
            let last = items.last().filter(|_| items.len() == limit);
            let next_cursor = last.map(|last: &Complaint| last.id.to_string());
            Ok(Page { items, next_cursor })
        })
        .await
    }
}

/// What is known of a complaint's subject.
#[derive(Default)]
struct Subject {
    message: Option<MessageId>,
    template: Option<Arc<str>>,
    recipient: Option<Blind>,
}

const SAME: &str = "
SELECT id
FROM complaint
WHERE account = ?1
  AND reference = ?2";

const MESSAGE: &str = "
SELECT template_id, recipient
FROM message
WHERE account = ?1
  AND id = ?2";

const INSERT: &str = "
INSERT INTO complaint (account, id, reference, kind, recipient, message, template_id, occurred_at, received_at)
SELECT ?1, COALESCE(MAX(id), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
FROM complaint
WHERE account = ?1
RETURNING id";

fn put(
    ledger: &mut Ledger<'_>,
    (account, keys): (AccountId, &AccountKeys),
    new: &NewComplaint,
    (category, now): (Option<Category>, Timestamp),
) -> Result<Complained> {
    let mut same = ledger.conn.prepare_cached(SAME)?;
    if let Some(id) = same.query_row(params![account.0, new.reference], |row| row.get(0)).optional()? {
        return Ok(Complained::Same { id });
    }
    let Some(subject) = subject(ledger.conn, (account, keys), new)? else {
        return Ok(Complained::UnknownMessage);
    };
    let id = ledger.conn.prepare_cached(INSERT)?.query_row(
        params![
            account.0,
            new.reference,
            new.kind.as_str(),
            subject.recipient.as_ref().map(|recipient| &recipient[..]),
            subject.message.map(MessageId::raw),
            subject.template.as_deref().unwrap_or_default(),
            new.occurred_at.ms(),
            now.ms(),
        ],
        |row| row.get(0),
    )?;
    if let Some(template) = &subject.template {
        ledger.tally.sign(account, now, template, Signal::Complained);
    }
    heed(ledger, (account, keys), (new, &subject), (category, now))?;
    let template_id = subject.template.as_deref().map(str::to_owned);
    Ok(Complained::New { id, message: subject.message, template_id })
}

/// `None`: it names a message that is not there.
fn subject(
    conn: &Connection,
    (account, keys): (AccountId, &AccountKeys),
    new: &NewComplaint,
) -> Result<Option<Subject>> {
    match &new.about {
        About::Template(template) => {
            Ok(Some(Subject { template: Some(template.as_str().into()), ..Subject::default() }))
        }
        About::Person(openid) => {
            let recipient = keys.recipient(openid);
            let went = near::last_before(conn, (account, &recipient), new.occurred_at, REACH)?;
            let (message, template) =
                went.map_or((None, None), |went| (Some(went.id), Some(went.template_id.into())));
            Ok(Some(Subject { message, template, recipient: Some(recipient) }))
        }
        About::Message(id) => {
            let mut message = conn.prepare_cached(MESSAGE)?;
            let mut rows = message.query([account.0, id.raw()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let template = row.get::<_, String>(0)?.into();
            // An erased message has nobody's index.
            let recipient = row.get::<_, Blind>(1).ok();
            Ok(Some(Subject { message: Some(*id), template: Some(template), recipient }))
        }
    }
}

/// Whoever complained is not written to any more.
fn heed(
    ledger: &mut Ledger<'_>,
    (account, keys): (AccountId, &AccountKeys),
    (new, subject): (&NewComplaint, &Subject),
    (category, now): (Option<Category>, Timestamp),
) -> Result<()> {
    let Some(blind) = subject.recipient else { return Ok(()) };
    let mut person = Person::read(ledger, (account, blind))?;
    let (reason, source) = (Reason::Complained, Some(Source::Person));
    person.facts.suppress(Suppression { reason, category, since: now, until: None, source });
    match &new.about {
        About::Person(openid) => person.write(ledger, Owner { keys, openid }, now),
        // Of whom nothing else is known: their openid is sealed with the message's content only.
        _ if person.is_new() => Ok(()),
        _ => person.update(ledger, now),
    }
}

macro_rules! complaint_columns {
    () => {
        "SELECT id, reference, kind, message, template_id, occurred_at, received_at
FROM complaint
"
    };
}

const LIST: &str = concat!(complaint_columns!(), "WHERE account = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
const OF_PERSON: &str =
    concat!(complaint_columns!(), "WHERE account = ?1 AND recipient = ?2 ORDER BY id DESC LIMIT 1000");

const OF_MESSAGE: &str = "
SELECT received_at, kind
FROM complaint
WHERE account = ?1
  AND message = ?2";

fn read(row: &Row<'_>) -> Result<Complaint> {
    let template: String = row.get(4)?;
    Ok(Complaint {
        id: row.get(0)?,
        reference: row.get(1)?,
        kind: row::word(row, 2, ComplaintKind::parse)?,
        message: row.get::<_, Option<i64>>(3)?.and_then(MessageId::from_raw),
        template_id: Some(template).filter(|template| !template.is_empty()),
        occurred_at: row::at(row, 5)?,
        received_at: row::at(row, 6)?,
    })
}

/// The complaints of a person, for their export: the last thousand.
pub(crate) fn complaints_of_person(
    conn: &Connection,
    account: AccountId,
    recipient: &Blind,
) -> Result<Vec<Complaint>> {
    let mut of_person = conn.prepare_cached(OF_PERSON)?;
    row::all(of_person.query(params![account.0, &recipient[..]])?, read)
}

/// The complaints about a message: lines of its timeline.
pub(crate) fn complained_of(
    conn: &Connection,
    account: AccountId,
    message: MessageId,
) -> Result<Vec<Moment>> {
    let mut complained = conn.prepare_cached(OF_MESSAGE)?;
    row::all(complained.query([account.0, message.raw()])?, |row| {
        let what = Happening::Complained { kind: row::word(row, 1, ComplaintKind::parse)? };
        Ok(Moment { at: row::at(row, 0)?, what })
    })
}
