//! Step: accept. Rows on disk before anybody is told 202.

use hongyan_domain::{InteractionKind, MessageId, State, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::keyring::AccountKeys;
use crate::queue::Turn;
use crate::recipients::{Owner, Person};
use crate::seal::{self, Blind, Place};
use crate::store::{KeysOf, check_batch};
use crate::writer::Ledger;
use crate::{Acceptance, NewMessage, Result, Store, StoreError, verdicts};

/// Due further ahead than this, a message waits in the schedule and not in the queue.
pub(crate) const SCHEDULED_AFTER_MS: i64 = 60_000;
/// Longest id of a caller's.
const CLIENT_MSG_ID_MAX: usize = 128;
/// Where bodies stand.
pub(crate) const BODY: &str = "message.body";

/// A message whose plain text is gone.
struct Sealed {
    new: NewMessage,
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
        let keys = self.keys_of(batch.iter().map(|new| new.account)).await?;
        let sealed =
            batch.into_iter().map(|new| seal(keys.of(new.account)?, new)).collect::<Result<Vec<_>>>()?;
        let turn = Turn::of(sealed.iter().map(|sealed| sealed.new.lane));
        self.write_in(turn, sealed.len(), move |ledger| insert_all(ledger, &keys, &sealed)).await
    }

    /// What `accept` would answer of a message that is there already, under the same `client_msg_id`.
    pub async fn accepted_before(&self, new: &NewMessage) -> Result<Option<Acceptance>> {
        if new.client_msg_id.is_none() {
            return Ok(None);
        }
        let keys = self.keys_of(std::iter::once(new.account)).await?;
        let sealed = seal(keys.of(new.account)?, new.clone())?;
        self.read(move |conn| earlier(conn, &sealed)).await
    }
}

fn seal(keys: &AccountKeys, new: NewMessage) -> Result<Sealed> {
    if new.client_msg_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > CLIENT_MSG_ID_MAX) {
        return Err(StoreError::Invalid(format!("client_msg_id has 1 to {CLIENT_MSG_ID_MAX} bytes")));
    }
    let place = Place { column: BODY, account: new.account, row: new.id.raw() };
    let mut body_hash = None;
    let body = keys.current().seal(place, |text| {
        let start = text.len();
        seal::write_body(&new.openid, &new.content, text);
        if new.client_msg_id.is_some() {
            body_hash = Some(seal::blind(keys.body(), &[new.template_id.as_bytes(), b"\0", &text[start..]]));
        }
    })?;
    Ok(Sealed { recipient: keys.recipient(&new.openid), body_hash, body, new })
}

const HAS_ACCOUNT: &str = "
SELECT 1
FROM account
WHERE account = ?1";

const INSERT: &str = "
INSERT INTO message (account, id, state, attempts, scheduled, lane, accepted_at, due_at, deadline_at, expires_at,
  on_unknown, recipient, client_msg_id, body_hash, template_id, scenario, category, basis, counted, body)
VALUES (?1, ?2, 'pending', 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, FALSE, ?17)
ON CONFLICT (account, client_msg_id) WHERE client_msg_id IS NOT NULL DO NOTHING";

fn insert_all(ledger: &mut Ledger<'_>, keys: &KeysOf, batch: &[Sealed]) -> Result<Vec<Acceptance>> {
    let mut has_account = ledger.conn.prepare_cached(HAS_ACCOUNT)?;
    let mut insert = ledger.conn.prepare_cached(INSERT)?;
    let mut answers = vec![Acceptance::New; batch.len()];
    let mut checked = None;
    for (nth, sealed) in by_account(batch) {
        let account = sealed.new.account;
        // Its keys may be in memory still while another process has deleted it.
        if checked.replace(account) != Some(account) && !has_account.exists([account.0])? {
            return Err(StoreError::NoAccount(account));
        }
        if insert_one(&mut insert, sealed)? {
            ledger.tally.enter(account, sealed.new.accepted_at, State::Pending, None);
            ledger.tally.used(account, sealed.new.accepted_at, &sealed.new.template_id);
            note(ledger, keys.of(account)?, sealed)?;
        } else {
            let lost = || StoreError::Corrupt("the index of client_msg_id names no row".to_owned());
            answers[nth] = earlier(ledger.conn, sealed)?.ok_or_else(lost)?;
        }
    }
    Ok(answers)
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
