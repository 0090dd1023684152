//! `bench`: measures this build on this machine. Simulator and server run as processes of their own, so that what is
//! counted as the server's is the server's; the load client is this process. Every figure names its command.

mod accept;
mod baseline;
mod cast;
mod children;
mod console;
mod figures;
mod finished;
mod history;
mod load;
mod measure;
mod pending;
mod receipts;
mod redirect;
mod send;
mod simulator;
mod stage;
mod streams;
mod urgent;
mod whole;

use anyhow::Result;
use clap::Subcommand;

use crate::bench::figures::{Figures, Report};
pub(crate) use crate::bench::load::{Counts, messages_of, millis_between};
use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{log, print};

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    Send(send::Send),
    Accept(accept::Accept),
    Receipts(receipts::Receipts),
    Redirect(redirect::Redirect),
    Pending(pending::Pending),
    History(history::History),
    Console(console::Console),
    Urgent(urgent::Urgent),
    Simulator(simulator::Bare),
    All(whole::All),
}

pub(crate) async fn run(context: &Context, bench: &Bench) -> Result<Code> {
    log::start_quiet();
    if cfg!(debug_assertions) {
        print::error_line(context.texts.get("say.bench_debug"));
    }
    let reports = match bench {
        Bench::Send(args) => vec![send::run(args).await?],
        Bench::Accept(args) => vec![accept::run(args).await?],
        Bench::Receipts(args) => vec![receipts::run(args).await?],
        Bench::Redirect(args) => vec![redirect::run(args).await?],
        Bench::Pending(args) => vec![pending::run(args).await?],
        Bench::History(args) => vec![history::run(args).await?],
        Bench::Console(args) => vec![console::run(args).await?],
        Bench::Urgent(args) => vec![urgent::run(args).await?],
        Bench::Simulator(args) => vec![simulator::run(args).await?],
        Bench::All(args) => whole::run(context, args).await?,
    };
    // `all` has printed each when it was done.
    if let [only] = reports.as_slice() {
        show(context, only);
    }
    Ok(Code::Done)
}

/// One report, for whoever reads.
fn show(context: &Context, report: &Report) {
    if context.is_for_machines() {
        return print::json(report);
    }
    print::line(&report.command);
    let rows = report.rows().into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    context.table(&["figure", "value"], rows.collect());
}

/// Runs one measurement several times, one after the other.
async fn repeat<F>(runs: usize, mut once: impl FnMut(usize) -> F) -> Result<Figures>
where
    F: Future<Output = Result<Figures>>,
{
    let mut all = Vec::with_capacity(runs);
    for run in 0..runs {
        let figures = once(run).await?;
        tracing::info!(run, figures = %figures.to_line(), "measured");
        all.push(figures);
    }
    Ok(Figures::median(&all))
}

/// How many calls a second and account are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Off,
    PerSecond(u32),
}

fn parse_pace(text: &str) -> Result<Pace, String> {
    match text {
        "off" | "none" | "0" => Ok(Pace::Off),
        rate => {
            rate.parse().map(Pace::PerSecond).map_err(|_| format!("{text:?}: off, or sends a second (100)"))
        }
    }
}

/// The only store there is today; the option is there so that a command line goes on meaning the same.
fn check_store(store: &str) -> Result<(), Failure> {
    if store == "sqlite" { Ok(()) } else { Err(Failure::Usage(format!("--store {store}: sqlite"))) }
}
