//! `send`: one message, by way of a running server or, without a key, by one that lives as long as the command.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Args;
use hongyan_store::{KeyId, KeyText, NewKey, Scope};
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::door::{Door, Reach, understood};
use crate::exit::{Code, Failure};
use crate::message::text;
use crate::node::{Node, Parts};
use crate::{account, config, local, log, message, print};

/// What became of the message is asked for so often.
const ASK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(crate) struct Send {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, value_name = "OPENID")]
    touser: String,
    #[arg(long)]
    template_id: String,
    #[arg(long, value_name = "JSON")]
    data: String,
    #[arg(long)]
    url: Option<String>,
    #[arg(long)]
    client_msg_id: Option<String>,
    #[arg(long, value_parser = ["urgent", "normal", "bulk"])]
    lane: Option<String>,
    #[arg(long, value_parser = ["transactional", "service", "marketing"])]
    category: Option<String>,
    #[arg(long, value_parser = ["payment", "menu_click", "message", "scan_subscribe"])]
    basis: Option<String>,
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    wait: bool,
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    timeout: String,
    #[command(flatten)]
    reach: Reach,
}

/// A server that lives as long as the command, and the key it is spoken to with.
struct Own {
    node: Node,
    key: KeyId,
}

pub(crate) async fn run(context: &Context, args: &Send) -> Result<Code> {
    log::start_quiet();
    let body = Bytes::from(serde_json::to_vec(&body(context, args)?)?);
    let wrong = || Failure::Usage(context.texts.fill("say.bad_duration", &[("option", &"--timeout")]));
    let timeout = config::parse_duration(&args.timeout).ok_or_else(wrong)?;
    let (door, own) = open(context, args).await?;
    let sent = deliver(context, args, &door, (body, timeout)).await;
    if let Some(Own { node, key }) = own {
        node.engine.store().revoke_key(&key, local::now()).await?;
        node.stop().await;
    }
    sent
}

fn body(context: &Context, args: &Send) -> Result<Value, Failure> {
    let wrong = |error: serde_json::Error| {
        let (column, line) = (error.column(), error.line());
        Failure::Usage(context.texts.fill("say.bad_data", &[("column", &column), ("line", &line)]))
    };
    let data: Map<String, Value> = serde_json::from_str(&args.data).map_err(wrong)?;
    let mut body = json!({ "touser": args.touser, "template_id": args.template_id, "data": data });
    let texts = [
        ("appid", &args.appid),
        ("url", &args.url),
        ("client_msg_id", &args.client_msg_id),
        ("lane", &args.lane),
        ("category", &args.category),
        ("basis", &args.basis),
    ];
    for (field, text) in texts {
        if let Some(text) = text {
            body[field] = text.as_str().into();
        }
    }
    if args.dry_run {
        body["dry_run"] = true.into();
    }
    Ok(body)
}

async fn open(context: &Context, args: &Send) -> Result<(Door, Option<Own>)> {
    if args.reach.key(context).is_some() {
        return Ok((args.reach.door(context)?, None));
    }
    if args.reach.server.is_some() {
        return Err(Failure::Usage(context.texts.get("say.server_needs_key").to_owned()).into());
    }
    let config = context.config()?;
    let store = local::open(context, &config).await?;
    // It listens where the server would, so that WeChat's receipt finds it.
    let node = Node::start(&context.texts, Parts { store, config }).await;
    let node = node.context(context.texts.get("say.own_server").to_owned())?;
    let text = KeyText::generate(&mut local::chance());
    let (key, scopes) = (text.id(), vec![Scope::Send, Scope::Read]);
    let new = NewKey {
        text: text.clone(),
        name: "hongyan send".to_owned(),
        scopes,
        accounts: vec![],
        expires_at: None,
    };
    node.engine.store().put_key(new, local::now()).await?;
    let door = Door::to(context, node.address.to_string(), text.expose());
    Ok((door, Some(Own { node, key })))
}

async fn deliver(context: &Context, args: &Send, door: &Door, what: (Bytes, Duration)) -> Result<Code> {
    let (body, timeout) = what;
    let reply = door.connect().await?.post_bytes("/api/v1/messages", body).await?;
    let accepted = understood(context, &reply)?;
    let Some(id) = accepted["id"].as_str().filter(|_| !args.dry_run) else {
        print_value(context, &accepted);
        return Ok(Code::Done);
    };
    // A server of our own ends with the command: it stays until WeChat has answered.
    let is_own = args.reach.key(context).is_none();
    if !args.wait && !is_own {
        print_value(context, &accepted);
        return Ok(Code::Done);
    }
    let until = if args.wait { Until::Final } else { Until::Sent };
    match tokio::time::timeout(timeout, watch(door, id, until)).await {
        Ok(Ok(message)) => Ok(ended(context, &message)),
        // Whatever went wrong in between, the message is accepted: who asks gets its id.
        Ok(Err(_)) | Err(_) => still_under_way(context, args, door, id).await,
    }
}

