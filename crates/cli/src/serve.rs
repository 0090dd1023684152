//! `serve`: the server, until it is asked to stop or its store breaks.

use std::net::SocketAddr;

use anyhow::Result;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::node::{Node, Parts};
use crate::{local, log, print};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(crate) async fn run(context: &Context, args: &Serve) -> Result<Code> {
    let mut config = context.config()?;
    let mut signals = StopSignals::listen()?;
    config.http.listen = args.listen.unwrap_or(config.http.listen);
    log::start(&config.log);
    let store = local::open(context, &config).await?;
    let node = Node::start(&context.texts, Parts { store, config }).await?;
    announce(context, &node).await?;
    tokio::select! {
        () = signals.next() => {}
        () = node.engine.failed() => {
            node.stop().await;
            return Err(Failure::Store(context.texts.get("say.store_broke").to_owned()).into());
        }
        served = node.wait() => served?,
    }
    context.say("say.stopping", &[]);
    tokio::select! {
        () = node.stop() => Ok(Code::Done),
        () = signals.next() => Ok(Code::Failed),
    }
}

/// Says where it listens and, while nobody can log in or call, how to begin.
async fn announce(context: &Context, node: &Node) -> Result<()> {
    let (keys, users) = (node.engine.store().keys().await?, node.engine.store().users().await?);
    let link = match !users.is_empty() || keys.iter().any(|key| key.is_live(local::now())) {
        true => None,
        false => Some(node.setup_link().await?),
    };
    if context.is_for_machines() {
        let url = node.config.outside_url(node.address);
        print::json(
            &serde_json::json!({ "listening": node.address.to_string(), "url": url, "setup_link": link,
                "held_since": node.engine.catalog().held_since }),
        );
    }
    context.say(
        "say.serving",
        &[("url", &node.config.outside_url(node.address)), ("store", &shown_store(&node.config))],
    );
    if let Some(since) = node.engine.catalog().held_since {
        context.say("say.held", &[("since", &since)]);
    }
    if let Some(link) = link {
        context.say("say.setup_link", &[("link", &link)]);
    }
    Ok(())
}

fn shown_store(config: &Config) -> String {
    let shown = config.effective.iter().find(|setting| setting.key == "store.url");
    shown.and_then(|setting| setting.value.as_str()).unwrap_or_default().to_owned()
}

/// SIGTERM and SIGINT, caught from the moment this is made: one that comes before anybody waits is not lost.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns at the next of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
