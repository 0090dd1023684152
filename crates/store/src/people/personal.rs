//! Personal data: everything that is held of a person, given out or removed.
//!
//! A table that holds something of a person joins by one function in each half: `messages`, `open_receipts` … of the
//! export, and `erase_message`, `erase_receipts`, `erase_facts` … of the erasure.

use hongyan_domain::{
    AccountId, DeliveryStatus, Event, MessageId, Openid, Reason, Recipient, Source, State, Suppression,
    Timestamp, Transition, decide,
};
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

use crate::message::find::HOUR_BEFORE;
use crate::message::record;
use crate::path::attribute::Told;
use crate::path::claim::Held;
use crate::path::moves::{self, Move};
use crate::path::withdraw;
use crate::people::recipients::{Person, short};
use crate::seal::Blind;
use crate::seal::keyring::Keyring;
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::{
    Action, Actor, Complaint, Deed, MessageFilter, MessageRecord, Page, Result, Store, StoreError, compliance,
};

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

    fn told(&self) -> Value {
        let Self { messages, cancelled, receipts, in_flight } = self;
        json!({ "messages": messages, "cancelled": cancelled.len(), "receipts": receipts, "in_flight": in_flight })
    }
}

/// A person of an account.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    account: AccountId,
    recipient: Blind,
}

impl Subject {
    pub(crate) fn account(&self) -> AccountId {
        self.account
    }

