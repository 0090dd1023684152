//! Outgoing webhooks: who is told what became of messages, how far each was told, and how the telling went.
//!
//! While there is a webhook, a commit appends the messages it brought to their end as one row, in the same transaction.
//! Each webhook has its place in that log, so that what it missed waits for it and can be told again.

use hongyan_domain::{AccountId, MessageId, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::message::record::{self, record_columns};
use crate::path::claim::Held;
use crate::seal::Column;
use crate::sqlite::row;
use crate::watch::alerts::{corrupt, parse, place, written};
use crate::{Action, Deed, MessageRecord, Result, Secret, Store, StoreError};

/// Webhooks of an installation.
pub const WEBHOOKS_MAX: usize = 100;
/// Tries remembered of each webhook.
const DELIVERIES_MAX: i64 = 1_000;
/// What a row of the log begins with; another layout takes another.
const VERSION: u8 = b'E';
/// An event in a row of the log: account, message, when, the state's place in `State::ALL`.
const EVENT_LEN: usize = 25;

/// Who is told.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its name: `whk_…`.
    pub id: String,
    /// What is no secret.
    pub open: WebhookOpen,
    /// Where.
    pub url: Secret,
    /// What calls are signed with: `whsec_…`.
    pub secret: Secret,
    /// How far it was told.
    pub progress: Progress,
}

/// What is no secret of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookOpen {
    /// What people call it.
    pub name: String,
    /// The host of its URL.
    pub host: String,
    /// Whether it is told anything.
    pub enabled: bool,
    /// Why not, where Hongyan itself switched it off.
    pub disabled_because: Option<String>,
    /// Of messages that end in these states; empty: of all final ones.
    pub states: Vec<State>,
    /// Of these accounts; empty: of all.
    pub accounts: Vec<i64>,
    /// Of these scenarios; empty: of all and of none.
    pub scenarios: Vec<String>,
    /// Whether it is told to whom a message went.
    pub with_openid: bool,
    /// Since when it is there.
    pub created_at: Timestamp,
}

impl WebhookOpen {
    /// Whether a message of this scenario is one it wants to hear of; a message that is gone has none.
    pub fn wants_scenario(&self, record: Option<&MessageRecord>) -> bool {
        let scenario = record.and_then(|record| record.scenario.as_deref());
        self.scenarios.is_empty() || self.scenarios.iter().any(|wanted| Some(&**wanted) == scenario)
    }
}

/// How far a webhook was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// All of the log up to this row.
    pub seq: i64,
    /// And so many of the next row.
    pub nth: i64,
    /// Failures in a row.
    pub failures: u32,
    /// Since when it fails.
    pub failing_since: Option<Timestamp>,
    /// Not to be told before this.
    pub next_at: Timestamp,
}

impl Default for Progress {
    /// Told nothing, and due at once.
    fn default() -> Self {
        Self { seq: 0, nth: 0, failures: 0, failing_since: None, next_at: Timestamp::from_ms(0) }
    }
}

/// A message that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledEvent {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub message: MessageId,
    /// Where it ended.
    pub state: State,
    /// When.
    pub at: Timestamp,
}

/// A row of the log that was read: its number, from which event on, and those events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledRow {
    /// Its number.
    pub seq: i64,
    /// How many of its events come before these.
    pub from: i64,
    /// The rest.
    pub events: Vec<SettledEvent>,
}

/// A try to tell a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub at: Timestamp,
    /// The header `webhook-id`.
    pub webhook_id: String,
    /// How many messages.
    pub events: u32,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// What went wrong; `None`: it was told.
    pub error: Option<String>,
    /// How long it took.
    pub took_ms: u32,
}

const EXISTS: &str = "
SELECT 1
FROM webhook
WHERE account = 0
LIMIT 1";

const APPEND: &str = "
INSERT INTO settled_log (account, seq, at, events)
SELECT 0, COALESCE(MAX(seq), 0) + 1, ?1, ?2
FROM settled_log
WHERE account = 0";

