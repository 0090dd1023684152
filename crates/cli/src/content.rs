//! `content`, `words`, `approval`: what is written, as the running server judges it, and what waits for a person's word.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use crate::context::Context;
use crate::door::{Reach, understood};
use crate::exit::Code;
use crate::print;
use crate::remote::{JSON, call, of_account};

#[derive(Debug, Subcommand)]
pub(crate) enum Content {
    Check(Draft),
    Advise(Advise),
}

/// Lines of a card: `label=value`, or a value alone.
#[derive(Debug, Args)]
pub(crate) struct Draft {
    #[arg(value_name = "LABEL=VALUE", required = true)]
    lines: Vec<String>,
    #[arg(long)]
    title: Option<String>,
    #[arg(long, value_parser = ["transactional", "service", "marketing"])]
    category: Option<String>,
    #[arg(long)]
    appid: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Advise {
    #[command(flatten)]
    draft: Draft,
    #[arg(long, value_parser = ["retail", "education", "services"])]
    industry: Option<String>,
    #[arg(long)]
    url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Words {
    Show(OfAccount),
    Put(PutWords),
    Delete(OfAccount),
}

#[derive(Debug, Args)]
pub(crate) struct OfAccount {
    #[arg(long)]
    appid: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct PutWords {
    #[arg(value_name = "FILE")]
    list: PathBuf,
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_parser = ["off", "whole", "mixed"], default_value = "mixed")]
    pinyin: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Approval {
    List(ListApprovals),
    Approve(Decide),
    Reject(Decide),
}

#[derive(Debug, Args)]
pub(crate) struct ListApprovals {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_parser = ["waiting", "approved", "rejected", "lapsed"], default_value = "waiting")]
    state: String,
    #[arg(long)]
    cursor: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    #[arg(value_name = "apr_…", required_unless_present = "alike", conflicts_with = "alike")]
    approvals: Vec<String>,
    #[arg(long, value_name = "ALIKE")]
    alike: Option<String>,
    #[arg(long)]
    reason: String,
    #[arg(long)]
    appid: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(context: &Context, content: Content) -> Result<Code> {
    match content {
        Content::Check(draft) => check(context, &draft).await,
        Content::Advise(advise) => advise_on(context, &advise).await,
    }
}

pub(crate) async fn run_words(context: &Context, words: Words) -> Result<Code> {
    match words {
        Words::Show(show) => show_words(context, &show).await,
        Words::Put(put) => put_words(context, &put).await,
        Words::Delete(of) => delete_words(context, &of).await,
    }
}

pub(crate) async fn run_approval(context: &Context, approval: Approval) -> Result<Code> {
    match approval {
        Approval::List(list) => list_approvals(context, &list).await,
        Approval::Approve(decided) => decide(context, &decided, "approve").await,
        Approval::Reject(decided) => decide(context, &decided, "reject").await,
    }
}

impl Draft {
    fn body(&self) -> Value {
        let line = |line: &String| match line.split_once('=') {
            Some((label, value)) => json!({ "label": label, "value": value }),
            None => json!({ "value": line }),
        };
        let fields: Vec<_> = self.lines.iter().map(line).collect();
        json!({ "title": self.title, "fields": fields, "category": self.category, "appid": self.appid })
    }
}

async fn asked(context: &Context, reach: &Reach, path: &str, body: &Value) -> Result<Value> {
    let mut connection = reach.door(context)?.connect().await?;
    let reply = connection.post_bytes(path, Bytes::from(serde_json::to_vec(body)?)).await?;
    understood(context, &reply)
}

async fn check(context: &Context, draft: &Draft) -> Result<Code> {
    let said = asked(context, &draft.reach, "/api/v1/content/check", &draft.body()).await?;
    if context.is_for_machines() {
        print::json(&said);
        return Ok(Code::Done);
    }
    context.say("say.content_verdict", &[("verdict", &context.cell("verdict", &text(&said["verdict"])))]);
    let found = said["findings"].as_array().into_iter().flatten();
    let row = |one: &Value| {
        ["word", "category", "severity", "verdict", "place", "field"].map(|key| text(&one[key])).to_vec()
    };
    let rows: Vec<_> = found.map(row).collect();
    if !rows.is_empty() {
        context.table(&["word", "category", "severity", "verdict", "place", "field"], rows);
    }
    Ok(Code::Done)
}

async fn advise_on(context: &Context, advise: &Advise) -> Result<Code> {
    let mut body = advise.draft.body();
    (body["industry"], body["url"]) = (json!(advise.industry), json!(advise.url));
    let said = asked(context, &advise.draft.reach, "/api/v1/content/advise", &body).await?;
    if context.is_for_machines() {
        print::json(&said);
        return Ok(Code::Done);
    }
    for one in said["advice"].as_array().into_iter().flatten() {
        let told = |what: &str| {
            let (zh, en) = (text(&one[format!("{what}_zh")]), text(&one[format!("{what}_en")]));
            context.texts.pick(&zh, &en).to_owned()
        };
        context.say("say.advice", &[("text", &told("text")), ("reason", &told("reason"))]);
    }
    Ok(Code::Done)
}

fn with_appid(path: &str, appid: Option<&str>) -> String {
    match appid {
        Some(appid) => format!("{path}{}appid={appid}", if path.contains('?') { '&' } else { '?' }),
        None => path.to_owned(),
    }
}

async fn show_words(context: &Context, show: &OfAccount) -> Result<Code> {
    let mut connection = show.reach.door(context)?.connect().await?;
    let reply = connection.get_reply(&with_appid("/api/v1/words", show.appid.as_deref())).await?;
    let words = understood(context, &reply)?;
    match context.is_for_machines() {
        true => print::json(&words),
        false => print::line(text(&words["list"]).trim_end()),
    }
    Ok(Code::Done)
}

async fn put_words(context: &Context, put: &PutWords) -> Result<Code> {
    let list = std::fs::read_to_string(&put.list).with_context(|| put.list.display().to_string())?;
    let body = json!({ "list": list, "pinyin": put.pinyin, "appid": put.appid });
    let mut connection = put.reach.door(context)?.connect().await?;
    let reply = connection.put_bytes("/api/v1/words", Bytes::from(serde_json::to_vec(&body)?)).await?;
    let words = understood(context, &reply)?;
    if context.is_for_machines() {
        print::json(&words);
    }
    context.say("say.words_put", &[("words", &words["words"]), ("version", &words["version"])]);
    Ok(Code::Done)
}

/// What holds from then on is told: the list of all accounts, or the one that comes with Hongyan.
async fn delete_words(context: &Context, of: &OfAccount) -> Result<Code> {
    let path = of_account("/api/v1/words", of.appid.as_deref());
    let words = call(context, &of.reach, (Method::DELETE, &path, JSON), Bytes::new()).await?;
    if context.is_for_machines() {
        print::json(&words);
    }
    context.say("say.words_put", &[("words", &words["words"]), ("version", &words["version"])]);
    Ok(Code::Done)
}

async fn list_approvals(context: &Context, list: &ListApprovals) -> Result<Code> {
    let cursor = list.cursor.as_ref().map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
    let path = with_appid(&format!("/api/v1/approvals?state={}{cursor}", list.state), list.appid.as_deref());
    let mut connection = list.reach.door(context)?.connect().await?;
    let page = understood(context, &connection.get_reply(&path).await?)?;
    if context.is_for_machines() {
        print::json(&page);
        return Ok(Code::Done);
    }
    let row = |one: &Value| {
        let words = one["findings"].as_array().into_iter().flatten().map(|found| text(&found["word"]));
        let words = words.collect::<Vec<_>>().join(" ");
        let [id, state, asked_at, expires_at, alike] =
            ["id", "state", "asked_at", "expires_at", "alike"].map(|key| text(&one[key]));
        vec![id, state, words, asked_at, expires_at, alike]
    };
    let rows = page["approvals"].as_array().into_iter().flatten().map(row).collect();
    context.table_or("say.no_approvals", &["id", "state", "word", "asked_at", "expires_at", "alike"], rows);
    if let Some(cursor) = page["next_cursor"].as_str() {
        context.say("say.more_messages", &[("cursor", &cursor)]);
    }
    Ok(Code::Done)
}

async fn decide(context: &Context, decided: &Decide, decision: &str) -> Result<Code> {
    let mut body = json!({ "decision": decision, "reason": decided.reason, "appid": decided.appid });
    match &decided.alike {
        Some(alike) => body["alike"] = json!(alike),
        None => body["ids"] = json!(decided.approvals),
    }
    let done = asked(context, &decided.reach, "/api/v1/approvals/decide", &body).await?;
    if context.is_for_machines() {
        print::json(&done);
        return Ok(Code::Done);
    }
    let row = |one: &Value| vec![text(&one["id"]), text(&one["state"])];
    let rows = done["results"].as_array().into_iter().flatten().map(row).collect();
    context.table(&["id", "state"], rows);
    Ok(Code::Done)
}

/// A value as people read it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
