//! Alerts: rules that were changed, channels, what rules found, and what is told of it.

use hongyan_domain::alert::{AlertRule, ChannelKind, News, Standing};
use hongyan_domain::{AccountId, Lang, Timestamp};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::seal::keyring::INSTALLATION;
use crate::seal::{Column, Place};
use crate::sqlite::row;
use crate::{Action, Deed, Result, Secret, Store, StoreError};

/// Channels of an installation: each alert goes to each.
pub const CHANNELS_MAX: usize = 50;
/// Rules of an installation besides the ready ones.
pub const RULES_MAX: usize = 200;

/// By what people are told.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name in URLs.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whose robot, or a webhook.
    pub kind: ChannelKind,
    /// In which language it is told.
    pub lang: Lang,
    /// Whether it is told anything.
    pub enabled: bool,
    /// The host of its URL, for people.
    pub host: String,
    /// Where it is; with robots it is the key as well.
    pub url: Secret,
    /// What calls are signed with.
    pub secret: Option<Secret>,
}

/// What is no secret of a channel.
#[derive(Serialize, Deserialize)]
struct Open {
    name: String,
    kind: ChannelKind,
    english: bool,
    enabled: bool,
    host: String,
}

/// What is.
#[derive(Serialize, Deserialize)]
struct Sealed {
    url: String,
    secret: Option<String>,
}

/// Of what an alert is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertKey {
    /// Whose.
    pub account: AccountId,
    /// By which rule.
    pub rule: String,
    /// Of which template; empty: of the account.
    pub template_id: String,
}

/// What is told in one note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteWords {
    /// One line.
    pub title: String,
    /// More.
    pub lines: Vec<String>,
    /// Where to read on.
    pub link: Option<String>,
}

/// Something to be told to a channel.
#[derive(Clone, Debug)]
pub struct NewNote {
    /// About what.
    pub key: AlertKey,
    /// To which channel.
    pub channel: String,
    /// What happened.
    pub news: News,
    /// In its language.
    pub words: NoteWords,
}

/// Something that is or was to be told.
#[derive(Clone, Debug)]
pub struct Note {
    /// Its number.
    pub id: i64,
    /// What, about what, to whom.
    pub new: NewNote,
    /// Since when.
    pub at: Timestamp,
    /// `queued`, `sent` or `failed`.
    pub state: String,
    /// Tries so far.
    pub attempts: u32,
    /// The last error.
    pub error: Option<String>,
}

/// What a try to tell came to.
#[derive(Clone, Debug)]
pub enum Told {
    /// It was told.
    Sent,
    /// It is to be tried again then.
    Again {
        /// When.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// It is given up.
    Failed {
        /// What went wrong.
        error: String,
    },
}

const RULES: &str = "
SELECT rule
FROM alert_rule
WHERE account = 0
ORDER BY id";

const PUT_RULE: &str = "
INSERT INTO alert_rule (account, id, rule, changed_at)
VALUES (0, ?1, ?2, ?3)
ON CONFLICT (account, id)
DO UPDATE SET rule = excluded.rule, changed_at = excluded.changed_at";

const DELETE_RULE: &str = "
DELETE FROM alert_rule
WHERE account = 0
  AND id = ?1";

impl Store {
    /// The rules that an operator changed or made; a ready one that is not among them is as it came.
    pub async fn alert_rules(&self) -> Result<Vec<AlertRule>> {
        self.read(|conn| {
            let mut rules = conn.prepare_cached(RULES)?;
            row::all(rules.query([])?, |row| parse(row, 0))
        })
        .await
    }

    /// Puts a rule in the place of the one with its id.
    pub async fn put_alert_rule(&self, rule: AlertRule, now: Timestamp) -> Result<()> {
        let (text, actor) = (written(&rule)?, self.actor.clone());
        let detail = json!({ "metric": rule.metric, "threshold": rule.threshold, "enabled": rule.enabled });
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(PUT_RULE)?.execute(params![rule.id, text, now.ms()])?;
            let deed = deed(Action::AlertRuleChange, &rule.id, detail.clone(), now);
            ledger.audit(&actor, &deed)
        })
        .await
    }

    /// Takes a rule away; a ready one is then as it came. `false`: it was not changed or made.
    pub async fn delete_alert_rule(&self, id: &str, now: Timestamp) -> Result<bool> {
        let (id, actor) = (id.to_owned(), self.actor.clone());
        self.write(1, move |ledger| {
            if ledger.conn.prepare_cached(DELETE_RULE)?.execute([&id])? == 0 {
                return Ok(false);
            }
            let deed = deed(Action::AlertRuleChange, &id, json!({ "deleted": true }), now);
            ledger.audit(&actor, &deed)?;
            Ok(true)
        })
        .await
    }
}

