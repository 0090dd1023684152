//! The command line: what there is, with the help of the language chosen put in from the texts.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Args, Command as Clap, CommandFactory, Parser, Subcommand};

use crate::lang::{Lang, Texts};
use crate::{
    account, alert, audit, backup, bench, clicks, compliance, config_check, content, demo, doctor, hold,
    interaction, key, message, migrate, policy, recipient, reconcile, restore, rid, scenario, secrets, send,
    serve, simulate, stats, template, user, webhook,
};

#[derive(Debug, Parser)]
#[command(name = "hongyan", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    #[arg(long, global = true, value_name = "zh|en", value_parser = ["zh", "en"])]
    pub(crate) lang: Option<String>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Simulate(simulate::Simulate),
    Send(send::Send),
    #[command(subcommand)]
    Message(message::Message),
    Stats(stats::Stats),
    Clicks(clicks::Clicks),
    #[command(subcommand)]
    Account(account::Account),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    User(user::User),
    #[command(subcommand)]
    Template(template::Template),
    #[command(subcommand)]
    Scenario(scenario::Scenario),
    Catalogue(scenario::Catalogue),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    Interaction(interaction::Interaction),
    #[command(subcommand)]
    Recipient(recipient::Recipient),
    #[command(subcommand)]
    Content(content::Content),
    #[command(subcommand)]
    Words(content::Words),
    #[command(subcommand)]
    Approval(content::Approval),
    #[command(subcommand)]
    Compliance(compliance::Compliance),
    #[command(subcommand)]
    Complaint(compliance::Complaint),
    #[command(subcommand)]
    Audit(audit::Audit),
    Doctor(doctor::Doctor),
    Rid(rid::Rid),
    #[command(subcommand)]
    Config(config_check::ConfigCommand),
    Migrate(migrate::Migrate),
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    #[command(subcommand)]
    Alert(alert::Alert),
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    Reconcile(reconcile::Reconcile),
    Hold(hold::Hold),
    Resume(hold::Resume),
    Backup(backup::Backup),
    Restore(restore::Restore),
    #[command(subcommand)]
    Bench(Box<bench::Bench>),
}

/// The whole command tree, speaking one language.
pub(crate) fn command(texts: &Texts) -> Clap {
    localise(Cli::command(), "hongyan", texts).after_help(texts.get("say.exit_codes").to_owned())
}

fn localise(command: Clap, path: &str, texts: &Texts) -> Clap {
    let ids: Vec<_> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    let below: Vec<_> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).global(false);
    let mut command = command
        .about(texts.get(&format!("command.{path}")).to_owned())
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .arg(help)
        .subcommand_value_name(texts.get("say.command").to_owned())
        .subcommand_help_heading(texts.get("say.commands").to_owned())
        .help_template(template_of(path, texts));
    if path == "hongyan" {
        command = command.arg(Arg::new("version").short('V').long("version").action(ArgAction::Version));
    }
    for id in ids.iter().map(String::as_str).chain(["help"]).chain((path == "hongyan").then_some("version")) {
        command = command.mut_arg(id, |arg| worded(arg, path, texts));
    }
    for name in below {
        let path = if path == "hongyan" { name.clone() } else { format!("{path} {name}") };
        command = command.mut_subcommand(name, |below| localise(below, &path, texts));
    }
    command
}

fn template_of(path: &str, texts: &Texts) -> String {
    let after = if path == "hongyan" { "{after-help}" } else { "" };
    format!("{{about}}\n\n{} {{usage}}\n\n{{all-args}}{after}", texts.get("say.usage"))
}

/// Help or version as it is printed. clap writes one placeholder in English only.
pub(crate) fn shown(error: &clap::Error, texts: &Texts) -> String {
    let rendered = error.render();
    let text =
        if std::io::stdout().is_terminal() { rendered.ansi().to_string() } else { rendered.to_string() };
    text.trim_end().replace("[OPTIONS]", texts.get("say.options_placeholder"))
}

/// The key of an option's help: its own on this command, or the one it has everywhere.
fn help_key(id: &str, path: &str, texts: &Texts) -> String {
    let own = format!("option.{path}/{id}");
    if texts.find(&own).is_some() { own } else { format!("option.{id}") }
}

