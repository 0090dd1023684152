//! The one place where a message's row changes state, guarded by where it stood, counted with it.

use hongyan_domain::{
    AccountId, Cause, InteractionKind, MessageId, Reason, Signal, Standing, State, Taken, Timestamp,
    Transition,
};
use rusqlite::{Row, params};

use crate::numbers::clicks;
use crate::numbers::on_time::{self, Arrival};
use crate::path::accept::SCHEDULED_AFTER_MS;
use crate::path::approvals;
use crate::people::recipients::{self, Learned};
use crate::series::{Deltas, Kind, Standpoint};
use crate::sqlite::row;
use crate::sqlite::writer::Ledger;
use crate::watch::settled_log::SettledEvent;
use crate::{Result, StoreError};

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
    /// Whoever holds it in memory hears of the move and goes on holding it.
    pub(crate) is_heard: bool,
}

impl<'a> Move<'a> {
    /// One that no answer of WeChat's brings.
    pub(crate) fn of(
        (account, message): (AccountId, MessageId),
        (from, to): (&'a Standing, &'a Transition),
        at: Timestamp,
    ) -> Self {
        Self { account, message, from, to, msgid: None, taken_by: None, at, taken: None, is_heard: false }
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
    took_ms = COALESCE(?19, took_ms),
    in_memory = in_memory AND ?20
WHERE account = ?1
  AND id = ?2
  AND state = ?3
  AND attempts = ?4";

// A read before the write is dear only in words: RETURNING would open a table in memory and a statement journal for
// every row.
pub(crate) const WAS: &str = "
SELECT accepted_at, cause, judged_at, reached_by, counted, lane, template_id, scenario, deadline_at, sent_at, settled_at,
  due_at, tracked
FROM message
WHERE account = ?1
  AND id = ?2";

/// Writes the move. When it was accepted, if the row stood where it should; `None`: nothing was changed.
pub(crate) fn apply(ledger: &mut Ledger<'_>, step: &Move<'_>) -> Result<Option<Timestamp>> {
    let Some(Was { was, taken, due_at, tracked }) = as_it_was(ledger, step)? else { return Ok(None) };
    let taken = step.taken.or(taken);
    let given_back = taken.filter(|_| step.to.gives_back());
    if !write(ledger, step, taken.filter(|_| given_back.is_none()))? {
        return Ok(None);
    }
    let gone = step.to.cause.and_then(Reason::told_by).filter(|_| step.to.to == State::Failed);
    if let Some(signal) = step.to.cause.and_then(signal) {
        ledger.tally.sign(step.account, step.at, &was.kind.template, signal);
    }
    if given_back.is_some() || gone.is_some() {
        let learned = Learned { given_back, gone, at: step.at };
        recipients::learn(ledger, (step.account, step.message), &learned)?;
    }
    on_time(ledger, step, &was, due_at)?;
    let message = (step.account, step.message);
    // Once a message: one that became unknown, and of which a late receipt tells after all, was counted when it went.
    let went_before = is_with_wechat(step.from.state) || was.sent_at.is_some();
    if tracked && is_with_wechat(step.to.to) && !went_before {
        let cell = clicks::cell_of(ledger.conn, step.account, step.message)?;
        cell.into_iter().for_each(|cell| ledger.tally.sent_link(cell));
    }
    // What a person was asked about has gone on, or ended.
    if was.cause == Some(Cause::Content) && step.from.state == State::Pending {
        approvals::lapse(ledger.conn, message, step.at)?;
    }
    count(ledger, step, &was);
    Ok(Some(was.accepted_at))
}

fn on_time(ledger: &mut Ledger<'_>, step: &Move<'_>, was: &Standpoint, due_at: Timestamp) -> Result<()> {
    let Standpoint { accepted_at, deadline_at, sent_at, .. } = *was;
    let arrival = Arrival { accepted_at, due_at, deadline_at, sent_at };
    let message = (step.account, step.message);
    if let Some(told) = on_time::told(ledger.conn, message, &arrival, (step.to, step.at))? {
        ledger.tally.arrived((step.account, accepted_at), was.kind.scenario.as_ref().into(), told);
    }
    Ok(())
}

fn count(ledger: &mut Ledger<'_>, step: &Move<'_>, was: &Standpoint) {
    let (account, to) = (step.account, step.to);
    ledger.tally.leave(account, was.accepted_at, step.from.state, was.cause);
    ledger.tally.enter(account, was.accepted_at, to.to, to.cause);
    ledger.tally.series.moved(account, was, (to.to, to.cause), step.at);
    if to.to.is_final() {
        let event = SettledEvent { account, message: step.message, state: to.to, at: step.at };
        ledger.tally.settled.push(event);
    }
}

/// What this end of a message says against its template.
fn signal(cause: Cause) -> Option<Signal> {
    match cause {
        Cause::UserBlocked => Some(Signal::UserBlocked),
        Cause::ContentRefused => Some(Signal::Blocked),
        _ => None,
    }
}

fn is_with_wechat(state: State) -> bool {
    matches!(state, State::Sent | State::Delivered)
}

/// What the counters know of a message, and what is taken for it.
struct Was {
    was: Standpoint,
    taken: Option<Taken>,
    due_at: Timestamp,
    /// Whether its link is counted.
    tracked: bool,
}

fn as_it_was(ledger: &mut Ledger<'_>, step: &Move<'_>) -> Result<Option<Was>> {
    let mut was = ledger.conn.prepare_cached(WAS)?;
    let mut rows = was.query([step.account.0, step.message.raw()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let was = Standpoint {
        kind: kind(row, 5, &mut ledger.tally.series)?,
        state: step.from.state,
        cause: row::cause(row, 1)?,
        accepted_at: row::at(row, 0)?,
        deadline_at: row::at(row, 8)?,
        sent_at: row::at_or_never(row, 9)?,
        settled_at: row::at_or_never(row, 10)?,
    };
    Ok(Some(Was { was, taken: row::taken(row, 2)?, due_at: row::at(row, 11)?, tracked: row.get(12)? }))
}

/// Reads lane, template_id, scenario from column `first` on.
pub(crate) fn kind(row: &Row<'_>, first: usize, series: &mut Deltas) -> Result<Kind> {
    let text = |column| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    let template = series.name(text(first + 1)?.unwrap_or_default());
    let scenario = series.name(text(first + 2)?.unwrap_or_default());
    Ok(Kind { lane: row::lane(row, first)?, template, scenario })
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
        step.is_heard && !is_scheduled(step),
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
