//! `bench history`: the same sending with no finished messages in the store and with millions.

use anyhow::Result;
use clap::Args;
use hongyan_simulator::Latency;

use crate::bench::figures::{Figures, Report};
use crate::bench::finished::{Finished, Mix};
use crate::bench::send::{self, Send};
use crate::bench::stage::{Plan, Reports, Rules, Stage};
use crate::bench::{Pace, baseline, repeat};

#[derive(Clone, Debug, Args)]
pub(crate) struct History {
    #[arg(long, default_value_t = 10_000_000)]
    pub(super) rows: usize,
    #[arg(long, default_value_t = 100_000)]
    pub(super) messages: usize,
    #[arg(long, default_value_t = 3)]
    pub(super) runs: usize,
}

pub(super) async fn run(args: &History) -> Result<Report> {
    let History { rows, messages, runs } = *args;
    let plan = Plan::bare(1, messages);
    let empty = Stage::set(plan).await?;
    let full = Stage::set(plan).await?;
    let filled = std::time::Instant::now();
    Finished { rows, mix: Mix::Alike }.put(&full.store().await?, &full.cast).await?;
    let filled = filled.elapsed();
    let (empty, full) = (&empty, &full);
    // Side by side, so that what else the machine does falls on both.
    let figures = repeat(runs, |_| pair(empty, full, messages)).await?;
    let figures = figures.with("rows", rows as f64).with("fill_seconds", filled.as_secs_f64());
    let command = format!("hongyan bench history --rows {rows} --messages {messages} --runs {runs} --json");
    Ok(Report { command, runs, figures })
}

async fn pair(empty: &Stage, full: &Stage, messages: usize) -> Result<Figures> {
    let args = Send {
        messages,
        accounts: 1,
        batch: 1_000,
        latency: Latency::None,
        pace: Pace::Off,
        store: "sqlite".to_owned(),
        receipts: Reports::Off,
        rules: Rules::Off,
        runs: 1,
    };
    let bare = baseline::rate(empty, messages, Latency::None).await?;
    let without = send::measured(empty, &args, bare).await?;
    let with = send::measured(full, &args, bare).await?;
    let of = |figures: &Figures, name| figures.get(name).unwrap_or(0.0);
    Ok(Figures::default()
        .with("messages", messages as f64)
        .with("rate_per_sec_without", of(&without, "rate_per_sec"))
        .with("rate_per_sec_with", of(&with, "rate_per_sec"))
        .with("rate_ratio", of(&with, "rate_per_sec") / of(&without, "rate_per_sec"))
        .with("cpu_us_without", of(&without, "cpu_us_per_message"))
        .with("cpu_us_with", of(&with, "cpu_us_per_message"))
        .with("rss_mb_without", of(&without, "rss_mb"))
        .with("rss_mb_with", of(&with, "rss_mb")))
}
