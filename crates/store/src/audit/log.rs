//! The audit read: in pages, checked from end to end, and its oldest rows removed.

use std::time::Duration;

use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use crate::audit::{Action, Actor, Deed, Entry, Head, entry_columns};
use crate::sqlite::writer::Ledger;
use crate::{Page, Result, Store, StoreError};

/// Rows looked at in one call: about 20 ms.
const BUDGET: usize = 10_000;
/// Longest page.
const LIMIT_MAX: usize = 500;
/// Old rows are removed when the oldest is so much past its time, so that a day of removals is one row and not thousands.
const PURGE_SLACK: Duration = Duration::from_secs(86_400);
/// Rows are in order of time but for clocks that step: searched this much further.
const STEP_MS: i64 = 60_000;

/// A row of the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Its number, from 1, without a gap.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Whom it is about; `None`: the installation.
    pub account: Option<AccountId>,
    /// Who: the id of an API key, or `setup`, `cli`, `system`.
    pub actor: String,
    /// From where: an address, or the user of the command line.
    pub address: String,
    /// What: `Action::as_str`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More.
    pub detail: Value,
    /// The HMAC of this row, which ties it to all before.
    pub hash: Vec<u8>,
}

/// Which rows are wanted. All given conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// About these accounts; empty: about all and the installation.
    pub accounts: Vec<AccountId>,
    /// Of this actor.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<Action>,
    /// At this time or later.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    fn fits(&self, entry: &Entry) -> bool {
        let at = Timestamp::from_ms(entry.at);
        (self.accounts.is_empty() || self.accounts.contains(&AccountId(entry.account)))
            && self.actor.as_ref().is_none_or(|actor| *actor == entry.actor)
            && self.action.is_none_or(|action| action.as_str() == entry.action)
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
    }

    fn is_too_old(&self, entry: &Entry) -> bool {
        self.since.is_some_and(|since| entry.at < since.ms().saturating_sub(STEP_MS))
    }
}

const BEFORE: &str = concat!(
    "SELECT ",
    entry_columns!(),
    "
FROM audit
WHERE seq < ?1
ORDER BY seq DESC"
);

impl Store {
    /// A page of the audit, newest first; `limit` ≤ 500.
    ///
    /// # Errors
    /// `Invalid`: the cursor is none of ours, or the limit is too high.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<AuditRow>> {
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(StoreError::Invalid(format!("limit is 1 to {LIMIT_MAX}")));
        }
        let foreign = |_| StoreError::Invalid("the cursor is none of ours".to_owned());
        let before = cursor.map(|cursor| cursor.parse().map_err(foreign)).transpose()?.unwrap_or(i64::MAX);
        let filter = filter.clone();
        self.read(move |conn| list(conn, &filter, before, limit)).await
    }
}

fn list(conn: &Connection, filter: &AuditFilter, before: i64, limit: usize) -> Result<Page<AuditRow>> {
    let mut rows = conn.prepare_cached(BEFORE)?;
    let mut rows = rows.query([before])?;
    let (mut items, mut looked, mut last) = (Vec::new(), 0, before);
    while let Some(row) = rows.next()? {
        if looked == BUDGET || items.len() == limit {
            return Ok(Page { items, next_cursor: Some(last.to_string()) });
        }
        let entry = Entry::read(row)?;
        if filter.is_too_old(&entry) {
            break;
        }
        (looked, last) = (looked + 1, entry.seq);
        if filter.fits(&entry) {
            items.push(shown(entry, row.get(9)?));
        }
    }
    Ok(Page { items, next_cursor: None })
}

fn shown(entry: Entry, hash: Vec<u8>) -> AuditRow {
    AuditRow {
        seq: entry.seq,
        at: Timestamp::from_ms(entry.at),
        account: (entry.account != 0).then_some(AccountId(entry.account)),
        actor: entry.actor,
        address: entry.address,
        action: entry.action,
        subject: entry.subject,
        // What is no JSON any more was changed: it is shown as it is, and `verify_audit` names it.
        detail: serde_json::from_str(&entry.detail).unwrap_or(Value::String(entry.detail)),
        hash,
    }
}

/// How the audit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditState {
    /// Rows that were found in order, from the oldest kept.
    pub rows: u64,
    /// The newest of them and its hash. Kept elsewhere, they show later that nobody put back an older file.
    pub newest: Option<(i64, Vec<u8>)>,
    /// The first thing that is wrong.
    pub fault: Option<AuditFault>,
}

/// What can be wrong with the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// This row was changed, or written by somebody else.
    #[error("row {0} was edited")]
    Edited(i64),
    /// This row, and maybe others after it, was removed from the middle or the beginning.
    #[error("row {0} was removed")]
    Removed(i64),
    /// This row does not follow the one before it: what stood there was cut off or replaced.
    #[error("before row {0} the end was cut off or replaced")]
    Unlinked(i64),
    /// The rows from this one on are missing at the end.
    #[error("the end was cut off: row {0} is missing")]
    Cut(i64),
    /// The record of the two ends was changed or is missing.
    #[error("the record of where the audit begins and ends was changed")]
    Head,
}

