//! One account's traffic: what waits in its lanes, how fast it may go, and what holds it up.
//!
//! Plain local variables of the one dispatcher that owns the account; no locks. The lanes are a window
//! on the store, kept in deadline order: what does not fit stays in the store and is read again later.

mod standing;
mod window;

use std::collections::{BTreeMap, HashSet};

use hongyan_domain::pace::{Budget, Daily, Pace, Shares};
use hongyan_domain::{AccountId, Cause, Event, Lane, Limits, MessageId, State, Timestamp, decide};
use hongyan_store::{Ready, Shelf};

use crate::path::dispatch::Status;
use crate::path::room::Room;

pub use standing::Pause;
pub(crate) use standing::Signal;
use window::Window;
pub(crate) use window::{LANE_CAP, LANE_CAP_TIGHT, Place};

/// The event that ends a waiting message now, instead of its being sent: its time is over, or WeChat has
/// forgotten a try of it whose answer never came.
fn ending(message: &Ready, now: Timestamp) -> Option<Event> {
    if message.expires_at.is_some_and(|at| at <= now) {
        return Some(Event::Expired);
    }
    let claimed = decide(&message.standing, &Event::Claimed, now);
    claimed.is_none_or(|to| to.to != State::Claimed).then_some(Event::Claimed)
}

/// What a read of the store brought; nothing and not whole when it failed.
#[derive(Default)]
pub(crate) struct ReadOn {
    pub(crate) rows: Vec<Ready>,
    /// The store has no more of this lane.
    pub(crate) whole: bool,
}

/// What may go now, and what may not go any more, with the event that ends it.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) go: Vec<Ready>,
    pub(crate) over: Vec<(Ready, Event)>,
}

/// The traffic of one account.
pub(crate) struct Traffic {
    pub(crate) account: AccountId,
    limits: Limits,
    daily: Daily,
    pace: Pace,
    budget: Budget,
    pause: Option<Pause>,
    /// A person paused it.
    pub(crate) halted: bool,
    /// Claimed and not yet settled.
    pub(crate) out: HashSet<MessageId>,
    shares: Shares,
    lanes: [Window; 3],
    /// Due later, in the order they are due.
    delayed: BTreeMap<Place, Ready>,
    /// Due later still, and there was no room for them: they are to wait in the store's schedule.
    crowded_out: Vec<(Lane, MessageId)>,
    /// Which lanes are known to be full.
    told_full: [bool; 3],
    fruitless: u32,
    strikes: u32,
    busy_share: f32,
    /// After a pause one message goes alone, to see whether WeChat is back.
    probing: bool,
    /// Until when it stood still when that was last looked at.
    still_until: Option<Timestamp>,
    /// It stands in the queue of turns.
    pub(crate) has_turn: bool,
    /// It stands in the queue of those with something urgent.
    pub(crate) has_urgent_turn: bool,
}

impl Traffic {
    /// `daily`: how much a day may see, and who says so.
    pub(crate) fn new(account: AccountId, (limits, daily): (Limits, Daily), now: Timestamp) -> Self {
        Self {
            account,
            limits,
            daily,
            pace: Pace::new(limits.base_per_s, limits.peak_per_s, now),
            budget: Budget::new(daily, now),
            pause: None,
            halted: false,
            out: HashSet::new(),
            shares: Shares::default(),
            lanes: Default::default(),
            delayed: BTreeMap::new(),
            crowded_out: Vec::new(),
            told_full: [false; 3],
            fruitless: 0,
            strikes: 0,
            busy_share: 0.0,
            probing: false,
            still_until: None,
            has_turn: false,
            has_urgent_turn: false,
        }
    }

    /// Messages held in memory.
    pub(crate) fn held(&self) -> usize {
        self.delayed.len() + self.lanes.iter().map(|lane| lane.held.len()).sum::<usize>()
    }

    /// Whether something waits, here or in the store.
    pub(crate) fn is_waiting(&self) -> bool {
        self.held() > 0 || self.lanes.iter().any(|lane| lane.beyond.is_some())
    }

    /// Whether a lane runs low while the store holds more of it.
    pub(crate) fn is_hungry(&self, cap: usize) -> bool {
        self.lanes.iter().any(|lane| lane.is_hungry(cap))
    }

    /// Urgent messages that wait here for their turn.
    pub(crate) fn urgent(&self) -> usize {
        self.lanes[Lane::Urgent.index()].held.len()
    }

