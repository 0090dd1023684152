//! Step: accept. Rows on disk before anybody is told 202.

use std::sync::Arc;

use hongyan_domain::{AccountId, InteractionKind, MessageId, State, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::keyring::AccountKeys;
use crate::queue::Turn;
use crate::recipients::{Owner, Person};
use crate::seal::{self, Blind};
use crate::series::Kind;
use crate::store::{KeysOf, check_batch};
use crate::writer::Ledger;
use crate::{Acceptance, NewMessage, Result, Store, StoreError, row, verdicts};

/// Due further ahead than this, a message waits in the schedule and not in the queue.
pub(crate) const SCHEDULED_AFTER_MS: i64 = 60_000;
/// Longest id of a caller's.
const CLIENT_MSG_ID_MAX: usize = 128;

/// A message and what is written of its plain text.
struct Sealed {
    new: Arc<NewMessage>,
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
        let mut accounts: Vec<_> = batch.iter().map(|new| new.account).collect();
        accounts.dedup();
        let (turn, rows) = (Turn::of(batch.iter().map(|new| new.lane)), batch.len());
        let batch: Vec<_> = batch.into_iter().map(Arc::new).collect();
        let insert = move |keys: KeysOf| {
            let sealed =
                batch.iter().map(|new| seal(keys.of(new.account)?, new)).collect::<Result<Vec<_>>>()?;
            Ok(move |ledger: &mut Ledger<'_>| insert_all(ledger, &keys, &sealed))
        };
        self.write_sealed(&accounts, (turn, rows), insert).await
    }

    /// What `accept` would answer of a message that is there already, under the same `client_msg_id`.
    pub async fn accepted_before(&self, new: &NewMessage) -> Result<Option<Acceptance>> {
        if new.client_msg_id.is_none() {
            return Ok(None);
        }
        let keys = self.keys_of(std::iter::once(new.account)).await?;
        let sealed = seal(keys.of(new.account)?, &Arc::new(new.clone()))?;
        self.read(move |conn| earlier(conn, &sealed)).await
    }
}

fn seal(keys: &AccountKeys, new: &Arc<NewMessage>) -> Result<Sealed> {
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
    Ok(Sealed { recipient: keys.recipient(&new.openid), body_hash, body, new: new.clone() })
}

pub(crate) const NEWEST_KEY: &str = "
SELECT MAX(version)
FROM data_key
WHERE account = ?1
  AND purpose = 'data'";

/// Refuses what an older data key sealed, so that once there is a newer one nothing more is written under the old:
/// only then can that be dropped. An account that another process has deleted has no key at all.
pub(crate) fn check_key(conn: &Connection, account: AccountId, sealed: &[u8]) -> Result<()> {
    let newest: Option<u32> = conn.prepare_cached(NEWEST_KEY)?.query_row([account.0], |row| row.get(0))?;
    match newest {
        Some(newest) if newest == seal::key_id(sealed)? => Ok(()),
        Some(_) => Err(StoreError::StaleKey(account)),
        None => Err(StoreError::NoAccount(account)),
    }
}

const INSERT: &str = "
INSERT INTO message (account, id, state, attempts, scheduled, lane, accepted_at, due_at, deadline_at, expires_at,
  on_unknown, recipient, client_msg_id, body_hash, template_id, scenario, category, basis, counted, body)
VALUES (?1, ?2, 'pending', 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, FALSE, ?17)
ON CONFLICT (account, client_msg_id) WHERE client_msg_id IS NOT NULL DO NOTHING";

fn insert_all(ledger: &mut Ledger<'_>, keys: &KeysOf, batch: &[Sealed]) -> Result<Vec<Acceptance>> {
    let mut insert = ledger.conn.prepare_cached(INSERT)?;
    let mut answers = vec![Acceptance::New; batch.len()];
    let mut checked = None;
    for (nth, sealed) in by_account(batch) {
        let account = sealed.new.account;
        if checked.replace(account) != Some(account) {
            check_key(ledger.conn, account, &sealed.body)?;
        }
        if insert_one(&mut insert, sealed)? {
            ledger.tally.enter(account, sealed.new.accepted_at, State::Pending, None);
            ledger.tally.used(account, sealed.new.accepted_at, &sealed.new.template_id);
            count(ledger, &sealed.new);
            note(ledger, keys.of(account)?, sealed)?;
        } else {
            let lost = || StoreError::Corrupt("the index of client_msg_id names no row".to_owned());
            answers[nth] = earlier(ledger.conn, sealed)?.ok_or_else(lost)?;
        }
    }
    Ok(answers)
}

fn count(ledger: &mut Ledger<'_>, new: &NewMessage) {
    let series = &mut ledger.tally.series;
    let scenario = new.scenario.clone().unwrap_or_else(|| series.name(""));
    let kind = Kind { lane: new.lane, template: new.template_id.clone(), scenario };
    series.accepted(new.account, new.accepted_at, &kind);
}

/// With their places in the batch, as the accounts lie in the store: a page is looked up once for all its rows.
fn by_account(batch: &[Sealed]) -> Vec<(usize, &Sealed)> {
    let mut sorted: Vec<_> = batch.iter().enumerate().collect();
    sorted.sort_by_key(|(_, sealed)| sealed.new.account);
    sorted
}

/// What comes with a new message: what the rules said of it, and what it proves its recipient did.
fn note(ledger: &Ledger<'_>, keys: &AccountKeys, sealed: &Sealed) -> Result<()> {
    let new = &sealed.new;
    for heard in &new.verdicts {
        verdicts::note(ledger, (new.account, new.id), new.accepted_at, *heard)?;
    }
    let Some(kind) = new.basis else { return Ok(()) };
    let mut person = Person::read(ledger.conn, new.account, sealed.recipient)?;
    person.facts.acted(kind, new.accepted_at);
    person.write(ledger.conn, Owner { keys, openid: &new.openid }, new.accepted_at)
}

fn insert_one(insert: &mut CachedStatement<'_>, sealed: &Sealed) -> Result<bool> {
    let new = &sealed.new;
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
        new.category.as_str(),
        new.basis.map(InteractionKind::as_str),
        sealed.body,
    ])?;
    Ok(inserted == 1)
}

const EARLIER: &str = "
SELECT id, state, due_at, deadline_at, body_hash
FROM message
WHERE account = ?1
  AND client_msg_id = ?2";

fn earlier(conn: &Connection, sealed: &Sealed) -> Result<Option<Acceptance>> {
    let found = conn
        .prepare_cached(EARLIER)?
        .query_row(params![sealed.new.account.0, sealed.new.client_msg_id], |row| {
            let hash: Option<Vec<u8>> = row.get(4)?;
            let same = hash.as_deref() == sealed.body_hash.as_ref().map(|hash| &hash[..]);
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?, same))
        })
        .optional()?;
    let Some((id, state, due_at, deadline_at, same)) = found else { return Ok(None) };
    let id =
        MessageId::from_raw(id).ok_or_else(|| StoreError::Corrupt("a message id below zero".to_owned()))?;
    if !same {
        return Ok(Some(Acceptance::Conflict { id }));
    }
    let state =
        State::parse(&state).ok_or_else(|| StoreError::Corrupt(format!("message.state `{state}`")))?;
    let (due_at, deadline_at) = (Timestamp::from_ms(due_at), Timestamp::from_ms(deadline_at));
    Ok(Some(Acceptance::Same { id, state, due_at, deadline_at }))
}