    fn deed(&self, action: Action, detail: Value, at: Timestamp) -> Deed {
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
                let facts = Person::read(conn, account, person.recipient)?.facts;
                let complaints = compliance::complaints_of_person(conn, account, &person.recipient)?;
                Ok((items, receipts, complaints, (facts != Recipient::default()).then_some(facts)))
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

/// Runs `work` so that what it deletes is overwritten: in the file as it is deleted, in the WAL after the commit.
pub(crate) fn scrubbed<T>(
    ledger: &mut Ledger<'_>,
    work: impl FnOnce(&mut Ledger<'_>) -> Result<T>,
) -> Result<T> {
    let secure_delete =
        |conn: &Connection, on: &str| conn.query_row(&format!("PRAGMA secure_delete = {on}"), [], |_| Ok(()));
    secure_delete(ledger.conn, "ON")?;
    let done = work(ledger);
    secure_delete(ledger.conn, "FAST")?;
    *ledger.scrub = true;
    done
}

/// What one transaction erases.
struct Batch<'a> {
    person: Subject,
    openid: &'a Openid,
    ids: &'a [MessageId],
    /// Why they are not written to from now on.
    reason: Reason,
    now: Timestamp,
}

fn erase(ledger: &mut Ledger<'_>, actor: &Actor, batch: &Batch<'_>) -> Result<Erased> {
    let mut erased = Erased::default();
    let account = batch.person.account;
    for id in batch.ids {
        if is_in_flight(ledger, (account, *id), batch.now, &mut erased)? {
            erased.in_flight += 1;
        } else {
            erase_message(ledger, batch, *id, &mut erased)?;
        }
    }
    erased.receipts += erase_receipts(ledger, batch.person)?;
    withdraw::erase(ledger, account, &batch.person.recipient)?;
    erase_traces(ledger, batch)?;
    erase_facts(ledger, batch.person, (batch.reason, batch.now))?;
    ledger.audit(actor, &batch.person.deed(Action::RecipientErase, erased.told(), batch.now))?;
    Ok(erased)
}

/// Cancels what waits. What is on its way, or may have gone and goes again, has to be settled first.
fn is_in_flight(
    ledger: &mut Ledger<'_>,
    (account, message): (AccountId, MessageId),
    at: Timestamp,
    erased: &mut Erased,
) -> Result<bool> {
    let Some(mut from) = moves::standing(ledger, account, message)? else { return Ok(false) };
    if from.state.is_final() || from.state == State::Sent {
        return Ok(false);
    }
    if Held::read(ledger.conn, account)?.by(message)?.is_some() {
        from.state = State::Claimed;
    }
    let Some(to) = decide(&from, &Event::Cancelled, at) else { return Ok(true) };
    let step = Move::of((account, message), (&from, &to), at);
    moves::apply(ledger, &step)?.ok_or_else(|| moves::lost_row(message))?;
    erased.cancelled.push(to);
    Ok(false)
}

// The caller's own id stays, so that the same call again still sends nothing; but not one that names the person.
const ERASE: &str = "
UPDATE message
SET body = x'',
    recipient = x'',
    body_hash = NULL,
    client_msg_id = CASE WHEN INSTR(client_msg_id, ?3) > 0 THEN NULL ELSE client_msg_id END
WHERE account = ?1
  AND id = ?2
  AND state <> 'pending'
RETURNING msgid";

// As the message's own.
const ERASE_TRIGGERS: &str = "
UPDATE gathered
SET body_hash = NULL,
    client_msg_id = CASE WHEN INSTR(client_msg_id, ?3) > 0 THEN NULL ELSE client_msg_id END
WHERE account = ?1
  AND message = ?2";

const ERASE_DISPATCHES: &str = "
UPDATE dispatch
SET errmsg = NULL,
    rid = NULL
WHERE account = ?1
  AND message = ?2
  AND (errmsg IS NOT NULL OR rid IS NOT NULL)";

// How many followed a link stays counted; who did not.
const ERASE_CLICKS: &str = "
DELETE FROM click
WHERE account = ?1
  AND message = ?2";

// WeChat's number keeps the row, so that the same receipt again is known; a row without one was known by the person.
const ERASE_RECEIPT: &str = "
UPDATE receipt
SET recipient = x'',
    raw = NULL
WHERE account = ?1
  AND msgid = ?2
  AND recipient = ?3
  AND message = ?4";

fn erase_message(
    ledger: &mut Ledger<'_>,
    batch: &Batch<'_>,
    id: MessageId,
    erased: &mut Erased,
) -> Result<()> {
    let Subject { account, recipient } = batch.person;
    let message = params![account.0, id.raw(), batch.openid.expose()];
    let msgid = row::first::<Option<i64>>(ledger.conn.prepare_cached(ERASE)?.query(message)?)?;
    // Purged meanwhile.
    let Some(msgid) = msgid else { return Ok(()) };
    erased.messages += 1;
    ledger.conn.prepare_cached(ERASE_DISPATCHES)?.execute([account.0, id.raw()])?;
    ledger.conn.prepare_cached(ERASE_CLICKS)?.execute([account.0, id.raw()])?;
    ledger.conn.prepare_cached(ERASE_TRIGGERS)?.execute(message)?;
    if let Some(msgid) = msgid {
        let receipt = params![account.0, msgid, &recipient[..], id.raw()];
        erased.receipts += ledger.conn.prepare_cached(ERASE_RECEIPT)?.execute(receipt)?;
    }
    Ok(())
}

/// Removes what one message holds of its person.
pub(crate) fn erase_message_of(
    ledger: &mut Ledger<'_>,
    (person, openid): (Subject, &Openid),
    id: MessageId,
    now: Timestamp,
) -> Result<()> {
    let batch = Batch { person, openid, ids: &[], reason: Reason::Erased, now };
    erase_message(ledger, &batch, id, &mut Erased::default())
}

const DELETE_UNNAMED: &str = "
DELETE FROM receipt
WHERE account = ?1
  AND msgid = 0
  AND recipient = ?2";

const DELETE_OPEN: &str = "
DELETE FROM receipt
WHERE account = ?1
  AND recipient = ?2
  AND message IS NULL";

/// Removes the person's receipts that have no number of WeChat's or no message.
fn erase_receipts(ledger: &mut Ledger<'_>, person: Subject) -> Result<usize> {
    let who = params![person.account.0, &person.recipient[..]];
    let mut went = 0;
    for sql in [DELETE_UNNAMED, DELETE_OPEN] {
        went += ledger.conn.prepare_cached(sql)?.execute(who)?;
    }
    if went > 0 {
        ledger.reread_open_receipts()?;
    }
    Ok(went)
}

const ERASE_BLOCKED: &str = "
UPDATE blocked
SET recipient = x''
WHERE account = ?1
  AND recipient = ?2";

// The caller's own id stays, as that of a message, so that the same complaint again is the same.
const ERASE_COMPLAINTS: &str = "
UPDATE complaint
SET recipient = NULL,
    reference = CASE WHEN INSTR(reference, ?3) > 0 THEN NULL ELSE reference END
WHERE account = ?1
  AND recipient = ?2";

/// What WeChat blocked and what was complained of stays counted, and names nobody.
fn erase_traces(ledger: &Ledger<'_>, batch: &Batch<'_>) -> Result<()> {
    let Subject { account, recipient } = batch.person;
    ledger.conn.prepare_cached(ERASE_BLOCKED)?.execute(params![account.0, &recipient[..]])?;
    let who = params![account.0, &recipient[..], batch.openid.expose()];
    ledger.conn.prepare_cached(ERASE_COMPLAINTS)?.execute(who)?;
    Ok(())
}

const ERASE_PERSON: &str = "
INSERT INTO recipient (account, recipient, openid, facts, suppressed, changed_at)
VALUES (?1, ?2, x'', ?3, TRUE, ?4)
ON CONFLICT (account, recipient)
DO UPDATE SET openid = excluded.openid, facts = excluded.facts, suppressed = excluded.suppressed,
  changed_at = excluded.changed_at";

/// What is left of a person is that they are not to be written to: a blind index, and no openid.
fn erase_facts(ledger: &Ledger<'_>, subject: Subject, (reason, now): (Reason, Timestamp)) -> Result<()> {
    let mut facts = Recipient::default();
    // Who erased them otherwise is in the audit.
    let source = (reason == Reason::Unsubscribed).then_some(Source::Callback);
    facts.suppress(Suppression { reason, category: None, since: now, until: None, source });
    let facts = serde_json::to_string(&facts).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let row = params![subject.account.0, &subject.recipient[..], facts, now.ms()];
    ledger.conn.prepare_cached(ERASE_PERSON)?.execute(row)?;
    Ok(())
}

const HAD_RECEIPT: &str = "
SELECT 1
FROM receipt
WHERE account = ?1
  AND msgid = ?2
  AND recipient = x''";

/// Whether this is, once more, a receipt of a message that was erased: it must not bring the person back.
pub(crate) fn had_receipt(conn: &Connection, told: &Told<'_>) -> Result<bool> {
    match told.msgid {
        Some(msgid) => Ok(conn.prepare_cached(HAD_RECEIPT)?.exists([told.account.0, msgid.cast_signed()])?),
        None => Ok(false),
    }
}
