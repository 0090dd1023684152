//! Brakes: what is stopped because of its risk, from the moment it is pulled until a person lets it go.

use std::time::Duration;

use hongyan_domain::{AccountId, Signals, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::account::accounts;
use crate::sqlite::row;
use crate::{Action, Deed, Result, Store, StoreError};

/// What a brake stops. A campaign will be the second.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Braked {
    /// Everything by this template.
    Template(String),
}

impl Braked {
    /// The word of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Template(_) => "template",
        }
    }

    /// What it is the brake of.
    pub fn subject(&self) -> &str {
        match self {
            Self::Template(template_id) => template_id,
        }
    }

    fn read(kind: &str, subject: String) -> Option<Self> {
        (kind == "template").then_some(Self::Template(subject))
    }
}

/// A brake that is to be pulled.
#[derive(Clone, Debug)]
pub struct BrakeDraft {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub braked: Braked,
    /// Only the alarm is given.
    pub observed: bool,
    /// The score it is pulled for.
    pub score: u32,
    /// What made the score.
    pub signals: Signals,
}

/// A brake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brake {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub braked: Braked,
    /// Only the alarm was given.
    pub observed: bool,
    /// The score it was pulled for.
    pub score: u32,
    /// What made the score.
    pub signals: Signals,
    /// When.
    pub pulled_at: Timestamp,
    /// When a person let it go; `None`: it is on.
    pub released_at: Option<Timestamp>,
    /// Who that was.
    pub released_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What the day of the release had counted by then.
    pub before: Option<Signals>,
    /// What waited has been let go.
    pub woken: bool,
}

/// Which brakes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brakes {
    /// Those that are on.
    On,
    /// Those released, what waited for them not let go yet.
    Releasing,
    /// All that are kept, the newest first.
    All,
}

macro_rules! brake_columns {
    () => {
        "SELECT id, account, kind, subject, observed, score, signals, pulled_at, released_at, released_by, reason, \
         before, woken
FROM brake
"
    };
}

const ON: &str = concat!(brake_columns!(), "WHERE released_at IS NULL ORDER BY id DESC LIMIT ?1");
const RELEASING: &str =
    concat!(brake_columns!(), "WHERE released_at IS NOT NULL AND NOT woken ORDER BY id DESC LIMIT ?1");
const ALL: &str = concat!(brake_columns!(), "ORDER BY id DESC LIMIT ?1");
const BY_ID: &str = concat!(brake_columns!(), "WHERE id = ?1");

