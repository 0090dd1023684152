//! Step: reconcile. Receipt and message meet on (account, msgid), or on recipient and time where WeChat named none;
//! whichever comes second closes the message.

use std::sync::PoisonError;

use hongyan_domain::{AccountId, DeliveryStatus, Event, MessageId, Standing, Timestamp, Transition, decide};
use rusqlite::{Connection, Row, params};

use crate::path::attribute::{self, CLOCK_SLACK, Candidate, Told};
use crate::path::moves::{self, Move};
use crate::path::settle::cut;
use crate::people::erase;
use crate::seal::keyring::Keyring;
use crate::seal::{Blind, Column, Place};
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::check_batch;
use crate::{Receipt, Received, Result, Settlement, Store};

/// Longest undocumented status kept.
const RAW_MAX: usize = 256;

struct Sealed {
    receipt: Receipt,
    recipient: Blind,
}

impl Sealed {
    fn told(&self) -> Told<'_> {
        let Receipt { account, msgid, created_at, .. } = self.receipt;
        Told { account, msgid, recipient: &self.recipient[..], at: created_at }
    }
}

impl Store {
    /// Commits receipts and what they settle. One answer a receipt, in order.
    pub async fn receive(&self, batch: Vec<Receipt>) -> Result<Vec<Received>> {
        check_batch(batch.len())?;
        let keys = self.keys_of(batch.iter().map(|receipt| receipt.account)).await?;
        let mut sealed = Vec::with_capacity(batch.len());
        for receipt in batch {
            let recipient = keys.of(receipt.account)?.recipient(&receipt.openid);
            sealed.push(Sealed { receipt, recipient });
        }
        let (rows, shared) = (sealed.len(), self.shared.clone());
        let work = move |ledger: &mut Ledger<'_>| {
            sealed.iter().map(|sealed| receive(ledger, &shared.keyring, sealed)).collect()
        };
        self.write(rows, work).await
    }
}

/// Where an undocumented status stands.
pub(crate) fn raw_place(account: AccountId) -> Place {
    Place { column: Column::ReceiptRaw, account, row: 0 }
}

fn receive(ledger: &mut Ledger<'_>, keyring: &Keyring, sealed: &Sealed) -> Result<Received> {
    let told = sealed.told();
    let candidate = attribute::message_of(ledger.conn, &told)?;
    if candidate.is_none() && erase::had_receipt(ledger.conn, &told)? {
        return Ok(Received::Doubled);
    }
    if !insert(ledger, keyring, sealed, candidate.as_ref())? {
        return Ok(Received::Doubled);
    }
    let Some(candidate) = candidate else {
        opened(ledger, &told, 1);
        return Ok(Received::Early);
    };
    let Receipt { status, received_at, .. } = sealed.receipt;
    let moved = report(ledger, &told, (candidate.id, &candidate.standing), (status, received_at))?;
    let Some(to) = moved else { return Err(moves::lost_row(candidate.id)) };
    Ok(Received::Matched { message: candidate.id, accepted_at: candidate.accepted_at, to })
}

fn opened(ledger: &mut Ledger<'_>, told: &Told<'_>, change: i64) {
    match told.msgid {
        Some(_) => ledger.open.named += change,
        None => ledger.open.unnamed += change,
    }
}

/// Moves a message on by what WeChat said of it. Where the receipt has WeChat's number, the message has it from then on:
/// by it its receipt is found again.
fn report(
    ledger: &mut Ledger<'_>,
    &Told { account, msgid, .. }: &Told<'_>,
    (message, from): (MessageId, &Standing),
    (status, at): (DeliveryStatus, Timestamp),
) -> Result<Option<Transition>> {
    let Some(to) = decide(from, &Event::Reported(status), at) else { return Ok(None) };
    let moved = moves::apply(ledger, &Move { msgid, ..Move::of((account, message), (from, &to), at) })?;
    Ok(moved.map(|_| to))
}

/// What is kept of WeChat's own words: those nobody has documented. Sealed in the transaction, since they are few, by
/// the keys of this very moment.
fn raw(conn: &Connection, keyring: &Keyring, receipt: &Receipt) -> Result<Option<Vec<u8>>> {
    if receipt.status != DeliveryStatus::Other {
        return Ok(None);
    }
    let text = cut(&receipt.raw, RAW_MAX).as_bytes();
    let keys = keyring.read(conn, receipt.account)?;
    keys.current().seal(raw_place(receipt.account), |plain| plain.extend_from_slice(text)).map(Some)
}

