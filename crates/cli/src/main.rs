//! `hongyan`, the one binary: one file a command. It reads the settings, puts the crates together, and speaks
//! to people (Chinese, English) and to machines (`--json`, exit codes).

mod account;
mod alert;
mod application;
mod args;
mod audit;
mod backup;
mod bench;
mod clicks;
mod compliance;
mod config;
mod config_check;
mod content;
mod context;
mod demo;
mod doctor;
mod door;
mod environment;
mod exit;
mod hold;
mod http;
mod interaction;
mod key;
mod lang;
mod line;
mod listen;
mod local;
mod log;
mod message;
mod migrate;
mod node;
mod policy;
mod print;
mod recipient;
mod reconcile;
mod remote;
mod restore;
mod rid;
mod scenario;
mod secrets;
mod send;
mod serve;
mod simulate;
mod stats;
mod template;
mod trace;
mod user;
mod webhook;

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
    let words = words_of_help(words);
    let code = match parse(&words, &texts) {
        Ok(cli) => run(cli, environment, texts),
        Err(code) => code,
    };
    ExitCode::from(code as u8)
}

/// `hongyan help send` is `hongyan send --help`.
fn words_of_help(mut words: Vec<String>) -> Vec<String> {
    if words.get(1).is_some_and(|word| word == "help") {
        words.remove(1);
        words.push("--help".to_owned());
    }
    words
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
            let output =
                if words.iter().any(|word| word == "--json") { Output::Machines } else { Output::People };
            report((texts, output), &args::fault(&error, texts), Code::Usage);
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
            report((&context.texts, context.output), &told(&context.texts, &error), code);
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
        Command::Message(args) => message::run(context, args).await,
        Command::Stats(args) => stats::run(context, &args).await,
        Command::Clicks(args) => clicks::run(context, &args).await,
        Command::Account(args) => account::run(context, args).await,
        Command::Key(args) => key::run(context, args).await,
        Command::User(args) => user::run(context, args).await,
        Command::Template(args) => template::run(context, args).await,
        Command::Scenario(args) => scenario::run(context, args).await,
        Command::Catalogue(args) => scenario::catalogue(context, &args).await,
        Command::Policy(args) => policy::run(context, args).await,
        Command::Interaction(args) => interaction::run(context, args).await,
        Command::Recipient(args) => recipient::run(context, args).await,
        Command::Content(args) => content::run(context, args).await,
        Command::Words(args) => content::run_words(context, args).await,
        Command::Approval(args) => content::run_approval(context, args).await,
        Command::Compliance(args) => compliance::run(context, args).await,
        Command::Complaint(args) => compliance::complain(context, args).await,
        Command::Audit(args) => audit::run(context, args).await,
        Command::Doctor(args) => doctor::run(context, &args).await,
        Command::Rid(args) => rid::run(context, &args).await,
        Command::Config(args) => config_check::run(context, &args).await,
        Command::Migrate(_) => migrate::run(context).await,
        Command::Secrets(args) => secrets::run(context, args).await,
        Command::Alert(args) => alert::run(context, args).await,
        Command::Webhook(args) => webhook::run(context, args).await,
        Command::Reconcile(args) => reconcile::run(context, &args).await,
        Command::Hold(args) => hold::set(context, args).await,
        Command::Resume(args) => hold::release(context, &args).await,
        Command::Backup(args) => backup::run(context, &args).await,
        Command::Restore(args) => restore::run(context, args).await,
        Command::Bench(args) => bench::run(context, &args).await,
    }
}

/// What went wrong from the outside in, and for a code of WeChat's what it means and what to do.
fn told(texts: &Texts, error: &anyhow::Error) -> String {
    let (mut links, mut last) = (Vec::new(), String::new());
    for link in error.chain() {
        let english = link.to_string();
        // An error often ends with its source's words: then the source adds nothing.
        if !last.ends_with(&english) {
            links.push(exit::words_of(link, texts.lang.of_domain()));
            last = english;
        }
    }
    let mut told = links.join(texts.get("say.colon"));
    if let Some(row) = exit::errcode_of(error).and_then(hongyan_wechat::errcode::lookup) {
        let (meaning, advice) = (texts.pick(row.zh, row.en), texts.pick(row.advice_zh, row.advice_en));
        told = told + "\n  " + &texts.fill("say.told", &[("meaning", &meaning), ("advice", &advice)]);
    }
    told
}

fn report((texts, output): (&Texts, Output), words: &str, code: Code) {
    match output {
        Output::Machines => {
            let value = serde_json::json!({ "error": { "code": code.as_str(), "message": words } });
            print::error_line(&value.to_string());
        }
        Output::People => print::error_line(&format!("{}{words}", texts.get("say.error"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_by_wechat_is_told_with_meaning_and_advice_in_the_language_chosen() {
        use hongyan_wechat::CallError;
        let refused = || CallError::Errcode { code: 40164, errmsg: "invalid ip 1.2.3.4".into(), rid: None };

        let english = told(&Texts::new(Lang::En), &anyhow::Error::new(refused()));
        let chinese = told(&Texts::new(Lang::Zh), &anyhow::Error::new(refused()));

        let row = hongyan_wechat::errcode::lookup(40164).unwrap();
        assert!(english.contains("invalid ip 1.2.3.4") && english.contains(row.advice_en), "{english}");
        assert!(chinese.contains(row.zh) && chinese.contains(row.advice_zh), "{chinese}");
    }

    #[test]
    fn a_call_that_failed_is_told_in_chinese_and_each_reason_once() {
        use hongyan_wechat::{CallError, NotSent};
        let dns = std::io::Error::other("dns error");

        let told = told(&Texts::new(Lang::Zh), &anyhow::Error::new(CallError::NotSent(NotSent::Dns(dns))));

        assert!(told.starts_with("未发送：域名无法解析"), "{told}");
        assert!(!told.contains("the host name"), "{told}");
    }

    #[test]
    fn what_the_system_the_store_and_a_reader_of_json_say_is_told_in_chinese() {
        use anyhow::Context as _;
        let chinese = |error: anyhow::Error| told(&Texts::new(Lang::Zh), &error);
        let none = std::fs::read("/no/such/file").context("a.json").unwrap_err();
        let broken = serde_json::from_str::<serde_json::Value>("{x").context("--change").unwrap_err();
        let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let nobody = exit::Unreachable { authority: "h:1".to_owned(), source };

        assert_eq!(chinese(none), "a.json：没有这个文件或文件夹");
        assert_eq!(chinese(broken), "--change：第 1 行第 2 列：键必须是文本");
        let nobody = chinese(nobody.into());
        assert!(nobody.starts_with("无法连接 h:1：没有服务在监听"), "{nobody}");
        let key = chinese(hongyan_store::StoreError::WrongKey.into());
        assert!(key.starts_with("主密钥不属于这个数据库"), "{key}");
    }

    #[test]
    fn help_may_stand_before_the_command() {
        let asked = |words: &str| words_of_help(words.split(' ').map(str::to_owned).collect()).join(" ");

        assert_eq!(asked("hongyan help account add"), "hongyan account add --help");
        assert_eq!(asked("hongyan help"), "hongyan --help");
        assert_eq!(asked("hongyan send --data help"), "hongyan send --data help");
    }
}
