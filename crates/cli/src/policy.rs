//! `policy`: the rules that stand between a message and a phone.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::door::Reach;
use crate::exit::Code;
use crate::message::escaped;
use crate::remote::{JSON, call, get, show};

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    Show(Asked),
    Set(Set),
}

#[derive(Debug, Args)]
pub(crate) struct Asked {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_parser = ["transactional", "service", "marketing"])]
    category: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    #[arg(value_name = "RULE", value_parser = ["suppression", "content", "reach", "frequency", "repeat", "quiet_hours", "brake"])]
    rule: String,
    #[arg(long, value_parser = ["enforce", "observe", "off"])]
    mode: Option<String>,
    #[arg(long, value_name = "JSON")]
    change: Option<String>,
    #[command(flatten)]
    asked: Asked,
}

pub(crate) async fn run(context: &Context, policy: Policy) -> Result<Code> {
    match policy {
        Policy::Show(asked) => {
            let given = [("appid", &asked.appid), ("category", &asked.category)];
            let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
            let given: Vec<_> = given.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
            let path = format!("/api/v1/policies?{}", given.join("&"));
            show(context, &get(context, &asked.reach, &path).await?);
        }
        Policy::Set(set) => change(context, &set).await?,
    }
    Ok(Code::Done)
}

async fn change(context: &Context, set: &Set) -> Result<()> {
    let mut body: Map<String, Value> = match &set.change {
        Some(text) => serde_json::from_str(text).context("--change")?,
        None => Map::new(),
    };
    let given = [("appid", &set.asked.appid), ("category", &set.asked.category), ("mode", &set.mode)];
    body.extend(
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))),
    );
    let path = format!("/api/v1/policies/{}", set.rule);
    let text = Value::Object(body).to_string();
    show(context, &call(context, &set.asked.reach, (Method::PATCH, &path, JSON), text).await?);
    Ok(())
}