const INSERT: &str = "
INSERT INTO receipt (account, msgid, recipient, told_at, status, raw, created_at, received_at, message)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (account, msgid, recipient, told_at) DO NOTHING";

/// `false`: it is here already.
fn insert(
    ledger: &Ledger<'_>,
    keyring: &Keyring,
    sealed: &Sealed,
    message: Option<&Candidate>,
) -> Result<bool> {
    let receipt = &sealed.receipt;
    let is_erased = message.is_some_and(|message| message.is_erased);
    let raw = if is_erased { None } else { raw(ledger.conn, keyring, receipt)? };
    let inserted = ledger.conn.prepare_cached(INSERT)?.execute(params![
        receipt.account.0,
        receipt.msgid.map_or(0, u64::cast_signed),
        if is_erased { &[] } else { &sealed.recipient[..] },
        if receipt.msgid.is_some() { 0 } else { receipt.created_at.ms() },
        receipt.status.as_str(),
        raw,
        receipt.created_at.ms(),
        receipt.received_at.ms(),
        message.map(|message| message.id.raw()),
    ])?;
    Ok(inserted == 1)
}

/// A receipt that waits for its message.
struct Open {
    msgid: i64,
    recipient: Vec<u8>,
    told_at: i64,
    status: DeliveryStatus,
    created_at: Timestamp,
}

impl Open {
    /// Reads msgid, recipient, told_at, status, created_at.
    fn read(found: &Row<'_>) -> Result<Self> {
        Ok(Self {
            msgid: found.get(0)?,
            recipient: found.get(1)?,
            told_at: found.get(2)?,
            status: row::word(found, 3, DeliveryStatus::parse)?,
            created_at: row::at(found, 4)?,
        })
    }

    fn told(&self, account: AccountId) -> Told<'_> {
        let msgid = (self.msgid != 0).then(|| self.msgid.cast_unsigned());
        Told { account, msgid, recipient: &self.recipient, at: self.created_at }
    }
}

/// Looks for receipts that came before this answer, and moves on what they belong to: this message, or another one of
/// the same person that they could not be told to belong to as long as this answer was to come. Where this message
/// stands then, if it moved; where others went is added to `besides`.
pub(crate) fn early(
    ledger: &mut Ledger<'_>,
    settlement: &Settlement,
    standing: &Standing,
    besides: &mut Vec<Transition>,
) -> Result<Option<Transition>> {
    let mut own = None;
    if let Some(open) = named_by(ledger, settlement)? {
        own = close(ledger, (settlement.account, settlement.at), &open, (settlement.message, standing))?;
    }
    for open in waiting(ledger, settlement, standing)? {
        let Some(found) = attribute::message_of(ledger.conn, &open.told(settlement.account))? else {
            continue;
        };
        let moved = close(ledger, (settlement.account, settlement.at), &open, (found.id, &found.standing))?;
        if found.id == settlement.message {
            own = moved;
        } else {
            besides.extend(moved);
        }
    }
    Ok(own)
}

/// Where the last look at open receipts stopped.
pub(crate) type Judged = Option<(i64, Vec<u8>, i64)>;

pub(crate) const OPEN_AFTER: &str = "
SELECT msgid, recipient, told_at, status, created_at, account
FROM receipt
WHERE message IS NULL
  AND (account, recipient, created_at) > (?1, ?2, ?3)
ORDER BY account, recipient, created_at
LIMIT ?4";

impl Store {
    /// Looks again at up to `limit` receipts that wait for their message, round and round: what kept one from its
    /// message may have ended without an answer that would look for it. What they moved.
    pub async fn judge_open_receipts(&self, limit: usize, now: Timestamp) -> Result<Vec<Transition>> {
        let from = self.shared.judged_to.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (moved, reached) =
            self.write(limit, move |ledger| judge_open(ledger, from.as_ref(), (limit, now))).await?;
        *self.shared.judged_to.lock().unwrap_or_else(PoisonError::into_inner) = reached;
        Ok(moved)
    }
}

