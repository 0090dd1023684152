//! Carries messages from those who hand them in to WeChat, and back what became of them. `path` has one file a step;
//! beside it stand the accounts (`account`), what is written (`content`), compliance, and who is told what (`watch`).
//!
//! Decisions are taken in `hongyan_domain`; what is true is in `hongyan_store`; this crate carries the one to
//! the other. Nothing here may be the only holder of an accepted message.

mod account;
mod clock;
pub mod compliance;
pub mod content;
#[doc(hidden)]
pub mod fuzzing;
pub mod metrics;
mod path;
mod settings;
mod trace;
mod watch;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hongyan_content::{Pinyin, Scanner};
use hongyan_domain::approval::Decision;
use hongyan_domain::id::MessageIds;
use hongyan_domain::{AccountId, MessageId, Openid, Timestamp};
use hongyan_outgoing::{Failure, Outgoing, Target};
use hongyan_store::{
    Actor, CancelAnswer, Channel, Counts, DecisionAnswer, Delivery, Erased, NewWordList, Ownership, Store,
    StoreError, Webhook,
};
use hongyan_wechat::{CallError, Client, callback};
use opentelemetry_sdk::trace::SdkTracer;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use crate::account::catalog::{self, Account, Catalog};
pub use crate::account::rules;
pub use crate::account::token::{Held, TokenCell, TokenTrouble};
pub use crate::clock::{Clock, Manual, Mark};
pub use crate::content::advice;
pub use crate::metrics::Metrics;
pub use crate::path::accept;
pub use crate::path::classify::by_errcode;
pub use crate::path::dispatch::Status;
pub use crate::path::foretell;
pub use crate::path::sweep::Retention;
pub use crate::path::traffic::Pause;
pub use crate::settings::{OnUnsubscribe, Settings, Tolerance};
pub use crate::watch::alerts::{Reading, reading as alert_reading, rules as alert_rules};
pub use crate::watch::done::done_about;
pub use crate::watch::standstill::errcode_behind;

use crate::account::token::Centre;
use crate::content::links;
use crate::path::dispatch::{Dispatcher, Hint};
use crate::path::doubt::DoubtClock;
use crate::path::send::Sender;
use crate::path::{receive, recover, refused, room, settle, sweep};
use crate::watch::{alarm, heard, notes, standstill, stills, webhooks};

/// Messages offered, settled or read, waiting for the dispatcher: batches, not single ones.
const HINTS: usize = 256;
/// Outcomes waiting to be written. Full, it holds back the sends.
const FINISHED: usize = 8_192;
/// Receipts waiting to be written. Full, it holds back the answers to WeChat.
const RECEIPTS: usize = 4_096;
/// The sweep goes round so often.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Why the engine could not do its job.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// WeChat could not, or would not.
    #[error("WeChat: {0}")]
    WeChat(#[from] CallError),
    /// There is no token to call WeChat with.
    #[error(transparent)]
    Token(#[from] TokenTrouble),
    /// The store did not take it; it may be given again.
    #[error("the store is unavailable")]
    Unavailable,
    /// The engine is stopping; it may be given again to the next.
    #[error("the engine is stopping")]
    Stopping,
    /// A callback names no person.
    #[error("the callback's FromUserName is not an openid")]
    BadCallback,
}

/// What every part of the engine shares.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) doubt: DoubtClock,
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) centre: Arc<Centre>,
    pub(crate) catalog: ArcSwap<Catalog>,
    pub(crate) reloading: tokio::sync::Mutex<()>,
    pub(crate) prepared: content::Prepared,
    /// Triggers that become one message are taken in one batch after the other.
    pub(crate) gathering: tokio::sync::Mutex<()>,
    pub(crate) links: Arc<links::Links>,
    pub(crate) ids: Mutex<MessageIds>,
    pub(crate) duties: sweep::Duties,
    pub(crate) refused: refused::Refused,
    /// When each account's callback last came.
    pub(crate) heard: heard::Heard,
    /// Since when this process runs.
    pub(crate) since: Timestamp,
    pub(crate) outgoing: Outgoing,
    /// Where traces are wanted.
    pub(crate) traces: Option<Arc<trace::Traces>>,
    /// The webhooks that are being told.
    pub(crate) telling: Mutex<HashSet<String>>,
    /// What the sweep started and does not wait for.
    pub(crate) errands: TaskTracker,
    pub(crate) standstills: standstill::Told,
    pub(crate) alarms: alarm::Alarms,
    pub(crate) stills: stills::Stills,
    pub(crate) status: Mutex<HashMap<AccountId, Status>>,
    pub(crate) room: room::Room,
    pub(crate) receipts: mpsc::Sender<receive::Incoming>,
    /// Counted, and not added in the store yet: the sweep does so once a second.
    pub(crate) counts: Mutex<Counts>,
    /// The process must end: the store has stopped, or is another process's now.
    pub(crate) fatal: CancellationToken,
    hints: mpsc::Sender<Hint>,
}

