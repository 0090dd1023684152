//! Step: claim. The durable intent to send, one row an account and batch, before any byte leaves.

use std::sync::Arc;

use hongyan_domain::{AccountId, Lane, State, Timestamp};
use hongyan_store::{Claim, ClaimId, Claimed as Answer, Ready};

use crate::account::catalog::Account;
use crate::metrics::Word;
use crate::path::accept::SCHEDULED_AFTER;
use crate::path::send::{Claimed, Ticket};
use crate::path::settle::count_transition;
use crate::{Shared, content};

/// What a claim came to.
#[derive(Default)]
pub(crate) struct Claims {
    /// These are on disk and may be sent.
    pub(crate) go: Vec<Claimed>,
    /// Memory is wrong about these: they are read anew.
    pub(crate) stale: Vec<Ready>,
    /// A rule ended these, or holds them so long that they wait in the schedule.
    pub(crate) judged: Vec<Ready>,
}

/// Commits one claim an account. `Err`: the store could not; nothing is claimed.
pub(crate) async fn commit_claims(
    shared: &Shared,
    batch: Vec<(AccountId, Vec<Ready>)>,
    now: Timestamp,
) -> Result<Claims, Vec<Ready>> {
    let catalog = shared.catalog.load_full();
    let (mut drawn, mut claims) = (Vec::with_capacity(batch.len()), Claims::default());
    for (account, mut messages) in batch {
        match catalog.by_id(account) {
            Some(account) => {
                content::look_again(account, &mut messages, now);
                drawn.push((account, ClaimId(shared.ids.lock().next(now).raw()), messages));
            }
            // Deleted since; its rows are gone or going.
            None => claims.stale.extend(messages),
        }
    }
    let wanted: Vec<_> =
        drawn.iter().map(|(account, id, messages)| claim(account, *id, now, messages)).collect();
    let mut answers = match shared.store.claim(&wanted).await {
        Ok(answers) => answers.into_iter(),
        Err(error) => {
            tracing::error!(%error, "could not claim");
            shared.metrics.store_failures.inc();
            let drawn = drawn.into_iter().flat_map(|(.., messages)| messages);
            return Err(claims.stale.into_iter().chain(drawn).collect());
        }
    };
    for (account, id, messages) in drawn {
        claims.add(shared, (account, id, now), messages, &mut answers);
    }
    note_waits(shared, &claims.go, now);
    Ok(claims)
}

fn claim<'a>(account: &'a Account, id: ClaimId, at: Timestamp, messages: &'a [Ready]) -> Claim<'a> {
    Claim { account: account.id(), id, at, messages, policies: &account.policies }
}

impl Claims {
    fn add(
        &mut self,
        shared: &Shared,
        (account, claim, now): (&Arc<Account>, ClaimId, Timestamp),
        messages: Vec<Ready>,
        answers: &mut impl Iterator<Item = Answer>,
    ) {
        let mut good = Vec::with_capacity(messages.len());
        for (mut message, answer) in messages.into_iter().zip(answers) {
            match answer {
                Answer::Go(taken) => {
                    message.standing.state = State::Claimed;
                    message.taken = taken;
                    good.push(message);
                }
                Answer::Stale => self.stale.push(message),
                Answer::Moved(to) => {
                    count_transition(shared, &to);
                    let soon = to.due_at.is_some_and(|due_at| due_at <= now.plus(SCHEDULED_AFTER));
                    if soon { self.stale.push(message) } else { self.judged.push(message) }
                }
            }
        }
        let ticket = Ticket::new(account.id(), claim, (now, shared.doubt.now()), good.len());
        let claimed = |message| Claimed { message, account: account.clone(), ticket: ticket.clone() };
        self.go.extend(good.into_iter().map(claimed));
    }
}

fn note_waits(shared: &Shared, claimed: &[Claimed], now: Timestamp) {
    for lane in Lane::ALL {
        let histogram = shared.metrics.wait_seconds.get_or_create(&Word { kind: lane.as_str() }).clone();
        for claimed in claimed.iter().filter(|claimed| claimed.message.lane == lane) {
            histogram.observe(now.since(claimed.message.due_at).as_secs_f64());
        }
    }
}
