//! `config check`: every setting in force and where it comes from, or everything that is wrong.

use anyhow::Result;
use clap::Subcommand;

use crate::context::Context;
use crate::exit::Code;
use crate::print;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    Check,
}

pub(crate) async fn run(context: &Context, command: &ConfigCommand) -> Result<Code> {
    let ConfigCommand::Check = command;
    let config = context.config()?;
    if context.is_for_machines() {
        print::json(&serde_json::json!({ "ok": true, "settings": config.effective }));
        return Ok(Code::Done);
    }
    let shown = |setting: &crate::config::Effective| {
        vec![setting.key.clone(), setting.value.to_string(), setting.source.to_string()]
    };
    context.table(&["key", "value", "source"], config.effective.iter().map(shown).collect());
    context.say("say.config_sound", &[]);
    Ok(Code::Done)
}
