//! New keys. A new data key seals from its commit on, in every process (`accept::check_key`); what older ones sealed
//! stays readable and is sealed anew in small batches, and when nothing needs an old key it is dropped.
//!
//! Index keys are never changed: a blind index can only be computed again from the openid, which is in the sealed
//! bodies alone, and as long as both were in use nobody would be found.

use std::sync::{Arc, PoisonError};

use hongyan_domain::{AccountId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::account::accounts::revise;
use crate::account::secrets::secrets_place;
use crate::account::tokens::token_place;
use crate::path::accept::NEWEST_KEY;
use crate::path::reconcile::raw_place;
use crate::people::person::openid_place;
use crate::seal::keyring::{self, AccountKeys, Keyring, Purpose, Slot};
use crate::seal::{self, Place, SealKey};
use crate::sqlite::row::{self, body_place};
use crate::sqlite::writer::Ledger;
use crate::{Action, Deed, MasterKey, Result, Store, StoreError};

// -1: from the first message on.
const BEGIN: &str = "
INSERT INTO meta (account, name, value)
VALUES (?1, 'resealed', -1)
ON CONFLICT (account, name)
DO UPDATE SET value = excluded.value";

impl Store {
    /// Makes a new data key for an account: what is sealed from now on takes it, what was sealed stays readable and is
    /// sealed anew by `reseal`. The new key's version.
    pub async fn rotate_data_key(&self, account: AccountId, now: Timestamp) -> Result<u32> {
        let (shared, actor) = (self.shared.clone(), self.actor.clone());
        let version = self
            .write(1, move |ledger| {
                shared.keyring.check_master(ledger.conn)?;
                let version = newest(ledger.conn, account)?.ok_or(StoreError::NoAccount(account))? + 1;
                let slot = Slot { account, purpose: Purpose::Data, version };
                keyring::insert_key(ledger.conn, &shared.keyring.master(), slot)?;
                ledger.conn.prepare_cached(BEGIN)?.execute([account.0])?;
                let detail = json!({ "version": version });
                ledger.audit_account(&actor, (Action::SecretsRotate, account), detail, now)?;
                revise(ledger.conn)?;
                Ok(version)
            })
            .await?;
        self.shared.keyring.forget(account);
        Ok(version)
    }
}

fn newest(conn: &Connection, account: AccountId) -> Result<Option<u32>> {
    Ok(conn.prepare_cached(NEWEST_KEY)?.query_row([account.0], |row| row.get(0))?)
}

/// What is to be written in one transaction.
struct Batch {
    account: AccountId,
    /// The version that seals.
    version: u32,
    step: Step,
}

/// Message bodies first, then the people, then the receipts, then the few values that an account has one of.
enum Step {
    Bodies { anew: Vec<Anew<i64>>, reached: i64 },
    People { anew: Vec<Anew<Vec<u8>>>, reached: Vec<u8> },
    Receipts(Vec<Anew<(i64, Vec<u8>, i64)>>),
    Rest,
}

/// A value by its row's key, as it was and as it is to be.
struct Anew<K> {
    key: K,
    was: Vec<u8>,
    is: Vec<u8>,
}

impl Store {
    /// Seals up to `limit` values anew that an older data key sealed; after the last, drops the older keys. How many
    /// steps are to come is unknown: `false` when nothing is left to do. May be ended at any moment.
    pub async fn reseal(&self, limit: usize) -> Result<bool> {
        let (shared, limit) = (self.shared.clone(), limit.clamp(1, crate::MAX_BATCH));
        let people = self.shared.people_resealed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let next = self.read(move |conn| next(conn, &shared.keyring, &people, limit)).await?;
        let Some(batch) = next else { return Ok(false) };
        let people = match &batch.step {
            Step::People { reached, .. } => Some((batch.account, batch.version, reached.clone())),
            _ => None,
        };
        let shared = self.shared.clone();
        self.write(limit, move |ledger| write(ledger, &shared.keyring, &batch)).await?;
        if people.is_some() {
            *self.shared.people_resealed.lock().unwrap_or_else(PoisonError::into_inner) = people;
        }
        Ok(true)
    }
}

const IN_PROGRESS: &str = "
SELECT account, value
FROM meta
WHERE name = 'resealed'
ORDER BY account
LIMIT 1";

/// How far the people of an account are sealed anew, by which key. In memory only: it spares looking at them once more
/// from the beginning, as after a restart.
pub(crate) type PeopleResealed = Option<(AccountId, u32, Vec<u8>)>;

fn next(
    conn: &Connection,
    keyring: &Keyring,
    people: &PeopleResealed,
    limit: usize,
) -> Result<Option<Batch>> {
    let in_progress = |row: &Row<'_>| Ok((AccountId(row.get(0)?), row.get(1)?));
    let found = conn.prepare_cached(IN_PROGRESS)?.query_row([], in_progress).optional()?;
    let Some((account, from)) = found else { return Ok(None) };
    let keys = keyring.read(conn, account)?;
    let version = keys.current().id();
    if let Some(step) = bodies(conn, &keys, (account, from), limit)? {
        return Ok(Some(Batch { account, version, step }));
    }
    let reached = people.as_ref().filter(|(of, by, _)| (*of, *by) == (account, version));
    let reached = reached.map_or(&[][..], |(_, _, reached)| reached);
    if let Some(step) = people_after(conn, &keys, (account, reached), limit)? {
        return Ok(Some(Batch { account, version, step }));
    }
    let receipts = receipts(conn, &keys, account, limit)?;
    let step = if receipts.is_empty() { Step::Rest } else { Step::Receipts(receipts) };
    Ok(Some(Batch { account, version, step }))
}

const BODIES: &str = "
SELECT id, body
FROM message
WHERE account = ?1
  AND id > ?2
ORDER BY id
LIMIT ?3";

fn bodies(
    conn: &Connection,
    keys: &AccountKeys,
    (account, from): (AccountId, i64),
    limit: usize,
) -> Result<Option<Step>> {
    let mut bodies = conn.prepare_cached(BODIES)?;
    let mut rows = bodies.query(params![account.0, from, limit])?;
    let (mut anew, mut reached) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        reached = Some(id);
        // An erased body is empty.
        let was: Vec<u8> = row.get(1)?;
        if !was.is_empty() && seal::key_id(&was)? != keys.current().id() {
            let is = again(keys, body_place(account, id), &was)?;
            anew.push(Anew { key: id, was, is });
        }
    }
    Ok(reached.map(|reached| Step::Bodies { anew, reached }))
}

