//! Steps due and pace: the one loop that decides which message goes next.
//!
//! It owns every account's traffic, so nothing here is locked. It never waits for the store or for WeChat:
//! reads and claims run beside it and come back as hints. What it holds may be out of date; the claim
//! checks each row, and what it refuses is read again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hongyan_domain::{AccountId, AccountKind, Event, Lane, MessageId, Timestamp};
use hongyan_store::Ready;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::Shared;
use crate::claim::commit_claims;
use crate::send::{Claimed, Finished, Sender};
use crate::traffic::{LANE_CAP, LANE_CAP_TIGHT, Pause, Place, ReadOn, Signal, Traffic};

/// Messages claimed and not yet on their way: what a crash leaves in doubt, besides what is in flight.
const QUEUE_MAX: usize = 1_024;
/// Claims being committed at once: one on disk, one gathering.
const CLAIMS_MAX: usize = 2;
/// At least so many messages an account and visit, so that a visit is worth its row.
const VISIT_MIN: usize = 8;
/// Messages in memory, all accounts together, before each lane has to do with little: about 30 MB.
const HELD_MAX: usize = 40_000;
/// Rows read at once from the store.
const READ_ROWS: usize = 1_000;
/// After the store failed, claim nothing for so long.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Something the dispatcher is told.
pub(crate) enum Hint {
    /// These are committed and may go.
    Offered(Vec<Ready>),
    /// The store holds messages of this lane that memory does not.
    More(AccountId, Lane),
    /// A read of the store came back; `None`: it failed.
    Read(AccountId, Lane, Option<Vec<Ready>>),
    /// A claim was committed; these were refused because memory was out of date.
    Claimed(Vec<Ready>),
    /// A claim could not be committed.
    Unclaimed(Vec<Ready>),
    /// These are settled.
    Settled(Vec<Back>),
    /// Accounts, limits or pauses changed.
    CatalogChanged,
    /// WeChat said how much of today's quota is used.
    Quota { account: AccountId, limit: u32, used: u32 },
    /// So many went today before this process took over.
    Spent(AccountId, u32),
    /// Let the account go on.
    Resume(AccountId),
    /// A second has passed, or the clock was moved.
    Tick,
    /// Tell when nothing more can happen at this time.
    Drain(oneshot::Sender<()>),
}

/// A message that came back from settling.
pub(crate) struct Back {
    pub(crate) account: AccountId,
    pub(crate) message: MessageId,
    pub(crate) signal: Option<Signal>,
    /// As it waits now, if it is to go again.
    pub(crate) again: Option<Ready>,
}

/// How an account's traffic stands: what the API and the console show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Status {
    /// Messages waiting in memory (the store may hold more).
    pub held: usize,
    /// Claimed and not settled.
    pub in_flight: usize,
    /// Sends a second it may do now; 0: no limit.
    pub rate_per_s: f64,
    /// What holds it up.
    pub pause: Option<Pause>,
}

/// The dispatcher.
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    sender: Arc<Sender>,
    hints: mpsc::Receiver<Hint>,
    launches: mpsc::UnboundedSender<Vec<Claimed>>,
    /// Taken from the lanes and not yet on their way.
    queued: Arc<AtomicUsize>,
    traffic: HashMap<AccountId, Traffic>,
    /// Accounts with something waiting, in the order of their turns.
    turns: VecDeque<AccountId>,
    /// Accounts with a lane that runs low while the store holds more of it.
    hungry: Vec<AccountId>,
    /// Messages in memory, all accounts together.
    held: usize,
    claiming: usize,
    store_rests_until: Timestamp,
    drains: Vec<oneshot::Sender<()>>,
    stopping: bool,
}

