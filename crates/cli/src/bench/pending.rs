//! `bench pending`: a server that starts on a million waiting messages: how soon it sends, and how much memory it takes.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use hongyan_store::Paused;

use crate::bench::figures::{Figures, Report};
use crate::bench::load::{self, Flood};
use crate::bench::stage::{Plan, Stage};
use crate::bench::{measure, repeat};
use crate::http::Connection;

/// The simulator is asked so often whether something has come.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// A start that takes longer is broken.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Memory is read once it has been sending for so long.
const SENDING: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Args)]
pub(crate) struct Pending {
    #[arg(long, default_value_t = 1_000_000)]
    pub(super) messages: usize,
    #[arg(long, default_value_t = 1)]
    pub(super) accounts: usize,
    #[arg(long, default_value_t = 1)]
    pub(super) runs: usize,
}

pub(super) async fn run(args: &Pending) -> Result<Report> {
    let figures = repeat(args.runs, |_| once(args)).await?;
    let Pending { messages, accounts, runs } = args;
    let command =
        format!("hongyan bench pending --messages {messages} --accounts {accounts} --runs {runs} --json");
    Ok(Report { command, runs: *runs, figures })
}

async fn once(args: &Pending) -> Result<Figures> {
    let Pending { messages, accounts, .. } = *args;
    let plan = Plan::bare(accounts, messages);
    let stage = Stage::set(plan).await?;
    stage.set_paused(Some(Paused { until: None, reason: "bench".to_owned() })).await?;
    let server = stage.serve().await?;
    let flood = Flood {
        cast: stage.cast.clone(),
        from: 0,
        to: messages,
        batch: 1_000,
        connections: 4,
        lane: "normal",
    };
    load::flood(&stage, &server, &flood).await?;
    let while_accepting = measure::peak_mib(server.pid)?;
    server.stop().await?;
    stage.set_paused(None).await?;

    let start = Instant::now();
    let server = stage.serve().await?;
    let listening = start.elapsed();
    let first_send = first_send(&mut stage.control().await?, start).await?;
    let at_first_send = measure::resident_mib(server.pid)?;
    tokio::time::sleep(SENDING).await;
    let figures = Figures::default()
        .with("messages", messages as f64)
        .with("start_to_listening_ms", listening.as_secs_f64() * 1e3)
        .with("start_to_first_send_ms", first_send.as_secs_f64() * 1e3)
        .with("rss_mb_at_first_send", at_first_send)
        .with("rss_mb", measure::peak_mib(server.pid)?)
        .with("rss_mb_while_accepting", while_accepting);
    server.stop().await?;
    Ok(figures)
}

async fn first_send(control: &mut Connection, start: Instant) -> Result<Duration> {
    while start.elapsed() < START_LIMIT {
        let stats = control.get("/_sim/stats").await?;
        if stats["sends"].as_u64().unwrap_or(0) > 0 {
            return Ok(start.elapsed());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("nothing was sent within {START_LIMIT:?} of the start")
}
