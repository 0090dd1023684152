//! `bench all`: every row of docs/performance.md but the peers (`bench/peers/run`) and the word list (`scan_speed` of
//! `content`), one after the other, each printed when it is done.

use anyhow::Result;
use clap::Args;
use hongyan_simulator::Latency;

use crate::bench::figures::Report;
use crate::bench::stage::{Reports, Rules};
use crate::bench::{
    Pace, accept, console, history, pending, receipts, redirect, send, show, simulator, urgent,
};
use crate::context::Context;

#[derive(Clone, Debug, Args)]
pub(crate) struct All {
    #[arg(long, default_value_t = 5)]
    runs: usize,
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    #[arg(long, default_value_t = 10_000_000)]
    rows: usize,
}

pub(super) async fn run(context: &Context, args: &All) -> Result<Vec<Report>> {
    let All { runs, messages, rows } = *args;
    let mut reports = Vec::new();
    let mut keep = |report: Report| {
        show(context, &report);
        reports.push(report);
    };
    keep(simulator::run(&simulator::Bare { messages: 2 * messages, connections: 64, runs }).await?);
    for args in sends(messages, runs) {
        keep(send::run(&args).await?);
    }
    let singles = messages / 2;
    keep(
        accept::run(&accept::Accept { messages: 2 * messages, singles, batch: 1_000, connections: 64, runs })
            .await?,
    );
    keep(receipts::run(&receipts::Receipts { messages: messages / 2, connections: 64, runs }).await?);
    let links = (messages / 10).clamp(1, 10_000);
    keep(redirect::run(&redirect::Redirect { links, taps: messages, connections: 8, runs }).await?);
    let (latency, pace) = (Latency::None, Pace::Off);
    keep(
        urgent::run(&urgent::Urgent { backlog: messages, urgent: 200, every: 10, latency, pace, runs })
            .await?,
    );
    keep(pending::run(&pending::Pending { messages: 10 * messages, accounts: 1, runs }).await?);
    keep(history::run(&history::History { rows, messages, runs }).await?);
    keep(console::run(&console::Console { rows, calls: 100, streams: 500, messages, runs }).await?);
    Ok(reports)
}

/// The article's thousand at WeChat's latency, with and without a pace; then all that goes, one account and many,
/// with and without receipts, under the house's rules and without, in batches and one by one.
fn sends(messages: usize, runs: usize) -> [send::Send; 7] {
    let thousand = send::Send {
        messages: 1_000,
        accounts: 1,
        batch: 1_000,
        latency: Latency::Uniform { min_ms: 200, max_ms: 500 },
        pace: Pace::PerSecond(100),
        store: "sqlite".to_owned(),
        receipts: Reports::Off,
        rules: Rules::Off,
        runs,
    };
    let unpaced = send::Send { pace: Pace::Off, ..thousand.clone() };
    let plain = send::Send { messages, latency: Latency::None, ..unpaced.clone() };
    let many = send::Send { accounts: 500, ..plain.clone() };
    let reported = send::Send { receipts: Reports::On, ..plain.clone() };
    let ruled = send::Send { rules: Rules::House, ..plain.clone() };
    let singles = send::Send { batch: 1, messages: messages / 2, ..plain.clone() };
    [thousand, unpaced, plain, many, reported, ruled, singles]
}