fn ended(context: &Context, message: &Value) -> Code {
    message::show(context, message);
    match message["state"].as_str() {
        Some("delivered" | "sent") => Code::Done,
        Some("failed" | "suppressed") => Code::Refused,
        _ => Code::Failed,
    }
}

/// The time is over and the message is not settled. It is accepted and goes on its way: whoever sends it again sends it
/// twice.
async fn still_under_way(context: &Context, args: &Send, door: &Door, id: &str) -> Result<Code> {
    let path = format!("/api/v1/messages/{id}");
    // The request that was given up has taken its connection along.
    let Some(found) = door.find(&path).await else {
        let accepted = json!({ "id": id, "state": null, "accepted": true });
        tell_accepted(context, args, &accepted, "");
        return Ok(Code::UnderWay);
    };
    if !matches!(found["state"].as_str(), Some("pending" | "claimed" | "sent")) {
        return Ok(ended(context, &found));
    }
    let pause = match found["appid"].as_str() {
        Some(appid) => door.find(&format!("/api/v1/accounts/{appid}")).await,
        None => None,
    };
    let pause = pause.map(|account| account::why_still(context, &account["live"]["pause"]));
    tell_accepted(context, args, &found, &pause.flatten().unwrap_or_default());
    Ok(Code::UnderWay)
}

fn tell_accepted(context: &Context, args: &Send, message: &Value, why: &str) {
    if context.is_for_machines() {
        return print::json(message);
    }
    let (id, state) = (text(&message["id"]), message::worded(context, "state", &message["state"]));
    let why =
        if why.is_empty() { String::new() } else { context.texts.fill("say.because", &[("why", &why)]) };
    let values: [(&str, &dyn std::fmt::Display); 4] =
        [("id", &id), ("state", &state), ("after", &args.timeout), ("why", &why)];
    let is_own = args.reach.key(context).is_none();
    let key = match message["state"].as_str() {
        Some("sent") => "say.sent_unreported",
        _ if is_own => "say.accepted_unsent",
        _ => "say.accepted_waits",
    };
    context.say(key, &values);
}

/// How far a message is watched.
#[derive(Clone, Copy)]
enum Until {
    Sent,
    Final,
}

async fn watch(door: &Door, id: &str, until: Until) -> Result<Value> {
    let mut connection = door.connect().await?;
    let mut every = tokio::time::interval(ASK_EVERY);
    loop {
        every.tick().await;
        let message = connection.get(&format!("/api/v1/messages/{id}")).await?;
        match (message["state"].as_str(), until) {
            (Some("pending" | "claimed"), _) | (Some("sent"), Until::Final) => {}
            _ => return Ok(message),
        }
    }
}

/// An answer to a request to send: what was accepted, or in a dry run what the phone will show.
fn print_value(context: &Context, value: &Value) {
    if context.is_for_machines() {
        return print::json(value);
    }
    if value["preview"].is_object() {
        return print_preview(context, &value["preview"]);
    }
    let rows = value.as_object().into_iter().flatten().map(|(key, value)| {
        let shown = if key == "state" { message::worded(context, "state", value) } else { text(value) };
        vec![key.clone(), shown]
    });
    context.table(&["key", "value"], rows.collect());
}

fn print_preview(context: &Context, preview: &Value) {
    context.say("say.preview", &[("title", &text(&preview["title"]))]);
    let rows = preview["rows"].as_array().into_iter().flatten();
    context
        .table(&["label", "value"], rows.map(|row| vec![text(&row["label"]), text(&row["value"])]).collect());
    for dropped in preview["dropped"].as_array().into_iter().flatten() {
        let (field, reason) =
            (text(&dropped["field"]), message::worded(context, "dropped", &dropped["reason"]));
        context.say("say.dropped", &[("field", &field), ("reason", &reason)]);
    }
    let tap = &preview["tap"];
    let to = [&tap["url"], &tap["pagepath"], &tap["appid"]].into_iter().find(|to| to.is_string());
    if let Some(to) = to {
        context.say("say.tap", &[("to", &text(to))]);
    }
}
