//! `alert`: what rules found, the rules, silence, and a test of a channel, as the running server has them.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::config::parse_duration;
use crate::context::Context;
use crate::door::{Reach, understood};
use crate::exit::{Code, Failure};
use crate::message::{escaped, text};
use crate::print;

#[derive(Debug, Subcommand)]
pub(crate) enum Alert {
    List(List),
    Rules(Rules),
    Silence(Silence),
    Test(Test),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Silence {
    alert: String,
    #[arg(long, value_name = "2h", default_value = "2h")]
    lasts: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    channel: String,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(context: &Context, alert: Alert) -> Result<Code> {
    match alert {
        Alert::List(args) => {
            let columns = ["alert", "severity", "state", "value", "threshold", "since"];
            let fields = ["id", "severity", "state", "value", "threshold", "since"];
            table(context, &args.reach, ("/api/v1/alerts", "alerts", "say.no_alerts"), (&columns, &fields))
                .await
        }
        Alert::Rules(args) => {
            let columns = ["rule", "name", "metric", "threshold", "severity", "enabled"];
            let fields = ["id", "name", "metric", "threshold", "severity", "enabled"];
            table(
                context,
                &args.reach,
                ("/api/v1/alerts/rules", "rules", "say.no_alerts"),
                (&columns, &fields),
            )
            .await
        }
        Alert::Silence(args) => silence(context, &args).await,
        Alert::Test(args) => test(context, &args).await,
    }
}

/// A list of the API as a table, or as it came.
pub(crate) async fn table(
    context: &Context,
    reach: &Reach,
    (path, list, none): (&str, &str, &str),
    (columns, fields): (&[&str], &[&str]),
) -> Result<Code> {
    let reply = reach.door(context)?.connect().await?.get_reply(path).await?;
    let answer = understood(context, &reply)?;
    if context.is_for_machines() {
        print::json(&answer);
        return Ok(Code::Done);
    }
    let rows = answer[list].as_array().into_iter().flatten();
    let row = |one: &Value| fields.iter().map(|field| text(&one[*field])).collect();
    context.table_or(none, columns, rows.map(row).collect());
    Ok(Code::Done)
}

async fn silence(context: &Context, args: &Silence) -> Result<Code> {
    let wrong = || Failure::Usage(context.texts.fill("say.bad_lasts", &[("given", &args.lasts)]));
    let lasts: Duration = parse_duration(&args.lasts).ok_or_else(wrong)?;
    let path = format!("/api/v1/alerts/{}/silence", escaped(&args.alert));
    let body = json!({ "minutes": lasts.as_secs().div_ceil(60) });
    let answer = post(context, &args.reach, &path, &body).await?;
    context.say("say.alert_silenced", &[("until", &text(&answer["silenced_until"]))]);
    Ok(Code::Done)
}

async fn test(context: &Context, args: &Test) -> Result<Code> {
    let path = format!("/api/v1/alerts/channels/{}/test", escaped(&args.channel));
    let answer = post(context, &args.reach, &path, &json!({})).await?;
    if answer["sent"] == true {
        context.say("say.channel_told", &[]);
        return Ok(Code::Done);
    }
    let error = text(&answer["error"]);
    Err(Failure::Failed(context.texts.fill("say.channel_failed", &[("error", &error)])).into())
}

/// POSTs; for machines the answer is printed.
pub(crate) async fn post(context: &Context, reach: &Reach, path: &str, body: &Value) -> Result<Value> {
    let mut connection = reach.door(context)?.connect().await?;
    let reply = connection.post_bytes(path, serde_json::to_vec(body)?.into()).await?;
    let answer = understood(context, &reply)?;
    if context.is_for_machines() {
        print::json(&answer);
    }
    Ok(answer)
}