    /// Whether a read of the store is under way.
    pub(crate) fn is_reading(&self) -> bool {
        self.lanes.iter().any(Window::is_reading)
    }

    /// Takes in an accepted, re-read or returned message.
    pub(crate) fn offer(&mut self, message: Ready, now: Timestamp, cap: usize) {
        if self.out.contains(&message.id) {
            return;
        }
        if message.due_at > now {
            self.delay(message, cap);
        } else {
            self.lanes[message.lane.index()].offer(message, cap);
        }
    }

    /// Holds a message until it is due. Of more than `cap` the last one makes room.
    fn delay(&mut self, message: Ready, cap: usize) {
        self.delayed.insert((message.due_at, message.id), message);
        if self.delayed.len() > cap
            && let Some((_, last)) = self.delayed.pop_last()
        {
            self.crowded_out.push((last.lane, last.id));
        }
    }

    /// What found no room since the last time, and where the store is to hold it.
    pub(crate) fn take_put_out(&mut self) -> Vec<(Lane, MessageId, Shelf)> {
        let later = self.crowded_out.drain(..).map(|(lane, message)| (lane, message, Shelf::Schedule));
        let mut put_out: Vec<_> = later.collect();
        for lane in Lane::ALL {
            let behind = self.lanes[lane.index()].take_put_out();
            put_out.extend(behind.into_iter().map(|message| (lane, message, Shelf::Queue)));
        }
        put_out
    }

    /// Lets those who accept know where there is room, if that has changed.
    pub(crate) fn tell_room(&mut self, room: &Room, cap: usize) {
        let is_crowded = self.delayed.len() >= cap / 2;
        for lane in Lane::ALL {
            let (is_full, told) =
                (is_crowded || self.lanes[lane.index()].is_full(cap), &mut self.told_full[lane.index()]);
            if std::mem::replace(told, is_full) != is_full {
                room.tell((self.account, lane), is_full);
            }
        }
    }

    /// The store holds messages of `lane` that memory does not.
    pub(crate) fn more_in_store(&mut self, lane: Lane) {
        self.lanes[lane.index()].more_in_store();
    }

    /// What memory held of this message was out of date.
    pub(crate) fn stale(&mut self, message: &Ready) {
        self.out.remove(&message.id);
        let lane = &mut self.lanes[message.lane.index()];
        lane.put_out(message);
        lane.reread_from((message.deadline_at, message.id));
    }

    /// The lanes to be read on, from where, and how far.
    pub(crate) fn begin_reads(&mut self, cap: usize) -> Vec<(Lane, Place, usize)> {
        let begin =
            |lane: Lane| self.lanes[lane.index()].begin_read(cap).map(|(from, rows)| (lane, from, rows));
        Lane::ALL.into_iter().filter_map(begin).collect()
    }

    /// Takes in what the store had.
    pub(crate) fn end_read(&mut self, lane: Lane, read: ReadOn, now: Timestamp, cap: usize) {
        let last = read.rows.last().map(|row| (row.deadline_at, row.id));
        self.lanes[lane.index()].end_read(last, read.whole);
        for row in read.rows {
            self.offer(row, now, cap);
        }
    }

    /// Up to `most` messages that may go now; they are out from here on.
    pub(crate) fn take(&mut self, now: Timestamp, most: usize) -> Taken {
        self.ripen(now);
        let mut taken = Taken::default();
        if !self.may_go(now) {
            return taken;
        }
        let most = if self.probing { most.min(1) } else { most };
        let wanted = most.min(self.lanes.iter().map(|lane| lane.held.len()).sum());
        let allowed = self.pace.allow(now, u32::try_from(wanted).unwrap_or(u32::MAX)) as usize;
        while taken.go.len() < allowed {
            let Some(message) = self.next(now) else { break };
            match ending(&message, now) {
                Some(event) => taken.over.push((message, event)),
                None => {
                    self.budget.spend(now);
                    taken.go.push(message);
                }
            }
        }
        self.pace.give_back((allowed - taken.go.len()) as u32);
        taken
    }

    /// Messages that may not go any more, wherever they wait.
    pub(crate) fn take_over(&mut self, now: Timestamp) -> Vec<(Ready, Event)> {
        let mut over = Vec::new();
        let out = &mut self.out;
        for held in self.lanes.iter_mut().map(|lane| &mut lane.held).chain([&mut self.delayed]) {
            for (_, message) in held.extract_if(.., |_, message| ending(message, now).is_some()) {
                if let Some(event) = ending(&message, now).filter(|_| out.insert(message.id)) {
                    over.push((message, event));
                }
            }
        }
        over
    }

