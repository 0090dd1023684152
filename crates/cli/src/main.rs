//! `hongyan`, the one binary: one file a command. It reads the settings, puts the crates together, and speaks
//! to people (Chinese, English) and to machines (`--json`, exit codes).

mod account;
mod application;
mod args;
mod audit;
mod backup;
mod bench;
mod config;
mod config_check;
mod context;
mod demo;
mod doctor;
mod environment;
mod exit;
mod hold;
mod http;
mod key;
mod lang;
mod line;
mod listen;
mod local;
mod log;
mod migrate;
mod node;
mod print;
mod recipient;
mod restore;
mod secrets;
mod send;
mod serve;
mod simulate;
mod template;

use std::process::ExitCode;

use anyhow::Result;
use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::environment::Environment;
use crate::exit::Code;
use crate::lang::{Lang, Texts};
use crate::print::Output;

fn main() -> ExitCode {
    let environment = Environment::read();
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let texts = Texts::new(Lang::choose(&words, &environment));
    let code = match parse(&words, &texts) {
        Ok(cli) => run(cli, environment, texts),
        Err(code) => code,
    };
    ExitCode::from(code as u8)
}

/// The command line understood; or, after its help or its fault is printed, the code to end with.
fn parse(words: &[String], texts: &Texts) -> Result<Cli, Code> {
    let parsed =
        args::command(texts).try_get_matches_from(words).and_then(|found| Cli::from_arg_matches(&found));
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print::line(&args::shown(&error, texts));
            Code::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            print::error_line(&args::shown(&error, texts));
            Code::Usage
        }
        _ => {
            print::error_line(&format!("{}{}", texts.get("say.error"), args::fault(&error, texts)));
            Code::Usage
        }
    })
}

fn run(cli: Cli, environment: Environment, texts: Texts) -> Code {
    let output = if cli.common.json { Output::Machines } else { Output::People };
    let context = Context { environment, texts, output, config_file: cli.common.config };
    match start(&context, cli.command) {
        Ok(code) => code,
        Err(error) => {
            let code = exit::code_of(&error);
            report(&context, &error, code);
            code
        }
    }
}

fn start(context: &Context, command: Command) -> Result<Code> {
    // Already installed is as good as installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(perform(context, command));
    // What still blocks a thread (a read of a large file) must not hold up the end.
    runtime.shutdown_background();
    code
}

async fn perform(context: &Context, command: Command) -> Result<Code> {
    match command {
        Command::Demo(args) => demo::run(context, &args).await,
        Command::Serve(args) => serve::run(context, &args).await,
        Command::Simulate(args) => simulate::run(context, &args).await,
        Command::Send(args) => send::run(context, &args).await,
        Command::Account(args) => account::run(context, args).await,
        Command::Key(args) => key::run(context, args).await,
        Command::Template(args) => template::run(context, args).await,
        Command::Recipient(args) => recipient::run(context, args).await,
        Command::Audit(args) => audit::run(context, args).await,
        Command::Doctor(args) => doctor::run(context, &args).await,
        Command::Config(args) => config_check::run(context, &args).await,
        Command::Migrate(_) => migrate::run(context).await,
        Command::Secrets(args) => secrets::run(context, args).await,
        Command::Hold(args) => hold::set(context, args).await,
        Command::Resume(args) => hold::release(context, &args).await,
        Command::Backup(args) => backup::run(context, &args).await,
        Command::Restore(args) => restore::run(context, args).await,
        Command::Bench(args) => bench::run(context, &args).await,
    }
}

fn report(context: &Context, error: &anyhow::Error, code: Code) {
    let words = format!("{error:#}");
    if context.is_for_machines() {
        let value = serde_json::json!({ "error": { "code": code.as_str(), "message": words } });
        print::error_line(&value.to_string());
    } else {
        print::error_line(&format!("{}{words}", context.texts.get("say.error")));
    }
}
