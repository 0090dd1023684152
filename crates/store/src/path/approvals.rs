//! What waits for a person's word. A message that does stands pending, due when it expires: nothing sends it before
//! somebody says so, and nobody has to end it.

use std::collections::HashMap;

use hongyan_domain::approval::{ApprovalState, Decision, Subject};
use hongyan_domain::{AccountId, Event, MessageId, Rule, Standing, State, Timestamp, Transition, decide};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::path::moves::{self, Move};
use crate::seal::keyring::Keyring;
use crate::sqlite::row::{self, RawReady, ready_columns};
use crate::sqlite::writer::Ledger;
use crate::{Action, Deed, Page, Ready, Result, Store, StoreError};

/// A message's `words` when a person approved them: no list is asked about it any more.
pub const APPROVED: i64 = -1;
/// Longest page.
const LIMIT_MAX: usize = 500;

/// What a person is asked about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// The same for the same words in the same template.
    pub alike: String,
    /// JSON: what was found. Words of the list and places; nothing of the message.
    pub findings: String,
    /// When the message may go, once it is approved.
    pub due_at: Timestamp,
    /// When it should be with WeChat.
    pub deadline_at: Timestamp,
    /// When nobody need decide any more.
    pub expires_at: Timestamp,
}

/// Something that waits, or waited, for a person's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Whose.
    pub account: AccountId,
    /// Of which message.
    pub message: MessageId,
    /// What it is about.
    pub subject: Subject,
    /// Where it stands.
    pub state: ApprovalState,
    /// What was found, and where the message stood.
    pub asking: Asking,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Who decided, when and why.
    pub decided: Option<Decided>,
}

/// Who decided, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// `Actor::name`.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What became of one of those that were to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionAnswer {
    /// It is done.
    Done(Transition),
    /// It was decided before, or what it is about has ended.
    TooLate(ApprovalState),
    /// There is no such approval in this account.
    NotFound,
}

/// What a decision came to.
#[derive(Debug, Default)]
pub struct Decisions {
    /// One for each, in the order given.
    pub answers: Vec<DecisionAnswer>,
    /// Those that may go now.
    pub ready: Vec<Ready>,
}