fn worded(arg: Arg, path: &str, texts: &Texts) -> Arg {
    let mut help = texts.get(&help_key(arg.get_id().as_str(), path, texts)).to_owned();
    let heading = if arg.is_positional() { "say.arguments" } else { "say.options" };
    let arg = arg.help_heading(texts.get(heading).to_owned());
    if !arg.get_action().takes_values() {
        return arg.help(help);
    }
    let words: Vec<_> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if !words.is_empty() && arg.get_id() != "lang" {
        help.push_str(&texts.fill("say.possible", &[("words", &words.join(", "))]));
    }
    let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !default.is_empty() {
        help.push_str(&texts.fill("say.default", &[("value", &default.join(","))]));
    }
    arg.help(help).hide_possible_values(true).hide_default_value(true)
}

/// What clap found wrong, in the language chosen; clap itself speaks English only.
pub(crate) fn fault(error: &clap::Error, texts: &Texts) -> String {
    let english = || error.to_string().trim_end().trim_start_matches("error: ").to_owned();
    if texts.lang == Lang::En {
        return english();
    }
    let told = |kind| error.get(kind).map(told).unwrap_or_default();
    let (arg, value) = (told(ContextKind::InvalidArg), told(ContextKind::InvalidValue));
    let below = told(ContextKind::InvalidSubcommand);
    match error.kind() {
        ErrorKind::UnknownArgument => texts.fill("say.unknown_argument", &[("arg", &arg)]),
        ErrorKind::MissingRequiredArgument => texts.fill("say.missing_argument", &[("arg", &arg)]),
        ErrorKind::InvalidSubcommand => texts.fill("say.unknown_command", &[("command", &below)]),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            texts.fill("say.invalid_value", &[("arg", &arg), ("value", &value)])
        }
        _ => english(),
    }
}

