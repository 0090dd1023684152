//! `recipient`: what is held of one person, given out or removed.

use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_domain::Openid;
use hongyan_engine::{Account, Catalog};
use hongyan_server::personal::exported;
use hongyan_store::Store;
use hongyan_wechat::Client;
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{local, print};

/// Messages read at once.
const PAGE: usize = 500;

#[derive(Debug, Subcommand)]
pub(crate) enum Recipient {
    Export(Named),
    Erase(Erase),
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

pub(crate) async fn run(context: &Context, recipient: Recipient) -> Result<Code> {
    let config = context.config()?;
    let store = local::open(context, &config).await?;
    match recipient {
        Recipient::Export(named) => {
            let client = Client::new(config.wechat.clone())?;
            let catalog = Catalog::from_store(&store, &client).await?;
            export(context, &store, &catalog, &named).await
        }
        Recipient::Erase(erase) => remove(context, &store, &erase).await,
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
