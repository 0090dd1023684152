//! Step: write down what each dispatch came to, many at once, and tell the dispatcher.
//!
//! An outcome is durable before the message leaves memory. While the store cannot write, outcomes wait
//! here and their bound holds back the sends.

use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::{
    AccountId, Cause, DeliveryStatus, Event, Outcome, State, Timestamp, Transition, decide,
};
use hongyan_store::{ClaimId, Ready, Settled, Settlement, StoreError};
use tokio::sync::mpsc;

use crate::Shared;
use crate::dispatch::{Back, Hint};
use crate::metrics::{Code, Entered, Word};
use crate::send::Finished;
use crate::traffic::{Pause, Signal};

/// Outcomes written in one transaction.
const BATCH: usize = 1_024;
/// Between two tries to write while the store is full or read-only.
const STORE_PAUSE: Duration = Duration::from_millis(200);

/// Settles what comes in until every sender is gone.
pub(crate) async fn run(shared: Arc<Shared>, mut finished: mpsc::Receiver<Finished>) {
    let mut batch = Vec::with_capacity(BATCH);
    while finished.recv_many(&mut batch, BATCH).await > 0 {
        let now = shared.clock.now();
        let decided: Vec<_> = batch.drain(..).filter_map(|finished| decided(finished, now)).collect();
        let Some(settled) = write(&shared, &decided, now).await else { return };
        let backs =
            decided.into_iter().zip(settled).map(|(decided, settled)| back(&shared, decided, settled, now));
        shared.hint(Hint::Settled(backs.collect())).await;
    }
}

struct Decided {
    finished: Finished,
    to: Transition,
    closes: Option<(AccountId, ClaimId)>,
}

fn decided(finished: Finished, now: Timestamp) -> Option<Decided> {
    let to = decide(&finished.message.standing, &finished.event, now);
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
async fn write(shared: &Shared, decided: &[Decided], now: Timestamp) -> Option<Vec<Settled>> {
    loop {
        let rows = decided.iter().map(|one| row(one, now)).collect();
        let closed = decided.iter().filter_map(|one| one.closes).collect();
        match shared.store.settle(rows, closed).await {
            Ok(settled) => return Some(settled),
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

fn row(decided: &Decided, now: Timestamp) -> Settlement {
    let Finished { message, ticket, dispatch, .. } = &decided.finished;
    Settlement {
        account: message.account,
        message: message.id,
        from: message.standing,
        to: decided.to,
        claim: ticket.as_ref().map(|ticket| ticket.claim),
        at: now,
        dispatch: dispatch.clone(),
        taken: message.taken,
    }
}

fn back(shared: &Shared, decided: Decided, settled: Settled, now: Timestamp) -> Back {
    let Decided { finished, .. } = decided;
    count(shared, &finished);
    let signal = signal(&finished.event);
    let Finished { message, .. } = finished;
    let (account, id) = (message.account, message.id);
    let again = match settled {
        Settled::Applied(to) => {
            count_transition(shared, &to);
            (to.to == State::Pending).then(|| waiting(message, &to, now))
        }
        Settled::Stale { state } => {
            tracing::warn!(message = %id, state = state.as_str(), "a message stood elsewhere when it was settled");
            None
        }
    };
    Back { account, message: id, signal, again }
}

fn waiting(mut message: Ready, to: &Transition, now: Timestamp) -> Ready {
    message.standing.state = to.to;
    message.standing.attempts = to.attempts;
    message.standing.doubt_since = to.doubt_since;
    message.due_at = to.due_at.unwrap_or(now);
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
    let Some(dispatch) = &finished.dispatch else { return };
    shared.metrics.dispatches.get_or_create(&Word { kind: dispatch.outcome }).inc();
    shared.metrics.send_seconds.observe(f64::from(dispatch.took_ms) / 1_000.0);
    if let Some(errcode) = dispatch.errcode.filter(|errcode| *errcode != 0) {
        let known = hongyan_wechat::errcode::lookup(errcode).map_or(0, |row| row.code);
        shared.metrics.errcodes.get_or_create(&Code { errcode: known }).inc();
    }
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
