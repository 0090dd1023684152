//! `migrate`: make the database, or bring its schema up to date.

use anyhow::Result;
use clap::Args;

use crate::context::Context;
use crate::exit::Code;
use crate::{local, print};

#[derive(Debug, Args)]
pub(crate) struct Migrate {}

pub(crate) async fn run(context: &Context) -> Result<Code> {
    let config = context.config()?;
    // Opening is migrating: no command ever runs on an old schema.
    local::open(context, &config).await?;
    if context.is_for_machines() {
        print::json(&serde_json::json!({ "url": config.store.url, "migrated": true }));
    }
    context.say("say.migrated", &[("url", &config.store.url)]);
    Ok(Code::Done)
}
