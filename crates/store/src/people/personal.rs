//! Personal data: everything that is held of a person, given out or removed (`erase`).
//!
//! A table that holds something of a person joins by one function in each half: `messages`, `open_receipts` … of the
//! export, and `erase_message`, `erase_receipts`, `erase_facts` … of the erasure.

use std::sync::Arc;

use hongyan_domain::{
    AccountId, DeliveryStatus, MessageId, Openid, Reason, Recipient, Timestamp, Transition,
};
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

use crate::message::find::HOUR_BEFORE;
use crate::message::record;
use crate::people::erase::{Batch, erase, scrubbed};
use crate::people::recipients::{self, short};
use crate::seal::Blind;
use crate::seal::keyring::Keyring;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::{Action, Complaint, Deed, MessageFilter, MessageRecord, Page, Result, Store, compliance};

/// Messages erased in one transaction: about 20 ms.
pub(crate) const BATCH: usize = 500;
/// Receipts without a message shown of one person; there is hardly ever one.
const RECEIPTS_MAX: usize = 1_000;

/// What is held of a person, or a page of it.
#[derive(Clone, Debug)]
pub struct Personal {
    /// What is known of them: windows, what counts towards caps, suppressions; on the first page.
    pub facts: Option<Recipient>,
    /// The messages, each with its timeline, newest first.
    pub messages: Page<MessageRecord>,
    /// Receipts that belong to no message; on the first page.
    pub receipts: Vec<OpenReceipt>,
    /// Complaints of theirs, the last thousand; on the first page.
    pub complaints: Vec<Complaint>,
}

/// A receipt that has found no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReceipt {
    /// WeChat's number for the message.
    pub msgid: Option<u64>,
    /// What it reports.
    pub status: DeliveryStatus,
    /// As WeChat spelled it, for a status nobody has documented.
    pub raw: Option<String>,
    /// By WeChat's clock.
    pub created_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
}

/// What an erasure came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Erased {
    /// Messages that name nobody any more.
    pub messages: usize,
    /// Those of them that had not gone, and never will.
    pub cancelled: Vec<Transition>,
    /// Receipts that were removed or name nobody any more.
    pub receipts: usize,
    /// Messages that are on their way to WeChat or may have gone: not erased yet. Erase again when they are settled.
    pub in_flight: usize,
}

impl Erased {
    fn add(&mut self, more: Self) {
        self.messages += more.messages;
        self.cancelled.extend(more.cancelled);
        self.receipts += more.receipts;
        self.in_flight += more.in_flight;
    }

    pub(super) fn told(&self) -> Value {
        let Self { messages, cancelled, receipts, in_flight } = self;
        json!({ "messages": messages, "cancelled": cancelled.len(), "receipts": receipts, "in_flight": in_flight })
    }
}

/// A person of an account.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(super) account: AccountId,
    pub(super) recipient: Blind,
}

impl Subject {
    pub(crate) fn account(&self) -> AccountId {
        self.account
    }

    pub(super) fn deed(&self, action: Action, detail: Value, at: Timestamp) -> Deed {
        Deed { action, account: Some(self.account), subject: short(&self.recipient), detail, at }
    }
}

impl Store {
    pub(crate) async fn subject_of(&self, account: AccountId, openid: &Openid) -> Result<Subject> {
        let keys = self.keys_of([account].into_iter()).await?;
        Ok(Subject { account, recipient: keys.of(account)?.recipient(openid) })
    }