const CHANNELS: &str = "
SELECT id, channel, secrets
FROM alert_channel
WHERE account = 0
ORDER BY id";

const PUT_CHANNEL: &str = "
INSERT INTO alert_channel (account, id, channel, secrets, changed_at)
VALUES (0, ?1, ?2, ?3, ?4)
ON CONFLICT (account, id)
DO UPDATE SET channel = excluded.channel, secrets = excluded.secrets, changed_at = excluded.changed_at";

const DELETE_CHANNEL: &str = "
DELETE FROM alert_channel
WHERE account = 0
  AND id = ?1";

impl Store {
    /// All channels.
    pub async fn alert_channels(&self) -> Result<Vec<Channel>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut channels = conn.prepare_cached(CHANNELS)?;
            row::all(channels.query([])?, |row| {
                let open: Open = parse(row, 1)?;
                let plain = shared
                    .keyring
                    .addresses()
                    .open(place(Column::ChannelSecrets), &row.get::<_, Vec<u8>>(2)?)?;
                let sealed: Sealed = serde_json::from_slice(&plain).map_err(corrupt)?;
                Ok(Channel {
                    id: row.get(0)?,
                    name: open.name,
                    kind: open.kind,
                    lang: if open.english { Lang::En } else { Lang::Zh },
                    enabled: open.enabled,
                    host: open.host,
                    url: Secret::new(sealed.url),
                    secret: sealed.secret.map(Secret::new),
                })
            })
        })
        .await
    }

    /// Puts a channel in the place of the one with its id.
    pub async fn put_alert_channel(&self, channel: Channel, now: Timestamp) -> Result<()> {
        let actor = self.actor.clone();
        let Channel { id, name, kind, enabled, host, .. } = channel;
        let detail = json!({ "kind": kind, "host": host, "enabled": enabled });
        let open = written(&Open { name, kind, english: channel.lang == Lang::En, enabled, host })?;
        let (url, secret) = (channel.url.expose(), channel.secret.as_ref().map(Secret::expose));
        let secrets = self.seal_address(Column::ChannelSecrets, &json!({ "url": url, "secret": secret }))?;
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(PUT_CHANNEL)?.execute(params![id, open, secrets, now.ms()])?;
            let deed = deed(Action::ChannelChange, &id, detail.clone(), now);
            ledger.audit(&actor, &deed)
        })
        .await
    }

    /// Deletes a channel. `false`: there is none.
    pub async fn delete_alert_channel(&self, id: &str, now: Timestamp) -> Result<bool> {
        let (id, actor) = (id.to_owned(), self.actor.clone());
        self.write(1, move |ledger| {
            if ledger.conn.prepare_cached(DELETE_CHANNEL)?.execute([&id])? == 0 {
                return Ok(false);
            }
            let deed = deed(Action::ChannelChange, &id, json!({ "deleted": true }), now);
            ledger.audit(&actor, &deed)?;
            Ok(true)
        })
        .await
    }

    /// Seals an address with its secret.
    pub(crate) fn seal_address(&self, column: Column, secrets: &serde_json::Value) -> Result<Vec<u8>> {
        let text = zeroize::Zeroizing::new(secrets.to_string());
        self.shared.keyring.addresses().seal(place(column), |plain| plain.extend_from_slice(text.as_bytes()))
    }
}

/// Where an address stands: those of one kind may change places, since one key seals them all for one reader.
pub(crate) fn place(column: Column) -> Place {
    Place { column, account: INSTALLATION, row: 0 }
}

const ALERTS: &str = "
SELECT account, rule, template_id, standing
FROM alert
ORDER BY account, rule, template_id";

