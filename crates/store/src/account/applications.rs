//! Applications for custom templates, with every state they entered.

use std::collections::HashMap;

use hongyan_domain::application::{Answer, Event, Refused, Standing, decide};
use hongyan_domain::{AccountId, Application, ApplicationId, ApplicationState, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::account::accounts;
use crate::sqlite::row;
use crate::{Action, Deed, Result, Store, StoreError};

/// Longest body in bytes; ten keywords with their samples need 3 KiB.
const BODY_MAX: usize = 16 * 1024;
/// Applications of one account that are not final. A team writes a few at a time; three a month are handed in.
const OPEN_MAX: usize = 100;

/// An application as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationRecord {
    /// Its number in its account.
    pub id: ApplicationId,
    /// Where it stands.
    pub state: ApplicationState,
    /// What is applied for.
    pub application: Application,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When it was handed in last.
    pub submitted_at: Option<Timestamp>,
    /// Every state it entered, the oldest first.
    pub steps: Vec<ApplicationStep>,
}

/// An application entered a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationStep {
    /// When; of WeChat's answers, the date that was given.
    pub at: Timestamp,
    /// Which.
    pub state: ApplicationState,
    /// Who answered or noted the answer.
    pub reviewer: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The template that it became.
    pub template_id: Option<String>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationMove {
    /// It was applied.
    Moved(Box<ApplicationRecord>),
    /// It is not possible.
    Refused(Refused),
    /// The account has no such application.
    Unknown,
}

/// Which applications.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplicationFilter {
    /// In this state.
    pub state: Option<ApplicationState>,
    /// Older than this one.
    pub before: Option<ApplicationId>,
    /// At most so many; 500 and no more.
    pub limit: usize,
}

const HAS_ACCOUNT: &str = "
SELECT 1
FROM account
WHERE account = ?1";

const COUNT_OPEN: &str = "
SELECT COUNT(*)
FROM application
WHERE account = ?1
  AND state NOT IN ('approved', 'withdrawn')";

const INSERT: &str = "
INSERT INTO application (account, id, state, body, created_at, updated_at)
SELECT ?1, COALESCE(MAX(id), 0) + 1, 'draft', ?2, ?3, ?3
FROM application
WHERE account = ?1
RETURNING id";

const PUT_STEP: &str = "
INSERT INTO application_step (account, application, nth, at, state, reviewer, reason, template_id)
SELECT ?1, ?2, COALESCE(MAX(nth), 0) + 1, ?3, ?4, ?5, ?6, ?7
FROM application_step
WHERE account = ?1
  AND application = ?2";

const FIND: &str = "
SELECT id, state, body, created_at, updated_at, submitted_at
FROM application
WHERE account = ?1
  AND id = ?2";

const LIST: &str = "
SELECT id, state, body, created_at, updated_at, submitted_at
FROM application
WHERE account = ?1
  AND (?2 IS NULL OR id < ?2)
  AND (?3 IS NULL OR state = ?3)
ORDER BY id DESC
LIMIT ?4";

const STEPS: &str = "
SELECT at, state, reviewer, reason, template_id
FROM application_step
WHERE account = ?1
  AND application = ?2
ORDER BY nth";

const SUBMITS: &str = "
SELECT COUNT(*)
FROM application_step
WHERE account = ?1
  AND state = 'submitted'
  AND at >= ?2";

// One writer: nobody moves it between the look and this. The guard says so all the same.
const MOVE: &str = "
UPDATE application
SET state = ?4, body = ?5, updated_at = ?6, submitted_at = ?7
WHERE account = ?1
  AND id = ?2
  AND state = ?3";

impl Store {
    /// Keeps a new draft; its number.
    ///
    /// # Errors
    /// `NoAccount`; `Invalid` when it is over 16 KiB, or a hundred of the account's are open.
    pub async fn create_application(
        &self,
        account: AccountId,
        application: &Application,
        now: Timestamp,
    ) -> Result<ApplicationId> {
        let (body, actor) = (body(application)?, self.actor.clone());
        self.write(2, move |ledger| {
            let id = create(ledger.conn, account, &body, now)?;
            ledger.audit(
                &actor,
                &deed(Action::ApplicationCreate, (account, id), ApplicationState::Draft, now),
            )?;
            Ok(id)
        })
        .await
    }

    /// The application with this number.
    pub async fn application(
        &self,
        account: AccountId,
        id: ApplicationId,
    ) -> Result<Option<ApplicationRecord>> {
        self.read(move |conn| find(conn, account, id)).await
    }

    /// Applications of an account, the newest first.
    pub async fn applications(
        &self,
        account: AccountId,
        filter: ApplicationFilter,
    ) -> Result<Vec<ApplicationRecord>> {
        self.read(move |conn| {
            let mut list = conn.prepare_cached(LIST)?;
            let before = filter.before.map(|id| id.0);
            let state = filter.state.map(ApplicationState::as_str);
            let rows = list.query(params![account.0, before, state, filter.limit.min(500)])?;
            row::all(rows, |row| read(conn, account, row))
        })
        .await
    }

