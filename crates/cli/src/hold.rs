//! `hold`, `resume`: whether anything is sent at all, from every process on this database.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit::Code;
use crate::{local, print};

#[derive(Debug, Args)]
pub(crate) struct Hold {
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    // Written out: it lets everything go on that waits, on every account.
    #[arg(long, required = true)]
    all: bool,
}

pub(crate) async fn set(context: &Context, args: Hold) -> Result<Code> {
    let store = local::open(context, &context.config()?).await?;
    store.hold(&args.reason.unwrap_or_default(), local::now()).await?;
    if context.is_for_machines() {
        print::json(&json!({ "held": true }));
    }
    context.say("say.hold_set", &[]);
    Ok(Code::Done)
}

pub(crate) async fn release(context: &Context, args: &Resume) -> Result<Code> {
    debug_assert!(args.all, "the command line demands it");
    let store = local::open(context, &context.config()?).await?;
    let released = store.release(local::now()).await?;
    if context.is_for_machines() {
        print::json(&json!({ "held": false, "released": released }));
    }
    context.say(if released { "say.hold_released" } else { "say.hold_none" }, &[]);
    Ok(Code::Done)
}
