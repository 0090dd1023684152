//! Steps due and pace: the one loop that decides which message goes next.
//!
//! It owns every account's traffic, so nothing here is locked. It never waits for the store or for WeChat:
//! reads and claims run beside it and come back as hints. What it holds may be out of date; the claim
//! checks each row, and what it refuses is read again.

mod shelf;
mod turns;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::pace::Daily;
use hongyan_domain::{AccountId, AccountKind, Lane, Limits, MessageId, Timestamp};
use hongyan_store::Ready;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::Shared;
use crate::path::launch::{Launcher, Way};
use crate::path::send::Sender;
use crate::path::traffic::{LANE_CAP, LANE_CAP_TIGHT, Pause, Place, ReadOn, Signal, Traffic};

use shelf::{PutOut, Shelving};
use turns::Claiming;

/// Messages in memory, all accounts together, before each lane has to do with little: about 45 MB.
const HELD_MAX: usize = 65_536;
/// After the store failed, claim nothing for so long.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Something the dispatcher is told.
pub(crate) enum Hint {
    /// These are committed and may go.
    Offered(Vec<Ready>),
    /// The store holds messages of this lane that memory does not.
    More(AccountId, Lane),
    /// A read of the store came back; `None`: it failed.
    Read(AccountId, Lane, Option<ReadOn>),
    /// A claim was committed; these are not in it.
    Claimed { way: Way, taken_at: Timestamp, stale: Vec<Ready>, judged: Vec<Ready> },
    /// A claim of what was taken then could not be committed.
    Unclaimed(Way, Timestamp, Vec<Ready>),
    /// The store holds what memory had no room for; or it could not be written.
    Shelved(Vec<PutOut>, bool),
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
    pub(crate) again: Again,
}

/// Whether a message is to go again.
pub(crate) enum Again {
    No,
    /// As it waits now.
    Here(Box<Ready>),
    /// It waits otherwise than was believed here: the store knows.
    InStore(Lane),
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
    /// Sends of today (Asia/Shanghai).
    pub quota_used: u32,
    /// How many there may be today.
    pub quota_limit: u32,
}

/// The dispatcher.
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    sender: Arc<Sender>,
    hints: mpsc::Receiver<Hint>,
    launcher: Launcher,
    traffic: HashMap<AccountId, Traffic>,
    /// Accounts with something waiting, in the order of their turns.
    turns: VecDeque<AccountId>,
    /// Accounts with something urgent, which do not wait for their turn.
    urgent: Vec<AccountId>,
    /// Accounts with a lane that runs low while the store holds more of it.
    hungry: Vec<AccountId>,
    /// Messages in memory, all accounts together.
    held: usize,
    claiming: Claiming,
    shelving: Shelving,
    store_rests_until: Timestamp,
    drains: Vec<oneshot::Sender<()>>,
    stop: CancellationToken,
    stopping: bool,
}