    /// A page of everything that is held of a person; `limit` ≤ 500. Written into the audit.
    ///
    /// # Errors
    /// `Invalid`: the cursor is none of ours, or the limit is too high.
    pub async fn export_recipient(
        &self,
        (account, openid): (AccountId, &Openid),
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Personal> {
        let person = self.subject_of(account, openid).await?;
        let filter = MessageFilter {
            account: Some(account),
            openid: Some(openid.clone()),
            ..MessageFilter::default()
        };
        let mut messages = self.find_messages(&filter, cursor, limit).await?;
        let (shared, is_first) = (self.shared.clone(), cursor.is_none());
        let ids: Vec<_> = messages.items.iter().map(|message| message.id).collect();
        let (items, receipts, complaints, facts) = self
            .read(move |conn| {
                let whole =
                    ids.into_iter().map(|id| record::with_timeline(conn, &shared.keyring, account, id));
                let items = whole.filter_map(Result::transpose).collect::<Result<Vec<_>>>()?;
                if !is_first {
                    return Ok((items, Vec::new(), Vec::new(), None));
                }
                let receipts = open_receipts(conn, &shared.keyring, person)?;
                let facts = recipients::known(&shared, conn, &(account, person.recipient))?;
                let complaints = compliance::complaints_of_person(conn, account, &person.recipient)?;
                let facts = (*facts != Recipient::default()).then(|| Arc::unwrap_or_clone(facts));
                Ok((items, receipts, complaints, facts))
            })
            .await?;
        messages.items = items;
        let detail = json!({ "messages": messages.items.len(), "receipts": receipts.len() });
        self.note(person.deed(Action::RecipientExport, detail, now)).await?;
        Ok(Personal { facts, messages, receipts, complaints })
    }

    /// As `erase_recipient`, of a person who left by themselves: when they come back, they may be written to again.
    pub async fn erase_departed(
        &self,
        account: AccountId,
        openid: &Openid,
        now: Timestamp,
    ) -> Result<Erased> {
        self.erase_as(account, openid, (Reason::Unsubscribed, now)).await
    }

    /// Removes what is held of a person: bodies, indexes, WeChat's words and receipts. What waits is cancelled first.
    /// Messages stay as rows that name nobody, so every count stays what it is. Written into the audit.
    pub async fn erase_recipient(
        &self,
        account: AccountId,
        openid: &Openid,
        now: Timestamp,
    ) -> Result<Erased> {
        self.erase_as(account, openid, (Reason::Erased, now)).await
    }

    async fn erase_as(
        &self,
        account: AccountId,
        openid: &Openid,
        (reason, now): (Reason, Timestamp),
    ) -> Result<Erased> {
        let person = self.subject_of(account, openid).await?;
        let mut erased = Erased::default();
        let mut from = Reached::BEGIN;
        loop {
            let found = self.read(move |conn| messages_of(conn, person, from)).await?;
            let (actor, own_id) = (self.actor.clone(), openid.clone());
            let batch = found.ids;
            let rows = batch.len() + 1;
            let work = move |ledger: &mut Ledger<'_>| {
                let batch = Batch { person, openid: &own_id, ids: &batch, reason, now };
                scrubbed(ledger, |ledger| erase(ledger, &actor, &batch))
            };
            erased.add(self.write(rows, work).await?);
            match found.reached {
                Some(reached) => from = reached,
                None => return Ok(erased),
            }
        }
    }
}

const OPEN_RECEIPTS: &str = "
SELECT msgid, status, raw, created_at, received_at
FROM receipt
WHERE account = ?1
  AND recipient = ?2
  AND message IS NULL
ORDER BY created_at
LIMIT ?3";

fn open_receipts(conn: &Connection, keyring: &Keyring, person: Subject) -> Result<Vec<OpenReceipt>> {
    let Subject { account, recipient } = person;
    let mut receipts = conn.prepare_cached(OPEN_RECEIPTS)?;
    let read = |row: &Row<'_>| {
        let msgid: i64 = row.get(0)?;
        let sealed: Option<Vec<u8>> = row.get(2)?;
        let raw = sealed.map(|sealed| record::raw_status(conn, keyring, account, &sealed)).transpose()?;
        Ok(OpenReceipt {
            msgid: (msgid != 0).then(|| msgid.cast_unsigned()),
            status: row::word(row, 1, DeliveryStatus::parse)?,
            raw,
            created_at: row::at(row, 3)?,
            received_at: row::at(row, 4)?,
        })
    };
    row::all(receipts.query(params![account.0, &recipient[..], RECEIPTS_MAX])?, read)
}

/// How far the search for a person's messages has come: it goes back in time.
#[derive(Clone, Copy)]
pub(crate) struct Reached {
    hour: i64,
    id: i64,
}

impl Reached {
    pub(crate) const BEGIN: Self = Self { hour: i64::MAX, id: i64::MAX };
}

pub(crate) struct Found {
    pub(crate) ids: Vec<MessageId>,
    /// Where to go on; `None`: that was all.
    pub(crate) reached: Option<Reached>,
}

const OF_HOUR: &str = "
SELECT id
FROM message
WHERE account = ?1
  AND accepted_at / 3600000 = ?2
  AND recipient = ?3
  AND id < ?4
ORDER BY id DESC
LIMIT ?5";

/// A batch of the person's messages, hour by hour (see the index `message_recipient`).
pub(crate) fn messages_of(conn: &Connection, person: Subject, from: Reached) -> Result<Found> {
    let Subject { account, recipient } = person;
    let (mut ids, mut at) = (Vec::new(), from);
    let mut hour_before = conn.prepare_cached(HOUR_BEFORE)?;
    while let Some(hour) = row::first::<i64>(hour_before.query([at.hour])?)? {
        let below = if hour == at.hour { at.id } else { i64::MAX };
        let left = BATCH - ids.len();
        let mut of_hour = conn.prepare_cached(OF_HOUR)?;
        let rows = of_hour.query(params![account.0, hour, &recipient[..], below, left])?;
        ids.extend(row::all(rows, |row| row::id(row, 0))?);
        if let (Some(last), true) = (ids.last(), ids.len() == BATCH) {
            let reached = Some(Reached { hour, id: last.raw() });
            return Ok(Found { ids, reached });
        }
        at = Reached { hour: hour - 1, id: i64::MAX };
    }
    Ok(Found { ids, reached: None })
}
