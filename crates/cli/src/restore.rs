//! `restore`: a backup put back, held until a person lets it go on.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use hongyan_store::{Occupied, Restore as Plan, Store};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{local, print};

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[arg(long)]
    replace: bool,
}

pub(crate) async fn run(context: &Context, args: Restore) -> Result<Code> {
    let config = context.config()?;
    let file = args.file.display();
    if !args.file.is_file() {
        return Err(context.not_found("say.no_backup", &file).into());
    }
    if local::has_database(&config.store.url) && !args.replace {
        let there = context.texts.fill("say.restore_occupied", &[("url", &config.store.url)]);
        return Err(Failure::Usage(there).into());
    }
    let occupied = if args.replace { Occupied::SetAside } else { Occupied::Refuse };
    let settings = local::settings(context, &config, Some(&args.file))?;
    let plan = Plan { from: args.file.clone(), occupied, actor: local::actor(context) };
    let restored = Store::restore(settings, plan, local::now()).await?;
    let (path, set_aside) = (restored.path.display(), restored.set_aside.as_ref().map(|path| path.display()));
    if context.is_for_machines() {
        let set_aside = set_aside.as_ref().map(ToString::to_string);
        print::json(&json!({ "path": path.to_string(), "set_aside": set_aside, "held": true }));
    }
    context.say("say.restored", &[("path", &path), ("file", &file)]);
    if let Some(set_aside) = set_aside {
        context.say("say.set_aside", &[("path", &set_aside)]);
    }
    Ok(Code::Done)
}
