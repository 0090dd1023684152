//! What becomes of the receipt of a send: when it goes out, how often, and what it says.

use std::sync::Arc;

use crate::account::Account;
use crate::faults::{PlanAtWork, drawn_ms};
use crate::outbox::{Arrival, Held, Push, Task};
use crate::push_text::{Status, Subject};
use crate::reports::Fate;
use crate::world::{ActiveFaults, World};

/// A send that was accepted.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) account: &'a Arc<Account>,
    pub(crate) openid: &'a str,
    pub(crate) msgid: u64,
    pub(crate) status: Status,
}

fn plan_of<'a>(world: &'a World, faults: &'a ActiveFaults) -> &'a PlanAtWork {
    faults.iter().find_map(|faults| faults.receipts.as_ref()).unwrap_or(&world.receipts)
}

/// The status by the follower, or by chance where the plan says so.
pub(crate) fn drawn_status(world: &World, faults: &ActiveFaults, status: Status) -> Status {
    let plan = plan_of(world, faults);
    if status != Status::Success {
        status
    } else if plan.user_block.hits(&world.chance) {
        Status::UserBlock
    } else if plan.system_failed.hits(&world.chance) {
        Status::SystemFailed
    } else if plan.freq_limit.hits(&world.chance) {
        Status::FreqLimit
    } else {
        Status::Success
    }
}

/// Queues the receipt; an early one is handed back, to go out before the answer.
pub(crate) fn plan(
    world: &World,
    faults: &ActiveFaults,
    sent: Sent<'_>,
    answered_at_ms: i64,
) -> Option<Box<Push>> {
    sent.account.profile.read().callback.as_ref()?;
    let (plan, chance) = (plan_of(world, faults), &world.chance);
    if plan.lost.hits(chance) {
        world.counters.receipts_lost.add_one();
        return None;
    }
    let msgid = if plan.zero_msgid.hits(chance) { 0 } else { sent.msgid };
    let receipt = |at_ms: i64| Push {
        account: Arc::clone(sent.account),
        openid: sent.openid.into(),
        subject: Subject::Receipt { msgid, status: sent.status },
        at_seconds: at_ms / 1000,
        tries: 0,
        forged: None,
    };
    let late_ms = if plan.late.hits(chance) { plan.late_ms } else { 0 };
    let at_ms = answered_at_ms + i64::from(drawn_ms(plan.delay, chance)) + i64::from(late_ms);
    if plan.doubled.hits(chance) {
        queue(world, at_ms, receipt(at_ms));
    }
    if plan.early.hits(chance) {
        return Some(Box::new(receipt(answered_at_ms)));
    }
    queue(world, at_ms, receipt(at_ms));
    None
}

pub(crate) fn queue(world: &World, at_ms: i64, push: Push) {
    if world.outbox.put(at_ms, Task::Push(Box::new(push))).is_err() {
        world.counters.pushes_dropped.add_one();
    }
}

/// Counts what reached a phone, and what did not.
pub(crate) fn count_arrival(world: &World, status: Status, arrival: Arrival) -> Fate {
    match (status, arrival) {
        (Status::Success, Arrival::First) => {
            world.counters.delivered.add_one();
            Fate::Delivered
        }
        (Status::Success, Arrival::Second) => {
            world.counters.duplicates.add_one();
            Fate::Duplicate
        }
        _ => {
            world.counters.undelivered.add_one();
            Fate::Undelivered
        }
    }
}

/// Lets a held send through: it reaches the phone now, and its receipt follows.
pub(crate) fn release(world: &World, mut held: Held, now_ms: i64) {
    let faults = world.faults_for(&held.entry.account);
    let status = drawn_status(world, &faults, held.status);
    world.counters.released.add_one();
    held.entry.at_ms = now_ms;
    if count_arrival(world, status, held.arrival) == Fate::Undelivered {
        held.entry.fate = Fate::Undelivered;
    }
    if let Some(msgid) = held.entry.msgid {
        let sent = Sent { account: &held.entry.account, openid: &held.openid, msgid, status };
        if let Some(early) = plan(world, &faults, sent, now_ms) {
            queue(world, now_ms, *early);
        }
    }
    world.journal.write(held.entry);
}
