//! Step: accept. Rows on disk before anybody is told 202.

use std::collections::HashSet;
use std::sync::Arc;

use hongyan_domain::{AccountId, MessageId, State, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::keyring::AccountKeys;
use crate::seal::{self, Blind};
use crate::store::check_batch;
use crate::writer::Ledger;
use crate::{Acceptance, NewMessage, Result, Store, StoreError, row};

/// Due further ahead than this, a message waits in the schedule and not in the queue.
const SCHEDULED_AFTER_MS: i64 = 60_000;
/// Longest id of a caller's.
const CLIENT_MSG_ID_MAX: usize = 128;

/// What becomes of a message's plain text.
struct Sealed {
    recipient: Blind,
    body_hash: Option<Blind>,
    body: Vec<u8>,
}

impl Store {
    /// Commits new messages, all in one transaction; durable on return. One answer a message, in order.
    ///
    /// The same `client_msg_id` again (in the same batch as well) is `Same` if openid, template and content are the
    /// same, whatever the times; else `Conflict`.
    pub async fn accept(&self, batch: Vec<NewMessage>) -> Result<Vec<Acceptance>> {
        check_batch(batch.len())?;
        let batch: Arc<[NewMessage]> = batch.into();
        match self.seal_and_insert(&batch).await {
            // Another process has made a new key: that one seals.
            Err(StoreError::StaleKey(_)) => {
                self.reload_keys(batch.iter().map(|new| new.account)).await?;
                self.seal_and_insert(&batch).await
            }
            done => done,
        }
    }

    async fn seal_and_insert(&self, batch: &Arc<[NewMessage]>) -> Result<Vec<Acceptance>> {
        let keys = self.keys_of(batch.iter().map(|new| new.account)).await?;
        let sealed = batch.iter().map(|new| seal(keys.of(new.account)?, new)).collect::<Result<Vec<_>>>()?;
        let batch = batch.clone();
        self.write(batch.len(), move |ledger| insert_all(ledger, &batch, &sealed)).await
    }
}

fn seal(keys: &AccountKeys, new: &NewMessage) -> Result<Sealed> {
    if new.client_msg_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > CLIENT_MSG_ID_MAX) {
        return Err(StoreError::Invalid(format!("client_msg_id has 1 to {CLIENT_MSG_ID_MAX} bytes")));
    }
    let mut body_hash = None;
    let body = keys.current().seal(row::body_place(new.account, new.id.raw()), |text| {
        let start = text.len();
        seal::write_body(&new.openid, &new.content, text);
        if new.client_msg_id.is_some() {
            body_hash = Some(seal::blind(keys.body(), &[new.template_id.as_bytes(), b"\0", &text[start..]]));
        }
    })?;
    Ok(Sealed { recipient: keys.recipient(&new.openid), body_hash, body })
}

pub(crate) const NEWEST_KEY: &str = "
SELECT MAX(version)
FROM data_key
WHERE account = ?1
  AND purpose = 'data'";

/// Refuses what an older data key sealed, so that once there is a newer one nothing more is written under the old:
/// only then can that be dropped. An account that another process has deleted has no key at all.
fn check_key(conn: &Connection, account: AccountId, sealed: &[u8]) -> Result<()> {
    let newest: Option<u32> = conn.prepare_cached(NEWEST_KEY)?.query_row([account.0], |row| row.get(0))?;
    match newest {
        Some(newest) if newest == seal::key_id(sealed)? => Ok(()),
        Some(_) => Err(StoreError::StaleKey(account)),
        None => Err(StoreError::NoAccount(account)),
    }
}

const INSERT: &str = "
INSERT INTO message (account, id, state, attempts, scheduled, lane, accepted_at, due_at, deadline_at, expires_at,
  on_unknown, recipient, client_msg_id, body_hash, template_id, scenario, category, basis, body)
VALUES (?1, ?2, 'pending', 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
ON CONFLICT (account, client_msg_id) WHERE client_msg_id IS NOT NULL DO NOTHING";

fn insert_all(ledger: &mut Ledger<'_>, batch: &[NewMessage], sealed: &[Sealed]) -> Result<Vec<Acceptance>> {
    let mut insert = ledger.conn.prepare_cached(INSERT)?;
    let mut answers = Vec::with_capacity(batch.len());
    let mut checked = HashSet::new();
    for (new, sealed) in batch.iter().zip(sealed) {
        let account = new.account;
        if checked.insert(account) {
            check_key(ledger.conn, account, &sealed.body)?;
        }
        if insert_one(&mut insert, new, sealed)? {
            ledger.tally.enter(account, new.accepted_at, State::Pending, None);
            answers.push(Acceptance::New);
        } else {
            answers.push(earlier(ledger.conn, new, sealed)?);
        }
    }
    Ok(answers)
}

fn insert_one(insert: &mut CachedStatement<'_>, new: &NewMessage, sealed: &Sealed) -> Result<bool> {
    let inserted = insert.execute(params![
        new.account.0,
        new.id.raw(),
        new.due_at.ms().saturating_sub(new.accepted_at.ms()) > SCHEDULED_AFTER_MS,
        new.lane.index(),
        new.accepted_at.ms(),
        new.due_at.ms(),
        new.deadline_at.ms(),
        new.expires_at.map(Timestamp::ms),
        new.on_unknown.as_str(),
        &sealed.recipient[..],
        new.client_msg_id,
        sealed.body_hash.as_ref().map(|hash| &hash[..]),
        &*new.template_id,
        new.scenario.as_deref(),
        new.category.as_deref(),
        new.basis.as_deref(),
        sealed.body,
    ])?;
    Ok(inserted == 1)
}

const EARLIER: &str = "
SELECT id, state, due_at, deadline_at, body_hash
FROM message
WHERE account = ?1
  AND client_msg_id = ?2";

fn earlier(conn: &Connection, new: &NewMessage, sealed: &Sealed) -> Result<Acceptance> {
    let found = conn
        .prepare_cached(EARLIER)?
        .query_row(params![new.account.0, new.client_msg_id], |row| {
            let hash: Option<Vec<u8>> = row.get(4)?;
            let same = hash.as_deref() == sealed.body_hash.as_ref().map(|hash| &hash[..]);
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?, same))
        })
        .optional()?;
    let (id, state, due_at, deadline_at, same) =
        found.ok_or_else(|| StoreError::Corrupt("the index of client_msg_id names no row".to_owned()))?;
    let id =
        MessageId::from_raw(id).ok_or_else(|| StoreError::Corrupt("a message id below zero".to_owned()))?;
    if !same {
        return Ok(Acceptance::Conflict { id });
    }
    let state =
        State::parse(&state).ok_or_else(|| StoreError::Corrupt(format!("message.state `{state}`")))?;
    let (due_at, deadline_at) = (Timestamp::from_ms(due_at), Timestamp::from_ms(deadline_at));
    Ok(Acceptance::Same { id, state, due_at, deadline_at })
}