const OPEN: &str = "
INSERT INTO approval (account, id, subject, state, alike, findings, asked_at, due_at, deadline_at, expires_at)
VALUES (?1, ?2, 'message', 'waiting', ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (account, id) DO NOTHING";

/// A message waits for a person from now on.
pub(crate) fn open(
    conn: &Connection,
    (account, message): (AccountId, MessageId),
    asking: &Asking,
    at: Timestamp,
) -> Result<()> {
    conn.prepare_cached(OPEN)?.execute(params![
        account.0,
        message.raw(),
        asking.alike,
        asking.findings,
        at.ms(),
        asking.due_at.ms(),
        asking.deadline_at.ms(),
        asking.expires_at.ms(),
    ])?;
    Ok(())
}

const LAPSE: &str = "
UPDATE approval
SET state = 'lapsed',
    decided_at = ?3
WHERE account = ?1
  AND id = ?2
  AND state = 'waiting'";

/// What an approval was about has ended otherwise.
pub(crate) fn lapse(
    conn: &Connection,
    (account, message): (AccountId, MessageId),
    at: Timestamp,
) -> Result<()> {
    conn.prepare_cached(LAPSE)?.execute([account.0, message.raw(), at.ms()])?;
    Ok(())
}

/// The columns of `read`, in its order.
macro_rules! approval_columns {
    () => {
        "account, id, subject, state, alike, findings, asked_at, due_at, deadline_at, expires_at, decided_at, \
         decided_by, reason"
    };
}

const LIST: &str = concat!(
    "SELECT ",
    approval_columns!(),
    "
FROM approval
WHERE account = ?1
  AND id < ?2
  AND (?3 IS NULL OR state = ?3)
ORDER BY id DESC
LIMIT ?4"
);

pub(crate) const WAITING: &str = concat!(
    "SELECT ",
    approval_columns!(),
    "
FROM approval
WHERE account = ?1
  AND state = 'waiting'
  AND id < ?2
ORDER BY id DESC
LIMIT ?3"
);

const ALIKE: &str = "
SELECT id
FROM approval
WHERE account = ?1
  AND alike = ?2
  AND state = 'waiting'
ORDER BY id
LIMIT ?3";

const BY_ID: &str = concat!(
    "SELECT ",
    approval_columns!(),
    "
FROM approval
WHERE account = ?1
  AND id = ?2"
);

const OLDEST: &str = "
SELECT account, MIN(asked_at)
FROM approval
WHERE state = 'waiting'
GROUP BY account";

impl Store {
    /// Since when the first message of each account waits for a person; accounts without one are not there.
    pub async fn approvals_wait_since(&self) -> Result<HashMap<AccountId, Timestamp>> {
        self.read(|conn| {
            let mut oldest = conn.prepare_cached(OLDEST)?;
            let rows = row::all(oldest.query([])?, |row| Ok((AccountId(row.get(0)?), row::at(row, 1)?)))?;
            Ok(rows.into_iter().collect())
        })
        .await
    }

    /// The approvals of an account, newest first; `limit` ≤ 500.
    pub async fn approvals(
        &self,
        account: AccountId,
        state: Option<ApprovalState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Approval>> {
        let limit = limit.clamp(1, LIMIT_MAX);
        let before = match cursor {
            None => i64::MAX,
            Some(text) => {
                text.parse().map_err(|_| StoreError::Invalid("the cursor is none of ours".to_owned()))?
            }
        };
        self.read(move |conn| {
            let items = match state {
                Some(ApprovalState::Waiting) => {
                    let mut waiting = conn.prepare_cached(WAITING)?;
                    row::all(waiting.query(params![account.0, before, limit])?, read)?
                }
                state => {
                    let mut list = conn.prepare_cached(LIST)?;
                    let state = state.map(ApprovalState::as_str);
                    row::all(list.query(params![account.0, before, state, limit])?, read)?
                }
            };
            let full = items.len() == limit;
            let next_cursor = items.last().filter(|_| full).map(|last| last.message.raw().to_string());
            Ok(Page { items, next_cursor })
        })
        .await
    }

    /// One approval, of whatever account.
    pub async fn approval(&self, message: MessageId) -> Result<Option<Approval>> {
        self.read(move |conn| {
            for account in crate::store::account_ids(conn)? {
                if let Some(found) = find(conn, account, message)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Those of an account that wait with the same words in the same template, oldest first.
    pub async fn approvals_alike(
        &self,
        account: AccountId,
        alike: &str,
        limit: usize,
    ) -> Result<Vec<MessageId>> {
        let (alike, limit) = (alike.to_owned(), limit.min(crate::MAX_BATCH));
        self.read(move |conn| {
            let mut same = conn.prepare_cached(ALIKE)?;
            row::all(same.query(params![account.0, alike, limit])?, |row| row::id(row, 0))
        })
        .await
    }

    /// Commits what a person decided. What is approved goes when it would have gone, or now; what is rejected is
    /// `suppressed: content`. Written into the audit as one deed.
    pub async fn decide_approvals(
        &self,
        account: AccountId,
        messages: Vec<MessageId>,
        (decision, reason): (Decision, &str),
        now: Timestamp,
    ) -> Result<Decisions> {
        crate::store::check_batch(messages.len())?;
        let said = Said {
            account,
            decision,
            reason: reason.to_owned(),
            by: self.actor.name().into_owned(),
            at: now,
        };
        let actor = self.actor.clone();
        let (answers, raw) = self
            .write(messages.len() * 2, move |ledger| {
                let mut raw = Vec::new();
                let answers = messages.iter().map(|message| decide_one(ledger, &said, *message, &mut raw));
                let answers = answers.collect::<Result<Vec<_>>>()?;
                if let Some(deed) = said.deed(&messages, &answers) {
                    ledger.audit(&actor, &deed)?;
                }
                Ok((answers, raw))
            })
            .await?;
        let shared = self.shared.clone();
        let ready = self.read(move |conn| opened(conn, &shared.keyring, raw)).await?;
        Ok(Decisions { answers, ready })
    }
}

fn opened(conn: &Connection, keyring: &Keyring, raw: Vec<RawReady>) -> Result<Vec<Ready>> {
    raw.into_iter().map(|raw| raw.open(conn, keyring)).collect()
}

/// What was said of some approvals.
struct Said {
    account: AccountId,
    decision: Decision,
    reason: String,
    by: String,
    at: Timestamp,
}

impl Said {
    /// `None`: nothing came of it.
    fn deed(&self, messages: &[MessageId], answers: &[DecisionAnswer]) -> Option<Deed> {
        let both = messages.iter().zip(answers);
        let done = both.filter(|(_, answer)| matches!(answer, DecisionAnswer::Done(_)));
        let ids: Vec<_> = done.map(|(message, _)| message.to_string()).collect();
        let action = match self.decision {
            Decision::Approve => Action::ApprovalApprove,
            Decision::Reject => Action::ApprovalReject,
        };
        let subject = ids.first()?.clone();
        let detail = json!({ "messages": ids, "reason": self.reason });
        Some(Deed { action, account: Some(self.account), subject, detail, at: self.at })
    }
}

const DECIDE: &str = "
UPDATE approval
SET state = ?3,
    decided_at = ?4,
    decided_by = ?5,
    reason = ?6
WHERE account = ?1
  AND id = ?2
  AND state = 'waiting'";

fn decide_one(
    ledger: &mut Ledger<'_>,
    said: &Said,
    message: MessageId,
    ready: &mut Vec<RawReady>,
) -> Result<DecisionAnswer> {
    let Some(found) = find(ledger.conn, said.account, message)? else { return Ok(DecisionAnswer::NotFound) };
    let standing = moves::standing(ledger, said.account, message)?;
    let (ApprovalState::Waiting, Some(from), true) =
        (found.state, standing, said.at < found.asking.expires_at)
    else {
        let lapsed = if found.state == ApprovalState::Waiting { ApprovalState::Lapsed } else { found.state };
        return Ok(DecisionAnswer::TooLate(lapsed));
    };
    let event = match said.decision {
        Decision::Approve => Event::Approved { due_at: found.asking.due_at.max(said.at) },
        Decision::Reject => Event::Forbidden(Rule::Content),
    };
    let Some(to) = decide(&from, &event, said.at) else {
        return Ok(DecisionAnswer::TooLate(ApprovalState::Lapsed));
    };
    let state = said.decision.state().as_str();
    let row = params![said.account.0, message.raw(), state, said.at.ms(), said.by, said.reason];
    ledger.conn.prepare_cached(DECIDE)?.execute(row)?;
    step(ledger, said, message, (&from, &to))?;
    if to.to == State::Pending {
        ready.extend(let_go(ledger, &found)?);
    }
    Ok(DecisionAnswer::Done(to))
}

fn step(
    ledger: &mut Ledger<'_>,
    said: &Said,
    message: MessageId,
    (from, to): (&Standing, &Transition),
) -> Result<()> {
    let (account, at) = (said.account, said.at);
    let step = Move::of((account, message), (from, to), at);
    moves::apply(ledger, &step)?.map(drop).ok_or_else(|| moves::lost_row(message))
}

const LET_GO: &str = "
UPDATE message
SET deadline_at = ?3,
    words = ?4
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'";

const IN_QUEUE: &str = concat!(
    "SELECT ",
    ready_columns!(),
    "
FROM message
WHERE account = ?1
  AND id = ?2
  AND state = 'pending'
  AND NOT scheduled"
);

/// Its deadline is what it was: by a person's word it may be late, and is so in the hold. `None`: it waits in the schedule.
fn let_go(ledger: &Ledger<'_>, found: &Approval) -> Result<Option<RawReady>> {
    let (account, message) = (found.account.0, found.message.raw());
    let row = params![account, message, found.asking.deadline_at.ms(), APPROVED];
    if ledger.conn.prepare_cached(LET_GO)?.execute(row)? != 1 {
        return Err(moves::lost_row(found.message));
    }
    let mut in_queue = ledger.conn.prepare_cached(IN_QUEUE)?;
    let mut rows = in_queue.query([account, message])?;
    rows.next()?.map(RawReady::read).transpose()
}

/// The approval of a message.
pub(crate) fn find(conn: &Connection, account: AccountId, message: MessageId) -> Result<Option<Approval>> {
    let mut by_id = conn.prepare_cached(BY_ID)?;
    let found = by_id.query_row([account.0, message.raw()], |row| Ok(read(row))).optional()?;
    found.transpose()
}

fn read(row: &Row<'_>) -> Result<Approval> {
    let decided = match (row::at_or_never(row, 10)?, row.get::<_, Option<String>>(11)?) {
        (Some(at), Some(by)) => {
            Some(Decided { at, by, reason: row.get::<_, Option<String>>(12)?.unwrap_or_default() })
        }
        _ => None,
    };
    Ok(Approval {
        account: AccountId(row.get(0)?),
        message: row::id(row, 1)?,
        subject: row::word(row, 2, Subject::parse)?,
        state: row::word(row, 3, ApprovalState::parse)?,
        asking: Asking {
            alike: row.get(4)?,
            findings: row.get(5)?,
            due_at: row::at(row, 7)?,
            deadline_at: row::at(row, 8)?,
            expires_at: row::at(row, 9)?,
        },
        asked_at: row::at(row, 6)?,
        decided,
    })
}