/// Appends what a commit brought to its end, if anybody is to be told.
pub(crate) fn append(conn: &Connection, events: &[SettledEvent]) -> Result<()> {
    let Some(last) = events.last() else { return Ok(()) };
    if !conn.prepare_cached(EXISTS)?.exists([])? {
        return Ok(());
    }
    let mut packed = Vec::with_capacity(1 + events.len() * EVENT_LEN);
    packed.push(VERSION);
    for event in events {
        packed.extend_from_slice(&event.account.0.to_le_bytes());
        packed.extend_from_slice(&event.message.raw().to_le_bytes());
        packed.extend_from_slice(&event.at.ms().to_le_bytes());
        packed.push(State::ALL.iter().position(|state| *state == event.state).unwrap_or(0) as u8);
    }
    conn.prepare_cached(APPEND)?.execute(params![last.at.ms(), packed])?;
    Ok(())
}

fn unpack(packed: &[u8]) -> Result<Vec<SettledEvent>> {
    let spoilt = || StoreError::Corrupt("settled_log.events".to_owned());
    let Some((&VERSION, packed)) = packed.split_first() else { return Err(spoilt()) };
    let (events, rest) = packed.as_chunks::<EVENT_LEN>();
    if !rest.is_empty() {
        return Err(spoilt());
    }
    let number = |event: &[u8; EVENT_LEN], at: usize| {
        event[at..].first_chunk::<8>().map_or(0, |bytes| i64::from_le_bytes(*bytes))
    };
    let event = |event: &[u8; EVENT_LEN]| {
        Ok(SettledEvent {
            account: AccountId(number(event, 0)),
            message: MessageId::from_raw(number(event, 8)).ok_or_else(spoilt)?,
            at: Timestamp::from_ms(number(event, 16)),
            state: *State::ALL.get(usize::from(event[24])).ok_or_else(spoilt)?,
        })
    };
    events.iter().map(event).collect()
}

const ALL: &str = "
SELECT id, webhook, secrets, seq, nth, failures, failing_since, next_at
FROM webhook
WHERE account = 0
ORDER BY id";

const INSERT: &str = "
INSERT INTO webhook (account, id, webhook, secrets, seq, nth, failures, failing_since, next_at)
SELECT 0, ?1, ?2, ?3, COALESCE(MAX(seq), 0), 0, 0, NULL, 0
FROM settled_log
WHERE account = 0";

const UPDATE: &str = "
UPDATE webhook
SET webhook = ?2,
    secrets = ?3,
    failures = 0,
    failing_since = NULL,
    next_at = 0
WHERE account = 0
  AND id = ?1";

const DELETE: &str = "
DELETE FROM webhook
WHERE account = 0
  AND id = ?1";

const DELETE_DELIVERIES: &str = "
DELETE FROM webhook_delivery
WHERE account = 0
  AND webhook = ?1";

#[derive(Deserialize)]
struct Sealed {
    url: String,
    secret: String,
}

impl Store {
    /// All webhooks.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut all = conn.prepare_cached(ALL)?;
            row::all(all.query([])?, |row| {
                let sealed: Vec<u8> = row.get(2)?;
                let plain = shared.keyring.addresses().open(place(Column::WebhookSecrets), &sealed)?;
                let sealed: Sealed = serde_json::from_slice(&plain).map_err(corrupt)?;
                Ok(Webhook {
                    id: row.get(0)?,
                    open: parse(row, 1)?,
                    url: Secret::new(sealed.url),
                    secret: Secret::new(sealed.secret),
                    progress: progress(row)?,
                })
            })
        })
        .await
    }

    /// Adds a webhook, which is told from now on, or changes the one with its id; what it missed it is told at once then.
    pub async fn put_webhook(&self, webhook: Webhook, now: Timestamp) -> Result<()> {
        let actor = self.actor.clone();
        let Webhook { id, open, url, secret, .. } = webhook;
        let detail = json!({ "host": open.host, "enabled": open.enabled, "with_openid": open.with_openid });
        let secrets = json!({ "url": url.expose(), "secret": secret.expose() });
        let (text, secrets) = (written(&open)?, self.seal_address(Column::WebhookSecrets, &secrets)?);
        self.write(1, move |ledger| {
            if ledger.conn.prepare_cached(UPDATE)?.execute(params![id, text, secrets])? == 0 {
                ledger.conn.prepare_cached(INSERT)?.execute(params![id, text, secrets])?;
            }
            let (action, subject) = (Action::WebhookChange, id.clone());
            ledger.audit(&actor, &Deed { action, account: None, subject, detail: detail.clone(), at: now })
        })
        .await
    }

    /// Deletes a webhook with its log. `false`: there is none.
    pub async fn delete_webhook(&self, id: &str, now: Timestamp) -> Result<bool> {
        let (id, actor) = (id.to_owned(), self.actor.clone());
        self.write(2, move |ledger| {
            if ledger.conn.prepare_cached(DELETE)?.execute([&id])? == 0 {
                return Ok(false);
            }
            ledger.conn.prepare_cached(DELETE_DELIVERIES)?.execute([&id])?;
            let (action, subject, detail) = (Action::WebhookDelete, id.clone(), json!({}));
            ledger.audit(&actor, &Deed { action, account: None, subject, detail, at: now })?;
            Ok(true)
        })
        .await
    }
}