const PEOPLE: &str = "
SELECT recipient, openid
FROM recipient_openid
WHERE account = ?1
  AND recipient > ?2
  AND SUBSTR(openid, 2, 4) <> ?3
ORDER BY recipient
LIMIT ?4";

fn people_after(
    conn: &Connection,
    keys: &AccountKeys,
    (account, from): (AccountId, &[u8]),
    limit: usize,
) -> Result<Option<Step>> {
    let current = keys.current().id().to_be_bytes();
    let mut people = conn.prepare_cached(PEOPLE)?;
    let anew = row::all(people.query(params![account.0, from, &current[..], limit])?, |row| {
        let was: Vec<u8> = row.get(1)?;
        Ok(Anew { key: row.get(0)?, is: again(keys, openid_place(account), &was)?, was })
    })?;
    Ok(anew.last().map(|last: &Anew<Vec<u8>>| last.key.clone()).map(|reached| Step::People { anew, reached }))
}

const RECEIPTS: &str = "
SELECT msgid, recipient, told_at, raw
FROM receipt
WHERE account = ?1
  AND raw IS NOT NULL
  AND SUBSTR(raw, 2, 4) <> ?2
LIMIT ?3";

type ReceiptKey = (i64, Vec<u8>, i64);

fn receipts(
    conn: &Connection,
    keys: &AccountKeys,
    account: AccountId,
    limit: usize,
) -> Result<Vec<Anew<ReceiptKey>>> {
    let current = keys.current().id().to_be_bytes();
    let mut receipts = conn.prepare_cached(RECEIPTS)?;
    row::all(receipts.query(params![account.0, &current[..], limit])?, |row| {
        let was: Vec<u8> = row.get(3)?;
        let is = again(keys, raw_place(account), &was)?;
        Ok(Anew { key: (row.get(0)?, row.get(1)?, row.get(2)?), was, is })
    })
}

