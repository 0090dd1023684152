//! `bench accept`: how fast messages are taken in, in batches and one by one, while nothing is sent.

use anyhow::Result;
use clap::Args;
use hongyan_store::Paused;

use crate::bench::figures::{Figures, Report};
use crate::bench::load::{self, Accepted, Flood};
use crate::bench::repeat;
use crate::bench::stage::{Plan, Stage};

#[derive(Clone, Debug, Args)]
pub(crate) struct Accept {
    #[arg(long, default_value_t = 200_000)]
    pub(super) messages: usize,
    #[arg(long, default_value_t = 50_000)]
    pub(super) singles: usize,
    #[arg(long, default_value_t = 1_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..=1_000))]
    pub(super) batch: usize,
    #[arg(long, default_value_t = 64)]
    pub(super) connections: usize,
    #[arg(long, default_value_t = 5)]
    pub(super) runs: usize,
}

pub(super) async fn run(args: &Accept) -> Result<Report> {
    let figures = repeat(args.runs, |_| once(args)).await?;
    let Accept { messages, singles, batch, connections, runs } = args;
    let command = format!(
        "hongyan bench accept --messages {messages} --singles {singles} --batch {batch} --connections {connections} --runs {runs} --json"
    );
    Ok(Report { command, runs: *runs, figures })
}

async fn once(args: &Accept) -> Result<Figures> {
    let messages = args.messages + args.singles;
    let plan = Plan::bare(1, messages);
    let stage = Stage::set(plan).await?;
    // What is taken in must not be sent at the same time: that is what `bench send` is for.
    stage.set_paused(Some(Paused { until: None, reason: "bench".to_owned() })).await?;
    let server = stage.serve().await?;
    let cast = &stage.cast;
    let (from, to) = (0, args.messages);
    let batches = Flood { cast: cast.clone(), from, to, batch: args.batch, connections: 4, lane: "normal" };
    let (from, to) = (args.messages, messages);
    let singles =
        Flood { cast: cast.clone(), from, to, batch: 1, connections: args.connections, lane: "normal" };
    let cpu = server.cpu()?;
    let in_batches = load::flood(&stage, &server, &batches).await?;
    let between = server.cpu()?;
    let one_by_one = load::flood(&stage, &server, &singles).await?;
    let after = server.cpu()?;
    server.stop().await?;
    let rate = |count: usize, accepted: &Accepted| count as f64 / accepted.took.as_secs_f64();
    let ms = |accepted: &Accepted, quantile| accepted.answers.value_at_quantile(quantile) as f64 / 1_000.0;
    Ok(Figures::default()
        .with("messages", messages as f64)
        .with("batch_rate_per_sec", rate(args.messages, &in_batches))
        .with("batch_p50_ms", ms(&in_batches, 0.5))
        .with("batch_p99_ms", ms(&in_batches, 0.99))
        .with("batch_cpu_us_per_message", (between - cpu).as_secs_f64() * 1e6 / args.messages as f64)
        .with("single_rate_per_sec", rate(args.singles, &one_by_one))
        .with("single_p50_ms", ms(&one_by_one, 0.5))
        .with("single_p99_ms", ms(&one_by_one, 0.99))
        .with("single_cpu_us_per_message", (after - between).as_secs_f64() * 1e6 / args.singles as f64))
}
