//! `backup`: a copy of the database while it is in use.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{local, print};

#[derive(Debug, Args)]
pub(crate) struct Backup {
    #[arg(value_name = "PATH")]
    path: PathBuf,
}

pub(crate) async fn run(context: &Context, args: &Backup) -> Result<Code> {
    let config = context.config()?;
    let path = args.path.display();
    if args.path.exists() {
        return Err(Failure::Usage(context.texts.fill("say.backup_exists", &[("path", &path)])).into());
    }
    let folder = args.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let folder = folder.display();
        return Err(Failure::Usage(context.texts.fill("say.no_folder", &[("folder", &folder)])).into());
    }
    let store = local::open(context, &config).await?;
    store.backup(&args.path).await?;
    let bytes = std::fs::metadata(&args.path).with_context(|| path.to_string())?.len();
    if context.is_for_machines() {
        print::json(&serde_json::json!({ "path": args.path, "bytes": bytes }));
    }
    let mib = bytes.div_ceil(1024 * 1024);
    context.say("say.backed_up", &[("path", &path), ("mib", &mib)]);
    Ok(Code::Done)
}