impl Shared {
    /// Tells the dispatcher. Once it is gone there is nobody to tell, and the store knows everything.
    pub(crate) async fn hint(&self, hint: Hint) {
        let _ = self.hints.send(hint).await;
    }
}

/// What an engine is made of.
pub struct Parts {
    /// Where messages live.
    pub store: Store,
    /// The way to WeChat of accounts without a proxy.
    pub client: Client,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// How to run.
    pub settings: Settings,
}

/// The running engine. A clone is another handle on it.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
    actor: Actor,
}

impl Engine {
    /// Takes ownership of the store's accounts, closes what the last process left open, and starts.
    pub async fn start(parts: Parts) -> Result<Self, EngineError> {
        let Parts { store, client, clock, metrics, settings } = parts;
        let store = store.by(Actor::System);
        let ownership = store.own(clock.now()).await?;
        let doubt = DoubtClock::start(&clock, store.seen_at().await?);
        store.note_seen(clock.now()).await?;
        let ids = MessageIds::new(0, store.last_message_id().await?);
        let heard = heard::Heard::read(&store).await?;
        let prepared = content::Prepared::default();
        let catalog = Catalog::read((&store, &client), &Catalog::default(), &prepared).await?;
        let links = Arc::new(links::Links::new(&store, settings.public_url.as_deref()));
        let (hints, hinted) = mpsc::channel(HINTS);
        let (receipts, incoming) = mpsc::channel(RECEIPTS);
        let (since, outgoing) = (clock.now(), Outgoing::new(settings.outgoing.clone()));
        let traces = settings.tracer.clone().map(|tracer| Arc::new(trace::Traces::new(tracer)));
        let centre = Arc::new(Centre { store: store.clone(), clock: clock.clone() });
        let shared = Arc::new(Shared {
            store,
            clock,
            doubt,
            client,
            settings,
            metrics,
            centre,
            catalog: ArcSwap::from_pointee(catalog),
            reloading: tokio::sync::Mutex::default(),
            prepared,
            gathering: tokio::sync::Mutex::default(),
            links,
            ids: Mutex::new(ids),
            duties: sweep::Duties::default(),
            refused: refused::Refused::default(),
            heard,
            since,
            outgoing,
            traces,
            telling: Mutex::default(),
            errands: TaskTracker::new(),
            standstills: standstill::Told::default(),
            alarms: alarm::Alarms::default(),
            stills: stills::Stills::default(),
            status: Mutex::default(),
            room: room::Room::default(),
            receipts,
            counts: Mutex::default(),
            fatal: CancellationToken::new(),
            hints,
        });
        recover::close_lost_claims(&shared).await?;
        let (stop, tasks, actor) = (CancellationToken::new(), TaskTracker::new(), Actor::System);
        let engine = Self { shared, stop, tasks, actor };
        engine.spawn(hinted, incoming, ownership);
        recover::announce_backlog(&engine.shared).await?;
        Ok(engine)
    }

