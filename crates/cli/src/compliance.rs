//! `compliance`, `complaint`: the daily self-check, blocked messages, risk and brakes, as the running server knows them.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::context::Context;
use crate::door::{Reach, understood};
use crate::exit::Code;
use crate::http::Reply;
use crate::message::{escaped, text};
use crate::print;

#[derive(Debug, Subcommand)]
pub(crate) enum Compliance {
    Report(Report),
    Blocked(Listed),
    Risk(Risk),
    Brakes(Brakes),
    Release(Release),
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_name = "DAY")]
    day: Option<String>,
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Listed {
    #[arg(long)]
    appid: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Risk {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u8).range(1..=30))]
    days: u8,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Brakes {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Release {
    #[arg(value_name = "ID")]
    brake: String,
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Complaint {
    Add(Add),
    Import(Import),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_name = "MSG_ID", conflicts_with_all = ["touser", "template"])]
    message: Option<String>,
    #[arg(long, value_name = "OPENID", conflicts_with = "template")]
    touser: Option<String>,
    #[arg(long, value_name = "TEMPLATE_ID")]
    template: Option<String>,
    #[arg(long, value_parser = ["unwanted", "misleading", "fraud", "other"], default_value = "unwanted")]
    kind: String,
    #[arg(long)]
    reference: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[arg(long)]
    appid: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(context: &Context, compliance: Compliance) -> Result<Code> {
    match compliance {
        Compliance::Report(asked) => report(context, &asked).await,
        Compliance::Blocked(asked) => {
            let answer = get(context, &asked.reach, "blocked", &[("appid", asked.appid.as_deref())]).await?;
            let columns = ["at", "appid", "template_id", "message", "title"];
            let cells = ["blocked_at", "appid", "template_id", "message", "title"];
            Ok(table(context, &answer, ("blocked", &columns, "say.no_blocked"), |row| {
                cells.map(|cell| text(&row[cell])).to_vec()
            }))
        }
        Compliance::Risk(asked) => {
            let days = asked.days.to_string();
            let query = [("appid", asked.appid.as_deref()), ("days", Some(days.as_str()))];
            let answer = get(context, &asked.reach, "risk", &query).await?;
            let columns = ["appid", "template_id", "score", "sent", "signals", "braked"];
            Ok(table(context, &answer, ("templates", &columns, "say.no_risk"), risk_row))
        }
        Compliance::Brakes(asked) => {
            let state = if asked.all { "all" } else { "on" };
            let query = [("appid", asked.appid.as_deref()), ("state", Some(state))];
            let answer = get(context, &asked.reach, "brakes", &query).await?;
            let columns = ["id", "appid", "template_id", "score", "signals", "at", "released_at", "reason"];
            Ok(table(context, &answer, ("brakes", &columns, "say.no_brakes"), brake_row))
        }
        Compliance::Release(asked) => release(context, &asked).await,
    }
}

async fn get(context: &Context, reach: &Reach, what: &str, query: &[(&str, Option<&str>)]) -> Result<Value> {
    let reply = reply(context, reach, what, query).await?;
    understood(context, &reply)
}

async fn reply(
    context: &Context,
    reach: &Reach,
    what: &str,
    query: &[(&str, Option<&str>)],
) -> Result<Reply> {
    let given = query.iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped((*value)?))));
    let path = format!("/api/v1/compliance/{what}?{}", given.collect::<Vec<_>>().join("&"));
    reach.door(context)?.connect().await?.get_reply(&path).await
}

/// The rows of an answer for people, or all of it for machines.
fn table(
    context: &Context,
    answer: &Value,
    (rows, columns, none): (&str, &[&str], &str),
    row: impl Fn(&Value) -> Vec<String>,
) -> Code {
    if context.is_for_machines() {
        print::json(answer);
    } else {
        context.table_or(none, columns, answer[rows].as_array().into_iter().flatten().map(row).collect());
    }
    Code::Done
}

fn risk_row(row: &Value) -> Vec<String> {
    let cells = ["appid", "template_id", "score", "sent"].map(|cell| text(&row[cell]));
    [cells.to_vec(), vec![signals(row), text(&row["braked"])]].concat()
}

