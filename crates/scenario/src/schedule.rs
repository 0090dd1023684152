//! When a message may go, when it is late and when it is worthless. How late one was is told by `domain::on_time`.

use std::time::Duration;

use hongyan_domain::request::SEND_AT_MAX_AHEAD;
use hongyan_domain::{FieldCode, FieldError, Sentence, Timestamp, says};

use crate::duration::show;
use crate::scenario::{Scenario, Timing, WhenLate};

/// How far ahead of ours a caller's clock may be.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// The times of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// It does not go before this; never in the past.
    pub due_at: Timestamp,
    /// From this on it is late. Earlier than `due_at` where the trigger itself came late.
    pub deadline_at: Timestamp,
    /// From this on it no longer goes; always after `due_at`.
    pub expires_at: Option<Timestamp>,
}

/// The times that a trigger gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happened<'a> {
    /// When it happened; absent means now.
    pub(crate) occurred_at: Option<Timestamp>,
    /// The param that said so; absent: the trigger's own `occurred_at`.
    pub(crate) told_by: Option<&'a str>,
    /// The time of the param that `Timing::Before` names.
    pub(crate) ahead_of: Option<Timestamp>,
}

/// The time that a message goes ahead of.
#[derive(Clone, Copy)]
struct Ahead<'a> {
    param: &'a str,
    at: Timestamp,
    by: Duration,
}

/// Plans one message. Errors: it happened too long ago or not yet, what it is ahead of is over or too far off, or it
/// would be dropped at once.
pub(crate) fn plan(
    scenario: &Scenario,
    happened: Happened<'_>,
    now: Timestamp,
) -> Result<Schedule, Vec<FieldError>> {
    let occurred_at = happened.occurred_at.unwrap_or(now);
    let ahead = match &scenario.timing {
        Timing::Before { param, by } => happened.ahead_of.map(|at| Ahead { param, at, by: *by }),
        Timing::Once | Timing::Within(_) => None,
    };
    let ahead_fault = ahead.and_then(|ahead| ahead_fault(ahead, now));
    let faults: Vec<_> = age_fault(scenario, &happened, now).into_iter().chain(ahead_fault).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    // A clock that runs ahead of ours holds nothing back.
    let occurred_at = occurred_at.min(now);
    let promised_at = promised_at(scenario, occurred_at, ahead);
    let free_at = if ahead.is_some() { promised_at } else { gathered_at(scenario, occurred_at) };
    let due_at = free_at.max(now);
    let deadline_at = promised_at.plus(scenario.tolerance);
    let ends = [
        (scenario.when_late == WhenLate::Drop).then_some(deadline_at),
        scenario.expires_after.map(|after| promised_at.plus(after)),
        ahead.map(|ahead| ahead.at),
    ];
    let expires_at = ends.into_iter().flatten().min();
    match expires_at {
        Some(expires_at) if expires_at <= due_at => Err(vec![over(&happened, expires_at)]),
        _ => Ok(Schedule { due_at, deadline_at, expires_at }),
    }
}

/// When the person should have it.
fn promised_at(scenario: &Scenario, occurred_at: Timestamp, ahead: Option<Ahead<'_>>) -> Timestamp {
    let promised_at = match (&scenario.timing, ahead) {
        (Timing::Within(within), _) => occurred_at.plus(*within),
        // Booked after the reminder was due: the reminder is due at once.
        (_, Some(Ahead { at, by, .. })) => at.minus(by).max(occurred_at),
        _ => occurred_at,
    };
    promised_at.max(gathered_at(scenario, occurred_at))
}

/// When a message has all that it gathers.
fn gathered_at(scenario: &Scenario, occurred_at: Timestamp) -> Timestamp {
    scenario.merge.map_or(occurred_at, |merge| occurred_at.plus(merge.within))
}

impl Happened<'_> {
    /// The field of the trigger that says when it happened.
    fn field(&self) -> String {
        self.told_by.map_or_else(|| "occurred_at".to_owned(), |param| format!("params.{param}"))
    }
}

fn age_fault(scenario: &Scenario, happened: &Happened<'_>, now: Timestamp) -> Option<FieldError> {
    let occurred_at = happened.occurred_at?;
    if occurred_at > now.plus(SKEW) {
        let message = says!(
            "is more than {skew} ahead of now, {now}: give the time when it happened",
            skew = show(SKEW),
            now
        );
        return Some(FieldError::new(happened.field(), FieldCode::TooLate, message));
    }
    (now.since(occurred_at) > scenario.max_age).then(|| {
        let max = show(scenario.max_age);
        let message = says!(
            "is older than {max}: it would go out as news; raise max_age of the scenario if it should",
            max
        );
        FieldError::new(happened.field(), FieldCode::TooEarly, message)
    })
}

fn ahead_fault(Ahead { param, at, by }: Ahead<'_>, now: Timestamp) -> Option<FieldError> {
    let fault = |code, message: Sentence| Some(FieldError::new(format!("params.{param}"), code, message));
    if at <= now {
        return fault(FieldCode::TooEarly, "is over: there is nothing to say ahead of it".into());
    }
    (at.minus(by) > now.plus(SEND_AT_MAX_AHEAD)).then_some(())?;
    let most = show(SEND_AT_MAX_AHEAD);
    fault(FieldCode::TooLate, says!("is too far off: a message is planned at most {most} ahead", most))
}

fn over(happened: &Happened<'_>, expires_at: Timestamp) -> FieldError {
    let message = says!("is too long ago: the scenario drops what has not gone by {expires_at}", expires_at);
    FieldError::new(happened.field(), FieldCode::TooEarly, message)
}

#[cfg(test)]
mod tests;