fn again(keys: &AccountKeys, place: Place, was: &[u8]) -> Result<Vec<u8>> {
    let plain = keys.open(place, was)?;
    keys.current().seal(place, |text| text.extend_from_slice(&plain))
}

// What changed meanwhile (it was erased) is left as it is.
const PUT_BODY: &str = "
UPDATE message
SET body = ?4
WHERE account = ?1
  AND id = ?2
  AND body = ?3";

const PUT_OPENID: &str = "
UPDATE recipient_openid
SET openid = ?4
WHERE account = ?1
  AND recipient = ?2
  AND openid = ?3";

const PUT_RAW: &str = "
UPDATE receipt
SET raw = ?6
WHERE account = ?1
  AND msgid = ?2
  AND recipient = ?3
  AND told_at = ?4
  AND raw = ?5";

const REACHED: &str = "
UPDATE meta
SET value = ?2
WHERE account = ?1
  AND name = 'resealed'";

fn write(ledger: &mut Ledger<'_>, keyring: &Keyring, batch: &Batch) -> Result<()> {
    let account = batch.account;
    // There is a newer key by now, or none since the account was deleted: the next batch begins anew.
    if newest(ledger.conn, account)? != Some(batch.version) {
        return Ok(());
    }
    match &batch.step {
        Step::Bodies { anew, reached } => {
            let mut put = ledger.conn.prepare_cached(PUT_BODY)?;
            for Anew { key, was, is } in anew {
                put.execute(params![account.0, key, was, is])?;
            }
            ledger.conn.prepare_cached(REACHED)?.execute([account.0, *reached])?;
        }
        Step::People { anew, .. } => {
            let mut put = ledger.conn.prepare_cached(PUT_OPENID)?;
            for Anew { key, was, is } in anew {
                put.execute(params![account.0, key, was, is])?;
            }
        }
        Step::Receipts(anew) => {
            let mut put = ledger.conn.prepare_cached(PUT_RAW)?;
            for Anew { key: (msgid, recipient, told_at), was, is } in anew {
                put.execute(params![account.0, msgid, recipient, told_at, was, is])?;
            }
        }
        Step::Rest => rest(ledger.conn, &keyring.read(ledger.conn, account)?, account)?,
    }
    Ok(())
}

/// A value that an account has one of: how it is read, how it is written, where it stands.
struct One {
    read: &'static str,
    write: &'static str,
    place: fn(AccountId) -> Place,
}

const ONES: [One; 2] = [
    One {
        read: "SELECT secrets FROM account WHERE account = ?1",
        write: "UPDATE account SET secrets = ?2 WHERE account = ?1",
        place: secrets_place,
    },
    One {
        read: "SELECT value FROM token WHERE account = ?1",
        write: "UPDATE token SET value = ?2 WHERE account = ?1",
        place: token_place,
    },
];

const DROP: &str = "
DELETE FROM data_key
WHERE account = ?1
  AND purpose = 'data'
  AND version < ?2";

const END: &str = "
DELETE FROM meta
WHERE account = ?1
  AND name = 'resealed'";

/// The last step: with it nothing is under an old key any more.
fn rest(conn: &Connection, keys: &AccountKeys, account: AccountId) -> Result<()> {
    for one in ONES {
        let was: Option<Vec<u8>> = row::first(conn.prepare_cached(one.read)?.query([account.0])?)?;
        if let Some(was) = was {
            let is = again(keys, (one.place)(account), &was)?;
            conn.prepare_cached(one.write)?.execute(params![account.0, is])?;
        }
    }
    conn.prepare_cached(DROP)?.execute(params![account.0, keys.current().id()])?;
    conn.prepare_cached(END)?.execute([account.0])?;
    Ok(())
}

/// How an account's data keys stand.
#[derive(Clone, Debug, PartialEq)]
pub struct SealStatus {
    /// Whose.
    pub account: AccountId,
    /// The version that seals.
    pub version: u32,
    /// Older ones that something is still sealed by.
    pub older: Vec<u32>,
    /// How much of the messages is sealed anew, from 0 to 1, by their age; `None`: nothing is to be done.
    pub resealed: Option<f64>,
}

