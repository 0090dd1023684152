//! The one place where a message's row changes state, guarded by where it stood, counted with it.

use hongyan_domain::{
    AccountId, Cause, InteractionKind, MessageId, Reason, Signal, Standing, State, Taken, Timestamp,
    Transition,
};
use rusqlite::params;

use crate::accept::SCHEDULED_AFTER_MS;
use crate::on_time::{self, Arrival};
use crate::recipients::Learned;
use crate::writer::Ledger;
use crate::{Result, StoreError, approvals, clicks, recipients, row};

/// A change of one row.
pub(crate) struct Move<'a> {
    pub(crate) account: AccountId,
    pub(crate) message: MessageId,
    /// State and attempts guard the write; `claimed` is `pending` in the row.
    pub(crate) from: &'a Standing,
    pub(crate) to: &'a Transition,
    /// WeChat's number, where the answer brought one.
    pub(crate) msgid: Option<u64>,
    /// The try that WeChat took, where the row is to tell of it.
    pub(crate) taken_by: Option<Try>,
    pub(crate) at: Timestamp,
    /// What its claim took from the recipient; `None`: what the row says.
    pub(crate) taken: Option<Taken>,
}

impl<'a> Move<'a> {
    /// One that no answer of WeChat's brings.
    pub(crate) fn of(
        (account, message): (AccountId, MessageId),
        (from, to): (&'a Standing, &'a Transition),
        at: Timestamp,
    ) -> Self {
        Self { account, message, from, to, msgid: None, taken_by: None, at, taken: None }
    }
}

/// A try of which there is nothing to tell but that WeChat took it.
#[derive(Clone, Copy)]
pub(crate) struct Try {
    pub(crate) claim: i64,
    pub(crate) claimed_at: Timestamp,
    pub(crate) took_ms: u32,
}

pub(crate) const MOVE: &str = "
UPDATE message
SET state = ?5,
    cause = ?6,
    attempts = ?7,
    due_at = COALESCE(?8, due_at),
    doubt_since = ?9,
    msgid = COALESCE(?10, msgid),
    sent_at = COALESCE(?11, sent_at),
    settled_at = ?12,
    judged_at = ?13,
    reached_by = ?14,
    counted = ?15,
    scheduled = ?16,
    claim = COALESCE(?17, claim),
    claimed_at = COALESCE(?18, claimed_at),
    took_ms = COALESCE(?19, took_ms)
WHERE account = ?1
  AND id = ?2
  AND state = ?3
  AND attempts = ?4";

// A read before the write is dear only in words: RETURNING would open a table in memory and a statement journal for
// every row.
pub(crate) const WAS: &str = "
SELECT accepted_at, cause, judged_at, reached_by, counted, due_at, deadline_at, sent_at, scenario, tracked
FROM message
WHERE account = ?1
  AND id = ?2";

/// Writes the move. When it was accepted, if the row stood where it should; `None`: nothing was changed.
pub(crate) fn apply(ledger: &mut Ledger<'_>, step: &Move<'_>) -> Result<Option<Timestamp>> {
    let Some(was) = as_it_was(ledger, step)? else { return Ok(None) };
    let Was { arrival, cause: before, taken, scenario, tracked } = was;
    let accepted_at = arrival.accepted_at;
    let taken = step.taken.or(taken);
    let given_back = taken.filter(|_| step.to.gives_back());
    if !write(ledger, step, taken.filter(|_| given_back.is_none()))? {
        return Ok(None);
    }
    let gone = step.to.cause.and_then(Reason::told_by).filter(|_| step.to.to == State::Failed);
    if let Some(signal) = step.to.cause.and_then(signal) {
        blame(ledger, step, signal)?;
    }
    if given_back.is_some() || gone.is_some() {
        let learned = Learned { given_back, gone, at: step.at };
        recipients::learn(ledger, (step.account, step.message), &learned)?;
    }
    let message = (step.account, step.message);
    if let Some(told) = on_time::told(ledger.conn, message, &arrival, (step.to, step.at))? {
        ledger.tally.arrived((step.account, accepted_at), scenario, told);
    }
    if tracked && is_with_wechat(step.to.to) && !is_with_wechat(step.from.state) {
        let cell = clicks::cell_of(ledger.conn, step.account, step.message)?;
        cell.into_iter().for_each(|cell| ledger.tally.sent_link(cell));
    }
    // What a person was asked about has gone on, or ended.
    if before == Some(Cause::Content) && step.from.state == State::Pending {
        approvals::lapse(ledger.conn, message, step.at)?;
    }
    ledger.tally.leave(step.account, accepted_at, step.from.state, before);
    ledger.tally.enter(step.account, accepted_at, step.to.to, step.to.cause);
    Ok(Some(accepted_at))
}

