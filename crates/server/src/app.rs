//! What every endpoint shares.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hongyan_domain::Timestamp;
use hongyan_engine::{Account, Engine, EngineError};
use hongyan_store::{Action, Deed, KeyId, Store, StoreError};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use rand::rngs::StdRng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::auth::{Caller, Keys};
use crate::access::throttle::Throttle;
use crate::access::user::Doors;
use crate::answer::problem::{Code, Problem};
use crate::monitor::events::Live;
use crate::monitor::metrics::HttpMetrics;
use crate::monitor::requests::RequestLog;
use crate::serve::closing::Closing;

/// Bodies in memory at once, all connections together, in KiB: 256 MiB, or 64 batches of the full size. What does
/// not fit waits. Without it 4,096 connections could bring 16 GiB.
const BODIES_KIB: usize = 256 << 10;

/// How the server is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Longest body in bytes; a batch of 1,000 messages of 4 KiB.
    pub body_limit: usize,
    /// A body that is not whole after so long is answered 408.
    pub body_timeout: Duration,
    /// A request without an answer after so long is answered 504. Longer than the store's longest wait.
    pub request_timeout: Duration,
    /// A new connection that brings no whole request head for so long is closed: nobody who sends a request needs it.
    pub header_timeout: Duration,
    /// A connection that carried a request is kept open for the next for so long. Above the minute for which the usual
    /// pools and proxies keep idle connections.
    pub idle_timeout: Duration,
    /// Open connections. Each may hold two buffers of 64 KiB: 4,096 are at most 512 MiB, and 4 MiB when idle.
    pub max_connections: usize,
    /// Of these, from one address (of IPv6, from one /64): a quarter, so that nobody alone keeps others out.
    pub max_connections_per_address: usize,
    /// The addresses of proxies in front of us: they bring everybody's calls and are not bounded.
    pub proxies: Vec<IpAddr>,
    /// At the end, requests under way may take so long.
    pub grace: Duration,
    /// The address that people outside, and WeChat, reach this server by; `None`: nobody said.
    pub public_url: Option<String>,
    /// Every setting of the installation, for `GET /api/v1/settings`. Secrets are not in it.
    pub in_force: Vec<InForce>,
}

/// One setting as it is in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// Like `http.listen`.
    pub key: String,
    /// A text, a number, or a list of texts.
    pub value: serde_json::Value,
    /// Who says so: `default`, a file, or a variable of the environment.
    pub source: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_limit: 4 << 20,
            body_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            max_connections: 4_096,
            max_connections_per_address: 1_024,
            proxies: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            grace: Duration::from_secs(10),
            public_url: None,
            in_force: Vec::new(),
        }
    }
}

/// What an app is made of.
pub struct Parts {
    /// The running engine.
    pub engine: Engine,
    /// What `/metrics` shows; the engine's metrics are in it already.
    pub registry: Registry,
    /// Draws API keys: seeded from the operating system, but in tests.
    pub rng: StdRng,
    /// How to run.
    pub settings: Settings,
}

/// The state of all endpoints. A clone is another handle on it.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    engine: Engine,
    registry: Registry,
    settings: Settings,
    rng: Mutex<StdRng>,
    metrics: HttpMetrics,
    requests: RequestLog,
    keys: Keys,
    throttle: Throttle,
    doors: Doors,
    live: Live,
    closing: Closing,
    /// When keys were last shown; written to the store once a minute. Bounded by the number of keys.
    used_keys: Mutex<HashMap<KeyId, Timestamp>>,
    /// The last write failed: the next look at readiness tries one.
    store_failed: AtomicBool,
    /// Accounts are read, changed and written back: one at a time.
    changing: tokio::sync::Mutex<()>,
    /// The audit is walked by one caller at a time: it may take seconds.
    verifying: tokio::sync::Mutex<()>,
    /// Room for bodies, one permit a KiB.
    bodies: Arc<Semaphore>,
}

impl App {
    /// Registers the HTTP metrics in the registry and makes the state.
    pub fn new(parts: Parts) -> Self {
        let Parts { engine, mut registry, mut rng, settings } = parts;
        let requests = RequestLog::new(rand::RngExt::random(&mut rng), engine.now());
        let metrics = HttpMetrics::register(&mut registry, &crate::routes::openapi());
        // One body of the full size always fits.
        let bodies = Arc::new(Semaphore::new(BODIES_KIB.max(settings.body_limit / 1024 + 1)));
        Self(Arc::new(Shared {
            bodies,
            engine,
            registry,
            settings,
            rng: Mutex::new(rng),
            metrics,
            requests,
            keys: Keys::default(),
            throttle: Throttle::default(),
            doors: Doors::default(),
            live: Live::default(),
            closing: Closing::default(),
            used_keys: Mutex::default(),
            store_failed: AtomicBool::new(false),
            changing: tokio::sync::Mutex::default(),
            verifying: tokio::sync::Mutex::default(),
        }))
    }