    fn spawn(
        &self,
        hinted: mpsc::Receiver<Hint>,
        incoming: mpsc::Receiver<receive::Incoming>,
        ownership: Ownership,
    ) {
        let (finished, to_settle) = mpsc::channel(FINISHED);
        let Shared { clock, doubt, centre, links, settings, traces, .. } = &*self.shared;
        let clocks = (clock.clone(), doubt.clone());
        let ways = (centre.clone(), links.clone(), traces.clone());
        let sender = Sender::new(clocks, ways, finished, settings.max_in_flight);
        let dispatcher = Dispatcher::new(self.shared.clone(), sender, hinted, self.stop.clone());
        self.tasks.spawn(async move {
            dispatcher.run().await;
            drop(ownership);
        });
        self.tasks.spawn(settle::run(self.shared.clone(), to_settle));
        // It lives as long as somebody may hand in a receipt.
        tokio::spawn(receive::run(self.shared.clone(), incoming));
        let (shared, stop) = (self.shared.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            while stop.run_until_cancelled(shared.clock.pass(SWEEP_EVERY)).await.is_some() {
                sweep::tick(&shared).await;
            }
        });
        // Not among the tasks that a stop waits for: it lasts as long as the store does.
        let shared = self.shared.clone();
        tokio::spawn(async move {
            shared.store.stopped().await;
            shared.fatal.cancel();
        });
        self.tasks.close();
    }

    /// Another handle on this engine, whose changes are this actor's.
    #[must_use]
    pub fn by(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The accounts and templates in force.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.shared.catalog.load_full()
    }

    /// The store, for what needs no engine: reading messages, keys, accounts. Its changes are Hongyan's own; those of
    /// a caller go by `Store::by`.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// By what requests are traced; `None`: they are not.
    pub fn tracer(&self) -> Option<&SdkTracer> {
        self.shared.traces.as_ref().map(|traces| traces.tracer())
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// How an account's traffic stands, at most a second old.
    pub fn status(&self, account: AccountId) -> Status {
        self.shared.status.lock().get(&account).copied().unwrap_or_default()
    }

    /// Whether this address may be called, as far as its name tells now.
    pub async fn check_address(&self, target: &Target) -> Result<(), Failure> {
        self.shared.outgoing.check(target).await
    }

    /// Whether this host may be called, as far as its name tells now.
    pub async fn check_host(&self, host: &str, port: u16) -> Result<(), Failure> {
        self.shared.outgoing.check_host(host, port).await
    }

    /// Tells a channel something now: with a remark where not all of its people were reached; what went wrong
    /// otherwise.
    pub async fn test_channel(&self, channel: &Channel) -> Result<Option<String>, String> {
        let words = notes::test_words(channel.lang, self.shared.settings.public_url.as_deref());
        let now = self.now();
        let id = format!("test_{}", now.ms());
        notes::call(&self.shared.outgoing, channel, &words, (&id, now)).await
    }

    /// Tells a webhook something now, and writes down what it came to.
    pub async fn test_webhook(&self, webhook: &Webhook) -> Result<Delivery, EngineError> {
        let now = self.now();
        let body = serde_json::json!({ "type": "test", "timestamp": now, "data": {} });
        let id = format!("{}_test_{}", webhook.id, now.ms());
        let delivery = webhooks::call(&self.shared, webhook, (id, 0), &body).await;
        self.shared.store.log_delivery(&webhook.id, delivery.clone()).await?;
        Ok(delivery)
    }

    /// When WeChat last called this account's callback.
    pub fn heard_at(&self, account: AccountId) -> Option<Timestamp> {
        self.shared.heard.at(account)
    }

    /// Reads accounts and templates anew, after they were changed in the store.
    pub async fn reload(&self) -> Result<(), EngineError> {
        sweep::reload(&self.shared).await
    }

    /// Reads accounts and templates anew if anything of them changed in the store.
    pub async fn follow_revision(&self) -> Result<(), EngineError> {
        let revision = self.shared.store.revision().await?;
        if revision == self.catalog().revision { Ok(()) } else { self.reload().await }
    }

    /// The account's access_token, for somebody who asks: what went wrong with it a minute ago or longer is tried again,
    /// and where it is mended the account goes on.
    pub async fn token(&self, account: &Account) -> Result<Arc<Held>, EngineError> {
        let was_missing = account.token.is_missing();
        let held = self.shared.centre.token_now(account).await?;
        if was_missing {
            self.shared.hint(Hint::Resume(account.id())).await;
        }
        Ok(held)
    }

    /// Ends a wait that WeChat's answers caused (not one that a person ordered: that is in the store).
    pub async fn resume(&self, account: AccountId) {
        if let Some(account) = self.catalog().by_id(account) {
            account.token.forget_trouble();
        }
        self.shared.hint(Hint::Resume(account)).await;
    }

    /// Reads WeChat's own count of today's sends.
    pub async fn read_quota(&self, account: &Account) {
        sweep::read_quota(&self.shared, account).await;
    }

    /// Takes a waiting message back. The claim checks each row, so nothing in memory needs to know.
    pub async fn cancel(&self, account: AccountId, id: MessageId) -> Result<CancelAnswer, EngineError> {
        let answer = self.shared.store.cancel(account, id, self.now()).await?;
        if let CancelAnswer::Cancelled(to) = &answer {
            settle::count_transition(&self.shared, to);
        }
        Ok(answer)
    }

    /// Removes what is held of a person; what waits is cancelled first. The claim checks each row, so what memory still
    /// holds of it is not sent.
    pub async fn erase(&self, account: AccountId, openid: &Openid) -> Result<Erased, EngineError> {
        let store = self.shared.store.by(self.actor.clone());
        let erased = store.erase_recipient(account, openid, self.now()).await?;
        erased.cancelled.iter().for_each(|to| settle::count_transition(&self.shared, to));
        Ok(erased)
    }

    /// Puts a word list in force, made ready beforehand: nothing waits for it. `None` in place of a list takes the one
    /// there back. Its version.
    pub async fn put_words(
        &self,
        account: Option<AccountId>,
        list: Option<(String, Scanner)>,
        pinyin: Pinyin,
    ) -> Result<i64, EngineError> {
        let words = list.as_ref().map_or(0, |(_, scanner)| scanner.word_count());
        let (text, scanner) = list.unzip();
        let new = NewWordList { account, list: text, pinyin: pinyin.as_str(), words };
        let store = self.shared.store.by(self.actor.clone());
        let version = store.put_words(new, self.now()).await?;
        let ready = scanner.map(|scanner| Arc::new(content::Words::ready(version, pinyin, scanner)));
        self.shared.prepared.lock().extend(ready);
        self.reload().await?;
        Ok(version)
    }

    /// Commits what a person said of messages that wait for it; what may go now goes.
    pub async fn decide_approvals(
        &self,
        account: AccountId,
        messages: Vec<MessageId>,
        decision: (Decision, &str),
    ) -> Result<Vec<DecisionAnswer>, EngineError> {
        let store = self.shared.store.by(self.actor.clone());
        let done = store.decide_approvals(account, messages, decision, self.now()).await?;
        for answer in &done.answers {
            if let DecisionAnswer::Done(to) = answer {
                settle::count_transition(&self.shared, to);
            }
        }
        self.shared.hint(Hint::Offered(done.ready)).await;
        Ok(done.answers)
    }

    /// Takes in one event of an account's callback. `Ok`: it is durable, WeChat may be answered `success`.
    pub async fn receive(&self, account: &Account, push: &callback::Push) -> Result<(), EngineError> {
        self.shared.heard.note(account.id(), self.now());
        let received = receive::receive(&self.shared, account, push).await;
        let kind = if received.is_ok() { metrics::kind_of(&push.event) } else { "failed" };
        self.shared.metrics.callbacks.get_or_create(&metrics::Word { kind }).inc();
        received
    }

    /// One round of the sweep: what production does once a second, and tests after they moved the clock.
    pub async fn tick(&self) {
        sweep::tick(&self.shared).await;
    }

    /// Waits until nothing more can happen at the present time: for tests, and for a demo's end.
    pub async fn drain(&self) {
        // Closed says only that waiting may end: more can be started all the same.
        self.shared.errands.close();
        self.shared.errands.wait().await;
        let (done, drained) = oneshot::channel();
        self.shared.hint(Hint::Drain(done)).await;
        // A dispatcher that is gone has nothing to wait for.
        let _ = drained.await;
    }

    /// Resolves when the store has stopped for good or is another process's now, and this one must end.
    pub async fn failed(&self) {
        self.shared.fatal.cancelled().await;
    }

    /// Stops claiming, gives back what is claimed and not on its way, lets what is in flight come back and be settled,
    /// then gives up the ownership. What is not back within `grace` stays claimed; the next start treats it as lost.
    pub async fn stop(&self, grace: Duration) {
        self.stop.cancel();
        let ended = async {
            tokio::select! {
                () = self.tasks.wait() => true,
                // Nothing can be settled any more.
                () = self.shared.store.stopped() => false,
            }
        };
        if !tokio::time::timeout(grace, ended).await.unwrap_or(false) {
            tracing::warn!("not everything came back in time; the rest is settled at the next start");
        }
        if let Err(error) = heard::write(&self.shared).await {
            tracing::warn!(%error, "when WeChat last called is not kept");
        }
        if let Err(error) = links::write_clicks(&self.shared).await {
            tracing::warn!(%error, "the last taps on links are not counted");
        }
        if let Err(error) = compliance::add_counts(&self.shared).await {
            tracing::warn!(%error, "the last second's counts were not written");
        }
    }
}
