//! Step: reconcile. Receipt and message meet on (account, msgid), or on recipient and time where WeChat named none;
//! whichever comes second closes the message.

use std::time::Duration;

use hongyan_domain::{
    AccountId, DeliveryStatus, Event, MessageId, Standing, State, Timestamp, Transition, decide,
};
use rusqlite::{Connection, Row, params};

use crate::moves::{self, Move};
use crate::seal::{Blind, Place};
use crate::settle::cut;
use crate::store::check_batch;
use crate::writer::Ledger;
use crate::{Receipt, Received, Result, Settlement, Store, row};

/// A receipt without a msgid belongs to a send of at most this long before it.
const REACH: Duration = Duration::from_secs(3600);
/// WeChat tells whole seconds, and by another clock.
const CLOCK_SLACK: Duration = Duration::from_secs(2);
/// Hours of acceptance looked through for such a send: a message may have waited for its turn.
const HOURS_BACK: i64 = 24;
const HOUR_MS: i64 = 3_600_000;
/// Longest undocumented status kept.
const RAW_MAX: usize = 256;

struct Sealed {
    receipt: Receipt,
    recipient: Blind,
    raw: Option<Vec<u8>>,
}

impl Store {
    /// Commits receipts and what they settle. One answer a receipt, in order.
    pub async fn receive(&self, batch: Vec<Receipt>) -> Result<Vec<Received>> {
        check_batch(batch.len())?;
        let keys = self.keys_of(batch.iter().map(|receipt| receipt.account)).await?;
        let mut sealed = Vec::with_capacity(batch.len());
        for receipt in batch {
            let keys = keys.of(receipt.account)?;
            let recipient = keys.recipient(&receipt.openid);
            let raw = match receipt.status {
                DeliveryStatus::Other => {
                    let text = cut(&receipt.raw, RAW_MAX).as_bytes();
                    Some(
                        keys.current()
                            .seal(raw_place(receipt.account), |plain| plain.extend_from_slice(text))?,
                    )
                }
                _ => None,
            };
            sealed.push(Sealed { receipt, recipient, raw });
        }
        let rows = sealed.len();
        self.write(rows, move |ledger| sealed.iter().map(|sealed| receive(ledger, sealed)).collect()).await
    }
}

/// Where an undocumented status stands.
pub(crate) fn raw_place(account: AccountId) -> Place {
    Place { column: "receipt.raw", account, row: 0 }
}

/// A message that a receipt may belong to.
struct Candidate {
    id: MessageId,
    standing: Standing,
    accepted_at: Timestamp,
    sent_at: Option<Timestamp>,
    has_msgid: bool,
}

impl Candidate {
    /// Reads id, state, attempts, doubt_since, on_unknown, accepted_at, sent_at, msgid.
    fn read(found: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row::id(found, 0)?,
            standing: row::standing(found, 1)?,
            accepted_at: row::at(found, 5)?,
            sent_at: row::at_or_never(found, 6)?,
            has_msgid: found.get::<_, Option<i64>>(7)?.is_some(),
        })
    }

    /// When it went, as far as is known.
    fn went_at(&self) -> Option<Timestamp> {
        self.sent_at.or(self.standing.doubt_since)
    }

    fn went_before(&self, told_at: Timestamp) -> bool {
        let reach = told_at.minus(REACH)..=told_at.plus(CLOCK_SLACK);
        self.went_at().is_some_and(|at| reach.contains(&at))
    }
}

fn receive(ledger: &mut Ledger<'_>, sealed: &Sealed) -> Result<Received> {
    let candidate = find(ledger.conn, sealed)?;
    if !insert(ledger, sealed, candidate.as_ref().map(|found| found.id))? {
        return Ok(Received::Doubled);
    }
    let Some(candidate) = candidate else {
        opened(ledger, sealed, 1);
        return Ok(Received::Early);
    };
    let Receipt { account, status, received_at, .. } = sealed.receipt;
    let moved = report(ledger, (account, candidate.id), &candidate.standing, (status, received_at))?;
    let Some(to) = moved else { return Err(moves::lost_row(candidate.id)) };
    Ok(Received::Matched { message: candidate.id, accepted_at: candidate.accepted_at, to })
}