const PUT_ALERT: &str = "
INSERT INTO alert (account, rule, template_id, state, standing, changed_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (account, rule, template_id)
DO UPDATE SET state = excluded.state, standing = excluded.standing, changed_at = excluded.changed_at";

const FORGET: &str = "
DELETE FROM alert
WHERE account = ?1
  AND rule = ?2
  AND template_id = ?3";

const NEXT_NOTE: &str = "
SELECT value
FROM meta
WHERE account = 0
  AND name = 'alert_note'";

const PUT_NEXT_NOTE: &str = "
INSERT INTO meta (account, name, value)
VALUES (0, 'alert_note', ?1)
ON CONFLICT (account, name)
DO UPDATE SET value = excluded.value";

const PUT_NOTE: &str = "
INSERT INTO alert_note (account, id, channel, rule, template_id, news, words, at, state, attempts, next_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'queued', 0, ?8)";

const STANDS: &str = "
SELECT standing
FROM alert
WHERE account = ?1
  AND rule = ?2
  AND template_id = ?3";

impl Store {
    /// Everything that rules found, what is over as well.
    pub async fn alerts(&self) -> Result<Vec<(AlertKey, Standing)>> {
        self.read(|conn| {
            let mut alerts = conn.prepare_cached(ALERTS)?;
            row::all(alerts.query([])?, |row| Ok((key(row, (0, 1, 2))?, parse(row, 3)?)))
        })
        .await
    }

    /// Keeps how alerts stand now (`None`: forgotten) with what is to be told of them, all or nothing.
    pub async fn keep_alerts(
        &self,
        changes: Vec<(AlertKey, Option<Standing>)>,
        notes: Vec<NewNote>,
        now: Timestamp,
    ) -> Result<()> {
        self.write(changes.len() + notes.len(), move |ledger| {
            for (key, standing) in &changes {
                keep(ledger.conn, key, standing.as_ref(), now)?;
            }
            if !notes.is_empty() {
                queue(ledger.conn, &notes, now)?;
            }
            Ok(())
        })
        .await
    }

    /// Tells nobody of this alert before `until`; `None`: again at once. `false`: there is no such alert.
    pub async fn silence_alert(
        &self,
        key: AlertKey,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let actor = self.actor.clone();
        self.write(1, move |ledger| {
            let mut stands = ledger.conn.prepare_cached(STANDS)?;
            let mut rows = stands.query(params![key.account.0, key.rule, key.template_id])?;
            let Some(row) = rows.next()? else { return Ok(false) };
            let standing = Standing { silenced_until: until, ..parse(row, 0)? };
            drop(rows);
            keep(ledger.conn, &key, Some(&standing), now)?;
            let detail = json!({ "template_id": key.template_id, "until": until });
            let mut deed = deed(Action::AlertSilence, &key.rule, detail, now);
            deed.account = Some(key.account);
            ledger.audit(&actor, &deed)?;
            Ok(true)
        })
        .await
    }
}

fn keep(conn: &Connection, key: &AlertKey, standing: Option<&Standing>, now: Timestamp) -> Result<()> {
    let AlertKey { account, rule, template_id } = key;
    match standing {
        Some(standing) => {
            let (state, text) = (standing.state.as_str(), written(standing)?);
            let values = params![account.0, rule, template_id, state, text, now.ms()];
            conn.prepare_cached(PUT_ALERT)?.execute(values)?;
        }
        None => _ = conn.prepare_cached(FORGET)?.execute(params![account.0, rule, template_id])?,
    }
    Ok(())
}

fn queue(conn: &Connection, notes: &[NewNote], now: Timestamp) -> Result<()> {
    let mut next: i64 = {
        let mut stored = conn.prepare_cached(NEXT_NOTE)?;
        let mut rows = stored.query([])?;
        rows.next()?.map_or(Ok(0), |row| row.get(0))?
    };
    let mut put = conn.prepare_cached(PUT_NOTE)?;
    for note in notes {
        next += 1;
        let AlertKey { account, rule, template_id } = &note.key;
        let (news, words) = (note.news.as_str(), written(&note.words)?);
        put.execute(params![account.0, next, note.channel, rule, template_id, news, words, now.ms()])?;
    }
    conn.prepare_cached(PUT_NEXT_NOTE)?.execute([next])?;
    Ok(())
}

const DUE: &str = "
SELECT account, id, channel, rule, template_id, news, words, at, state, attempts, error
FROM alert_note
WHERE state = 'queued'
  AND next_at <= ?1
ORDER BY next_at, account, id
LIMIT ?2";

const NEWEST: &str = "
SELECT account, id, channel, rule, template_id, news, words, at, state, attempts, error
FROM alert_note
WHERE account = ?1
ORDER BY id DESC
LIMIT ?2";

const TOLD: &str = "
UPDATE alert_note
SET state = ?3,
    attempts = attempts + 1,
    next_at = ?4,
    error = ?5
WHERE account = ?1
  AND id = ?2
  AND state = 'queued'";

const PURGE: &str = "
DELETE FROM alert_note
WHERE account = ?1
  AND at < ?2
  AND state <> 'queued'";

impl Store {
    /// What is to be told now.
    pub async fn due_notes(&self, now: Timestamp, limit: usize) -> Result<Vec<Note>> {
        self.read(move |conn| {
            let mut due = conn.prepare_cached(DUE)?;
            row::all(due.query(params![now.ms(), limit])?, note)
        })
        .await
    }

    /// The newest notes of these accounts, newest first.
    pub async fn notes(&self, accounts: Vec<AccountId>, limit: usize) -> Result<Vec<Note>> {
        self.read(move |conn| {
            let mut notes = Vec::new();
            for account in accounts {
                let mut newest = conn.prepare_cached(NEWEST)?;
                notes.extend(row::all(newest.query(params![account.0, limit])?, note)?);
            }
            notes.sort_by_key(|note| std::cmp::Reverse(note.id));
            notes.truncate(limit);
            Ok(notes)
        })
        .await
    }

    /// Writes down what a try to tell came to.
    pub async fn note_told(&self, account: AccountId, id: i64, told: Told, now: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            let (state, next_at, error) = match &told {
                Told::Sent => ("sent", now, None),
                Told::Again { at, error } => ("queued", *at, Some(error)),
                Told::Failed { error } => ("failed", now, Some(error)),
            };
            let values = params![account.0, id, state, next_at.ms(), error];
            ledger.conn.prepare_cached(TOLD)?.execute(values)?;
            Ok(())
        })
        .await
    }

    /// Removes notes that were told, or given up, before this.
    pub async fn purge_notes(&self, before: Timestamp) -> Result<()> {
        self.write(1, move |ledger| {
            let mut purge = ledger.conn.prepare_cached(PURGE)?;
            for account in crate::store::account_ids(ledger.conn)? {
                purge.execute(params![account.0, before.ms()])?;
            }
            Ok(())
        })
        .await
    }
}