const PULL: &str = "
INSERT INTO brake (account, id, kind, subject, observed, score, signals, pulled_at, woken)
SELECT ?1, COALESCE(MAX(id), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, FALSE
FROM brake
WHERE TRUE
ON CONFLICT (account, kind, subject) WHERE released_at IS NULL DO NOTHING
RETURNING id";

const RELEASE: &str = "
UPDATE brake
SET released_at = ?2,
    released_by = ?3,
    reason = ?4,
    before = ?5
WHERE id = ?1
  AND released_at IS NULL";

const IS_ON: &str = "
SELECT 1
FROM brake
WHERE account = ?1
  AND kind = ?2
  AND subject = ?3
  AND released_at IS NULL
  AND NOT observed";

const WOKEN: &str = "
UPDATE brake
SET woken = TRUE
WHERE id = ?1";

// What a brake holds is due when it would expire; what another rule holds beside it is judged again when it is woken.
const WAITING: &str = "
SELECT id
FROM message
WHERE state = 'pending'
  AND scheduled
  AND due_at > ?3
  AND account = ?1
  AND template_id = ?2
  AND EXISTS (
    SELECT 1
    FROM verdict
    WHERE verdict.account = message.account
      AND verdict.message = message.id
      AND verdict.rule = 'brake'
      AND NOT verdict.observed
      AND verdict.until = message.due_at)
ORDER BY due_at
LIMIT ?4";

// The deadline stays: what was held is late, and in that step.
const WAKE: &str = "
UPDATE message
SET due_at = ?3
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'
  AND scheduled";

/// What was judged before a release may be committed after it: a batch waits for seconds at most, and is held until it
/// expires unless somebody looks once more.
pub const WOKEN_AFTER: Duration = Duration::from_secs(60);

/// More than anybody looks at; one an account and template can be on.
const LIST_MAX: usize = 10_000;

impl Store {
    /// The brakes wanted, the newest first.
    pub async fn brakes(&self, wanted: Brakes) -> Result<Vec<Brake>> {
        self.read(move |conn| {
            let sql = match wanted {
                Brakes::On => ON,
                Brakes::Releasing => RELEASING,
                Brakes::All => ALL,
            };
            row::all(conn.prepare_cached(sql)?.query([LIST_MAX])?, read)
        })
        .await
    }

    /// One brake.
    pub async fn brake(&self, id: i64) -> Result<Option<Brake>> {
        self.read(move |conn| by_id(conn, id)).await
    }

    /// Pulls a brake, audited; `None`: it is on already.
    pub async fn pull_brake(&self, draft: BrakeDraft, now: Timestamp) -> Result<Option<i64>> {
        let (actor, signals) = (self.actor.clone(), text(&draft.signals)?);
        self.write(1, move |ledger| {
            let BrakeDraft { account, ref braked, observed, score, .. } = draft;
            let values =
                params![account.0, braked.kind(), braked.subject(), observed, score, signals, now.ms()];
            let id = ledger.conn.prepare_cached(PULL)?.query_row(values, |row| row.get(0)).optional()?;
            if let Some(id) = id {
                let detail = json!({ "brake": id, "score": score, "observed": observed });
                let subject = braked.subject().to_owned();
                let action = Action::BrakePull;
                ledger.audit(&actor, &Deed { action, account: Some(account), subject, detail, at: now })?;
                accounts::revise(ledger.conn)?;
            }
            Ok(id)
        })
        .await
    }

    /// Lets go what a brake stops, audited. `before`: what the day has counted by now, which counts no more. `false`: it
    /// was not on. What waits is woken by `wake_braked`.
    pub async fn release_brake(
        &self,
        id: i64,
        reason: &str,
        before: Signals,
        now: Timestamp,
    ) -> Result<bool> {
        let (actor, before, reason) = (self.actor.clone(), text(&before)?, reason.to_owned());
        self.write(1, move |ledger| {
            let Some(brake) = by_id(ledger.conn, id)? else { return Ok(false) };
            let values = params![id, now.ms(), actor.name(), reason, before];
            if ledger.conn.prepare_cached(RELEASE)?.execute(values)? == 0 {
                return Ok(false);
            }
            let (action, subject) = (Action::BrakeRelease, brake.braked.subject().to_owned());
            let detail = json!({ "brake": id, "reason": reason });
            ledger.audit(&actor, &Deed { action, account: Some(brake.account), subject, detail, at: now })?;
            accounts::revise(ledger.conn)?;
            Ok(true)
        })
        .await
    }

    /// Lets up to `limit` of the messages go that a released brake held: they are due now. How many; call again until
    /// fewer than `limit`. From a minute after the release on, that is remembered as the end.
    pub async fn wake_braked(&self, brake: &Brake, limit: usize, now: Timestamp) -> Result<usize> {
        let (id, account, limit) = (brake.id, brake.account, limit.clamp(1, crate::MAX_BATCH));
        let Braked::Template(template) = brake.braked.clone();
        let done_at = brake.released_at.unwrap_or(now).plus(WOKEN_AFTER);
        let kind = brake.braked.kind();
        self.write(limit, move |ledger| {
            // Pulled again, it holds what the one before held, and its own release lets all go.
            if ledger.conn.prepare_cached(IS_ON)?.exists(params![account.0, kind, template])? {
                ledger.conn.prepare_cached(WOKEN)?.execute([id])?;
                return Ok(0);
            }
            let mut waiting = ledger.conn.prepare_cached(WAITING)?;
            let found = waiting.query(params![account.0, template, now.ms(), limit])?;
            let found = row::all(found, |row| row::id(row, 0))?;
            let mut wake = ledger.conn.prepare_cached(WAKE)?;
            for message in &found {
                if wake.execute(params![account.0, message.raw(), now.ms()])? != 1 {
                    return Err(crate::path::moves::lost_row(*message));
                }
            }
            if found.len() < limit && now >= done_at {
                ledger.conn.prepare_cached(WOKEN)?.execute([id])?;
            }
            Ok(found.len())
        })
        .await
    }
}

fn by_id(conn: &Connection, id: i64) -> Result<Option<Brake>> {
    Ok(row::all(conn.prepare_cached(BY_ID)?.query([id])?, read)?.pop())
}

fn read(row: &Row<'_>) -> Result<Brake> {
    let (kind, subject): (String, String) = (row.get(2)?, row.get(3)?);
    let unknown = || StoreError::Corrupt(format!("brake.kind `{kind}`"));
    let before: Option<String> = row.get(11)?;
    Ok(Brake {
        id: row.get(0)?,
        account: AccountId(row.get(1)?),
        braked: Braked::read(&kind, subject).ok_or_else(unknown)?,
        observed: row.get(4)?,
        score: row.get(5)?,
        signals: signals(&row.get::<_, String>(6)?)?,
        pulled_at: row::at(row, 7)?,
        released_at: row::at_or_never(row, 8)?,
        released_by: row.get(9)?,
        reason: row.get(10)?,
        before: before.as_deref().map(signals).transpose()?,
        woken: row.get(12)?,
    })
}

fn signals(text: &str) -> Result<Signals> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("brake.signals: {error}")))
}

fn text(signals: &Signals) -> Result<String> {
    serde_json::to_string(signals).map_err(|error| StoreError::Corrupt(error.to_string()))
}