fn opened(ledger: &mut Ledger<'_>, sealed: &Sealed, change: i64) {
    match sealed.receipt.msgid {
        Some(_) => ledger.open.named += change,
        None => ledger.open.unnamed += change,
    }
}

/// Moves a message on by what WeChat said of it.
fn report(
    ledger: &mut Ledger<'_>,
    (account, message): (AccountId, MessageId),
    from: &Standing,
    (status, at): (DeliveryStatus, Timestamp),
) -> Result<Option<Transition>> {
    let Some(to) = decide(from, &Event::Reported(status), at) else { return Ok(None) };
    let moved = moves::apply(ledger, &Move { account, message, from, to: &to, msgid: None, at })?;
    Ok(moved.map(|_| to))
}

const INSERT: &str = "
INSERT INTO receipt (account, msgid, recipient, told_at, status, raw, created_at, received_at, message)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (account, msgid, recipient, told_at) DO NOTHING";

/// `false`: it is here already.
fn insert(ledger: &Ledger<'_>, sealed: &Sealed, message: Option<MessageId>) -> Result<bool> {
    let receipt = &sealed.receipt;
    let inserted = ledger.conn.prepare_cached(INSERT)?.execute(params![
        receipt.account.0,
        receipt.msgid.map_or(0, u64::cast_signed),
        &sealed.recipient[..],
        if receipt.msgid.is_some() { 0 } else { receipt.created_at.ms() },
        receipt.status.as_str(),
        sealed.raw,
        receipt.created_at.ms(),
        receipt.received_at.ms(),
        message.map(MessageId::raw),
    ])?;
    Ok(inserted == 1)
}

pub(crate) const BY_MSGID: &str = "
SELECT id, state, attempts, doubt_since, on_unknown, accepted_at, sent_at, msgid
FROM message
WHERE account = ?1
  AND msgid = ?2
  AND state IN ('sent', 'unknown')
LIMIT 1";

fn find(conn: &Connection, sealed: &Sealed) -> Result<Option<Candidate>> {
    let Some(msgid) = sealed.receipt.msgid else { return nearest(conn, sealed) };
    let mut awaited = conn.prepare_cached(BY_MSGID)?;
    let mut rows = awaited.query(params![sealed.receipt.account.0, msgid.cast_signed()])?;
    match rows.next()? {
        Some(row) => Candidate::read(row).map(Some),
        None => given_up(conn, sealed),
    }
}

// Sent and not reported, given up, or in doubt: whatever may have reached WeChat.
pub(crate) const BY_RECIPIENT: &str = "
SELECT id, state, attempts, doubt_since, on_unknown, accepted_at, sent_at, msgid
FROM message
WHERE account = ?1
  AND accepted_at / 3600000 = ?2
  AND recipient = ?3
  AND state IN ('sent', 'unknown', 'pending')
ORDER BY id DESC
LIMIT 100";