fn note(row: &Row<'_>) -> Result<Note> {
    Ok(Note {
        id: row.get(1)?,
        new: NewNote {
            key: key(row, (0, 3, 4))?,
            channel: row.get(2)?,
            news: row::word(row, 5, News::parse)?,
            words: parse(row, 6)?,
        },
        at: row::at(row, 7)?,
        state: row.get(8)?,
        attempts: row.get(9)?,
        error: row.get(10)?,
    })
}

fn key(row: &Row<'_>, (account, rule, template_id): (usize, usize, usize)) -> Result<AlertKey> {
    let account = AccountId(row.get(account)?);
    Ok(AlertKey { account, rule: row.get(rule)?, template_id: row.get(template_id)? })
}

fn deed(action: Action, subject: &str, detail: serde_json::Value, at: Timestamp) -> Deed {
    Deed { action, account: None, subject: subject.to_owned(), detail, at }
}

/// What is kept as JSON.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    serde_json::from_str(text).map_err(corrupt)
}

pub(crate) fn written(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Invalid(error.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err gives it away")]
pub(crate) fn corrupt(error: serde_json::Error) -> StoreError {
    // Where it is wrong, not what it says: it may be a secret.
    StoreError::Corrupt(format!("JSON of alerts or webhooks, column {}", error.column()))
}
