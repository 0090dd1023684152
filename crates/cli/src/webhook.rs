//! `webhook`: the businesses that are told what became of messages, as the running server has them.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::alert::{post, table};
use crate::context::Context;
use crate::door::{Reach, understood};
use crate::exit::{Code, Failure};
use crate::message::{escaped, text};

#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    List(List),
    Add(Add),
    Test(One),
    Replay(Replay),
    Remove(One),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[arg(long)]
    name: String,
    #[arg(long)]
    url: String,
    #[arg(long, value_delimiter = ',')]
    states: Vec<String>,
    #[arg(long)]
    with_openid: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    webhook: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    webhook: String,
    #[arg(long, value_name = "TIME")]
    since: String,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(context: &Context, webhook: Webhook) -> Result<Code> {
    match webhook {
        Webhook::List(args) => {
            let columns = ["id", "name", "host", "enabled", "failures", "failing_since"];
            let list = ("/api/v1/webhooks", "webhooks", "say.no_webhooks");
            table(context, &args.reach, list, (&columns, &columns)).await
        }
        Webhook::Add(args) => add(context, &args).await,
        Webhook::Test(args) => test(context, &args).await,
        Webhook::Replay(args) => replay(context, &args).await,
        Webhook::Remove(args) => remove(context, &args).await,
    }
}

async fn add(context: &Context, args: &Add) -> Result<Code> {
    let Add { name, url, states, with_openid, reach } = args;
    let body = json!({ "name": name, "url": url, "states": states, "with_openid": with_openid });
    let answer = post(context, reach, "/api/v1/webhooks", &body).await?;
    let (id, secret) = (text(&answer["id"]), text(&answer["secret"]));
    context.say("say.webhook_added", &[("id", &id), ("secret", &secret)]);
    Ok(Code::Done)
}

async fn test(context: &Context, args: &One) -> Result<Code> {
    let path = format!("/api/v1/webhooks/{}/test", escaped(&args.webhook));
    let answer = post(context, &args.reach, &path, &json!({})).await?;
    if answer["error"].is_null() {
        context.say("say.webhook_told", &[("status", &text(&answer["status"]))]);
        return Ok(Code::Done);
    }
    let error = text(&answer["error"]);
    Err(Failure::Failed(context.texts.fill("say.webhook_failed", &[("error", &error)])).into())
}

async fn replay(context: &Context, args: &Replay) -> Result<Code> {
    let path = format!("/api/v1/webhooks/{}/replay", escaped(&args.webhook));
    post(context, &args.reach, &path, &json!({ "since": args.since })).await?;
    context.say("say.webhook_replayed", &[("since", &args.since)]);
    Ok(Code::Done)
}

async fn remove(context: &Context, args: &One) -> Result<Code> {
    let path = format!("/api/v1/webhooks/{}", escaped(&args.webhook));
    let mut connection = args.reach.door(context)?.connect().await?;
    let reply = connection.delete_reply(&path).await?;
    if reply.status != 204 {
        understood(context, &reply)?;
    }
    context.say("say.webhook_removed", &[]);
    Ok(Code::Done)
}
