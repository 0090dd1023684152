//! `hongyan serve` inside the test: store, engine and HTTP server on a runtime of their own, so that they can be
//! killed with everything they have begun, as a process would be.

use std::future::Future;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use hongyan_domain::Timestamp;
use hongyan_engine::{Clock, Engine, EngineError, Manual, Metrics, Parts, Settings};
use hongyan_server::App;
use hongyan_store::{MasterKey, Store};
use hongyan_wechat::Client;
use prometheus_client::registry::Registry;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// More than anything here takes; reached, it is a defect, and the test fails by what follows.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a daemon is made of; the same for each one after the other.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) master_key: MasterKey,
    pub(crate) clock: Manual,
    pub(crate) wechat: hongyan_wechat::Settings,
    pub(crate) engine: Settings,
    pub(crate) server: hongyan_server::Settings,
}

/// A running daemon.
pub struct Daemon {
    runtime: Option<Runtime>,
    app: App,
    stop: CancellationToken,
}

impl Daemon {
    /// Opens the store in `folder`, takes it over and serves on `listener`.
    pub(crate) async fn start(
        plan: &Plan,
        folder: &Path,
        listener: TcpListener,
    ) -> Result<Self, EngineError> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let (plan, url) = (plan.clone(), format!("sqlite:{}", folder.join("hongyan.db").display()));
        let stop = CancellationToken::new();
        let started = runtime.spawn(begin(plan, url, listener, stop.clone())).await;
        match started.expect("a start does not panic") {
            Ok(app) => Ok(Self { runtime: Some(runtime), app, stop }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Does something with the engine on the daemon's own runtime: what it begins dies with it.
    pub(crate) async fn with<T, F>(&self, act: impl FnOnce(Engine) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let runtime = self.runtime.as_ref().expect("it is there until it ends");
        runtime.spawn(act(self.app.engine().clone())).await.expect("the engine does not panic")
    }

    /// The store, for looking at what no API shows.
    pub fn store(&self) -> &Store {
        self.app.engine().store()
    }

    /// What SIGTERM does: no new calls, what is in flight comes back within `grace`, the rest is left. WeChat is
    /// listened to until then.
    pub(crate) async fn stop(self, grace: Duration) {
        let app = self.app.clone();
        let stop = |engine: Engine| async move {
            app.close().await;
            engine.stop(grace).await;
        };
        self.with(stop).await;
        self.stop.cancel();
        self.kill().await;
    }

    /// What `kill -9` does, as far as a process can do it to a part of itself: nothing that has begun goes on.
    pub(crate) async fn kill(mut self) {
        let runtime = self.runtime.take().expect("it ends once");
        let app = self.app.clone();
        drop(self);
        let ended = tokio::task::spawn_blocking(move || {
            runtime.shutdown_timeout(PATIENCE);
            drop(app);
        });
        ended.await.expect("a runtime can be shut down");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn begin(
    plan: Plan,
    url: String,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<App, EngineError> {
    let clock = Clock::Manual(plan.clock);
    let settings = hongyan_store::Settings::new(url, plan.master_key);
    let store = Store::open(settings, clock.now()).await?;
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let client = Client::new(plan.wechat).expect("the tests' settings are sound");
    let parts = Parts { store, client, clock, metrics, settings: plan.engine };
    let engine = Engine::start(parts).await?;
    let rng = StdRng::seed_from_u64(2);
    let parts = hongyan_server::Parts { engine, registry, rng, settings: plan.server };
    let app = App::new(parts);
    let listener = tokio::net::TcpListener::from_std(listener).expect("it does not block");
    tokio::spawn(hongyan_server::serve(app.clone(), listener, stop));
    Ok(app)
}

/// The time as the engine writes it.
pub(crate) fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}
