//! Step accept, where several triggers become one message: the first opens a window with a message that waits for its
//! end, each later one writes that message anew. Whatever happens meanwhile, what is on disk is a whole message.

use hongyan_domain::{AccountId, MessageId, Openid, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::message::{Acceptance, Gather, Happening, Joining, MessageRecord, Moment, NewMessage};
use crate::path::accept::Sealed;
use crate::seal::keyring::AccountKeys;
use crate::seal::{self, Blind};
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::store::check_batch;
use crate::{Result, Store, StoreError};

/// Triggers that become one message: more would not be read by anyone. The next one opens a window of its own.
pub const GATHERED_MAX: usize = 100;

/// Whose triggers belong together.
#[derive(Clone)]
pub struct WindowAsked {
    /// Whose.
    pub account: AccountId,
    /// To whom.
    pub openid: Openid,
    /// Of which scenario.
    pub scenario: String,
    /// About what; empty: whatever it is about.
    pub by: String,
}

/// A window that takes one more trigger.
#[derive(Clone)]
pub struct OpenWindow {
    /// Its message.
    pub message: MessageId,
    /// How many triggers it has.
    pub had: usize,
    /// Their params: a JSON array.
    pub items: String,
}

impl Store {
    /// The windows that are open for these at `now`, in the order given.
    pub async fn windows(&self, asked: Vec<WindowAsked>, now: Timestamp) -> Result<Vec<Option<OpenWindow>>> {
        check_batch(asked.len())?;
        let keys = self.keys_of(asked.iter().map(|one| one.account)).await?;
        let place = |one: &WindowAsked| {
            let keys = keys.of(one.account)?;
            let (recipient, subject) = (keys.recipient(&one.openid), subject(keys, &one.by));
            Ok((Key { account: one.account, recipient, subject }, one.scenario.clone()))
        };
        let places = asked.iter().map(place).collect::<Result<Vec<_>>>()?;
        let shared = self.shared.clone();
        self.read(move |conn| {
            let window = |(key, scenario): (Key, String)| {
                let Some((message, had)) = open(conn, &key, &scenario, now)? else { return Ok(None) };
                let items = items(conn, &shared.keyring, (key.account, message))?;
                Ok(items.map(|items| OpenWindow { message, had, items }))
            };
            places.into_iter().map(window).collect()
        })
        .await
    }
}

/// Person and subject of an account.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) account: AccountId,
    pub(crate) recipient: Blind,
    pub(crate) subject: Blind,
}

/// What a subject is known by: it may name an order, and an order a person.
pub(crate) fn subject(keys: &AccountKeys, name: &str) -> Blind {
    seal::blind(keys.body(), &[b"subject\0", name.as_bytes()])
}

/// What tells two triggers under one client_msg_id apart: the content that they end up in may be the same.
pub(crate) fn body_hash(keys: &AccountKeys, new: &NewMessage, gather: &Gather) -> Blind {
    let (openid, scenario) = (new.openid.expose(), new.scenario.as_deref().unwrap_or_default());
    let parts = [openid, "\0", scenario, "\0", &gather.params, "\0", &new.given].map(str::as_bytes);
    seal::blind(keys.body(), &parts)
}

const OPEN: &str = "
SELECT message
FROM gathering
WHERE account = ?1
  AND recipient = ?2
  AND scenario = ?3
  AND subject = ?4
  AND until > ?5";

// What a claim may hold has left the schedule: it is not written anew.
const WAITS: &str = "
SELECT (SELECT COUNT(*) FROM gathered WHERE account = ?1 AND message = ?2)
FROM message
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'
  AND scheduled";

fn open(conn: &Connection, key: &Key, scenario: &str, now: Timestamp) -> Result<Option<(MessageId, usize)>> {
    let place = params![key.account.0, &key.recipient[..], scenario, &key.subject[..], now.ms()];
    let Some(message) = row::first::<i64>(conn.prepare_cached(OPEN)?.query(place)?)? else { return Ok(None) };
    let had = row::first::<i64>(conn.prepare_cached(WAITS)?.query([key.account.0, message])?)?;
    let had = had.and_then(|had| usize::try_from(had).ok()).filter(|had| *had < GATHERED_MAX);
    Ok(MessageId::from_raw(message).zip(had))
}

const BODY: &str = "
SELECT body
FROM message
WHERE account = ?1
  AND id = ?2";

fn items(
    conn: &Connection,
    keyring: &crate::seal::keyring::Keyring,
    (account, message): (AccountId, MessageId),
) -> Result<Option<String>> {
    let body: Option<Vec<u8>> = row::first(conn.prepare_cached(BODY)?.query([account.0, message.raw()])?)?;
    let Some(body) = body.filter(|body| !body.is_empty()) else { return Ok(None) };
    let place = row::body_place(account, message.raw());
    let plain = keyring.keys_for(conn, account, &body)?.open(place, &body)?;
    Ok(seal::read_items(&plain).map(str::to_owned))
}

const ANY: &str = "
SELECT 1
FROM gathered
WHERE account = ?1
LIMIT 1";

/// Whether any message of the account is made of several triggers: only then their ids have to be asked for.
pub(crate) fn any(conn: &Connection, account: AccountId) -> Result<bool> {
    Ok(conn.prepare_cached(ANY)?.exists([account.0])?)
}

const EARLIER: &str = "
SELECT message, body_hash
FROM gathered
WHERE account = ?1
  AND client_msg_id = ?2";

const PLACE: &str = "
SELECT state, due_at, deadline_at
FROM message
WHERE account = ?1
  AND id = ?2";