fn progress(row: &Row<'_>) -> Result<Progress> {
    Ok(Progress {
        seq: row.get(3)?,
        nth: row.get(4)?,
        failures: row.get(5)?,
        failing_since: row::at_or_never(row, 6)?,
        next_at: row::at(row, 7)?,
    })
}

const LOG: &str = "
SELECT seq, events
FROM settled_log
WHERE account = 0
  AND seq > ?1
ORDER BY seq
LIMIT ?2";

const FIRST_SINCE: &str = "
SELECT MIN(seq)
FROM settled_log
WHERE account = 0
  AND at >= ?1";

const NEWEST: &str = "
SELECT COALESCE(MAX(seq), 0)
FROM settled_log
WHERE account = 0";

const SET_BACK: &str = "
UPDATE webhook
SET seq = ?2,
    nth = 0,
    failures = 0,
    failing_since = NULL,
    next_at = 0
WHERE account = 0
  AND id = ?1";

// The newest row stays, so that numbers go on after it.
const PURGE: &str = "
DELETE FROM settled_log
WHERE account = 0
  AND at < ?1
  AND seq < (SELECT MAX(seq) FROM settled_log WHERE account = 0)";

impl Store {
    /// What a webhook was not told yet: up to `rows` rows of the log, the first without what it was told of it.
    pub async fn settled_since(&self, progress: Progress, rows: usize) -> Result<Vec<SettledRow>> {
        self.read(move |conn| {
            let mut log = conn.prepare_cached(LOG)?;
            let rows = log.query(params![progress.seq, rows])?;
            let mut rows = row::all(rows, |row| {
                let events = unpack(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
                Ok(SettledRow { seq: row.get(0)?, from: 0, events })
            })?;
            if let Some(first) = rows.first_mut() {
                let told = usize::try_from(progress.nth).unwrap_or(0).min(first.events.len());
                first.events.drain(..told);
                first.from = progress.nth;
            }
            Ok(rows)
        })
        .await
    }

    /// Sets a webhook back (or forward) to what ended at this time or later. `false`: there is none of that name.
    pub async fn replay_webhook(&self, id: &str, since: Timestamp, now: Timestamp) -> Result<bool> {
        let (id, actor) = (id.to_owned(), self.actor.clone());
        self.write(1, move |ledger| {
            let conn = ledger.conn;
            let first: Option<i64> =
                conn.prepare_cached(FIRST_SINCE)?.query_row([since.ms()], |row| row.get(0))?;
            let newest: i64 = conn.prepare_cached(NEWEST)?.query_row([], |row| row.get(0))?;
            let seq = first.map_or(newest, |first| first - 1);
            if conn.prepare_cached(SET_BACK)?.execute(params![id, seq])? == 0 {
                return Ok(false);
            }
            let (action, subject, detail) = (Action::WebhookReplay, id.clone(), json!({ "since": since }));
            ledger.audit(&actor, &Deed { action, account: None, subject, detail, at: now })?;
            Ok(true)
        })
        .await
    }

    /// Removes what ended before this from the log; who was not told it by then is not told it.
    pub async fn purge_settled(&self, before: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(PURGE)?.execute([before.ms()])?;
            Ok(())
        })
        .await
    }

    /// These messages as people see them, without their timelines; `None`: purged.
    pub async fn messages_by_id(
        &self,
        ids: Vec<(AccountId, MessageId)>,
    ) -> Result<Vec<Option<MessageRecord>>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut found = Vec::with_capacity(ids.len());
            for (account, id) in ids {
                let held = Held::none(conn, account);
                let mut by_id = conn.prepare_cached(BY_ID)?;
                let mut rows = by_id.query([account.0, id.raw()])?;
                let message = rows.next()?.map(|row| record::read(conn, &shared.keyring, &held, row));
                found.push(message.transpose()?);
            }
            Ok(found)
        })
        .await
    }
}

