//! What a start does first: the claims that the last process left open, and what waits in the store.

use hongyan_domain::{Event, Outcome, Standing, State, Timestamp, Transition, decide};
use hongyan_store::{Dispatch, OpenClaim, Settlement};

use crate::metrics::Word;
use crate::path::dispatch::Hint;
use crate::path::settle::count_written;
use crate::{EngineError, Shared};

/// Settles every open claim as lost: the message may have been sent. Inside WeChat's memory it goes again
/// under the same client_msg_id; after it, it is unknown.
pub(crate) async fn close_lost_claims(shared: &Shared) -> Result<(), EngineError> {
    for claim in shared.store.open_claims().await? {
        let rows = claim.messages.iter().filter_map(|message| lost(shared, &claim, message)).collect();
        let written = shared.store.settle(rows, vec![(claim.account, claim.claim)]).await?;
        let tries = written.settled.len() as u64;
        shared.metrics.dispatches.get_or_create(&Word { kind: Outcome::Unknown.as_str() }).inc_by(tries);
        count_written(shared, &written);
    }
    Ok(())
}

fn lost(shared: &Shared, claim: &OpenClaim, message: &hongyan_store::Ready) -> Option<Settlement> {
    let now = shared.clock.now();
    let to = lost_to(shared, &message.standing, claim.at)?;
    // A try of which nobody heard: it stands in the message's timeline like any other without an answer.
    let dispatch = Dispatch {
        claimed_at: claim.at,
        outcome: Outcome::Unknown.as_str(),
        errcode: None,
        errmsg: None,
        rid: None,
        msgid: None,
        took_ms: 0,
        paused_ms: None,
    };
    Some(Settlement {
        account: claim.account,
        message: message.id,
        from: message.standing,
        to,
        claim: Some(claim.claim),
        at: now,
        dispatch: Some(dispatch),
        refused: None,
        taken: message.taken,
    })
}

/// It waits on by the clock that people see; whether it may is judged by the one that never goes back.
fn lost_to(shared: &Shared, standing: &Standing, claimed_at: Timestamp) -> Option<Transition> {
    let lost = Event::Lost { claimed_at };
    let since = standing.doubt_since.map_or(claimed_at, |since| since.min(claimed_at));
    let judged = decide(standing, &lost, shared.doubt.judged_at(Some(since)))?;
    if judged.to == State::Pending { decide(standing, &lost, shared.clock.now()) } else { Some(judged) }
}

/// Tells the dispatcher what went today already, and which lanes hold something.
pub(crate) async fn announce_backlog(shared: &Shared) -> Result<(), EngineError> {
    for (account, sends) in shared.store.sends_today(shared.clock.now().day()).await? {
        shared.hint(Hint::Spent(account, u32::try_from(sends).unwrap_or(u32::MAX))).await;
    }
    for backlog in shared.store.backlog().await? {
        shared.hint(Hint::More(backlog.account, backlog.lane)).await;
    }
    Ok(())
}