/// What this end of a message says against its template.
fn signal(cause: Cause) -> Option<Signal> {
    match cause {
        Cause::UserBlocked => Some(Signal::UserBlocked),
        Cause::ContentRefused => Some(Signal::Blocked),
        _ => None,
    }
}

const TEMPLATE: &str = "
SELECT template_id
FROM message
WHERE account = ?1
  AND id = ?2";

fn blame(ledger: &mut Ledger<'_>, step: &Move<'_>, signal: Signal) -> Result<()> {
    let mut template = ledger.conn.prepare_cached(TEMPLATE)?;
    let template: Option<String> = row::first(template.query([step.account.0, step.message.raw()])?)?;
    if let Some(template) = template {
        ledger.tally.sign(step.account, step.at, &template.into(), signal);
    }
    Ok(())
}

fn is_with_wechat(state: State) -> bool {
    matches!(state, State::Sent | State::Delivered)
}

/// What a message's row said.
struct Was {
    arrival: Arrival,
    cause: Option<Cause>,
    taken: Option<Taken>,
    /// Empty: of none.
    scenario: Box<str>,
    /// Whether its link is counted.
    tracked: bool,
}

fn as_it_was(ledger: &Ledger<'_>, step: &Move<'_>) -> Result<Option<Was>> {
    let mut was = ledger.conn.prepare_cached(WAS)?;
    let mut rows = was.query([step.account.0, step.message.raw()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let arrival = Arrival {
        accepted_at: row::at(row, 0)?,
        due_at: row::at(row, 5)?,
        deadline_at: row::at(row, 6)?,
        sent_at: row::at_or_never(row, 7)?,
    };
    let scenario = row.get_ref(8)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    let scenario = scenario.unwrap_or_default().into();
    let (cause, taken, tracked) = (row::cause(row, 1)?, row::taken(row, 2)?, row.get(9)?);
    Ok(Some(Was { arrival, cause, taken, scenario, tracked }))
}

fn write(ledger: &Ledger<'_>, step: &Move<'_>, taken: Option<Taken>) -> Result<bool> {
    let to = step.to;
    let sent_at = (to.to == State::Sent).then_some(step.at.ms());
    let settled_at = to.to.is_final().then_some(step.at.ms());
    let moved = ledger.conn.prepare_cached(MOVE)?.execute(params![
        step.account.0,
        step.message.raw(),
        in_row(step.from.state).as_str(),
        step.from.attempts,
        in_row(to.to).as_str(),
        to.cause.map(Cause::as_str),
        to.attempts,
        to.due_at.map(Timestamp::ms),
        to.doubt_since.map(Timestamp::ms),
        step.msgid.map(u64::cast_signed),
        sent_at,
        settled_at,
        taken.map(|taken| taken.at.ms()),
        taken.and_then(|taken| taken.window).map(InteractionKind::as_str),
        taken.is_some_and(|taken| taken.counted),
        is_scheduled(step),
        step.taken_by.map(|taken| taken.claim),
        step.taken_by.map(|taken| taken.claimed_at.ms()),
        step.taken_by.map(|taken| taken.took_ms),
    ])?;
    Ok(moved == 1)
}

/// A message that a rule holds for long waits in the schedule, as one accepted for later does.
fn is_scheduled(step: &Move<'_>) -> bool {
    let due_at = step.to.due_at.filter(|_| step.to.to == State::Pending);
    let for_a_person = step.to.cause == Some(Cause::Content);
    due_at.is_some_and(|due_at| for_a_person || due_at.ms().saturating_sub(step.at.ms()) > SCHEDULED_AFTER_MS)
}

fn in_row(state: State) -> State {
    if state == State::Claimed { State::Pending } else { state }
}

const STANDING: &str = "
SELECT state, attempts, doubt_since, on_unknown
FROM message
WHERE account = ?1
  AND id = ?2";

/// Where a message's row says it stands.
pub(crate) fn standing(
    ledger: &Ledger<'_>,
    account: AccountId,
    message: MessageId,
) -> Result<Option<Standing>> {
    let mut standing = ledger.conn.prepare_cached(STANDING)?;
    let mut rows = standing.query([account.0, message.raw()])?;
    rows.next()?.map(|row| row::standing(row, 0)).transpose()
}

/// The answer to a write that must have found its row.
pub(crate) fn lost_row(message: MessageId) -> StoreError {
    StoreError::Corrupt(format!("the row of {message} changed inside its own transaction"))
}
