//! `send`: one message, by way of a running server or, without a key, by one that lives as long as the command.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Args;
use hongyan_store::{KeyId, KeyText, NewKey, Scope};
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::http::{Connection, Reply, authority_of};
use crate::node::{Node, Parts};
use crate::{config, local, log, print};

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
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    wait: bool,
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    timeout: String,
    #[arg(long, value_name = "http://HOST:PORT")]
    server: Option<String>,
    #[arg(long, value_name = "hy_…")]
    key: Option<String>,
}

/// A server to speak to: somebody's, or this command's own.
struct Door {
    connection: Connection,
    own: Option<(Node, KeyId)>,
}

pub(crate) async fn run(context: &Context, args: &Send) -> Result<Code> {
    log::start_quiet();
    let body = Bytes::from(serde_json::to_vec(&body(context, args)?)?);
    let wrong = || Failure::Usage(context.texts.fill("say.bad_duration", &[("option", &"--timeout")]));
    let timeout = config::parse_duration(&args.timeout).ok_or_else(wrong)?;
    let mut door = open(context, args).await?;
    let sent = deliver(context, args, &mut door, (body, timeout)).await;
    if let Some((node, key)) = door.own {
        drop(door.connection);
        node.engine.store().revoke_key(&key, local::now()).await?;
        node.stop().await;
    }
    sent
}

fn body(context: &Context, args: &Send) -> Result<Value, Failure> {
    let wrong =
        |error: serde_json::Error| Failure::Usage(context.texts.fill("say.bad_data", &[("reason", &error)]));
    let data: Map<String, Value> = serde_json::from_str(&args.data).map_err(wrong)?;
    let mut body = json!({ "touser": args.touser, "template_id": args.template_id, "data": data });
    let texts = [
        ("appid", &args.appid),
        ("url", &args.url),
        ("client_msg_id", &args.client_msg_id),
        ("lane", &args.lane),
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

async fn open(context: &Context, args: &Send) -> Result<Door> {
    let config = context.config()?;
    if let Some(key) = args.key.as_deref().or_else(|| context.environment.get("HONGYAN_KEY")) {
        let url = args.server.clone().unwrap_or_else(|| config.outside_url(config.http.listen));
        let connection = Connection::open(&authority_of(&url)?, Some(key)).await?;
        return Ok(Door { connection, own: None });
    }
    if args.server.is_some() {
        return Err(Failure::Usage(context.texts.get("say.server_needs_key").to_owned()).into());
    }
    let store = local::open(context, &config).await?;
    // It listens where the server would, so that WeChat's receipt finds it.
    let node =
        Node::start(Parts { store, config }).await.context(context.texts.get("say.own_server").to_owned())?;
    let text = KeyText::generate(&mut local::chance());
    let (id, scopes) = (text.id(), vec![Scope::Send, Scope::Read]);
    let key = NewKey {
        text: text.clone(),
        name: "hongyan send".to_owned(),
        scopes,
        accounts: vec![],
        expires_at: None,
    };
    node.engine.store().put_key(key, local::now()).await?;
    let connection = Connection::open(&node.address.to_string(), Some(text.expose())).await?;
    Ok(Door { connection, own: Some((node, id)) })
}

async fn deliver(context: &Context, args: &Send, door: &mut Door, what: (Bytes, Duration)) -> Result<Code> {
    let (body, timeout) = what;
    let reply = door.connection.post_bytes("/api/v1/messages", body).await?;
    let accepted = understood(context, &reply)?;
    let Some(id) = accepted["id"].as_str().filter(|_| !args.dry_run) else {
        print_value(context, &accepted);
        return Ok(Code::Done);
    };
    // A server of our own ends with the command: it stays until WeChat has answered.
    let until_final = args.wait;
    if !until_final && door.own.is_none() {
        print_value(context, &accepted);
        return Ok(Code::Done);
    }
    let watched = tokio::time::timeout(timeout, watch(&mut door.connection, id, until_final)).await;
    let message = match watched {
        Ok(message) => message?,
        Err(_) => door.connection.get(&format!("/api/v1/messages/{id}")).await?,
    };
    show(context, &message);
    Ok(match message["state"].as_str() {
        Some("delivered" | "sent") => Code::Done,
        Some("failed" | "suppressed") => Code::Refused,
        _ => Code::Failed,
    })
}

fn understood(context: &Context, reply: &Reply) -> Result<Value> {
    let problem = || problem(context, &reply.body);
    match reply.status {
        200..300 => reply.json(),
        404 => Err(Failure::NotFound(problem()).into()),
        400 | 401 | 403 | 409 | 413 | 415 | 422 => Err(Failure::Usage(problem()).into()),
        503 => Err(Failure::Store(problem()).into()),
        _ => Err(Failure::Failed(problem()).into()),
    }
}

/// A problem+json for people: what it is, and every field's fault on a line of its own. For machines as it came.
fn problem(context: &Context, body: &[u8]) -> String {
    let whole = || String::from_utf8_lossy(body).into_owned();
    let Ok(problem) = serde_json::from_slice::<Value>(body) else { return whole() };
    if context.is_for_machines() || !problem["title"].is_string() {
        return whole();
    }
    let faults: Vec<_> = problem["errors"].as_array().into_iter().flatten().collect();
    if faults.is_empty() {
        let (title, detail) = (text(&problem["title"]), text(&problem["detail"]));
        return context.texts.fill("say.problem", &[("title", &title), ("detail", &detail)]);
    }
    let line = |fault: &&Value| format!("\n  {}: {}", text(&fault["field"]), text(&fault["message"]));
    text(&problem["title"]) + &faults.iter().map(line).collect::<String>()
}

async fn watch(connection: &mut Connection, id: &str, until_final: bool) -> Result<Value> {
    let mut every = tokio::time::interval(ASK_EVERY);
    loop {
        every.tick().await;
        let message = connection.get(&format!("/api/v1/messages/{id}")).await?;
        match message["state"].as_str() {
            Some("pending" | "claimed") => {}
            Some("sent") if until_final => {}
            _ => return Ok(message),
        }
    }
}

fn print_value(context: &Context, value: &Value) {
    if context.is_for_machines() {
        return print::json(value);
    }
    let rows = value.as_object().into_iter().flatten().map(|(key, value)| vec![key.clone(), text(value)]);
    context.table(&["key", "value"], rows.collect());
}

fn show(context: &Context, message: &Value) {
    if context.is_for_machines() {
        return print::json(message);
    }
    let field = |name: &str| text(&message[name]);
    let (id, state, cause, msgid) = (field("id"), field("state"), field("cause"), field("msgid"));
    context.say("say.message", &[("id", &id), ("state", &state), ("cause", &cause), ("msgid", &msgid)]);
    let moments = message["timeline"].as_array().into_iter().flatten();
    context.table(&["at", "what", "detail"], moments.map(moment_row).collect());
}

/// The time, the word, and whatever else the moment carries.
fn moment_row(moment: &Value) -> Vec<String> {
    let rest = moment.as_object().into_iter().flatten();
    let rest =
        rest.filter(|(key, value)| !["at", "what", "meaning"].contains(&key.as_str()) && !value.is_null());
    let rest: Vec<_> = rest.map(|(key, value)| format!("{key} {}", text(value))).collect();
    vec![text(&moment["at"]), text(&moment["what"]), rest.join(", ")]
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
