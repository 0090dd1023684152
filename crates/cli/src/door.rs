//! The way to a server that runs: where it is reached, and with which key.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::config::Config;
use crate::context::Context;
use crate::exit::Failure;
use crate::http::{Connection, Reply, authority_of};
use crate::lang::Lang;

/// Which server, and what opens it.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    #[arg(long, value_name = "http://HOST:PORT")]
    pub(crate) server: Option<String>,
    #[arg(long, value_name = "hy_…")]
    pub(crate) key: Option<String>,
}

/// A server to speak to.
#[derive(Clone)]
pub(crate) struct Door {
    authority: String,
    key: String,
    lang: Lang,
}

impl Reach {
    /// The key given, or that of the environment.
    pub(crate) fn key<'a>(&'a self, context: &'a Context) -> Option<&'a str> {
        self.key.as_deref().or_else(|| context.environment.get("HONGYAN_KEY"))
    }

    /// The server named, or that of the settings; it needs a key.
    pub(crate) fn door(&self, context: &Context) -> Result<Door> {
        let Some(key) = self.key(context) else {
            return Err(Failure::Usage(context.texts.get("say.key_needed").to_owned()).into());
        };
        let authority = match &self.server {
            Some(url) => authority_of(url)?,
            None => here(&context.config()?).to_string(),
        };
        Ok(Door::to(context, authority, key))
    }
}

/// Where a server with these settings listens, as it is reached from this machine.
fn here(config: &Config) -> SocketAddr {
    let listening = config.http.listen;
    match listening.ip() {
        IpAddr::V4(all) if all.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, listening.port())),
        _ => listening,
    }
}

/// The server of the settings, where the environment holds a key for it.
pub(crate) fn of_environment(context: &Context, config: &Config) -> Option<Door> {
    let key = context.environment.get("HONGYAN_KEY")?;
    Some(Door::to(context, here(config).to_string(), key))
}

impl Door {
    pub(crate) fn to(context: &Context, authority: String, key: &str) -> Self {
        Self { authority, key: key.to_owned(), lang: context.texts.lang }
    }

    /// A connection of its own: one whose request was given up cannot be used again.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        Ok(Connection::open(&self.authority, Some(&self.key)).await?.speaking(self.lang))
    }

    /// Asks for something. `None`: no server answers there, or it does not let this key in.
    pub(crate) async fn find(&self, path: &str) -> Option<Value> {
        self.connect().await.ok()?.get(path).await.ok()
    }
}

/// The JSON of a success, or the end that fits what was answered.
pub(crate) fn understood(context: &Context, reply: &Reply) -> Result<Value> {
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
    let told = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let faults: Vec<_> = problem["errors"].as_array().into_iter().flatten().collect();
    let wechat = &problem["wechat"];
    if faults.is_empty() {
        let (title, detail) = (told(&problem["title"]), told(&problem["detail"]));
        let words = context.texts.fill("say.problem", &[("title", &title), ("detail", &detail)]);
        return if wechat.is_object() { words + "\n  " + &told_by_wechat(context, wechat) } else { words };
    }
    let line = |fault: &&Value| {
        let (field, message) = (told(&fault["field"]), told(&fault["message"]));
        format!("\n  {}", context.texts.fill("say.fault", &[("field", &field), ("message", &message)]))
    };
    told(&problem["title"]) + &faults.iter().map(line).collect::<String>()
}

/// What WeChat's error code means and what to do about it; for a moment of a timeline as well.
pub(crate) fn told_by_wechat(context: &Context, answer: &Value) -> String {
    let told = |what: &str| pick(context, &answer[what]);
    let (meaning, advice) = (told("meaning"), told("advice"));
    context.texts.fill("say.told", &[("meaning", &meaning), ("advice", &advice)])
}

/// The one of a pair of texts that is in the reader's language.
fn pick(context: &Context, pair: &Value) -> String {
    let told = |lang: &str| pair[lang].as_str().unwrap_or_default();
    context.texts.pick(told("zh"), told("en")).to_owned()
}
