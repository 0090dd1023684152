//! `bench send`: from HTTP accept to settled, with a bare loop beside it; under the house's rules also without them.

use std::time::Instant;

use anyhow::Result;
use clap::Args;
use hongyan_simulator::Latency;

use crate::bench::figures::{Figures, Report};
use crate::bench::load::{self, Flood, Until};
use crate::bench::measure;
use crate::bench::stage::{Plan, Reports, Rules, Stage};
use crate::bench::{Pace, baseline, check_store, parse_pace, repeat};
use crate::simulate::parse_latency;

/// Connections that bring batches: enough that the next batch waits while one is committed.
const BATCH_CONNECTIONS: usize = 4;
/// Connections that bring messages one by one.
const SINGLE_CONNECTIONS: usize = 64;

#[derive(Clone, Debug, Args)]
pub(crate) struct Send {
    #[arg(long, default_value_t = 100_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(super) messages: usize,
    #[arg(long, default_value_t = 1, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub(super) accounts: usize,
    #[arg(long, default_value_t = 1_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(super) batch: usize,
    #[arg(long, value_name = "none|MS|MIN..MAX", default_value = "0", value_parser = parse_latency)]
    pub(super) latency: Latency,
    #[arg(long, value_name = "off|RATE", default_value = "off", value_parser = parse_pace)]
    pub(super) pace: Pace,
    #[arg(long, default_value = "sqlite")]
    pub(super) store: String,
    #[arg(long, value_enum, default_value = "off")]
    pub(super) receipts: Reports,
    #[arg(long, value_enum, default_value = "off")]
    pub(super) rules: Rules,
    #[arg(long, default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub(super) runs: usize,
}

impl Send {
    fn command(&self) -> String {
        let Self { messages, accounts, batch, store, runs, .. } = self;
        let latency = match self.latency {
            Latency::None => "0".to_owned(),
            Latency::Uniform { min_ms, max_ms } => format!("{min_ms}..{max_ms}"),
        };
        let pace = match self.pace {
            Pace::Off => "off".to_owned(),
            Pace::PerSecond(rate) => rate.to_string(),
        };
        let receipts = if self.receipts == Reports::On { "on" } else { "off" };
        let rules = if self.rules == Rules::House { "house" } else { "off" };
        format!(
            "hongyan bench send --messages {messages} --accounts {accounts} --batch {batch} --latency {latency} \
             --pace {pace} --store {store} --receipts {receipts} --rules {rules} --runs {runs} --json"
        )
    }
}

pub(super) async fn run(args: &Send) -> Result<Report> {
    check_store(&args.store)?;
    let figures = repeat(args.runs, |run| once(args, run)).await?;
    Ok(Report { command: args.command(), runs: args.runs, figures })
}

async fn once(args: &Send, run: usize) -> Result<Figures> {
    if args.rules != Rules::House {
        return under(args.rules, args).await;
    }
    // Side by side and turn about, so that what else the machine does falls on both.
    let (house, lifted) = if run.is_multiple_of(2) {
        let lifted = under(Rules::Lifted, args).await?;
        (under(Rules::House, args).await?, lifted)
    } else {
        (under(Rules::House, args).await?, under(Rules::Lifted, args).await?)
    };
    Ok(beside(house, &lifted))
}

/// The figures under the rules, and what they are of those without.
fn beside(house: Figures, lifted: &Figures) -> Figures {
    let of = |figures: &Figures, name| figures.get(name).unwrap_or(0.0);
    let (rate, cpu) = (of(lifted, "rate_per_sec"), of(lifted, "cpu_us_per_message"));
    let ratio = of(&house, "rate_per_sec") / rate;
    house
        .with("rate_per_sec_without_rules", rate)
        .with("cpu_us_without_rules", cpu)
        .with("rules_ratio", ratio)
}

async fn under(rules: Rules, args: &Send) -> Result<Figures> {
    let Send { messages, accounts, latency, pace, receipts: reports, .. } = *args;
    let stage = Stage::set(Plan { accounts, messages, latency, pace, reports, rules }).await?;
    let baseline = baseline::rate(&stage, messages, latency).await?;
    measured(&stage, args, baseline).await
}

/// One run on a stage whose store may hold anything already.
pub(super) async fn measured(stage: &Stage, args: &Send, baseline: f64) -> Result<Figures> {
    let server = stage.serve().await?;
    let mut connection = stage.connect(&server).await?;
    load::tokens_here(&mut connection, &stage.cast).await?;
    let until = if args.receipts == Reports::On { Until::Final } else { Until::Taken };
    let before = load::counts(&mut connection).await?;
    let there = before.sent + before.finished();
    let connections = if args.batch == 1 { SINGLE_CONNECTIONS } else { BATCH_CONNECTIONS };
    let (from, to) = (0, args.messages);
    let flood = Flood { cast: stage.cast.clone(), from, to, batch: args.batch, connections, lane: "normal" };
    let (cpu, start) = (server.cpu()?, Instant::now());
    let accepted = load::flood(stage, &server, &flood).await?;
    load::settled(&mut connection, until, there + args.messages as u64).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = server.cpu()? - cpu;
    let rss = measure::peak_mib(server.pid)?;
    let messages = args.messages as f64;
    let mut figures = Figures::default()
        .with("messages", messages)
        .with("seconds", seconds)
        .with("rate_per_sec", messages / seconds)
        .with("accept_per_sec", messages / accepted.took.as_secs_f64());
    if there == 0 {
        let waits = load::waits(&mut connection, until).await?;
        figures.add("p50_ms", waits.value_at_quantile(0.5) as f64);
        figures.add("p99_ms", waits.value_at_quantile(0.99) as f64);
    }
    figures.add("cpu_us_per_message", cpu.as_secs_f64() * 1e6 / messages);
    figures.add("rss_mb", rss);
    figures.add("baseline_rate_per_sec", baseline);
    figures.add("ratio", messages / seconds / baseline);
    drop(connection);
    server.stop().await?;
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rules_leave_of_the_rate_stands_beside_it() {
        let run = |rate, cpu| Figures::default().with("rate_per_sec", rate).with("cpu_us_per_message", cpu);

        let told = beside(run(20_000.0, 70.0), &run(25_000.0, 50.0));

        assert_eq!(told.get("rate_per_sec"), Some(20_000.0));
        assert_eq!(told.get("rate_per_sec_without_rules"), Some(25_000.0));
        assert_eq!((told.get("rules_ratio"), told.get("cpu_us_without_rules")), (Some(0.8), Some(50.0)));
    }
}