fn brake_row(row: &Value) -> Vec<String> {
    let before = ["id", "appid", "subject", "score"].map(|cell| text(&row[cell]));
    let after = ["pulled_at", "released_at", "reason"].map(|cell| text(&row[cell]));
    [before.to_vec(), vec![signals(row)], after.to_vec()].concat()
}

/// `complained 2, blocked 1`, the heaviest first.
fn signals(row: &Value) -> String {
    let parts = row["parts"].as_array().into_iter().flatten();
    let told = parts.map(|part| format!("{} {}", text(&part["signal"]), text(&part["count"])));
    told.collect::<Vec<_>>().join(", ")
}

async fn report(context: &Context, asked: &Report) -> Result<Code> {
    let format = if asked.csv { "csv" } else { "json" };
    let query = [("appid", asked.appid.as_deref()), ("day", asked.day.as_deref()), ("format", Some(format))];
    let reply = reply(context, &asked.reach, "report", &query).await?;
    if asked.csv && reply.status == 200 {
        print::line(String::from_utf8_lossy(&reply.body).trim_end());
        return Ok(Code::Done);
    }
    let answer = understood(context, &reply)?;
    let columns =
        ["check", "state", "checked", "found", "refused", "held", "observed", "braked", "blocked", "penalty"];
    Ok(table(context, &answer, ("checks", &columns, "say.no_risk"), |check| check_row(context, check)))
}

fn check_row(context: &Context, check: &Value) -> Vec<String> {
    let pick = |pair: &Value| context.texts.pick(&text(&pair["zh"]), &text(&pair["en"])).to_owned();
    let counts = ["checked", "found"].map(|count| text(&check[count]));
    let did = ["refused", "held", "observed", "braked", "blocked"].map(|count| text(&check["did"][count]));
    let head = vec![pick(&check["standard"]), text(&check["state"])];
    [head, counts.to_vec(), did.to_vec(), vec![pick(&check["penalty"])]].concat()
}

async fn release(context: &Context, asked: &Release) -> Result<Code> {
    let path = format!("/api/v1/compliance/brakes/{}/release", escaped(&asked.brake));
    let answer = post(context, &asked.reach, &path, &json!({ "reason": asked.reason })).await?;
    if context.is_for_machines() {
        print::json(&answer);
    }
    context.say("say.brake_released", &[("id", &asked.brake)]);
    Ok(Code::Done)
}

async fn post(context: &Context, reach: &Reach, path: &str, body: &Value) -> Result<Value> {
    let bytes = Bytes::from(serde_json::to_vec(body)?);
    let reply = reach.door(context)?.connect().await?.post_bytes(path, bytes).await?;
    understood(context, &reply)
}

pub(crate) async fn complain(context: &Context, complaint: Complaint) -> Result<Code> {
    let answer = match complaint {
        Complaint::Add(asked) => {
            let about =
                [("message", &asked.message), ("touser", &asked.touser), ("template_id", &asked.template)];
            let more = [
                ("appid", &asked.appid),
                ("reference", &asked.reference),
                ("kind", &Some(asked.kind.clone())),
            ];
            let given = about.into_iter().chain(more);
            let fields = given.filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
            let body = Value::Object(fields.collect());
            post(context, &asked.reach, "/api/v1/complaints", &body).await?
        }
        Complaint::Import(asked) => {
            let sheet = std::fs::read(&asked.file).with_context(|| asked.file.display().to_string())?;
            let appid =
                asked.appid.as_deref().map_or_else(String::new, |appid| format!("?appid={}", escaped(appid)));
            let mut connection = asked.reach.door(context)?.connect().await?;
            let reply =
                connection.post_sheet(&format!("/api/v1/complaints{appid}"), Bytes::from(sheet)).await?;
            understood(context, &reply)?
        }
    };
    let columns = ["index", "result", "id", "message", "template_id"];
    Ok(table(context, &answer, ("results", &columns, "say.no_risk"), |row| {
        columns.map(|cell| text(&row[cell])).to_vec()
    }))
}