    /// When something may go again without anything new happening; `None`: only after an event.
    pub(crate) fn next_at(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.delayed.first_key_value().map(|((due_at, _), _)| *due_at);
        let waiting = self.lanes.iter().any(|lane| !lane.held.is_empty());
        let paced = (waiting && !self.halted && (self.out.is_empty() || !self.probing))
            .then(|| self.pace.next_at(now).max(self.pause.map_or(now, |pause| pause.until)));
        let budgeted =
            paced.map(|at| if self.budget_open(now) { at } else { at.max(self.budget.until(now)) });
        [due, budgeted].into_iter().flatten().min()
    }

    /// New limits, at once. Unchanged ones leave alone what WeChat said of today's quota.
    pub(crate) fn set_limits(&mut self, (limits, daily): (Limits, Daily), now: Timestamp) {
        if (limits, daily) == (self.limits, self.daily) {
            return;
        }
        self.pace.set_limits(limits.base_per_s, limits.peak_per_s, now);
        self.budget.set_limit(daily);
        (self.limits, self.daily) = (limits, daily);
    }

    /// What the store says went today, before this process took over.
    pub(crate) fn learn_spent(&mut self, used: u32, now: Timestamp) {
        self.budget.learned_used(used, now);
    }

    /// These were taken at `taken_at` and did not go: pace and budget are as if they had not been taken.
    pub(crate) fn unspend(&mut self, messages: usize, taken_at: Timestamp) {
        self.pace.give_back(u32::try_from(messages).unwrap_or(u32::MAX));
        (0..messages).for_each(|_| self.budget.give_back(taken_at));
    }

    /// What WeChat counted goes before our count, and its limit beside the operator's; with room in both a wait for
    /// quota is over.
    pub(crate) fn learn_quota(&mut self, limit: u32, used: u32, now: Timestamp) {
        self.budget.learned(limit, used, now);
        if used < self.budget.limit() && self.pause.is_some_and(|pause| pause.cause == Cause::DailyQuota) {
            self.resume();
        }
    }

    /// How it stands, for people.
    pub(crate) fn status(&self, now: Timestamp) -> Status {
        Status {
            held: self.held(),
            in_flight: self.out.len(),
            rate_per_s: self.pace.rate_per_s(),
            pause: self.pause,
            quota_used: self.budget.used_on(now),
            quota_limit: self.budget.limit(),
        }
    }

    fn budget_open(&self, now: Timestamp) -> bool {
        let waits = |lane: Lane| !self.lanes[lane.index()].held.is_empty();
        Lane::ALL.into_iter().any(|lane| waits(lane) && self.budget.allows(lane, now))
    }

    fn next(&mut self, now: Timestamp) -> Option<Ready> {
        let in_doubt = if self.probing { self.next_in_doubt(now) } else { None };
        if in_doubt.is_some() {
            return in_doubt;
        }
        loop {
            let waits =
                |lane: Lane| !self.lanes[lane.index()].held.is_empty() && self.budget.allows(lane, now);
            let lane = self.shares.pick(Lane::ALL.map(waits))?;
            let (_, message) = self.lanes[lane.index()].held.pop_first()?;
            if self.out.insert(message.id) {
                return Some(message);
            }
        }
    }

    /// To see whether WeChat is back, a message that may have been taken already goes before one that was never tried:
    /// an outage brings as few as can be into doubt.
    fn next_in_doubt(&mut self, now: Timestamp) -> Option<Ready> {
        for lane in Lane::ALL.into_iter().filter(|lane| self.budget.allows(*lane, now)) {
            let held = &mut self.lanes[lane.index()].held;
            let mut doubtful = held.iter().filter(|(_, message)| message.standing.doubt_since.is_some());
            if let Some(place) = doubtful.next().map(|(place, _)| *place)
                && let Some(message) = held.remove(&place)
                && self.out.insert(message.id)
            {
                return Some(message);
            }
        }
        None
    }

    /// Moves what has become due from `delayed` into its lane.
    fn ripen(&mut self, now: Timestamp) {
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let message = entry.remove();
            self.lanes[message.lane.index()].offer(message, LANE_CAP);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