    /// How many applications of an account were handed in in the calendar month of Asia/Shanghai that holds `now`.
    pub async fn application_submits(&self, account: AccountId, now: Timestamp) -> Result<usize> {
        self.read(move |conn| submits(conn, account, now)).await
    }

    /// Decides and applies an event, in one transaction: two submits at once are two of a month's three.
    pub async fn move_application(
        &self,
        account: AccountId,
        id: ApplicationId,
        event: Event,
        now: Timestamp,
    ) -> Result<ApplicationMove> {
        let actor = self.actor.clone();
        self.write(2, move |ledger| {
            let moved = apply(ledger.conn, (account, id), &event, now)?;
            if let ApplicationMove::Moved(record) = &moved {
                ledger.audit(&actor, &deed(Action::ApplicationMove, (account, id), record.state, now))?;
            }
            Ok(moved)
        })
        .await
    }
}

fn deed(
    action: Action,
    (account, id): (AccountId, ApplicationId),
    state: ApplicationState,
    at: Timestamp,
) -> Deed {
    let detail = serde_json::json!({ "state": state.as_str() });
    Deed { action, account: Some(account), subject: id.0.to_string(), detail, at }
}

fn body(application: &Application) -> Result<String> {
    let body = serde_json::to_string(application)
        .map_err(|_| StoreError::Invalid("the application cannot be written as JSON".to_owned()))?;
    match body.len() {
        ..=BODY_MAX => Ok(body),
        len => Err(StoreError::Invalid(format!(
            "the application has {len} bytes: at most {BODY_MAX} are kept, shorten it"
        ))),
    }
}

fn create(conn: &Connection, account: AccountId, body: &str, now: Timestamp) -> Result<ApplicationId> {
    if !conn.prepare_cached(HAS_ACCOUNT)?.exists([account.0])? {
        return Err(StoreError::NoAccount(account));
    }
    let open: usize = conn.prepare_cached(COUNT_OPEN)?.query_row([account.0], |row| row.get(0))?;
    if open >= OPEN_MAX {
        return Err(StoreError::Invalid(format!(
            "{open} applications of this account are open: withdraw those that are given up"
        )));
    }
    let values = params![account.0, body, now.ms()];
    let id = ApplicationId(conn.prepare_cached(INSERT)?.query_row(values, |row| row.get(0))?);
    put_step(conn, (account, id), (ApplicationState::Draft, None), now)?;
    Ok(id)
}

fn put_step(
    conn: &Connection,
    (account, id): (AccountId, ApplicationId),
    (state, answer): (ApplicationState, Option<&Answer>),
    now: Timestamp,
) -> Result<()> {
    conn.prepare_cached(PUT_STEP)?.execute(params![
        account.0,
        id.0,
        answer.map_or(now, |answer| answer.at).ms(),
        state.as_str(),
        answer.map(|answer| &answer.reviewer),
        answer.map(|answer| &answer.reason),
        answer.and_then(|answer| answer.template_id.as_ref()),
    ])?;
    Ok(())
}

fn find(conn: &Connection, account: AccountId, id: ApplicationId) -> Result<Option<ApplicationRecord>> {
    let mut find = conn.prepare_cached(FIND)?;
    let mut rows = find.query([account.0, id.0])?;
    rows.next()?.map(|row| read(conn, account, row)).transpose()
}

fn read(conn: &Connection, account: AccountId, row: &Row<'_>) -> Result<ApplicationRecord> {
    let id = ApplicationId(row.get(0)?);
    let body: String = row.get(2)?;
    let application = serde_json::from_str(&body)
        .map_err(|_| StoreError::Corrupt("application.body has another form".to_owned()))?;
    Ok(ApplicationRecord {
        id,
        state: row::word(row, 1, ApplicationState::parse)?,
        application,
        created_at: row::at(row, 3)?,
        updated_at: row::at(row, 4)?,
        submitted_at: row::at_or_never(row, 5)?,
        steps: row::all(conn.prepare_cached(STEPS)?.query([account.0, id.0])?, read_step)?,
    })
}

fn read_step(row: &Row<'_>) -> Result<ApplicationStep> {
    Ok(ApplicationStep {
        at: row::at(row, 0)?,
        state: row::word(row, 1, ApplicationState::parse)?,
        reviewer: row.get(2)?,
        reason: row.get(3)?,
        template_id: row.get(4)?,
    })
}

