//! A whole server in this process: engine and HTTP face over one store.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use hongyan_engine::{Clock, Engine, Metrics};
use hongyan_server::App;
use hongyan_store::{Store, generate_setup_secret};
use hongyan_wechat::Client;
use prometheus_client::registry::Registry;
use rand::rngs::StdRng;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Effective};
use crate::lang::Texts;
use crate::trace::Tracing;
use crate::{listen, local};

/// What a server is made of.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) config: Config,
}

/// A running server.
pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) config: Config,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    app: App,
    tracing: Option<Tracing>,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Node {
    /// Binds, starts the engine, and serves.
    pub(crate) async fn start(texts: &Texts, parts: Parts) -> Result<Self> {
        let Parts { store, config } = parts;
        // The port first: a second server on this machine should not get as far as the store.
        let listener = listen::on(texts, config.http.listen)?;
        let address = listener.local_addr()?;
        let tracing = config.trace.as_ref().map(Tracing::start).transpose()?;
        let tracer = tracing.as_ref().map(Tracing::tracer);
        let mut registry = Registry::default();
        let engine = Engine::start(hongyan_engine::Parts {
            store,
            client: Client::new(config.wechat.clone())?,
            clock: Clock::System,
            metrics: Metrics::register(&mut registry),
            settings: hongyan_engine::Settings { tracer, ..config.engine.clone() },
        })
        .await?;
        // At once, so that tokens are on their way before the first message is.
        engine.tick().await;
        #[expect(clippy::disallowed_methods, reason = "the edge: from here the generator is passed on")]
        let rng: StdRng = rand::make_rng();
        let settings = http_settings(&config);
        let app = App::new(hongyan_server::Parts { engine: engine.clone(), registry, rng, settings });
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(serve(app.clone(), listener, stop.clone(), ended.clone()));
        Ok(Self { engine, config, address, app, tracing, stop, ended })
    }

    /// Resolves when it does not serve any more, though nobody asked it to end.
    pub(crate) async fn wait(&self) -> Result<()> {
        self.ended.cancelled().await;
        bail!("the HTTP server has ended")
    }

    /// Takes nothing more in, finishes what is under way, and lets go of the store. WeChat is listened to until then:
    /// what comes back now has receipts, and they come within seconds.
    pub(crate) async fn stop(&self) {
        self.app.close().await;
        self.engine.stop(self.config.engine_grace).await;
        self.stop.cancel();
        self.ended.cancelled().await;
        if let Some(tracing) = &self.tracing {
            tracing.stop().await;
        }
    }

    /// A link by which the first key is made: once, within 24 hours.
    pub(crate) async fn setup_link(&self) -> Result<String> {
        let secret = generate_setup_secret(&mut local::chance());
        self.engine.store().put_setup_secret(&secret, local::now()).await?;
        Ok(format!("{}/setup?token={}", self.config.outside_url(self.address), secret.expose()))
    }
}

fn http_settings(config: &Config) -> hongyan_server::Settings {
    hongyan_server::Settings {
        body_limit: config.http.body_limit,
        request_timeout: config.http.request_timeout,
        header_timeout: config.http.header_timeout,
        idle_timeout: config.http.idle_timeout,
        max_connections: config.http.max_connections,
        max_connections_per_address: config.http.max_connections_per_address,
        proxies: config.http.proxies.clone(),
        grace: config.http.grace,
        public_url: config.http.public_url.clone(),
        in_force: config.effective.iter().map(in_force).collect(),
        oidc: config.oidc.clone(),
        ..hongyan_server::Settings::default()
    }
}

fn in_force(setting: &Effective) -> hongyan_server::InForce {
    let Effective { key, value, source } = setting;
    let value = serde_json::to_value(value).expect("a setting is a text, a number or a list of them");
    hongyan_server::InForce { key: key.clone(), value, source: source.to_string() }
}

async fn serve(app: App, listener: TcpListener, stop: CancellationToken, ended: CancellationToken) {
    if let Err(error) = hongyan_server::serve(app, listener, stop).await {
        tracing::error!(%error, "the HTTP server has ended");
    }
    ended.cancel();
}
