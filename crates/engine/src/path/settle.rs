//! Step: write down what each dispatch came to, many at once, and tell the dispatcher.
//!
//! An outcome is durable before the message leaves memory. While the store cannot write, outcomes wait
//! here and their bound holds back the sends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hongyan_domain::{
    AccountId, Cause, DeliveryStatus, Event, Outcome, State, Timestamp, Transition, decide,
};
use hongyan_store::{ClaimId, Dispatch, Ready, Settled, Settlement, StoreError, Written};
use hongyan_wechat::errcode;
use tokio::sync::mpsc;

use crate::Shared;
use crate::metrics::{Code, Entered, Word};
use crate::path::dispatch::{Again, Back, Hint};
use crate::path::send::Finished;
use crate::path::traffic::{Pause, Signal};
use crate::watch::alarm;

/// Outcomes taken up at once: what comes back in the time of a large commit.
const ROUND: usize = 4_096;
/// Outcomes in one command, and those of one claim more: the store commits many commands together, but few where
/// somebody waits for something urgent.
const COMMAND: usize = 512;
/// Between two tries to write while the store is full or read-only.
const STORE_PAUSE: Duration = Duration::from_millis(200);

/// Settles what comes in until every sender is gone.
pub(crate) async fn run(shared: Arc<Shared>, mut finished: mpsc::Receiver<Finished>) {
    let mut round = Vec::with_capacity(ROUND);
    while finished.recv_many(&mut round, ROUND).await > 0 {
        let mut decided: Vec<_> = round.drain(..).filter_map(decided).collect();
        // By account, as their rows lie in the store: a page is written once for all of them.
        decided.sort_unstable_by_key(|one| (one.claim(), one.finished.message.id));
        let writes = commands(&decided).into_iter().map(|command| write(&shared, command));
        let Some(written) = join_all(writes).await.into_iter().collect::<Option<Vec<_>>>() else { return };
        written.iter().for_each(|written| count_written(&shared, written));
        let settled = written.into_iter().flat_map(|written| written.settled);
        let backs =
            decided.into_iter().zip(settled).map(|(decided, settled)| back(&shared, decided, settled));
        shared.hint(Hint::Settled(backs.collect())).await;
    }
}

/// Cuts a round into commands. What is of one claim stays together: the claim is closed with the last of it, and
/// what came back in rounds before is written.
fn commands(decided: &[Decided]) -> Vec<&[Decided]> {
    let mut commands = Vec::new();
    let mut rest = decided;
    while !rest.is_empty() {
        let mut len = 0;
        for claim in rest.chunk_by(|a, b| a.claim() == b.claim()) {
            len += claim.len();
            if len >= COMMAND {
                break;
            }
        }
        let (command, later) = rest.split_at(len);
        commands.push(command);
        rest = later;
    }
    commands
}

struct Decided {
    finished: Finished,
    to: Transition,
    closes: Option<(AccountId, ClaimId)>,
}

impl Decided {
    fn claim(&self) -> (AccountId, Option<ClaimId>) {
        let Finished { message, ticket, .. } = &self.finished;
        (message.account, ticket.as_ref().map(|ticket| ticket.claim))
    }
}

fn decided(finished: Finished) -> Option<Decided> {
    let to = decide(&finished.message.standing, &finished.event, finished.at);
    let Some(to) = to else {
        // A message in memory is pending or claimed, and both answer every event that comes here.
        tracing::error!(message = %finished.message.id, "an event did not fit the state in memory");
        return None;
    };
    let last = finished.ticket.as_ref().filter(|ticket| ticket.settle_one());
    let closes = last.map(|ticket| (ticket.account, ticket.claim));
    Some(Decided { finished, to, closes })
}

/// Writes until it is written. `None`: the store has stopped for good, and so must the process.
async fn write(shared: &Shared, decided: &[Decided]) -> Option<Written> {
    loop {
        let rows = decided.iter().map(|one| row(shared, one)).collect();
        let closed = decided.iter().filter_map(|one| one.closes).collect();
        match shared.store.settle(rows, closed).await {
            Ok(written) => return Some(written),
            Err(StoreError::Unavailable(reason)) => {
                tracing::error!(reason, "could not settle; trying again");
                shared.metrics.store_failures.inc();
                tokio::time::sleep(STORE_PAUSE).await;
            }
            Err(error) => {
                tracing::error!(%error, "the store has stopped");
                shared.fatal.cancel();
                return None;
            }
        }
    }
}

/// A late one also tells how long its account stood still: later nobody knows.
fn row(shared: &Shared, decided: &Decided) -> Settlement {
    let (account, claim) = decided.claim();
    let Finished { message, at, dispatch, refused, .. } = &decided.finished;
    let mut dispatch = dispatch.clone();
    if let Some(dispatch) = dispatch.as_mut().filter(|_| *at >= message.deadline_at) {
        let waited = (message.accepted_at, dispatch.claimed_at);
        dispatch.paused_ms = Some(shared.stills.during(account, waited.0, waited.1));
    }
    Settlement {
        account,
        message: message.id,
        from: message.standing,
        to: decided.to,
        claim,
        at: *at,
        dispatch,
        refused: refused.clone(),
        taken: message.taken,
    }
}