impl Dispatcher {
    /// It runs until `stop`, and then until everything in flight is settled.
    pub(crate) fn new(
        shared: Arc<Shared>,
        sender: Arc<Sender>,
        hints: mpsc::Receiver<Hint>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            store_rests_until: Timestamp::from_ms(0),
            shared,
            launcher: Launcher::start(sender.clone(), stop.clone()),
            stop,
            sender,
            hints,
            traffic: HashMap::new(),
            turns: VecDeque::new(),
            urgent: Vec::new(),
            hungry: Vec::new(),
            held: 0,
            claiming: Claiming::default(),
            shelving: Shelving::default(),
            drains: Vec::new(),
            stopping: false,
        }
    }

    /// Runs to its end.
    pub(crate) async fn run(mut self) {
        let mut taken_in = Vec::new();
        loop {
            let now = self.shared.clock.now();
            self.shelve(now);
            self.read_on(now);
            self.claim_what_may_go(now);
            self.answer_drains(now);
            if self.stopping && self.out() == 0 {
                return;
            }
            let wake_at = self.wake_at(now);
            tokio::select! {
                biased;
                () = self.stop.cancelled(), if !self.stopping => self.stopping = true,
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
            Hint::Read(account, lane, read) => self.end_read(account, lane, read, now),
            Hint::Claimed { way, taken_at, stale, judged } => {
                self.claiming.end(way);
                for message in stale {
                    self.with(message.account, now, |traffic| {
                        traffic.unspend(1, taken_at);
                        traffic.stale(&message);
                    });
                }
                for message in judged {
                    self.with(message.account, now, |traffic| {
                        traffic.unspend(1, taken_at);
                        traffic.out.remove(&message.id);
                    });
                }
            }
            Hint::Unclaimed(way, taken_at, messages) => {
                self.claiming.end(way);
                self.store_rests_until = now.plus(STORE_PAUSE);
                self.put_back(messages, taken_at, now);
            }
            Hint::Shelved(batch, written) => self.end_shelving(batch, written, now),
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

    fn put_back(&mut self, messages: Vec<Ready>, taken_at: Timestamp, now: Timestamp) {
        for message in &messages {
            self.with(message.account, now, |traffic| {
                traffic.unspend(1, taken_at);
                traffic.out.remove(&message.id);
            });
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
                match back.again {
                    Again::No => {}
                    Again::Here(message) => traffic.offer(*message, now, cap),
                    Again::InStore(lane) => traffic.more_in_store(lane),
                }
            });
        }
    }

    /// Does something with an account's traffic, and gives it a turn.
    fn with(&mut self, account: AccountId, now: Timestamp, act: impl FnOnce(&mut Traffic)) {
        let (shared, cap) = (&self.shared, self.lane_cap());
        let traffic = self.traffic.entry(account).or_insert_with(|| {
            let catalog = shared.catalog.load();
            let known = catalog.by_id(account);
            let unknown = || {
                let limits = AccountKind::Test.limits();
                (limits, Daily::Usual(limits.daily))
            };
            let limits = known.map_or_else(unknown, |known| limits_of(&known.record));
            let mut traffic = Traffic::new(account, limits, now);
            traffic.halted = catalog.is_halted(account, now);
            traffic
        });
        let held = traffic.held();
        act(traffic);
        note_still(shared, traffic, now);
        self.held = self.held + traffic.held() - held;
        shared.room.tell_crowded(self.held >= HELD_MAX);
        traffic.tell_room(&shared.room, cap);
        self.shelving.add(account, traffic.take_put_out());
        if traffic.is_hungry(cap) {
            self.hungry.push(account);
        }
        if !traffic.has_turn && traffic.is_waiting() {
            traffic.has_turn = true;
            self.turns.push_back(account);
        }
        if !traffic.has_urgent_turn && traffic.urgent() > 0 {
            traffic.has_urgent_turn = true;
            self.urgent.push(account);
        }
    }

    fn follow_catalog(&mut self, now: Timestamp) {
        let catalog = self.shared.catalog.load_full();
        for traffic in self.traffic.values_mut() {
            let known = catalog.by_id(traffic.account);
            traffic.halted = catalog.is_halted(traffic.account, now);
            if let Some(known) = known {
                traffic.set_limits(limits_of(&known.record), now);
            }
            note_still(&self.shared, traffic, now);
        }
    }

    fn lane_cap(&self) -> usize {
        if self.held < HELD_MAX { LANE_CAP } else { LANE_CAP_TIGHT }
    }

    fn out(&self) -> usize {
        self.traffic.values().map(|traffic| traffic.out.len()).sum()
    }

    /// Starts a read for every lane that runs low and has more in the store.
    fn read_on(&mut self, now: Timestamp) {
        if now < self.store_rests_until {
            return;
        }
        let cap = self.lane_cap();
        for account in self.hungry.drain(..) {
            let Some(traffic) = self.traffic.get_mut(&account) else { continue };
            for (lane, from, rows) in traffic.begin_reads(cap) {
                tokio::spawn(read(self.shared.clone(), (account, lane), from, rows));
            }
        }
    }

    fn end_read(&mut self, account: AccountId, lane: Lane, read: Option<ReadOn>, now: Timestamp) {
        if read.is_none() {
            self.store_rests_until = now.plus(STORE_PAUSE);
        }
        let cap = self.lane_cap();
        let read = read.unwrap_or_default();
        self.with(account, now, |traffic| traffic.end_read(lane, read, now, cap));
    }

    /// Looks for messages that ended while their account stood still, and publishes how things stand.
    fn look_around(&mut self, now: Timestamp) {
        let over: Vec<_> = self.traffic.values_mut().flat_map(|traffic| traffic.take_over(now)).collect();
        self.end(over);
        self.held = self.traffic.values().map(Traffic::held).sum();
        let status = self.traffic.values().map(|traffic| (traffic.account, traffic.status(now))).collect();
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
        self.claiming.is_none()
            && (self.shelving.is_clear() || resting)
            && self.hints.is_empty()
            && self.traffic.values().all(|traffic| {
                let ready = traffic.next_at(now).is_some_and(|at| at <= now) && !resting;
                traffic.out.is_empty() && !traffic.is_reading() && !ready
            })
    }
}

/// An account's limits, and whether its operator or its kind says how much a day may see.
fn limits_of(record: &hongyan_store::Account) -> (Limits, Daily) {
    let limits = record.effective_limits();
    let daily = record.limits.map_or(Daily::Usual(limits.daily), |ordered| Daily::Ordered(ordered.daily));
    (limits, daily)
}

fn note_still(shared: &Shared, traffic: &mut Traffic, now: Timestamp) {
    if let Some(until) = traffic.stands_still_anew(now) {
        shared.stills.note(traffic.account, until, now);
    }
}

async fn read(shared: Arc<Shared>, (account, lane): (AccountId, Lane), from: Place, limit: usize) {
    let rows = shared.store.ready(account, lane, Some(from), limit).await;
    let rows = rows.inspect_err(|error| tracing::error!(%error, "could not read on")).ok();
    let read = rows.map(|rows| ReadOn { whole: rows.len() < limit, rows });
    shared.hint(Hint::Read(account, lane, read)).await;
}