impl Dispatcher {
    pub(crate) fn new(shared: Arc<Shared>, sender: Arc<Sender>, hints: mpsc::Receiver<Hint>) -> Self {
        // Unbounded in form only: `queued` bounds what is in it.
        let (launches, launched) = mpsc::unbounded_channel();
        let queued = Arc::new(AtomicUsize::new(0));
        tokio::spawn(launch(sender.clone(), launched, queued.clone()));
        Self {
            store_rests_until: Timestamp::from_ms(0),
            shared,
            sender,
            hints,
            launches,
            queued,
            traffic: HashMap::new(),
            turns: VecDeque::new(),
            hungry: Vec::new(),
            held: 0,
            claiming: 0,
            drains: Vec::new(),
            stopping: false,
        }
    }

    /// Runs until `stop`, then until everything in flight is settled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut taken_in = Vec::new();
        loop {
            let now = self.shared.clock.now();
            self.read_on(now);
            self.claim_what_may_go(now);
            self.answer_drains(now);
            if self.stopping && self.out() == 0 {
                return;
            }
            let wake_at = self.wake_at(now);
            tokio::select! {
                biased;
                () = stop.cancelled(), if !self.stopping => self.stopping = true,
                _ = self.hints.recv_many(&mut taken_in, 256) => {}
                () = self.sender.wants_more.notified() => {}
                () = self.shared.clock.until(wake_at) => {}
            }
            for hint in taken_in.drain(..) {
                self.take_in(hint);
            }
        }
    }

    fn take_in(&mut self, hint: Hint) {
        let now = self.shared.clock.now();
        match hint {
            Hint::Offered(messages) => self.offer(messages, now),
            Hint::More(account, lane) => self.with(account, now, |traffic| traffic.more_in_store(lane)),
            Hint::Read(account, lane, rows) => self.end_read(account, lane, rows, now),
            Hint::Claimed(stale) => {
                self.claiming -= 1;
                for message in stale {
                    self.with(message.account, now, |traffic| traffic.stale(&message));
                }
            }
            Hint::Unclaimed(messages) => {
                self.claiming -= 1;
                self.store_rests_until = now.plus(STORE_PAUSE);
                self.put_back(messages, now);
            }
            Hint::Settled(backs) => self.settled(backs, now),
            Hint::CatalogChanged => self.follow_catalog(now),
            Hint::Quota { account, limit, used } => {
                self.with(account, now, |traffic| traffic.learn_quota(limit, used, now));
            }
            Hint::Spent(account, used) => self.with(account, now, |traffic| traffic.learn_spent(used, now)),
            Hint::Resume(account) => self.with(account, now, Traffic::resume),
            Hint::Tick => {
                self.follow_catalog(now);
                self.look_around(now);
            }
            Hint::Drain(done) => self.drains.push(done),
        }
    }

    fn offer(&mut self, messages: Vec<Ready>, now: Timestamp) {
        let cap = self.lane_cap();
        for message in messages {
            self.with(message.account, now, |traffic| traffic.offer(message, now, cap));
        }
    }

    fn put_back(&mut self, messages: Vec<Ready>, now: Timestamp) {
        for message in &messages {
            self.with(message.account, now, |traffic| _ = traffic.out.remove(&message.id));
        }
        self.offer(messages, now);
    }

    fn settled(&mut self, backs: Vec<Back>, now: Timestamp) {
        let cap = self.lane_cap();
        for back in backs {
            self.with(back.account, now, |traffic| {
                traffic.out.remove(&back.message);
                if let Some(signal) = back.signal {
                    traffic.learn(signal, now);
                }
                if let Some(message) = back.again {
                    traffic.offer(message, now, cap);
                }
            });
        }
    }

    /// Does something with an account's traffic, and gives it a turn.
    fn with(&mut self, account: AccountId, now: Timestamp, act: impl FnOnce(&mut Traffic)) {
        let shared = &self.shared;
        let traffic = self.traffic.entry(account).or_insert_with(|| {
            let catalog = shared.catalog.load();
            let known = catalog.by_id(account);
            let limits =
                known.map_or_else(|| AccountKind::Test.limits(), |known| known.record.effective_limits());
            let mut traffic = Traffic::new(account, limits, now);
            traffic.halted = catalog.is_halted(account, now);
            traffic
        });
        let held = traffic.held();
        act(traffic);
        self.held = self.held + traffic.held() - held;
        if traffic.is_hungry() {
            self.hungry.push(account);
        }
        if !traffic.has_turn && traffic.is_waiting() {
            traffic.has_turn = true;
            self.turns.push_back(account);
        }
    }

    fn follow_catalog(&mut self, now: Timestamp) {
        let catalog = self.shared.catalog.load_full();
        for traffic in self.traffic.values_mut() {
            let known = catalog.by_id(traffic.account);
            traffic.halted = catalog.is_halted(traffic.account, now);
            if let Some(known) = known {
                traffic.set_limits(known.record.effective_limits(), now);
            }
        }
    }

    fn lane_cap(&self) -> usize {
        if self.held < HELD_MAX { LANE_CAP } else { LANE_CAP_TIGHT }
    }

    fn out(&self) -> usize {
        self.traffic.values().map(|traffic| traffic.out.len()).sum()
    }

    fn wake_at(&self, now: Timestamp) -> Timestamp {
        let blocked = self.claiming >= CLAIMS_MAX || self.queued.load(Ordering::Acquire) > QUEUE_MAX / 2;
        if blocked || self.stopping {
            return now.plus(STORE_PAUSE);
        }
        let next = self.turns.iter().filter_map(|id| self.traffic[id].next_at(now)).min();
        let next = next.map_or(now.plus(STORE_PAUSE), |at| at.max(self.store_rests_until));
        next.max(now.plus(Duration::from_millis(1))).min(now.plus(STORE_PAUSE))
    }

    /// Starts a read for every lane that runs low and has more in the store.
    fn read_on(&mut self, now: Timestamp) {
        if now < self.store_rests_until {
            return;
        }
        for account in self.hungry.drain(..) {
            let reads = self.traffic.get_mut(&account).map(Traffic::begin_reads).unwrap_or_default();
            for (lane, from) in reads {
                tokio::spawn(read(self.shared.clone(), account, lane, from));
            }
        }
    }

    fn end_read(&mut self, account: AccountId, lane: Lane, rows: Option<Vec<Ready>>, now: Timestamp) {
        if rows.is_none() {
            self.store_rests_until = now.plus(STORE_PAUSE);
        }
        let cap = self.lane_cap();
        let whole = rows.as_ref().is_some_and(|rows| rows.len() < READ_ROWS);
        let read = ReadOn { rows: rows.unwrap_or_default(), whole };
        self.with(account, now, |traffic| traffic.end_read(lane, read, now, cap));
    }

    /// Takes what pace, budget and lanes allow, over all accounts in turn, and starts its claim.
    fn claim_what_may_go(&mut self, now: Timestamp) {
        let resting = now < self.store_rests_until;
        while self.claiming < CLAIMS_MAX && !self.stopping && !resting {
            let queued = self.queued.load(Ordering::Acquire);
            if queued > QUEUE_MAX / 2 {
                return;
            }
            let batch = self.take_turns(now, QUEUE_MAX - queued);
            if batch.is_empty() {
                return;
            }
            self.claim(batch, now);
        }
    }

    fn take_turns(&mut self, now: Timestamp, room: usize) -> Vec<(AccountId, Vec<Ready>)> {
        let share = (room / self.turns.len().max(1)).max(VISIT_MIN);
        let (mut batch, mut left) = (Vec::new(), room);
        for _ in 0..self.turns.len() {
            let Some(account) = self.turns.pop_front() else { break };
            let Some(traffic) = self.traffic.get_mut(&account) else { continue };
            let held = traffic.held();
            let taken = traffic.take(now, share.min(left));
            self.held = self.held + traffic.held() - held;
            left -= taken.go.len();
            if traffic.is_hungry() {
                self.hungry.push(account);
            }
            traffic.has_turn = traffic.is_waiting();
            if traffic.has_turn {
                self.turns.push_back(account);
            }
            self.end(taken.over);
            if !taken.go.is_empty() {
                batch.push((account, taken.go));
            }
            if left == 0 {
                break;
            }
        }
        batch
    }

    fn claim(&mut self, batch: Vec<(AccountId, Vec<Ready>)>, now: Timestamp) {
        self.claiming += 1;
        let messages = batch.iter().map(|(_, messages)| messages.len()).sum();
        self.queued.fetch_add(messages, Ordering::AcqRel);
        let (shared, launches, queued) = (self.shared.clone(), self.launches.clone(), self.queued.clone());
        tokio::spawn(async move {
            let hint = match commit_claims(&shared, batch, now).await {
                Ok((claimed, stale)) => {
                    queued.fetch_sub(stale.len(), Ordering::AcqRel);
                    // Only a process that is ending has no launcher any more; the claim stays open then.
                    let _ = launches.send(claimed);
                    Hint::Claimed(stale)
                }
                Err(messages) => {
                    queued.fetch_sub(messages.len(), Ordering::AcqRel);
                    Hint::Unclaimed(messages)
                }
            };
            shared.hint(hint).await;
        });
    }

    /// Messages that may not go any more are settled at once.
    fn end(&self, over: Vec<(Ready, Event)>) {
        if over.is_empty() {
            return;
        }
        let finished = self.sender.finished.clone();
        tokio::spawn(async move {
            for (message, event) in over {
                let over = Finished { message, ticket: None, event, dispatch: None };
                if finished.send(over).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Looks for messages that ended while their account stood still, and publishes how things stand.
    fn look_around(&mut self, now: Timestamp) {
        let over: Vec<_> = self.traffic.values_mut().flat_map(|traffic| traffic.take_over(now)).collect();
        self.end(over);
        self.held = self.traffic.values().map(Traffic::held).sum();
        let status = self.traffic.values().map(|traffic| (traffic.account, traffic.status())).collect();
        self.shared.metrics.in_flight.set(self.out() as i64);
        self.shared.metrics.held.set(self.held as i64);
        *self.shared.status.lock() = status;
    }

    fn answer_drains(&mut self, now: Timestamp) {
        if self.drains.is_empty() || !self.is_quiet(now) {
            return;
        }
        for done in self.drains.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
    }

    /// Nothing is out, being read or claimed, and nothing may go at this time.
    fn is_quiet(&self, now: Timestamp) -> bool {
        let resting = now < self.store_rests_until;
        self.claiming == 0
            && self.hints.is_empty()
            && self.traffic.values().all(|traffic| {
                let ready = traffic.next_at(now).is_some_and(|at| at <= now) && !resting;
                traffic.out.is_empty() && !traffic.is_reading() && !ready
            })
    }
}

async fn read(shared: Arc<Shared>, account: AccountId, lane: Lane, from: Place) {
    let rows = shared.store.ready(account, lane, Some(from), READ_ROWS).await;
    let rows = rows.inspect_err(|error| tracing::error!(%error, "could not read on")).ok();
    shared.hint(Hint::Read(account, lane, rows)).await;
}

/// Starts claimed messages, urgent ones before all that were claimed earlier, and tells the dispatcher when
/// few are left.
async fn launch(
    sender: Arc<Sender>,
    mut launched: mpsc::UnboundedReceiver<Vec<Claimed>>,
    queued: Arc<AtomicUsize>,
) {
    let (mut urgent, mut others) = (VecDeque::new(), VecDeque::new());
    loop {
        let nothing_left = urgent.is_empty() && others.is_empty();
        let came_in = if nothing_left { launched.recv().await } else { launched.try_recv().ok() };
        if nothing_left && came_in.is_none() {
            return;
        }
        for claimed in came_in.into_iter().flatten() {
            let lane = if claimed.message.lane == Lane::Urgent { &mut urgent } else { &mut others };
            lane.push_back(claimed);
        }
        let Some(next) = urgent.pop_front().or_else(|| others.pop_front()) else { continue };
        sender.launch(next).await;
        if queued.fetch_sub(1, Ordering::AcqRel) == QUEUE_MAX / 2 + 1 {
            sender.wants_more.notify_one();
        }
    }
}