const VERSIONS: &str = "
SELECT account, version
FROM data_key
WHERE purpose = 'data'
ORDER BY account, version";

const PROGRESS: &str = "
SELECT value,
  (SELECT MIN(id) FROM message WHERE account = ?1),
  (SELECT MAX(id) FROM message WHERE account = ?1)
FROM meta
WHERE account = ?1
  AND name = 'resealed'";

impl Store {
    /// How the data keys of all accounts stand, by account.
    pub async fn seal_status(&self) -> Result<Vec<SealStatus>> {
        self.read(|conn| {
            let mut all: Vec<SealStatus> = Vec::new();
            let mut versions = conn.prepare_cached(VERSIONS)?;
            let mut rows = versions.query([])?;
            while let Some(row) = rows.next()? {
                let (account, version) = (AccountId(row.get(0)?), row.get(1)?);
                match all.last_mut().filter(|last| last.account == account) {
                    Some(last) => last.older.push(std::mem::replace(&mut last.version, version)),
                    None => all.push(SealStatus {
                        account,
                        version,
                        older: Vec::new(),
                        resealed: progress(conn, account)?,
                    }),
                }
            }
            Ok(all)
        })
        .await
    }
}

fn progress(conn: &Connection, account: AccountId) -> Result<Option<f64>> {
    let mut progress = conn.prepare_cached(PROGRESS)?;
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?));
    let Some((reached, first, last)) = progress.query_row([account.0], read).optional()? else {
        return Ok(None);
    };
    let (first, last): (Option<i64>, Option<i64>) = (first, last);
    let (Some(first), Some(last)) = (first, last) else { return Ok(Some(1.0)) };
    let share = (reached - first + 1) as f64 / (last - first + 1) as f64;
    Ok(Some(share.clamp(0.0, 1.0)))
}

const ALL_KEYS: &str = "
SELECT account, purpose, version, wrapped
FROM data_key
ORDER BY account, purpose, version";

const REWRAP: &str = "
UPDATE data_key
SET wrapped = ?4
WHERE account = ?1
  AND purpose = ?2
  AND version = ?3";

impl Store {
    /// Wraps all data keys under a new master key, which opens the database from now on: write its file first. Other
    /// processes that have the database open go on with the keys they have in memory; start them again with it.
    pub async fn rewrap(&self, new: &MasterKey, now: Timestamp) -> Result<()> {
        let (shared, actor) = (self.shared.clone(), self.actor.clone());
        let wrapping = Arc::new(keyring::wrapping(new)?);
        let wraps = wrapping.clone();
        let work = move |ledger: &mut Ledger<'_>| {
            let keys = rewrap_all(ledger.conn, &shared.keyring, &wraps)?;
            let (action, subject, detail) = (Action::SecretsRewrap, String::new(), json!({ "keys": keys }));
            ledger.audit(&actor, &Deed { action, account: None, subject, detail, at: now })
        };
        self.write(1, work).await?;
        self.shared.keyring.set_master(wrapping);
        Ok(())
    }
}

fn rewrap_all(conn: &Connection, keyring: &Keyring, new: &SealKey) -> Result<usize> {
    keyring.check_master(conn)?;
    let old = keyring.master();
    let wrapped = row::all(conn.prepare_cached(ALL_KEYS)?.query([])?, |row| {
        let purpose = row::word(row, 1, Purpose::parse)?;
        let slot = Slot { account: AccountId(row.get(0)?), purpose, version: row.get(2)? };
        Ok((slot, row.get::<_, Vec<u8>>(3)?))
    })?;
    for (slot, sealed) in &wrapped {
        let plain = old.open(slot.place(), sealed)?;
        let wrapped = new.seal(slot.place(), |text| text.extend_from_slice(&plain))?;
        let rewrap = params![slot.account.0, slot.purpose.as_str(), slot.version, wrapped];
        if conn.prepare_cached(REWRAP)?.execute(rewrap)? != 1 {
            return Err(StoreError::Corrupt("a data key is gone inside its own transaction".to_owned()));
        }
    }
    Ok(wrapped.len())
}
