//! Outgoing webhooks: who is told what became of messages, and how far each was told.
//!
//! Each has its place in the log of settled messages (`settled_log`), so that what it missed waits for it and can be told
//! again.

use hongyan_domain::{State, Timestamp};
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::seal::Column;
use crate::seal::keyring::Keyring;
use crate::sqlite::row;
use crate::watch::channels::place;
use crate::watch::json::{corrupt, parse, written};
use crate::{Action, Deed, MessageRecord, Result, Secret, Store};

/// Webhooks of an installation.
pub const WEBHOOKS_MAX: usize = 100;

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

const ALL: &str = "
SELECT id, webhook, secrets, seq, nth, failures, failing_since, next_at
FROM webhook
WHERE account = 0
ORDER BY id";

const ONE: &str = "
SELECT id, webhook, secrets, seq, nth, failures, failing_since, next_at
FROM webhook
WHERE account = 0
  AND id = ?1";

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
            row::all(all.query([])?, |row| webhook(&shared.keyring, row))
        })
        .await
    }

    /// One webhook, as it is now.
    pub async fn webhook(&self, id: &str) -> Result<Option<Webhook>> {
        let (id, shared) = (id.to_owned(), self.shared.clone());
        self.read(move |conn| {
            let mut one = conn.prepare_cached(ONE)?;
            let mut rows = one.query([&id])?;
            rows.next()?.map(|row| webhook(&shared.keyring, row)).transpose()
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

fn webhook(keyring: &Keyring, row: &Row<'_>) -> Result<Webhook> {
    let sealed: Vec<u8> = row.get(2)?;
    let plain = keyring.addresses().open(place(Column::WebhookSecrets), &sealed)?;
    let sealed: Sealed = serde_json::from_slice(&plain).map_err(corrupt)?;
    Ok(Webhook {
        id: row.get(0)?,
        open: parse(row, 1)?,
        url: Secret::new(sealed.url),
        secret: Secret::new(sealed.secret),
        progress: progress(row)?,
    })
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