    /// From now on only WeChat's callbacks, `/healthz` and `/metrics` are answered, everything else is 503. Returns when
    /// all other requests that were under way are answered, after `settings.grace` at the latest. The engine may stop
    /// then, and after it the server.
    pub async fn close(&self) {
        // Open event streams would last as long as the grace.
        self.0.live.close();
        if tokio::time::timeout(self.0.settings.grace, self.0.closing.close()).await.is_err() {
            tracing::warn!("some requests took longer than the grace");
        }
    }

    pub(crate) fn closing(&self) -> &Closing {
        &self.0.closing
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// How to run.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn store(&self) -> &Store {
        self.0.engine.store()
    }

    /// The store, for a change that this caller makes.
    pub(crate) fn store_of(&self, caller: &Caller) -> Store {
        self.store().by(caller.actor())
    }

    /// Writes down what a caller did to an account at WeChat. It is done by then: where this fails, that is the answer.
    pub(crate) async fn note(
        &self,
        caller: &Caller,
        (action, account): (Action, &Account),
        detail: serde_json::Value,
    ) -> Result<(), Problem> {
        let subject = account.appid().to_string();
        let deed = Deed { action, account: Some(account.id()), subject, detail, at: self.now() };
        self.store_of(caller).note(deed).await.map_err(|error| {
            let (appid, action) = (account.appid(), action.as_str());
            tracing::error!(%error, %appid, action, "done at WeChat, and not written into the audit");
            Problem::new(Code::StoreUnavailable, "it was done at WeChat; the audit could not be written")
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.engine.now()
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub(crate) fn metrics(&self) -> &HttpMetrics {
        &self.0.metrics
    }

    /// What keys asked lately.
    pub(crate) fn requests(&self) -> &RequestLog {
        &self.0.requests
    }

    /// Held while the audit is walked from end to end.
    pub(crate) fn verifying(&self) -> &tokio::sync::Mutex<()> {
        &self.0.verifying
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    /// What logins share.
    pub(crate) fn doors(&self) -> &Doors {
        &self.0.doors
    }

    /// What all open pages share.
    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    /// Waits for room in memory for a body of so many bytes.
    pub(crate) async fn room_for(&self, bytes: usize) -> OwnedSemaphorePermit {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        let room = self.0.bodies.clone().acquire_many_owned(kib).await;
        room.expect("nobody closes this semaphore")
    }

    /// Draws something.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.rng.lock())
    }

    /// The account named in a path, if this caller may know of it.
    pub(crate) fn account(&self, caller: &Caller, appid: &str) -> Result<Arc<Account>, Problem> {
        let catalog = self.engine().catalog();
        let account = catalog.account(Some(appid)).filter(|account| caller.may_touch(account.id()));
        account.cloned().ok_or_else(unknown_account)
    }

    /// The account that `appid` names, or the only one there is for this caller.
    pub(crate) fn account_or_only(
        &self,
        caller: &Caller,
        appid: Option<&str>,
    ) -> Result<Arc<Account>, Problem> {
        if let Some(appid) = appid.filter(|appid| !appid.is_empty()) {
            return self.account(caller, appid);
        }
        let catalog = self.engine().catalog();
        let mut possible = catalog.accounts().filter(|account| caller.may_touch(account.id()));
        match (possible.next(), possible.next()) {
            (Some(only), None) => Ok(only.clone()),
            _ => Err(Problem::new(
                Code::AccountNeeded,
                "there is not exactly one account: name one by `appid`",
            )),
        }
    }

    /// Holds off other changes of accounts in this process.
    pub(crate) async fn changing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.changing.lock().await
    }

    pub(crate) fn note_use(&self, key: &KeyId, now: Timestamp) {
        let mut used = self.0.used_keys.lock();
        match used.get_mut(key) {
            Some(at) => *at = now,
            None => _ = used.insert(key.clone(), now),
        }
    }

    /// Writes down when keys were last shown.
    pub(crate) async fn write_uses(&self) -> Result<(), StoreError> {
        self.store().touch_sessions(self.doors().take_seen(), self.now()).await?;
        let used: Vec<_> = self.0.used_keys.lock().drain().collect();
        if used.is_empty() {
            return Ok(());
        }
        let written = self.store().touch_keys(used.clone()).await;
        if written.is_err() {
            self.0.used_keys.lock().extend(used);
        }
        written
    }

    /// Remembers whether the store could write.
    pub(crate) fn note_store<T>(&self, result: &Result<T, EngineError>) {
        let failed = matches!(
            result,
            Err(EngineError::Store(StoreError::Unavailable(_) | StoreError::Broken(_))
                | EngineError::Unavailable)
        );
        if self.0.store_failed.load(Ordering::Relaxed) != failed {
            self.0.store_failed.store(failed, Ordering::Relaxed);
        }
    }

    pub(crate) fn store_failed(&self) -> bool {
        self.0.store_failed.load(Ordering::Relaxed)
    }

    pub(crate) fn store_works_again(&self) {
        self.0.store_failed.store(false, Ordering::Relaxed);
    }
}

pub(crate) fn unknown_account() -> Problem {
    Problem::new(Code::UnknownAccount, "no account has this appid")
}
