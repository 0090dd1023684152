//! `demo`: a simulator, a server and a temporary store in this process, a thousand messages through the real HTTP
//! API, and what became of each.

mod outcome;
mod stage;
mod traffic;

use anyhow::Result;
use clap::Args;

use crate::context::Context;
use crate::demo::outcome::Outcome;
use crate::demo::stage::Stage;
use crate::exit::Code;
use crate::serve::StopSignals;
use crate::{log, print};

#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[arg(long, default_value_t = 1_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    messages: usize,
    #[arg(long)]
    exit: bool,
}

pub(crate) async fn run(context: &Context, args: &Demo) -> Result<Code> {
    log::start_quiet();
    let mut signals = StopSignals::listen()?;
    tokio::select! {
        shown = show(context, args) => shown,
        // The temporary folder is removed on the way out.
        () = signals.next() => Ok(Code::Failed),
    }
}

async fn show(context: &Context, args: &Demo) -> Result<Code> {
    let stage = Stage::set(context, args.messages).await?;
    stage.introduce(context);
    let sent = traffic::send(context, &stage).await?;
    let outcome = Outcome::read(&stage, sent).await?;
    if context.is_for_machines() {
        print::json(&outcome);
    }
    outcome.print(context);
    if !args.exit {
        stage.invite(context);
        // People look round; `run` ends it at their signal.
        stage.node.wait().await?;
    }
    stage.leave().await;
    Ok(Code::Done)
}
