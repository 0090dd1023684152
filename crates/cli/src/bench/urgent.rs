//! `bench urgent`: how long an urgent message takes while a large bulk backlog drains.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Args;
use hdrhistogram::Histogram;
use hongyan_simulator::Latency;

use crate::bench::figures::{Figures, Report};
use crate::bench::load::{self, Flood, Until};
use crate::bench::stage::{Plan, Reports, Rules, Stage};
use crate::bench::{Pace, parse_pace, repeat};
use crate::http::Connection;
use crate::simulate::parse_latency;

#[derive(Clone, Debug, Args)]
pub(crate) struct Urgent {
    #[arg(long, default_value_t = 100_000)]
    pub(super) backlog: usize,
    #[arg(long, default_value_t = 200)]
    pub(super) urgent: usize,
    #[arg(long, value_name = "MS", default_value_t = 10)]
    pub(super) every: u64,
    #[arg(long, value_name = "none|MS|MIN..MAX", default_value = "0", value_parser = parse_latency)]
    pub(super) latency: Latency,
    #[arg(long, value_name = "off|RATE", default_value = "off", value_parser = parse_pace)]
    pub(super) pace: Pace,
    #[arg(long, default_value_t = 5)]
    pub(super) runs: usize,
}

pub(super) async fn run(args: &Urgent) -> Result<Report> {
    let figures = repeat(args.runs, |_| once(args)).await?;
    let Urgent { backlog, urgent, every, runs, .. } = args;
    let latency = match args.latency {
        Latency::None => "0".to_owned(),
        Latency::Uniform { min_ms, max_ms } => format!("{min_ms}..{max_ms}"),
    };
    let pace = match args.pace {
        Pace::Off => "off".to_owned(),
        Pace::PerSecond(rate) => rate.to_string(),
    };
    let command = format!(
        "hongyan bench urgent --backlog {backlog} --urgent {urgent} --every {every} --latency {latency} --pace {pace} --runs {runs} --json"
    );
    Ok(Report { command, runs: *runs, figures })
}

async fn once(args: &Urgent) -> Result<Figures> {
    let messages = args.backlog + args.urgent;
    let plan = Plan {
        accounts: 1,
        messages,
        latency: args.latency,
        pace: args.pace,
        reports: Reports::Off,
        rules: Rules::Off,
    };
    let stage = Stage::set(plan).await?;
    let server = stage.serve().await?;
    let (from, to) = (0, args.backlog);
    let bulk = Flood { cast: stage.cast.clone(), from, to, batch: 1_000, connections: 4, lane: "bulk" };
    let mut connection = stage.connect(&server).await?;
    let start = Instant::now();
    let (flooded, urgent) =
        tokio::join!(load::flood(&stage, &server, &bulk), trickle(&stage, &mut connection, args));
    flooded?;
    let ids = urgent?;
    // What is left of the backlog when the last urgent one is in: zero would mean that nothing was competed with.
    let left = load::counts(&mut connection).await?.pending;
    // With a pace the backlog may take hours; the urgent ones do not.
    let waits = taken(&mut connection, &ids).await?;
    if args.pace == Pace::Off {
        load::settled(&mut connection, Until::Taken, messages as u64).await?;
    }
    let seconds = start.elapsed().as_secs_f64();
    drop(connection);
    server.stop().await?;
    Ok(Figures::default()
        .with("backlog", args.backlog as f64)
        .with("urgent", args.urgent as f64)
        .with("p50_ms", waits.value_at_quantile(0.5) as f64)
        .with("p99_ms", waits.value_at_quantile(0.99) as f64)
        .with("max_ms", waits.max() as f64)
        .with("pending_after_last_urgent", left as f64)
        .with("seconds", seconds))
}

/// One urgent message every few milliseconds; answers their ids.
async fn trickle(stage: &Stage, connection: &mut Connection, args: &Urgent) -> Result<Vec<String>> {
    let mut every = tokio::time::interval(Duration::from_millis(args.every.max(1)));
    let mut ids = Vec::with_capacity(args.urgent);
    for n in args.backlog..args.backlog + args.urgent {
        every.tick().await;
        let mut body = Vec::with_capacity(480);
        stage.cast.write_request(n, "urgent", &mut body);
        let accepted = connection.post_bytes("/api/v1/messages", Bytes::from(body)).await?.json()?;
        ids.push(accepted["id"].as_str().context("an accepted message has an id")?.to_owned());
    }
    Ok(ids)
}

/// Milliseconds from accept to WeChat's answer, of each.
async fn taken(connection: &mut Connection, ids: &[String]) -> Result<Histogram<u64>> {
    let mut waits = Histogram::new(3)?;
    for id in ids {
        let path = format!("/api/v1/messages/{id}");
        loop {
            let message = connection.get(&path).await?;
            if let Some(ms) = load::millis_between(&message["accepted_at"], &message["sent_at"]) {
                waits.record(ms)?;
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(waits)
}