/// The send nearest before the receipt.
fn nearest(conn: &Connection, sealed: &Sealed) -> Result<Option<Candidate>> {
    let told_at = sealed.receipt.created_at;
    let last = told_at.plus(CLOCK_SLACK).ms().div_euclid(HOUR_MS);
    for hour in (last - HOURS_BACK..=last).rev() {
        let fits = |found: &Candidate| found.went_before(told_at);
        let found = of_hour(conn, sealed, hour)?.into_iter().filter(fits).max_by_key(Candidate::went_at);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn of_hour(conn: &Connection, sealed: &Sealed, hour: i64) -> Result<Vec<Candidate>> {
    let mut recipient = conn.prepare_cached(BY_RECIPIENT)?;
    let rows = recipient.query(params![sealed.receipt.account.0, hour, &sealed.recipient[..]])?;
    row::all(rows, Candidate::read)
}

/// A message that was given up because its answer never came, if it is the only one of this recipient that the
/// receipt can be of. Its msgid was in that answer, so nothing else can name it.
fn given_up(conn: &Connection, sealed: &Sealed) -> Result<Option<Candidate>> {
    if !has_given_up(conn, sealed.receipt.account)? {
        return Ok(None);
    }
    let told_at = sealed.receipt.created_at;
    let last = told_at.plus(CLOCK_SLACK).ms().div_euclid(HOUR_MS);
    let mut found = Vec::new();
    for hour in last - 1..=last {
        found.extend(of_hour(conn, sealed, hour)?.into_iter().filter(|found| !found.has_msgid));
    }
    let only = (found.len() == 1).then(|| found.remove(0));
    Ok(only.filter(|found| found.standing.state == State::Unknown && found.went_before(told_at)))
}

pub(crate) const HAS_GIVEN_UP: &str = "
SELECT 1
FROM message
WHERE account = ?1
  AND msgid IS NULL
  AND state IN ('sent', 'unknown')
LIMIT 1";

fn has_given_up(conn: &Connection, account: AccountId) -> Result<bool> {
    Ok(conn.prepare_cached(HAS_GIVEN_UP)?.exists([account.0])?)
}

/// A receipt that waits for its message.
struct Open {
    msgid: i64,
    recipient: Vec<u8>,
    told_at: i64,
    status: DeliveryStatus,
}

impl Open {
    /// Reads msgid, recipient, told_at, status.
    fn read(found: &Row<'_>) -> Result<Self> {
        Ok(Self {
            msgid: found.get(0)?,
            recipient: found.get(1)?,
            told_at: found.get(2)?,
            status: row::word(found, 3, DeliveryStatus::parse)?,
        })
    }
}

const CLOSE: &str = "
UPDATE receipt
SET message = ?5
WHERE account = ?1
  AND msgid = ?2
  AND recipient = ?3
  AND told_at = ?4
  AND message IS NULL";

/// Looks for a receipt that came before this answer, and moves the message on by it.
pub(crate) fn early(
    ledger: &mut Ledger<'_>,
    settlement: &Settlement,
    standing: &Standing,
) -> Result<Option<Transition>> {
    let Some(open) = find_open(ledger, settlement, standing)? else { return Ok(None) };
    let closing =
        params![settlement.account.0, open.msgid, open.recipient, open.told_at, settlement.message.raw()];
    if ledger.conn.prepare_cached(CLOSE)?.execute(closing)? != 1 {
        return Err(moves::lost_row(settlement.message));
    }
    if open.msgid == 0 {
        ledger.open.unnamed -= 1;
    } else {
        ledger.open.named -= 1;
    }
    let which = (settlement.account, settlement.message);
    report(ledger, which, standing, (open.status, settlement.at))
}

const OPEN_BY_MSGID: &str = "
SELECT msgid, recipient, told_at, status
FROM receipt
WHERE account = ?1
  AND msgid = ?2
  AND message IS NULL
LIMIT 1";

pub(crate) const OPEN_BY_RECIPIENT: &str = "
SELECT msgid, recipient, told_at, status
FROM receipt
WHERE account = ?1
  AND recipient = (SELECT recipient FROM message WHERE account = ?1 AND id = ?2)
  AND created_at BETWEEN ?3 AND ?4
  AND (msgid = 0 OR ?5)
  AND message IS NULL
ORDER BY created_at
LIMIT 1";

fn find_open(ledger: &Ledger<'_>, settlement: &Settlement, standing: &Standing) -> Result<Option<Open>> {
    let dispatch = settlement.dispatch.as_ref();
    if let Some(msgid) = dispatch.and_then(|dispatch| dispatch.msgid).filter(|_| ledger.open.named > 0) {
        let mut named = ledger.conn.prepare_cached(OPEN_BY_MSGID)?;
        let mut rows = named.query(params![settlement.account.0, msgid.cast_signed()])?;
        if let Some(row) = rows.next()? {
            return Open::read(row).map(Some);
        }
    }
    // A message that is given up will not be named by any answer: then a receipt with a msgid may be its own.
    let given_up = standing.state == State::Unknown;
    let went_at = standing.doubt_since.or(dispatch.map(|dispatch| dispatch.claimed_at));
    let (Some(went_at), true) = (went_at, given_up || ledger.open.unnamed > 0) else { return Ok(None) };
    let (from, to) = (went_at.minus(CLOCK_SLACK), went_at.plus(REACH));
    let mut waiting = ledger.conn.prepare_cached(OPEN_BY_RECIPIENT)?;
    let which = params![settlement.account.0, settlement.message.raw(), from.ms(), to.ms(), given_up];
    let mut rows = waiting.query(which)?;
    rows.next()?.map(Open::read).transpose()
}