fn apply(
    conn: &Connection,
    (account, id): (AccountId, ApplicationId),
    event: &Event,
    now: Timestamp,
) -> Result<ApplicationMove> {
    let Some(before) = find(conn, account, id)? else { return Ok(ApplicationMove::Unknown) };
    let standing = Standing {
        state: before.state,
        application: &before.application,
        submitted_at: before.submitted_at,
        submits_this_month: submits(conn, account, now)?,
    };
    let to = match decide(&standing, event, now) {
        Ok(to) => to,
        Err(refused) => return Ok(ApplicationMove::Refused(refused)),
    };
    write_move(conn, (account, &before), (to, event), now)?;
    let after = find(conn, account, id)?.map(Box::new);
    Ok(after.map_or(ApplicationMove::Unknown, ApplicationMove::Moved))
}

fn submits(conn: &Connection, account: AccountId, now: Timestamp) -> Result<usize> {
    let month = now.month_start().ms();
    Ok(conn.prepare_cached(SUBMITS)?.query_row([account.0, month], |row| row.get(0))?)
}

fn write_move(
    conn: &Connection,
    (account, before): (AccountId, &ApplicationRecord),
    (to, event): (ApplicationState, &Event),
    now: Timestamp,
) -> Result<()> {
    let application = if let Event::Edited(edited) = event { edited } else { &before.application };
    let submitted_at = if *event == Event::Submitted { Some(now) } else { before.submitted_at };
    let moved = conn.prepare_cached(MOVE)?.execute(params![
        account.0,
        before.id.0,
        before.state.as_str(),
        to.as_str(),
        body(application)?,
        now.ms(),
        submitted_at.map(Timestamp::ms),
    ])?;
    if moved != 1 {
        return Err(StoreError::Corrupt("an application moved while it was being moved".to_owned()));
    }
    if to == before.state {
        return Ok(());
    }
    let answer =
        if let Event::Approved(answer) | Event::Rejected(answer) = event { Some(answer) } else { None };
    put_step(conn, (account, before.id), (to, answer), now)
}

const INDUSTRY: &str = "
SELECT at
FROM industry_change
WHERE account = ?1";

/// Two codes, up to 41, in one number.
const INDUSTRY_BASE: i64 = 100;

const PUT_INDUSTRIES: &str = "
INSERT INTO meta (account, name, value)
SELECT account, 'industries', ?2
FROM account
WHERE account = ?1
ON CONFLICT (account, name)
DO UPDATE SET value = excluded.value
WHERE meta.value <> excluded.value";

const INDUSTRIES: &str = "
SELECT account, value
FROM meta
WHERE name = 'industries'";

const PUT_INDUSTRY: &str = "
INSERT INTO industry_change (account, at, primary_code, secondary_code)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account)
DO UPDATE SET at = excluded.at, primary_code = excluded.primary_code, secondary_code = excluded.secondary_code";

impl Store {
    /// When we changed the account's industries last.
    pub async fn industry_changed_at(&self, account: AccountId) -> Result<Option<Timestamp>> {
        self.read(move |conn| {
            let at = conn.prepare_cached(INDUSTRY)?.query_row([account.0], |row| row.get(0)).optional()?;
            Ok(at.map(Timestamp::from_ms))
        })
        .await
    }

    /// Notes that the account's industries were changed to these codes.
    pub async fn put_industry_change(
        &self,
        account: AccountId,
        (primary, secondary): (u8, u8),
        now: Timestamp,
    ) -> Result<()> {
        let actor = self.actor.clone();
        self.write(1, move |ledger| {
            let values = params![account.0, now.ms(), primary, secondary];
            ledger.conn.prepare_cached(PUT_INDUSTRY)?.execute(values)?;
            let detail = serde_json::json!({ "primary": primary, "secondary": secondary });
            ledger.audit_account(&actor, (Action::IndustrySet, account), detail, now)
        })
        .await
    }

    /// Keeps the industries that WeChat says the account has, by code; 0: one that is not in its table. Whether they are
    /// others than before.
    pub async fn put_industries(&self, account: AccountId, (primary, secondary): (u8, u8)) -> Result<bool> {
        self.write(1, move |ledger| {
            let both = i64::from(primary) * INDUSTRY_BASE + i64::from(secondary);
            let changed = ledger.conn.prepare_cached(PUT_INDUSTRIES)?.execute([account.0, both])? == 1;
            if changed {
                accounts::revise(ledger.conn)?;
            }
            Ok(changed)
        })
        .await
    }

    /// The industries of all accounts of which WeChat has said them, by code.
    pub async fn industries(&self) -> Result<HashMap<AccountId, (u8, u8)>> {
        self.read(|conn| {
            let mut industries = conn.prepare_cached(INDUSTRIES)?;
            let rows = row::all(industries.query([])?, |row| {
                let both: i64 = row.get(1)?;
                let code = |code: i64| u8::try_from(code).unwrap_or(0);
                Ok((AccountId(row.get(0)?), (code(both / INDUSTRY_BASE), code(both % INDUSTRY_BASE))))
            })?;
            Ok(rows.into_iter().collect())
        })
        .await
    }
}
