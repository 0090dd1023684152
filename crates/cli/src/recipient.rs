//! `recipient`: what is held of one person, given out or removed.

use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_domain::Openid;
use hongyan_engine::{Account, Catalog};
use hongyan_server::personal::exported;
use hongyan_store::Store;
use hongyan_wechat::Client;
use hyper::Method;
use serde_json::{Value, json};

use crate::context::Context;
use crate::door::Reach;
use crate::exit::{Code, Failure};
use crate::message::escaped;
use crate::remote::{JSON, call, file, form, get, show};
use crate::{local, print};

/// Messages read at once.
const PAGE: usize = 500;

#[derive(Debug, Subcommand)]
pub(crate) enum Recipient {
    Export(Named),
    Erase(Erase),
    Show(Asked),
    Check(Box<Check>),
    Suppress(Suppress),
    Lift(Lift),
    Import(Import),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    #[arg(value_name = "OPENID")]
    openid: String,
    #[arg(long)]
    appid: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Erase {
    #[command(flatten)]
    named: Named,
    #[arg(long)]
    yes: bool,
}

/// A person, as the running server knows them.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    named: Named,
    #[arg(long, value_parser = CATEGORIES)]
    category: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

const CATEGORIES: [&str; 3] = ["transactional", "service", "marketing"];
/// Of which category a suppression is lifted; `none`: one about all messages.
const LIFTED: [&str; 4] = ["transactional", "service", "marketing", "none"];

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    asked: Asked,
    #[arg(long)]
    scenario: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Suppress {
    #[command(flatten)]
    asked: Asked,
    #[arg(long)]
    reason: Option<String>,
    #[arg(long, value_name = "RFC3339")]
    until: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Lift {
    #[command(flatten)]
    named: Named,
    #[arg(long)]
    reason: Option<String>,
    #[arg(long, value_parser = LIFTED)]
    category: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[arg(value_name = "FILE")]
    file: String,
    #[arg(long)]
    appid: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

/// What is given, as `name=value` with `&` between.
fn query(given: &[(&str, Option<&str>)]) -> String {
    let given = given.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    given.map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// What is given, as a JSON object.
fn object(given: &[(&str, Option<&str>)]) -> Value {
    let given = given.iter().filter_map(|(name, value)| Some(((*name).to_owned(), json!((*value)?))));
    Value::Object(given.collect())
}

async fn ask(context: &Context, recipient: &Recipient) -> Result<Option<Value>> {
    const LIST: &str = "/api/v1/suppressions";
    let of = |openid: &str| format!("/api/v1/recipients/{}", escaped(openid));
    Ok(Some(match recipient {
        Recipient::Export(_) | Recipient::Erase(_) => return Ok(None),
        Recipient::Show(Asked { named, category, reach }) => {
            let asked = query(&[("appid", named.appid.as_deref()), ("category", category.as_deref())]);
            get(context, reach, &format!("{}?{asked}", of(&named.openid))).await?
        }
        Recipient::Check(check) => {
            let Asked { named, category, reach } = &check.asked;
            let (appid, scenario) = (named.appid.as_deref(), check.scenario.as_deref());
            let body = object(&[("appid", appid), ("category", category.as_deref()), ("scenario", scenario)]);
            let path = format!("{}/check", of(&named.openid));
            call(context, reach, (Method::POST, &path, JSON), body.to_string()).await?
        }
        Recipient::Suppress(Suppress { asked: Asked { named, category, reach }, reason, until }) => {
            let (appid, category) = (named.appid.as_deref(), category.as_deref());
            let given = [
                ("appid", appid),
                ("category", category),
                ("reason", reason.as_deref()),
                ("until", until.as_deref()),
            ];
            let mut body = object(&given);
            body["tousers"] = json!([named.openid]);
            call(context, reach, (Method::POST, LIST, JSON), body.to_string()).await?
        }
        Recipient::Lift(Lift { named, reason, category, reach }) => {
            let given = [
                ("appid", named.appid.as_deref()),
                ("touser", Some(&*named.openid)),
                ("reason", reason.as_deref()),
                ("category", category.as_deref()),
            ];
            let path = format!("{LIST}?{}", query(&given));
            call(context, reach, (Method::DELETE, &path, JSON), "").await?
        }
        Recipient::Import(Import { file: path, appid, reach }) => {
            let to = format!("{LIST}/import?{}", query(&[("appid", appid.as_deref())]));
            call(context, reach, (Method::POST, &to, form(path)), file(path)?).await?
        }
    }))
}

pub(crate) async fn run(context: &Context, recipient: Recipient) -> Result<Code> {
    if let Some(told) = ask(context, &recipient).await? {
        show(context, &told);
        return Ok(Code::Done);
    }
    let config = context.config()?;
    let store = local::open(context, &config).await?;
    match recipient {
        Recipient::Export(named) => {
            let client = Client::new(config.wechat.clone())?;
            let catalog = Catalog::from_store(&store, &client).await?;
            export(context, &store, &catalog, &named).await
        }
        Recipient::Erase(erase) => remove(context, &store, &erase).await,
        _ => Ok(Code::Done),
    }
}

fn openid(context: &Context, named: &Named) -> Result<Openid, Failure> {
    // Whatever was given is not repeated: it may be somebody's.
    Openid::new(&named.openid).map_err(|_| Failure::Usage(context.texts.get("say.bad_openid").to_owned()))
}

/// For people as for machines: it is read by whoever asked for it.
async fn export(context: &Context, store: &Store, catalog: &Catalog, named: &Named) -> Result<Code> {
    let openid = openid(context, named)?;
    let account = local::account(context, store, named.appid.as_deref()).await?;
    let account =
        catalog.by_id(account.id).ok_or_else(|| context.not_found("say.no_account", &account.appid))?;
    print::json(&everything(store, catalog, (account, &openid)).await?);
    Ok(Code::Done)
}

async fn everything(store: &Store, catalog: &Catalog, who: (&Arc<Account>, &Openid)) -> Result<Value> {
    let (account, openid) = who;
    let mut whole: Option<Value> = None;
    let mut cursor = None;
    loop {
        let held =
            store.export_recipient((account.id(), openid), cursor.as_deref(), PAGE, local::now()).await?;
        let mut page = exported((account, openid), &held, catalog);
        page.as_object_mut().map(|page| page.remove("next_cursor"));
        match &mut whole {
            None => whole = Some(page),
            Some(whole) => append(whole, page),
        }
        cursor = held.messages.next_cursor;
        if cursor.is_none() {
            return Ok(whole.unwrap_or_default());
        }
    }
}

fn append(whole: &mut Value, mut page: Value) {
    if let (Some(all), Some(more)) = (whole["messages"].as_array_mut(), page["messages"].as_array_mut()) {
        all.append(more);
    }
}

async fn remove(context: &Context, store: &Store, erase: &Erase) -> Result<Code> {
    let openid = openid(context, &erase.named)?;
    let account = local::account(context, store, erase.named.appid.as_deref()).await?;
    if !erase.yes {
        return Err(Failure::Usage(context.texts.get("say.erase_needs_yes").to_owned()).into());
    }
    let erased = store.erase_recipient(account.id, &openid, local::now()).await?;
    let (messages, cancelled) = (erased.messages, erased.cancelled.len());
    let (receipts, in_flight) = (erased.receipts, erased.in_flight);
    if context.is_for_machines() {
        let counts = json!({ "messages": messages, "cancelled": cancelled, "receipts": receipts, "in_flight": in_flight });
        print::json(&counts);
    }
    let counts: [(&str, &dyn std::fmt::Display); 3] =
        [("messages", &messages), ("cancelled", &cancelled), ("receipts", &receipts)];
    context.say("say.erased", &counts);
    context.say("say.erase_backups", &[]);
    if in_flight > 0 {
        context.say("say.erase_again", &[("in_flight", &in_flight)]);
    }
    Ok(Code::Done)
}
