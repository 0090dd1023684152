//! `interaction`: what a person did, told by hand.

use anyhow::Result;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::door::Reach;
use crate::exit::Code;
use crate::remote::{JSON, call, show};

#[derive(Debug, Subcommand)]
pub(crate) enum Interaction {
    Add(Add),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[arg(value_name = "OPENID")]
    openid: String,
    #[arg(value_name = "KIND", value_parser = ["payment", "menu_click", "message", "scan_subscribe"])]
    kind: String,
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_name = "RFC3339")]
    occurred_at: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(context: &Context, interaction: Interaction) -> Result<Code> {
    let Interaction::Add(add) = interaction;
    let mut body =
        Map::from_iter([("touser".to_owned(), json!(add.openid)), ("kind".to_owned(), json!(add.kind))]);
    let given = [("appid", &add.appid), ("occurred_at", &add.occurred_at)];
    body.extend(
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))),
    );
    let text = Value::Object(body).to_string();
    show(context, &call(context, &add.reach, (Method::POST, "/api/v1/interactions", JSON), text).await?);
    Ok(Code::Done)
}