const BY_ID: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id = ?2"
);

const GO_ON: &str = "
UPDATE webhook
SET seq = ?4,
    nth = ?5,
    failures = ?6,
    failing_since = ?7,
    next_at = ?8
WHERE account = 0
  AND id = ?1
  AND seq = ?2
  AND nth = ?3";

const SWITCH_OFF: &str = "
UPDATE webhook
SET webhook = ?2
WHERE account = 0
  AND id = ?1";

const LAST_DELIVERY: &str = "
SELECT COALESCE(MAX(id), 0)
FROM webhook_delivery
WHERE account = 0
  AND webhook = ?1";

const PUT_DELIVERY: &str = "
INSERT INTO webhook_delivery (account, webhook, id, at, webhook_id, events, status, error, took_ms)
VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const PURGE_DELIVERIES: &str = "
DELETE FROM webhook_delivery
WHERE account = 0
  AND webhook = ?1
  AND id <= ?2";

const DELIVERIES: &str = "
SELECT at, webhook_id, events, status, error, took_ms, id
FROM webhook_delivery
WHERE account = 0
  AND webhook = ?1
  AND id < ?2
ORDER BY id DESC
LIMIT ?3";

impl Store {
    /// Moves a webhook on from where it stood, with the try that did. `false`: it was set back or deleted meanwhile, and
    /// only the try is written down.
    pub async fn webhook_told(
        &self,
        id: &str,
        (from, to): (Progress, Progress),
        delivery: Option<Delivery>,
    ) -> Result<bool> {
        let id = id.to_owned();
        self.write(2, move |ledger| {
            let stood = (from.seq, from.nth);
            let since = to.failing_since.map(Timestamp::ms);
            let values = params![id, stood.0, stood.1, to.seq, to.nth, to.failures, since, to.next_at.ms()];
            let moved = ledger.conn.prepare_cached(GO_ON)?.execute(values)? == 1;
            if let Some(delivery) = &delivery {
                log(ledger.conn, &id, delivery)?;
            }
            Ok(moved)
        })
        .await
    }

    /// Writes down a try that told nothing of the log: a test.
    pub async fn log_delivery(&self, id: &str, delivery: Delivery) -> Result<()> {
        let id = id.to_owned();
        self.write(1, move |ledger| log(ledger.conn, &id, &delivery)).await
    }

    /// Switches a webhook off because it failed for too long.
    pub async fn switch_webhook_off(&self, id: &str, open: &WebhookOpen) -> Result<()> {
        let (id, text) = (id.to_owned(), written(open)?);
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(SWITCH_OFF)?.execute(params![id, text])?;
            Ok(())
        })
        .await
    }

    /// The last tries of a webhook before the one numbered `before`, newest first, with their numbers.
    pub async fn deliveries(
        &self,
        id: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Delivery)>> {
        let id = id.to_owned();
        self.read(move |conn| {
            let mut deliveries = conn.prepare_cached(DELIVERIES)?;
            row::all(deliveries.query(params![id, before.unwrap_or(i64::MAX), limit])?, |row| {
                let delivery = Delivery {
                    at: row::at(row, 0)?,
                    webhook_id: row.get(1)?,
                    events: row.get(2)?,
                    status: row.get(3)?,
                    error: row.get(4)?,
                    took_ms: row.get(5)?,
                };
                Ok((row.get(6)?, delivery))
            })
        })
        .await
    }
}

fn log(conn: &Connection, id: &str, delivery: &Delivery) -> Result<()> {
    // Deleted meanwhile: its log went with it.
    if conn.prepare_cached(IS_THERE)?.query_row([id], |_| Ok(())).optional()?.is_none() {
        return Ok(());
    }
    let last: i64 = conn.prepare_cached(LAST_DELIVERY)?.query_row([id], |row| row.get(0))?;
    let Delivery { at, webhook_id, events, status, error, took_ms } = delivery;
    let values = params![id, last + 1, at.ms(), webhook_id, events, status, error, took_ms];
    conn.prepare_cached(PUT_DELIVERY)?.execute(values)?;
    conn.prepare_cached(PURGE_DELIVERIES)?.execute(params![id, last + 1 - DELIVERIES_MAX])?;
    Ok(())
}

const IS_THERE: &str = "
SELECT 1
FROM webhook
WHERE account = 0
  AND id = ?1";