/// What is there already under the same client_msg_id, as one of several triggers.
pub(crate) fn earlier(conn: &Connection, sealed: &Sealed) -> Result<Option<Acceptance>> {
    let Some(client_msg_id) = &sealed.new.client_msg_id else { return Ok(None) };
    let account = sealed.new.account;
    let found = conn
        .prepare_cached(EARLIER)?
        .query_row(params![account.0, client_msg_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((message, hash)): Option<(i64, Option<Vec<u8>>)> = found else { return Ok(None) };
    let id =
        MessageId::from_raw(message).ok_or_else(|| StoreError::Corrupt("gathered.message".to_owned()))?;
    if hash.as_deref() != sealed.body_hash.as_ref().map(|hash| &hash[..]) {
        return Ok(Some(Acceptance::Conflict { id }));
    }
    let mut place = conn.prepare_cached(PLACE)?;
    let mut rows = place.query([account.0, message])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (state, due_at, deadline_at) = (row::word(row, 0, State::parse)?, row::at(row, 1)?, row::at(row, 2)?);
    Ok(Some(Acceptance::Same { id, state, due_at, deadline_at }))
}

/// Whether what the caller read of the windows still holds.
pub(crate) fn still_holds(
    conn: &Connection,
    keys: &AccountKeys,
    sealed: &Sealed,
    gather: &Gather,
) -> Result<bool> {
    let new = &sealed.new;
    let key = Key { account: new.account, recipient: sealed.recipient, subject: subject(keys, &gather.by) };
    let open = open(conn, &key, new.scenario.as_deref().unwrap_or_default(), new.accepted_at)?;
    Ok(match gather.joining {
        Joining::Opens => open.is_none(),
        Joining::Joins { had } => open == Some((new.id, had)),
        Joining::Apart => true,
    })
}

const PUT_WINDOW: &str = "
INSERT INTO gathering (account, recipient, scenario, subject, message, until)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (account, recipient, scenario, subject)
DO UPDATE SET message = excluded.message, until = excluded.until";

/// The message is on disk: its window is open.
pub(crate) fn begin(ledger: &Ledger<'_>, keys: &AccountKeys, sealed: &Sealed, gather: &Gather) -> Result<()> {
    let (new, subject) = (&sealed.new, subject(keys, &gather.by));
    let scenario = new.scenario.as_deref().unwrap_or_default();
    let window = params![
        new.account.0,
        &sealed.recipient[..],
        scenario,
        &subject[..],
        new.id.raw(),
        gather.until.ms()
    ];
    ledger.conn.prepare_cached(PUT_WINDOW)?.execute(window)?;
    note(ledger, sealed, 0)
}

const WRITE_ANEW: &str = "
UPDATE message
SET body = ?3
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'
  AND scheduled";

/// One trigger more: the message says it too.
pub(crate) fn join(ledger: &Ledger<'_>, sealed: &Sealed, had: usize) -> Result<Acceptance> {
    let new = &sealed.new;
    let written = params![new.account.0, new.id.raw(), sealed.body];
    if ledger.conn.prepare_cached(WRITE_ANEW)?.execute(written)? != 1 {
        return Ok(Acceptance::Moved);
    }
    note(ledger, sealed, had)?;
    let mut place = ledger.conn.prepare_cached(PLACE)?;
    let mut rows = place.query([new.account.0, new.id.raw()])?;
    let row = rows.next()?.ok_or_else(|| crate::path::moves::lost_row(new.id))?;
    Ok(Acceptance::Joined { due_at: row::at(row, 1)?, deadline_at: row::at(row, 2)?, count: had + 1 })
}

const NOTE: &str = "
INSERT INTO gathered (account, message, nth, client_msg_id, body_hash, at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

fn note(ledger: &Ledger<'_>, sealed: &Sealed, nth: usize) -> Result<()> {
    let new = &sealed.new;
    let hash = sealed.body_hash.as_ref().map(|hash| &hash[..]);
    let row = params![new.account.0, new.id.raw(), nth, new.client_msg_id, hash, new.accepted_at.ms()];
    ledger.conn.prepare_cached(NOTE)?.execute(row)?;
    Ok(())
}

const TRIGGERS: &str = "
SELECT at, nth, client_msg_id
FROM gathered
WHERE account = ?1
  AND message = ?2
ORDER BY nth";

/// The triggers of a message, as moments of its timeline.
pub(crate) fn moments(
    conn: &Connection,
    keyring: &crate::seal::keyring::Keyring,
    record: &MessageRecord,
) -> Result<Vec<Moment>> {
    let mut triggers = conn.prepare_cached(TRIGGERS)?;
    let found = row::all(triggers.query([record.account.0, record.id.raw()])?, |row| {
        Ok((row::at(row, 0)?, row.get::<_, usize>(1)?, row.get::<_, Option<String>>(2)?))
    })?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let items = items(conn, keyring, (record.account, record.id))?.unwrap_or_default();
    let params: Vec<serde_json::Value> = serde_json::from_str(&items).unwrap_or_default();
    let moment = |(at, nth, client_msg_id): (Timestamp, usize, Option<String>)| {
        let params = params.get(nth).map(ToString::to_string);
        Moment { at, what: Happening::Merged { client_msg_id, params } }
    };
    Ok(found.into_iter().map(moment).collect())
}

const BY_CLIENT: &str = "
SELECT message
FROM gathered
WHERE account = ?1
  AND client_msg_id = ?2";

/// The message that the trigger under this client_msg_id went into.
pub(crate) fn message_of(conn: &Connection, account: AccountId, client_msg_id: &str) -> Result<Option<i64>> {
    row::first(conn.prepare_cached(BY_CLIENT)?.query(params![account.0, client_msg_id])?)
}
