//! Step: claim. The durable intent to send, one row an account and batch, before any byte leaves.

use std::sync::Arc;

use hongyan_domain::{AccountId, Lane, State, Timestamp};
use hongyan_store::{Claim, ClaimId, Ready};

use crate::Shared;
use crate::catalog::Account;
use crate::metrics::Word;
use crate::send::{Claimed, Ticket};

/// Commits one claim an account; gives what may be sent, and what memory was wrong about.
pub(crate) async fn commit_claims(
    shared: &Shared,
    batch: Vec<(AccountId, Vec<Ready>)>,
    now: Timestamp,
) -> Result<(Vec<Claimed>, Vec<Ready>), Vec<Ready>> {
    let catalog = shared.catalog.load_full();
    let claims: Vec<Claim> =
        batch.iter().map(|(account, messages)| claim_of(shared, *account, messages, now)).collect();
    let ids: Vec<ClaimId> = claims.iter().map(|claim| claim.id).collect();
    let all =
        |batch: Vec<(AccountId, Vec<Ready>)>| batch.into_iter().flat_map(|(_, messages)| messages).collect();
    let refused = match shared.store.claim(claims).await {
        Ok(refused) => refused,
        Err(error) => {
            tracing::error!(%error, "could not claim");
            shared.metrics.store_failures.inc();
            return Err(all(batch));
        }
    };
    let (mut go, mut stale) = (Vec::new(), Vec::new());
    for ((account, messages), claim) in batch.into_iter().zip(ids) {
        let (out_of_date, good): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| refused.contains(&message.id));
        stale.extend(out_of_date);
        let Some(account) = catalog.by_id(account) else {
            // Deleted since; its rows are gone or going.
            stale.extend(good);
            continue;
        };
        go.extend(with_ticket(account, claim, good, now));
    }
    note_waits(shared, &go, now);
    Ok((go, stale))
}

fn claim_of(shared: &Shared, account: AccountId, messages: &[Ready], now: Timestamp) -> Claim {
    let id = ClaimId(shared.ids.lock().next(now).raw());
    let messages = messages.iter().map(|message| message.id).collect();
    Claim { account, id, at: now, messages }
}

fn with_ticket(account: &Arc<Account>, claim: ClaimId, good: Vec<Ready>, now: Timestamp) -> Vec<Claimed> {
    let ticket = Ticket::new(account.id(), claim, now, good.len());
    good.into_iter()
        .map(|mut message| {
            message.standing.state = State::Claimed;
            Claimed { message, account: account.clone(), ticket: ticket.clone() }
        })
        .collect()
}

fn note_waits(shared: &Shared, claimed: &[Claimed], now: Timestamp) {
    for lane in Lane::ALL {
        let histogram = shared.metrics.wait_seconds.get_or_create(&Word { kind: lane.as_str() }).clone();
        for claimed in claimed.iter().filter(|claimed| claimed.message.lane == lane) {
            histogram.observe(now.since(claimed.message.due_at).as_secs_f64());
        }
    }
}