fn told(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(many) => many.join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the order of the help.
    const COMMANDS: [&str; 35] = [
        "demo",
        "serve",
        "simulate",
        "send",
        "message",
        "stats",
        "clicks",
        "account",
        "key",
        "user",
        "template",
        "scenario",
        "catalogue",
        "policy",
        "interaction",
        "recipient",
        "content",
        "words",
        "approval",
        "compliance",
        "complaint",
        "audit",
        "doctor",
        "rid",
        "config",
        "migrate",
        "secrets",
        "alert",
        "webhook",
        "reconcile",
        "hold",
        "resume",
        "backup",
        "restore",
        "bench",
    ];

    fn help(lang: Lang, words: &[&str]) -> String {
        let words = ["hongyan"].iter().chain(words).chain(&["--help"]);
        let texts = Texts::new(lang);
        shown(&command(&texts).try_get_matches_from(words).unwrap_err(), &texts)
    }

    #[test]
    fn the_command_line_is_sound() {
        for lang in [Lang::En, Lang::Zh] {
            command(&Texts::new(lang)).debug_assert();
        }
    }

    #[test]
    fn help_names_every_command_and_the_exit_codes_in_both_languages() {
        let (english, chinese) = (help(Lang::En, &[]), help(Lang::Zh, &[]));
        let commands: Vec<_> =
            Cli::command().get_subcommands().map(|below| below.get_name().to_owned()).collect();

        assert_eq!(commands, COMMANDS);
        for name in COMMANDS {
            let listed =
                |help: &str| help.lines().any(|line| line.trim_start().starts_with(&format!("{name} ")));
            assert!(listed(&english) && listed(&chinese), "{name} in\n{english}{chinese}");
        }
        assert!(english.contains("Usage:") && english.contains("Exit codes"), "{english}");
        assert!(chinese.contains("用法：") && chinese.contains("退出码"), "{chinese}");
        assert!(
            !chinese.contains("OPTIONS") && !chinese.contains("Options:") && !chinese.contains("Commands:"),
            "{chinese}"
        );
    }

    #[test]
    fn every_command_and_option_has_its_words_in_both_languages() {
        for lang in [Lang::En, Lang::Zh] {
            let texts = Texts::new(lang);
            check_words(&command(&texts), "hongyan", &texts);
        }
    }

    fn check_words(command: &Clap, path: &str, texts: &Texts) {
        assert!(texts.find(&format!("command.{path}")).is_some(), "command.{path}");
        for arg in command.get_arguments() {
            let key = help_key(arg.get_id().as_str(), path, texts);
            assert!(texts.find(&key).is_some(), "{key} of {path}");
        }
        for below in command.get_subcommands() {
            let path = if path == "hongyan" {
                below.get_name().to_owned()
            } else {
                format!("{path} {}", below.get_name())
            };
            check_words(below, &path, texts);
        }
    }

    #[test]
    fn no_word_of_help_is_without_its_command() {
        let texts = Texts::new(Lang::En);
        let mut known = Vec::new();
        gather(&command(&texts), "hongyan", &texts, &mut known);

        let unused = texts.keys().filter(|key| key.starts_with("command.") || key.starts_with("option."));
        let unused: Vec<_> = unused.filter(|key| !known.contains(&(*key).to_owned())).collect();

        assert_eq!(unused, Vec::<&str>::new());
    }

    fn gather(command: &Clap, path: &str, texts: &Texts, known: &mut Vec<String>) {
        known.push(format!("command.{path}"));
        known.extend(command.get_arguments().map(|arg| help_key(arg.get_id().as_str(), path, texts)));
        for below in command.get_subcommands() {
            let path = if path == "hongyan" {
                below.get_name().to_owned()
            } else {
                format!("{path} {}", below.get_name())
            };
            gather(below, &path, texts, known);
        }
    }

    #[test]
    fn a_wrong_word_is_told_in_chinese_too() {
        let texts = Texts::new(Lang::Zh);
        let error = command(&texts).try_get_matches_from(["hongyan", "serve", "--nonsense"]).unwrap_err();

        assert!(fault(&error, &texts).contains("--nonsense") && fault(&error, &texts).contains("没有"));
    }

    #[test]
    fn the_commands_of_the_contract_are_understood() {
        for line in [
            "serve",
            "simulate --listen 127.0.0.1:9090",
            "simulate --port 0 --latency 200..500",
            "account add --appid A --secret S --kind service --token T --aes-key K --json",
            "key create --name ci --scope send,read,admin --json",
            "demo --messages 1000 --exit --json",
            "bench send --messages 100000 --accounts 1 --batch 1000 --latency 0 --pace off --store sqlite --json",
            "config check --lang zh",
            "doctor --appid A",
            "rid 61725984-6126f6f9-040f19c4 --appid A",
            "message show msg_1",
            "message list --state failed --limit 10",
            "message cancel order-1-paid",
            "stats --since 2026-11-23",
            "recipient export oOPENID --appid A",
            "recipient erase oOPENID --yes",
            "recipient show oOPENID --category marketing",
            "recipient check oOPENID --scenario paid",
            "recipient suppress oOPENID --reason opted_out --category marketing --until 2027-01-01T00:00:00Z",
            "recipient lift oOPENID --reason manual",
            "recipient import list.csv --appid A",
            "scenario list --json",
            "scenario show paid",
            "scenario put ./paid.json paid --appid A",
            "scenario delete paid",
            "scenario bind payment_success --template-id T",
            "scenario trigger paid --touser oOPENID --params {} --client-msg-id c1 --dry-run",
            "scenario trigger paid --from orders.csv",
            "catalogue",
            "policy show --category marketing",
            "policy set quiet_hours --mode off --category marketing",
            "interaction add oOPENID payment",
            "compliance report --day 2026-11-23 --csv",
            "compliance risk --days 30",
            "compliance brakes --all",
            "compliance release 1 --reason R",
            "compliance blocked --appid A",
            "complaint add --touser oA --kind fraud --reference t-1",
            "complaint import c.csv",
            "audit verify --newest 7:00ff",
            "audit list --since 2026-11-23T00:00:00Z --actor cli --action key.create --limit 20",
            "backup ./b.db",
            "restore ./b.db --replace",
            "hold --reason R",
            "resume --all",
            "secrets rotate --appid A",
            "secrets rewrap ./new.key",
            "secrets status",
            "user add zhang --role operator --account wx1,wx2 --password-stdin",
            "user list --json",
            "user disable zhang",
            "user password zhang",
            "user role zhang admin",
        ] {
            let parsed = Cli::try_parse_from(["hongyan"].into_iter().chain(line.split(' ')));

            assert!(parsed.is_ok(), "{line}: {parsed:?}");
        }
    }
}