fn back(shared: &Shared, decided: Decided, settled: Settled) -> Back {
    let Decided { finished, .. } = decided;
    count(shared, &finished);
    let signal = signal(&finished.event);
    let Finished { message, at, .. } = finished;
    let (account, id) = (message.account, message.id);
    let again = match settled {
        Settled::Applied(to) if to.to == State::Pending => Again::Here(Box::new(waiting(message, &to, at))),
        Settled::Applied(_) => Again::No,
        Settled::Stale { state } => {
            tracing::warn!(message = %id, state = state.as_str(), "a message stood elsewhere when it was settled");
            if state == State::Pending { Again::InStore(message.lane) } else { Again::No }
        }
    };
    Back { account, message: id, signal, again }
}

fn waiting(mut message: Ready, to: &Transition, at: Timestamp) -> Ready {
    message.standing.state = to.to;
    message.standing.attempts = to.attempts;
    message.standing.doubt_since = to.doubt_since;
    message.due_at = to.due_at.unwrap_or(at);
    if to.gives_back() {
        message.taken = None;
    }
    message
}

/// What an answer tells about the account.
fn signal(event: &Event) -> Option<Signal> {
    let Event::Answered { outcome, .. } = event else { return None };
    Some(match outcome {
        Outcome::Sent { .. } | Outcome::Refused { .. } => Signal::Fine,
        Outcome::Retry { cause: Cause::Busy, .. } => Signal::Busy,
        Outcome::Retry { .. } => Signal::Fine,
        Outcome::Pause { until, cause } => Signal::Paused(Pause { until: *until, cause: *cause }),
        Outcome::Unknown => Signal::Silent,
    })
}

fn count(shared: &Shared, finished: &Finished) {
    if matches!(&finished.event, Event::Answered { outcome: Outcome::Sent { .. }, .. }) {
        let message = &finished.message;
        shared.counts.lock().sent(message.account, finished.at.day(), &message.template_id);
    }
    for dispatch in finished.refused.as_deref().into_iter().chain(&finished.dispatch) {
        count_try(shared, (finished.message.account, finished.at), dispatch);
    }
}

fn count_try(shared: &Shared, (account, at): (AccountId, Timestamp), dispatch: &Dispatch) {
    shared.metrics.dispatches.get_or_create(&Word { kind: dispatch.outcome }).inc();
    shared.metrics.send_seconds.observe(f64::from(dispatch.took_ms) / 1_000.0);
    if let Some(errcode) = dispatch.errcode.filter(|errcode| *errcode != 0) {
        let known = errcode::lookup(errcode).map_or(0, |row| row.code);
        shared.metrics.errcodes.get_or_create(&Code { errcode: known }).inc();
        let kind = errcode::class(errcode).name();
        shared.metrics.errcode_classes.get_or_create(&Word { kind }).inc();
        alarm::look(shared, account, errcode, at);
    }
}

/// Counts what a batch of settlements moved.
pub(crate) fn count_written(shared: &Shared, written: &Written) {
    let applied = written.settled.iter().filter_map(|settled| match settled {
        Settled::Applied(to) => Some(to),
        Settled::Stale { .. } => None,
    });
    applied.chain(&written.besides).for_each(|to| count_transition(shared, to));
}

/// Counts a message that entered a state.
pub(crate) fn count_transition(shared: &Shared, to: &Transition) {
    let entered = Entered { state: to.to.as_str(), cause: to.cause.map_or("", Cause::as_str) };
    shared.metrics.messages.get_or_create(&entered).inc();
}

/// Counts a receipt.
pub(crate) fn count_receipt(shared: &Shared, status: DeliveryStatus) {
    shared.metrics.receipts.get_or_create(&Word { kind: status.as_str() }).inc();
}

#[cfg(test)]
mod tests {
    use hongyan_domain::Lane;

    use super::*;
    use crate::path::send::Ticket;

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

    fn of_claim(account: i64, claim: i64, messages: usize) -> Vec<Decided> {
        let ticket = Ticket::new(AccountId(account), ClaimId(claim), (NOW, NOW), messages);
        let one = |id| Finished {
            message: message(AccountId(account), id),
            ticket: Some(ticket.clone()),
            event: Event::Answered { claimed_at: NOW, outcome: Outcome::Unknown },
            at: NOW,
            dispatch: None,
            refused: None,
        };
        (0..messages).filter_map(|id| decided(one(id))).collect()
    }

    fn message(account: AccountId, id: usize) -> Ready {
        let mut message = Ready { account, ..crate::path::traffic::tests::message(id as i64, Lane::Normal) };
        message.standing.state = State::Claimed;
        message
    }

    #[test]
    fn a_command_takes_whole_claims_until_it_is_long_enough() {
        let decided: Vec<_> = (1..=5).flat_map(|account| of_claim(account, 7, 200)).collect();

        let lengths: Vec<_> = commands(&decided).iter().map(|command| command.len()).collect();

        assert_eq!(lengths, [600, 400]);
    }

    #[test]
    fn a_claim_is_closed_in_the_command_of_its_last_message() {
        let decided: Vec<_> = (1..=3).flat_map(|claim| of_claim(1, claim, COMMAND - 1)).collect();

        let closed = |command: &[Decided]| command.iter().filter_map(|one| one.closes).count();
        let closed: Vec<_> = commands(&decided).into_iter().map(closed).collect();

        assert_eq!(closed, [2, 1]);
    }
}
