//! `key`: the keys that callers of the API show.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_domain::Timestamp;
use hongyan_store::{ApiKey, KeyId, KeyText, NewKey, Scope, Store};
use serde_json::json;

use crate::alert::table;
use crate::context::Context;
use crate::door::Reach;
use crate::exit::{Code, Failure};
use crate::message::escaped;
use crate::{config, local, print};

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    Create(Create),
    List,
    Revoke(Revoke),
    Requests(Requests),
}

/// What keys asked a running server lately.
#[derive(Debug, Args)]
pub(crate) struct Requests {
    #[arg(long, value_name = "ID")]
    of: Option<String>,
    #[arg(long, value_name = "404|4xx")]
    status: Option<String>,
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[arg(long)]
    name: String,
    #[arg(long, value_delimiter = ',', value_parser = ["send", "read", "admin"], default_value = "send,read")]
    scope: Vec<String>,
    #[arg(long, value_delimiter = ',', value_name = "APPID")]
    account: Vec<String>,
    #[arg(long, value_name = "DURATION")]
    expires_after: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[arg(value_name = "ID")]
    id: String,
}

pub(crate) async fn run(context: &Context, key: Key) -> Result<Code> {
    let store = async || local::open(context, &context.config()?).await;
    match key {
        Key::Create(create) => make(context, &store().await?, create).await,
        Key::List => list(context, &store().await?).await,
        Key::Revoke(revoke) => take_back(context, &store().await?, revoke).await,
        // Only a server that runs knows them.
        Key::Requests(asked) => requests(context, &asked).await,
    }
}

async fn requests(context: &Context, asked: &Requests) -> Result<Code> {
    let mut path = format!("/api/v1/requests?limit={}", asked.limit);
    for (name, given) in [("key", &asked.of), ("status", &asked.status)] {
        if let Some(given) = given {
            path.push_str(&format!("&{name}={}", escaped(given)));
        }
    }
    let columns = ["at", "key", "method", "route", "http", "took_ms", "code", "request"];
    let fields = ["at", "key_name", "method", "route", "status", "took_ms", "code", "id"];
    table(context, &asked.reach, (&path, "requests", "say.no_requests"), (&columns, &fields)).await
}

async fn make(context: &Context, store: &Store, create: Create) -> Result<Code> {
    let now = local::now();
    let expires_at = create.expires_after.map(|after| expiry(context, &after, now)).transpose()?;
    let mut accounts = Vec::new();
    for appid in &create.account {
        accounts.push(local::account(context, store, Some(appid)).await?.id);
    }
    let text = KeyText::generate(&mut local::chance());
    let scopes = Scope::ALL
        .into_iter()
        .filter(|scope| create.scope.iter().any(|word| word == scope.as_str()))
        .collect();
    let new = NewKey { text: text.clone(), name: create.name, scopes, accounts, expires_at };
    let kept = store.put_key(new, now).await?;
    if context.is_for_machines() {
        let mut value = shown(&kept, now);
        value["key"] = text.expose().into();
        print::json(&value);
    } else {
        print::line(text.expose());
        context.say("say.key_once", &[]);
    }
    Ok(Code::Done)
}

fn expiry(context: &Context, after: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let after: Option<Duration> = config::parse_duration(after);
    let after = after.ok_or_else(|| {
        Failure::Usage(context.texts.fill("say.bad_duration", &[("option", &"--expires-after")]))
    })?;
    Ok(now.plus(after))
}

async fn list(context: &Context, store: &Store) -> Result<Code> {
    let (keys, now) = (store.keys().await?, local::now());
    if context.is_for_machines() {
        print::json(&json!({ "keys": keys.iter().map(|key| shown(key, now)).collect::<Vec<_>>() }));
        return Ok(Code::Done);
    }
    let time = |at: Option<Timestamp>| at.map_or_else(|| "–".to_owned(), |at| at.to_string());
    let row = |key: &ApiKey| {
        let live = if key.is_live(now) { "say.live" } else { "say.ended" };
        let (id, used) = (key.id.to_string(), time(key.last_used_at));
        vec![id, key.name.clone(), words(key), context.texts.get(live).to_owned(), time(key.expires_at), used]
    };
    context.table_or(
        "say.no_keys",
        &["id", "name", "scopes", "state", "expires_at", "last_used_at"],
        keys.iter().map(row).collect(),
    );
    Ok(Code::Done)
}

fn words(key: &ApiKey) -> String {
    key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
}

fn shown(key: &ApiKey, now: Timestamp) -> serde_json::Value {
    json!({
        "id": key.id.to_string(),
        "name": key.name,
        "scopes": key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "live": key.is_live(now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    })
}

async fn take_back(context: &Context, store: &Store, revoke: Revoke) -> Result<Code> {
    // People paste the whole key as soon as its name.
    let id = KeyText::parse(&revoke.id).map_or(KeyId(revoke.id), |text| text.id());
    if !store.revoke_key(&id, local::now()).await? {
        return Err(context.not_found("say.no_key", &id).into());
    }
    if context.is_for_machines() {
        print::json(&json!({ "id": id.to_string(), "revoked": true }));
    }
    context.say("say.key_revoked", &[("id", &id)]);
    Ok(Code::Done)
}