fn judge_open(
    ledger: &mut Ledger<'_>,
    from: Option<&(i64, Vec<u8>, i64)>,
    (limit, now): (usize, Timestamp),
) -> Result<(Vec<Transition>, Judged)> {
    if ledger.open.named + ledger.open.unnamed == 0 {
        return Ok((Vec::new(), None));
    }
    let (account, recipient, created_at) =
        from.map_or((i64::MIN, &[][..], i64::MIN), |(account, recipient, at)| (*account, recipient, *at));
    let mut after = ledger.conn.prepare_cached(OPEN_AFTER)?;
    let open = after.query(params![account, recipient, created_at, limit])?;
    let open = row::all(open, |row| Ok((AccountId(row.get(5)?), Open::read(row)?)))?;
    drop(after);
    let mut moved = Vec::new();
    for (account, open) in &open {
        if let Some(found) = attribute::message_of(ledger.conn, &open.told(*account))? {
            moved.extend(close(ledger, (*account, now), open, (found.id, &found.standing))?);
        }
    }
    let last = open.last().filter(|_| open.len() == limit);
    let reached = last.map(|(account, open)| (account.0, open.recipient.clone(), open.created_at.ms()));
    Ok((moved, reached))
}

const CLOSE: &str = "
UPDATE receipt
SET message = ?5
WHERE account = ?1
  AND msgid = ?2
  AND recipient = ?3
  AND told_at = ?4
  AND message IS NULL";

fn close(
    ledger: &mut Ledger<'_>,
    (account, at): (AccountId, Timestamp),
    open: &Open,
    (message, standing): (MessageId, &Standing),
) -> Result<Option<Transition>> {
    let closing = params![account.0, open.msgid, open.recipient, open.told_at, message.raw()];
    if ledger.conn.prepare_cached(CLOSE)?.execute(closing)? != 1 {
        return Err(moves::lost_row(message));
    }
    let told = open.told(account);
    opened(ledger, &told, -1);
    let moved = report(ledger, &told, (message, standing), (open.status, at))?;
    moved.map(Some).ok_or_else(|| moves::lost_row(message))
}

// Of the same person (see `attribute::BY_MSGID`).
pub(crate) const OPEN_BY_MSGID: &str = "
SELECT msgid, recipient, told_at, status, created_at
FROM receipt
WHERE account = ?1
  AND msgid = ?2
  AND message IS NULL
  AND (SELECT LENGTH(message.recipient) = 0 OR message.recipient = receipt.recipient
       FROM message
       WHERE message.account = ?1 AND message.id = ?3)
LIMIT 1";

/// The receipt that has the number this answer brought.
fn named_by(ledger: &Ledger<'_>, settlement: &Settlement) -> Result<Option<Open>> {
    let msgid = settlement.dispatch.as_ref().and_then(|dispatch| dispatch.msgid);
    let Some(msgid) = msgid.filter(|_| ledger.open.named > 0) else { return Ok(None) };
    let mut named = ledger.conn.prepare_cached(OPEN_BY_MSGID)?;
    let mut rows =
        named.query(params![settlement.account.0, msgid.cast_signed(), settlement.message.raw()])?;
    rows.next()?.map(Open::read).transpose()
}

pub(crate) const OPEN_BY_RECIPIENT: &str = "
SELECT msgid, recipient, told_at, status, created_at
FROM receipt
WHERE account = ?1
  AND recipient = (SELECT recipient FROM message WHERE account = ?1 AND id = ?2)
  AND created_at >= ?3
  AND (msgid = 0 OR ?4)
  AND message IS NULL
ORDER BY created_at
LIMIT 100";

/// The receipts of this person that wait since this message went.
fn waiting(ledger: &Ledger<'_>, settlement: &Settlement, standing: &Standing) -> Result<Vec<Open>> {
    let named = ledger.open.named > 0 && attribute::has_unnamed(ledger.conn, settlement.account)?;
    if !named && ledger.open.unnamed == 0 {
        return Ok(Vec::new());
    }
    // Where no receipt came at all it is not told when it went: then all of them are looked at.
    let went_at = standing.doubt_since.or(settlement.dispatch.as_ref().map(|dispatch| dispatch.claimed_at));
    let from = went_at.map_or(0, |at| at.minus(CLOCK_SLACK).ms());
    let mut waiting = ledger.conn.prepare_cached(OPEN_BY_RECIPIENT)?;
    let rows = waiting.query(params![settlement.account.0, settlement.message.raw(), from, named])?;
    row::all(rows, Open::read)
}
