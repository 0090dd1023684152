//! Step pace: whose turn it is, what may go in it, and the claim of it.

use std::time::Duration;

use hongyan_domain::{AccountId, Event, Timestamp};
use hongyan_store::Ready;

use crate::path::claim::{Claims, commit_claims};
use crate::path::dispatch::{Dispatcher, HELD_MAX, Hint, STORE_PAUSE};
use crate::path::launch::Way;
use crate::path::send::Finished;
use crate::path::traffic::Traffic;

/// Claims being committed at once, each way: one on disk, one gathering.
const CLAIMS_MAX: usize = 2;
/// At least so many messages an account and visit: messages of one account that go together are written together,
/// and a page of the store is written once for all of them.
const VISIT_MIN: usize = 16;
/// At most so many in one claim: they are settled in one command when the last of them is back.
const CLAIM_MAX: usize = 512;

/// What is taken at once, by claim.
type Batch = Vec<(AccountId, Vec<Ready>)>;

/// Claims under way.
#[derive(Default)]
pub(crate) struct Claiming {
    in_turn: usize,
    urgent: usize,
}

impl Claiming {
    fn count(&mut self, way: Way) -> &mut usize {
        match way {
            Way::InTurn => &mut self.in_turn,
            Way::Urgent => &mut self.urgent,
        }
    }

    pub(crate) fn end(&mut self, way: Way) {
        *self.count(way) -= 1;
    }

    pub(crate) fn is_none(&self) -> bool {
        self.in_turn == 0 && self.urgent == 0
    }
}

impl Dispatcher {
    /// Takes what pace, budget and lanes allow, over all accounts in turn, and starts its claim. What is urgent does
    /// not wait until there is room for everybody.
    pub(super) fn claim_what_may_go(&mut self, now: Timestamp) {
        if self.stopping || now < self.store_rests_until {
            return;
        }
        while self.claiming.urgent < CLAIMS_MAX && !self.urgent.is_empty() {
            let batch = self.take_urgent(now, self.launcher.room(Way::Urgent));
            if batch.is_empty() {
                break;
            }
            self.claim(batch, Way::Urgent, now);
        }
        while self.claiming.in_turn < CLAIMS_MAX {
            let batch = self.take_turns(now, self.launcher.room(Way::InTurn));
            if batch.is_empty() {
                return;
            }
            self.claim(batch, Way::InTurn, now);
        }
    }

    /// As many as are urgent, of every account that has such. The lanes share these turns too, so that the others do
    /// not starve.
    fn take_urgent(&mut self, now: Timestamp, mut room: usize) -> Batch {
        let mut batch = Vec::new();
        let mut rest = Vec::new();
        for account in std::mem::take(&mut self.urgent) {
            let urgent = self.traffic.get(&account).map_or(0, Traffic::urgent);
            room -= self.visit(account, urgent.min(room), now, &mut batch);
            let Some(traffic) = self.traffic.get_mut(&account) else { continue };
            traffic.has_urgent_turn = traffic.urgent() > 0;
            if traffic.has_urgent_turn {
                rest.push(account);
            }
        }
        self.urgent = rest;
        batch
    }

    fn take_turns(&mut self, now: Timestamp, mut room: usize) -> Batch {
        let share = (room / self.turns.len().max(1)).max(VISIT_MIN);
        let mut batch = Vec::new();
        for _ in 0..self.turns.len() {
            if room == 0 {
                break;
            }
            let Some(account) = self.turns.pop_front() else { break };
            room -= self.visit(account, share.min(room), now, &mut batch);
            let Some(traffic) = self.traffic.get_mut(&account) else { continue };
            traffic.has_turn = traffic.is_waiting();
            if traffic.has_turn {
                self.turns.push_back(account);
            }
        }
        batch
    }

    /// Takes up to `most` of an account's messages; how many there were.
    fn visit(&mut self, account: AccountId, most: usize, now: Timestamp, batch: &mut Batch) -> usize {
        let cap = self.lane_cap();
        let Some(traffic) = self.traffic.get_mut(&account) else { return 0 };
        let held = traffic.held();
        let mut taken = traffic.take(now, most);
        self.held = self.held + traffic.held() - held;
        self.shared.room.tell_crowded(self.held >= HELD_MAX);
        traffic.tell_room(&self.shared.room, cap);
        self.shelving.add(account, traffic.take_put_out());
        if traffic.is_hungry(cap) {
            self.hungry.push(account);
        }
        let doubt = &self.shared.doubt;
        let forgotten: Vec<_> =
            taken.go.extract_if(.., |message| doubt.is_forgotten(&message.standing)).collect();
        traffic.unspend(forgotten.len(), now);
        taken.over.extend(forgotten.into_iter().map(|message| (message, Event::Claimed)));
        self.end(taken.over);
        let count = taken.go.len();
        while !taken.go.is_empty() {
            let rest = taken.go.split_off(taken.go.len().min(CLAIM_MAX));
            batch.push((account, std::mem::replace(&mut taken.go, rest)));
        }
        count
    }

    fn claim(&mut self, batch: Batch, way: Way, now: Timestamp) {
        *self.claiming.count(way) += 1;
        self.launcher.expect(way, batch.iter().map(|(_, messages)| messages.len()).sum());
        let (shared, launcher) = (self.shared.clone(), self.launcher.clone());
        tokio::spawn(async move {
            let hint = match commit_claims(&shared, batch, now).await {
                Ok(Claims { go, stale, judged }) => {
                    launcher.forget(way, stale.len() + judged.len());
                    launcher.launch(way, go);
                    Hint::Claimed { way, taken_at: now, stale, judged }
                }
                Err(messages) => {
                    launcher.forget(way, messages.len());
                    Hint::Unclaimed(way, now, messages)
                }
            };
            shared.hint(hint).await;
        });
    }

    /// Messages that may not go any more are settled at once.
    pub(super) fn end(&self, over: Vec<(Ready, Event)>) {
        if over.is_empty() {
            return;
        }
        let (finished, shared) = (self.sender.finished.clone(), self.shared.clone());
        tokio::spawn(async move {
            for (message, event) in over {
                // It is over because of its doubt, or because of its time: that may be later by the doubt's clock.
                let at = match event {
                    Event::Claimed => shared.doubt.judged_at(message.standing.doubt_since),
                    _ => shared.clock.now(),
                };
                let over = Finished { message, ticket: None, event, at, dispatch: None, refused: None };
                if finished.send(over).await.is_err() {
                    return;
                }
            }
        });
    }

    /// When something may go again, if nothing happens before.
    pub(super) fn wake_at(&self, now: Timestamp) -> Timestamp {
        let at_last = now.plus(STORE_PAUSE);
        if self.stopping {
            return at_last;
        }
        let in_turn = self.claiming.in_turn < CLAIMS_MAX && self.launcher.room(Way::InTurn) > 0;
        let urgent = self.claiming.urgent < CLAIMS_MAX && self.launcher.room(Way::Urgent) > 0;
        let turns = self.turns.iter().filter(|_| in_turn);
        let waiting = turns.chain(self.urgent.iter().filter(|_| urgent));
        let next = waiting.filter_map(|account| self.traffic[account].next_at(now)).min();
        let next = next.map_or(at_last, |at| at.max(self.store_rests_until));
        next.max(now.plus(Duration::from_millis(1))).min(at_last)
    }
}