const ALL: &str = concat!(
    "SELECT ",
    entry_columns!(),
    "
FROM audit
ORDER BY seq"
);

impl Store {
    /// Computes the whole chain again, from the oldest row to the newest.
    pub async fn verify_audit(&self) -> Result<AuditState> {
        let shared = self.shared.clone();
        self.read(move |conn| Walk::over(conn, shared.keyring.audit())).await
    }
}

/// Where the check of the chain is.
struct Walk<'a> {
    key: &'a aws_lc_rs::hmac::Key,
    rows: u64,
    seq: i64,
    hash: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn over(conn: &Connection, key: &'a aws_lc_rs::hmac::Key) -> Result<AuditState> {
        let head = Head::read(conn)?;
        let from = head.as_ref().map(|head| (head.first - 1, head.anchor.clone()));
        let (seq, hash) = from.unwrap_or((0, vec![0; 32]));
        let mut walk = Self { key, rows: 0, seq, hash };
        let mut all = conn.prepare_cached(ALL)?;
        let mut rows = all.query([])?;
        let mut fault = None;
        while let (None, Some(row)) = (fault, rows.next()?) {
            fault = walk.step(row);
        }
        let fault = fault.or_else(|| walk.end(head.as_ref()));
        let newest = (walk.rows > 0).then_some((walk.seq, walk.hash));
        Ok(AuditState { rows: walk.rows, newest, fault })
    }

    fn step(&mut self, row: &Row<'_>) -> Option<AuditFault> {
        let next = self.seq + 1;
        // A column of another type is an edit like any other.
        let (Ok(entry), Ok(hash)) = (Entry::read(row), row.get::<_, Vec<u8>>(9)) else {
            return Some(AuditFault::Edited(row.get(1).unwrap_or(next)));
        };
        if entry.seq != next {
            return Some(AuditFault::Removed(next));
        }
        if entry.hash(self.key)[..] != hash {
            return Some(AuditFault::Edited(next));
        }
        if entry.prev != self.hash {
            return Some(AuditFault::Unlinked(next));
        }
        (self.rows, self.seq, self.hash) = (self.rows + 1, next, hash);
        None
    }

    fn end(&self, head: Option<&Head>) -> Option<AuditFault> {
        let Some(head) = head else { return (self.rows > 0).then_some(AuditFault::Head) };
        if !head.is_sound(self.key) {
            return Some(AuditFault::Head);
        }
        match head.seq.cmp(&self.seq) {
            std::cmp::Ordering::Greater => Some(AuditFault::Cut(self.seq + 1)),
            std::cmp::Ordering::Less => Some(AuditFault::Unlinked(head.seq + 1)),
            std::cmp::Ordering::Equal => (head.hash != self.hash).then_some(AuditFault::Unlinked(self.seq)),
        }
    }
}

const OLDEST: &str = "
SELECT seq, at, hash
FROM audit
ORDER BY seq
LIMIT ?1";

const DELETE: &str = "
DELETE FROM audit
WHERE seq < ?1";

impl Store {
    /// Removes up to `limit` of the oldest rows, those before this time; what is left stays a whole chain. How many went.
    pub async fn purge_audit(&self, before: Timestamp, limit: usize, now: Timestamp) -> Result<usize> {
        let oldest = self.read(move |conn| old_rows(conn, before.minus(PURGE_SLACK), 1)).await?;
        if oldest.is_empty() {
            return Ok(0);
        }
        let actor = self.actor.clone();
        self.write(limit, move |ledger| purge(ledger, &actor, (before, limit), now)).await
    }
}

type Old = (i64, Vec<u8>);

/// The oldest rows, as long as they are from before this time.
fn old_rows(conn: &Connection, before: Timestamp, limit: usize) -> Result<Vec<Old>> {
    let mut oldest = conn.prepare_cached(OLDEST)?;
    let mut rows = oldest.query([limit])?;
    let mut old = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? >= before.ms() {
            break;
        }
        old.push((row.get(0)?, row.get(2)?));
    }
    Ok(old)
}

fn purge(
    ledger: &mut Ledger<'_>,
    actor: &Actor,
    (before, limit): (Timestamp, usize),
    now: Timestamp,
) -> Result<usize> {
    let head = Head::read(ledger.conn)?.filter(|head| head.is_sound(ledger.audit));
    let old = old_rows(ledger.conn, before, limit)?;
    // A broken chain is evidence, and is kept.
    let (Some(head), Some((last, hash))) = (head, old.last()) else { return Ok(0) };
    Head { first: last + 1, anchor: hash.clone(), ..head }.write(ledger.conn, ledger.audit)?;
    let went = ledger.conn.prepare_cached(DELETE)?.execute(params![last + 1])?;
    let detail = serde_json::json!({ "rows": went, "through": last });
    let deed = Deed { action: Action::AuditPurge, account: None, subject: String::new(), detail, at: now };
    ledger.audit(actor, &deed)?;
    Ok(went)
}
