//! Step: claim. The durable intent to send, one row a batch; no message row is touched.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use hongyan_domain::{AccountId, MessageId, Timestamp};
use rusqlite::{Connection, params};

use crate::store::check_batch;
use crate::writer::Ledger;
use crate::{Claim, ClaimId, Result, Store, StoreError, own, row};

impl Store {
    /// Commits the intent to send. Answers the messages that must NOT be sent, because they are not pending any more
    /// (taken back, or settled by a receipt): the claim does not hold them.
    ///
    /// # Errors
    /// `Fenced`: this process does not own the database (any more); nothing is claimed.
    pub async fn claim(&self, claims: Vec<Claim>) -> Result<Vec<MessageId>> {
        claims.iter().try_for_each(|claim| check_batch(claim.messages.len()))?;
        let held = self.shared.epoch.load(Ordering::Acquire);
        let rows = claims.iter().map(|claim| claim.messages.len() / 8 + 1).sum();
        self.write(rows, move |ledger| claim_all(ledger, held, &claims)).await
    }
}

pub(crate) const IS_WAITING: &str = "
SELECT 1
FROM message
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'";

const INSERT: &str = "
INSERT INTO claim (account, id, epoch, at, messages)
VALUES (?1, ?2, ?3, ?4, ?5)";

fn claim_all(ledger: &mut Ledger<'_>, held: i64, claims: &[Claim]) -> Result<Vec<MessageId>> {
    let current = own::current_epoch(ledger.conn)?;
    if held == 0 || held != current {
        return Err(StoreError::Fenced { held, current });
    }
    let mut is_waiting = ledger.conn.prepare_cached(IS_WAITING)?;
    let mut insert = ledger.conn.prepare_cached(INSERT)?;
    let mut refused = Vec::new();
    for claim in claims {
        let mut packed = Vec::with_capacity(claim.messages.len() * 8);
        for message in &claim.messages {
            if is_waiting.exists([claim.account.0, message.raw()])? {
                packed.extend_from_slice(&message.raw().to_le_bytes());
            } else {
                refused.push(*message);
            }
        }
        insert.execute(params![claim.account.0, claim.id.0, held, claim.at.ms(), packed])?;
    }
    Ok(refused)
}

/// The ids packed in a claim's row.
pub(crate) fn unpack(packed: &[u8]) -> impl Iterator<Item = MessageId> + '_ {
    let (ids, _) = packed.as_chunks::<8>();
    ids.iter().filter_map(|id| MessageId::from_raw(i64::from_le_bytes(*id)))
}

const HELD: &str = "
SELECT id, at, messages
FROM claim
WHERE account = ?1";

const IS_ANSWERED: &str = "
SELECT 1
FROM dispatch
WHERE account = ?1
  AND message = ?2
  AND claim = ?3";

/// What the open claims of an account hold: at most what is in flight.
pub(crate) struct Held<'a> {
    conn: &'a Connection,
    account: AccountId,
    claims: HashMap<MessageId, (ClaimId, Timestamp)>,
}

impl<'a> Held<'a> {
    pub(crate) fn read(conn: &'a Connection, account: AccountId) -> Result<Self> {
        let mut open = conn.prepare_cached(HELD)?;
        let mut rows = open.query([account.0])?;
        let mut claims = HashMap::new();
        while let Some(row) = rows.next()? {
            let claim = (ClaimId(row.get(0)?), row::at(row, 1)?);
            let packed = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            claims.extend(unpack(packed).map(|message| (message, claim)));
        }
        Ok(Self { conn, account, claims })
    }

    /// The claim that holds this message: it was not answered under it yet.
    pub(crate) fn by(&self, message: MessageId) -> Result<Option<ClaimId>> {
        Ok(self.find(message)?.map(|(claim, _)| claim))
    }

    /// When that claim was made.
    pub(crate) fn at(&self, message: MessageId) -> Result<Option<Timestamp>> {
        Ok(self.find(message)?.map(|(_, at)| at))
    }

    fn find(&self, message: MessageId) -> Result<Option<(ClaimId, Timestamp)>> {
        let Some((claim, at)) = self.claims.get(&message).copied() else { return Ok(None) };
        let answered = is_answered(self.conn, self.account, message, claim)?;
        Ok((!answered).then_some((claim, at)))
    }

    /// All it holds.
    pub(crate) fn all(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.claims.keys().copied()
    }
}

/// Whether a try of this message under this claim came back.
pub(crate) fn is_answered(
    conn: &Connection,
    account: AccountId,
    message: MessageId,
    claim: ClaimId,
) -> Result<bool> {
    Ok(conn.prepare_cached(IS_ANSWERED)?.exists([account.0, message.raw(), claim.0])?)
}
