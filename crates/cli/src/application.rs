//! `template apply` and what follows it: applications for custom templates, kept in the store.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_domain::application::{self, Answer, Checked, Event, Finding, Refused, SUBMITS_A_MONTH};
use hongyan_domain::{Application, ApplicationId, ApplicationState, Template, Timestamp};
use hongyan_server::read_json;
use hongyan_store::{Account, ApplicationFilter, ApplicationMove, ApplicationRecord, Store};
use serde_json::json;

use crate::config::Config;
use crate::context::Context;
use crate::exit::{Code, Failure, words_of};
use crate::{local, print};

/// Applications in one list; older ones are in the API.
const LISTED: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Apply(Apply),
    Applications(Applications),
    Check(Numbered),
    Submit(Numbered),
    Approve(Approve),
    Reject(Reject),
    Withdraw(Numbered),
}

/// An application that has no fault, to begin with.
const EXAMPLE: &str = include_str!("../texts/application.json");

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long)]
    id: Option<String>,
    #[arg(long, conflicts_with = "file")]
    example: bool,
    #[arg(required_unless_present = "example")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Applications {
    #[arg(long)]
    appid: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Numbered {
    #[arg(long)]
    appid: Option<String>,
    id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    which: Numbered,
    #[arg(long)]
    reviewer: String,
    #[arg(long, default_value = "")]
    reason: String,
    #[arg(long, value_name = "RFC3339")]
    at: Option<String>,
    #[arg(long)]
    template_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Reject {
    #[command(flatten)]
    which: Numbered,
    #[arg(long)]
    reviewer: String,
    #[arg(long)]
    reason: String,
    #[arg(long, value_name = "RFC3339")]
    at: Option<String>,
}

pub(crate) async fn run(context: &Context, config: &Config, command: Command) -> Result<Code> {
    if let Command::Apply(Apply { example: true, .. }) = command {
        print::line(EXAMPLE.trim_end());
        return Ok(Code::Done);
    }
    let store = &local::open(context, config).await?;
    match command {
        Command::Apply(file) => apply(context, store, &file).await,
        Command::Applications(asked) => list(context, store, &asked).await,
        Command::Check(which) => check(context, store, &which).await,
        Command::Submit(which) => submit(context, store, &which).await,
        Command::Approve(asked) => approve(context, store, asked).await,
        Command::Reject(asked) => reject(context, store, asked).await,
        Command::Withdraw(which) => withdraw(context, store, &which).await,
    }
}

/// Writes a draft from a JSON file, or puts the file in place of what is applied for.
async fn apply(context: &Context, store: &Store, apply: &Apply) -> Result<Code> {
    let account = local::account(context, store, apply.appid.as_deref()).await?;
    let application = read(context, apply.file.as_deref().unwrap_or(Path::new("-")))?;
    refuse_known(context, store, &account, &application).await?;
    let id = match &apply.id {
        None => store.create_application(account.id, &application, local::now()).await?,
        Some(id) => {
            let which = Numbered { appid: apply.appid.clone(), id: id.clone() };
            moved(context, store, &which, Event::Edited(Box::new(application))).await?.id
        }
    };
    if context.is_for_machines() {
        print::json(&json!({ "id": id, "state": ApplicationState::Draft }));
    }
    context.say("say.application_kept", &[("id", &id)]);
    Ok(Code::Done)
}

fn read(context: &Context, file: &Path) -> Result<Application, Failure> {
    let wrong = |reason: String| {
        Failure::Usage(
            context.texts.fill("config.bad_file", &[("path", &file.display()), ("reason", &reason)]),
        )
    };
    let lang = context.texts.lang.of_domain();
    let text = std::fs::read_to_string(file).map_err(|error| wrong(words_of(&error, lang)))?;
    read_json(&text).map_err(|problem| {
        let hint = context.texts.get("say.application_example");
        wrong(format!("{}\n  {hint}", problem.in_words(lang)))
    })
}

async fn refuse_known(
    context: &Context,
    store: &Store,
    account: &Account,
    application: &Application,
) -> Result<()> {
    let templates = store.templates(account.id).await?;
    let known = templates.iter().find(|stored| {
        application.is_like(&Template::parse(stored.template_id.as_str(), &stored.title, &stored.content))
    });
    let Some(known) = known else { return Ok(()) };
    let words = context.texts.fill("say.template_exists", &[("id", &known.template_id)]);
    Err(Failure::Failed(words).into())
}

/// Lists the newest applications.
async fn list(context: &Context, store: &Store, asked: &Applications) -> Result<Code> {
    let account = local::account(context, store, asked.appid.as_deref()).await?;
    let filter = ApplicationFilter { limit: LISTED, ..ApplicationFilter::default() };
    let found = store.applications(account.id, filter).await?;
    if context.is_for_machines() {
        print::json(&json!({ "applications": found.iter().map(shown).collect::<Vec<_>>() }));
        return Ok(Code::Done);
    }
    let row = |record: &ApplicationRecord| {
        let last = record.steps.last();
        let reason = last.and_then(|step| step.reason.clone()).unwrap_or_default();
        let state = record.state.as_str().to_owned();
        vec![record.id.to_string(), record.application.title.clone(), state, due(context, record), reason]
    };
    let rows = found.iter().map(row).collect();
    context.table_or("say.no_applications", &["id", "title", "state", "due", "reason"], rows);
    Ok(Code::Done)
}

/// The last day on which WeChat's answer is expected, and whether that is over.
fn due(context: &Context, record: &ApplicationRecord) -> String {
    let Some(due_at) = due_at(record) else { return String::new() };
    let day = last_day(due_at);
    if local::now() < due_at { day } else { format!("{day} {}", context.texts.get("say.overdue")) }
}

fn due_at(record: &ApplicationRecord) -> Option<Timestamp> {
    let submitted_at = record.submitted_at.filter(|_| record.state == ApplicationState::Submitted)?;
    Some(application::review_due(submitted_at))
}

/// A review is due when its last day ends: the day before.
fn last_day(due_at: Timestamp) -> String {
    Timestamp::of_day(due_at.day() - 1).day_text()
}

fn shown(record: &ApplicationRecord) -> serde_json::Value {
    let due_at = due_at(record);
    json!({
        "id": record.id,
        "state": record.state,
        "application": record.application,
        "content": record.application.content(),
        "submitted_at": record.submitted_at,
        "due_at": due_at,
        "overdue": due_at.map(|due_at| local::now() >= due_at),
        "steps": record.steps.iter().map(|step| json!({
            "at": step.at, "state": step.state, "reviewer": step.reviewer, "reason": step.reason,
            "template_id": step.template_id,
        })).collect::<Vec<_>>(),
    })
}

/// Checks an application; every fault with its mend.
async fn check(context: &Context, store: &Store, which: &Numbered) -> Result<Code> {
    let record = moved(context, store, which, Event::Checked).await?;
    let Checked { faults, advice } = application::check(&record.application);
    let code = if faults.is_empty() { Code::Done } else { Code::Failed };
    if context.is_for_machines() {
        print::json(&json!({ "id": record.id, "state": record.state, "faults": faults, "advice": advice }));
        return Ok(code);
    }
    let row = |status: &str, found: &Finding| {
        let words = context.texts.pick(&found.zh, &found.en).to_owned();
        vec![found.field.clone(), context.texts.get(status).to_owned(), words]
    };
    let rows: Vec<_> = faults.iter().map(|found| row("say.check_failed", found)).collect();
    let rows: Vec<_> =
        rows.into_iter().chain(advice.iter().map(|found| row("say.check_warning", found))).collect();
    if !rows.is_empty() {
        context.table(&["fields", "state", "found"], rows);
    }
    let word = if faults.is_empty() { "say.application_sound" } else { "say.application_faulty" };
    context.say(word, &[("id", &record.id), ("count", &faults.len())]);
    Ok(code)
}

/// Notes that it was handed in.
async fn submit(context: &Context, store: &Store, which: &Numbered) -> Result<Code> {
    let record = moved(context, store, which, Event::Submitted).await?;
    let due = due_at(&record).map(last_day).unwrap_or_default();
    if context.is_for_machines() {
        print::json(&shown(&record));
    }
    context.say("say.application_due", &[("id", &record.id), ("due", &due)]);
    Ok(Code::Done)
}

/// Notes that WeChat took it.
async fn approve(context: &Context, store: &Store, asked: Approve) -> Result<Code> {
    let account = local::account(context, store, asked.which.appid.as_deref()).await?;
    if let Some(id) = &asked.template_id {
        let known = store.templates(account.id).await?.iter().any(|stored| stored.template_id == *id);
        if !known {
            return Err(context.not_found("say.unknown_template", id).into());
        }
    }
    let at = instant(context, asked.at.as_deref())?;
    let Approve { which, reviewer, reason, template_id, .. } = asked;
    let event = Event::Approved(Answer { at, reviewer, reason, template_id });
    tell(context, &moved(context, store, &which, event).await?)
}

/// Notes that WeChat refused it.
async fn reject(context: &Context, store: &Store, asked: Reject) -> Result<Code> {
    let at = instant(context, asked.at.as_deref())?;
    let Reject { which, reviewer, reason, .. } = asked;
    let event = Event::Rejected(Answer { at, reviewer, reason, template_id: None });
    tell(context, &moved(context, store, &which, event).await?)
}

/// Gives it up.
async fn withdraw(context: &Context, store: &Store, which: &Numbered) -> Result<Code> {
    tell(context, &moved(context, store, which, Event::Withdrawn).await?)
}

fn tell(context: &Context, record: &ApplicationRecord) -> Result<Code> {
    if context.is_for_machines() {
        print::json(&shown(record));
    }
    context.say("say.application_now", &[("id", &record.id), ("state", &record.state.as_str())]);
    Ok(Code::Done)
}

fn instant(context: &Context, given: Option<&str>) -> Result<Timestamp, Failure> {
    let Some(text) = given else { return Ok(local::now()) };
    serde_json::from_value(json!(text))
        .map_err(|_| Failure::Usage(context.texts.get("say.bad_at").to_owned()))
}

async fn moved(
    context: &Context,
    store: &Store,
    which: &Numbered,
    event: Event,
) -> Result<ApplicationRecord> {
    let account = local::account(context, store, which.appid.as_deref()).await?;
    let unknown = || context.not_found("say.no_application", &which.id);
    let id: ApplicationId = which.id.parse().map_err(|_| unknown())?;
    let deed = event.as_str();
    match store.move_application(account.id, id, event, local::now()).await? {
        ApplicationMove::Moved(record) => Ok(*record),
        ApplicationMove::Unknown => Err(unknown().into()),
        ApplicationMove::Refused(refused) => {
            Err(Failure::Failed(words(context, refused, (&id, deed))).into())
        }
    }
}

fn words(context: &Context, refused: Refused, (id, deed): (&ApplicationId, &str)) -> String {
    match refused {
        Refused::State(state) => {
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("id", id), ("deed", &deed), ("state", &state.as_str())];
            context.texts.fill("say.application_wrong_state", &values)
        }
        Refused::MonthIsFull { allowed_at } => {
            let day = allowed_at.day_text();
            context.texts.fill("say.application_month_full", &[("count", &SUBMITS_A_MONTH), ("day", &day)])
        }
        Refused::AnswerDate => context.texts.get("say.bad_at").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_no_fault_and_no_advice() {
        let example: Application = read_json(EXAMPLE).unwrap();

        let Checked { faults, advice } = application::check(&example);

        assert!(faults.is_empty() && advice.is_empty(), "{faults:?} {advice:?}");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_in_the_words_of_json() {
        let told = |text: &str| {
            let problem = read_json::<Application>(text).unwrap_err();
            [hongyan_domain::Lang::En, hongyan_domain::Lang::Zh].map(|lang| problem.in_words(lang))
        };

        assert_eq!(told("7")[0], "body: is of another type: an object is needed");
        assert_eq!(
            told(r#"{"keywords":["订单编号"]}"#)[0],
            "keywords[0]: is of another type: an object is needed"
        );
        assert_eq!(told(r#"{"sample":[]}"#)[1], "sample：类型不对：应为 对象");
        assert_eq!(told("{")[1], "内容不完整，在第 1 行第 1 列结束");
    }
}
