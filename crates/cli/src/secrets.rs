//! `secrets`: the keys that everything in the database is encrypted with, made new while it is in use.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_store::{MasterKey, SealStatus, Store};
use serde_json::json;

use crate::config::Config;
use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{local, print};

#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    Rotate(Rotate),
    Rewrap(Rewrap),
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[arg(long)]
    appid: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rewrap {
    #[arg(value_name = "NEW-FILE")]
    new_file: PathBuf,
}

pub(crate) async fn run(context: &Context, secrets: Secrets) -> Result<Code> {
    let config = context.config()?;
    let store = local::open(context, &config).await?;
    match secrets {
        Secrets::Rotate(rotate) => renew(context, &store, &rotate).await,
        Secrets::Rewrap(rewrap) => wrap(context, &config, &store, &rewrap.new_file).await,
        Secrets::Status => status(context, &store).await,
    }
}

async fn renew(context: &Context, store: &Store, rotate: &Rotate) -> Result<Code> {
    let accounts = match &rotate.appid {
        Some(appid) => vec![local::account(context, store, Some(appid)).await?],
        None => store.accounts().await?,
    };
    let mut rotated = Vec::with_capacity(accounts.len());
    for account in accounts {
        let version = store.rotate_data_key(account.id, local::now()).await?;
        context.say("say.rotated", &[("appid", &account.appid), ("version", &version)]);
        rotated.push(json!({ "appid": account.appid.as_str(), "version": version }));
    }
    if context.is_for_machines() {
        print::json(&json!({ "rotated": rotated }));
    }
    context.say("say.rotated_all", &[]);
    Ok(Code::Done)
}

/// The file first: a database that is wrapped by a key nobody has would be lost.
async fn wrap(context: &Context, config: &Config, store: &Store, file: &Path) -> Result<Code> {
    let new = MasterKey::read_or_create(file, &mut local::chance())?;
    let file = file.display();
    if new.to_text() == local::master_key(context, config, None)?.to_text() {
        return Err(Failure::Usage(context.texts.fill("say.same_master_key", &[("file", &file)])).into());
    }
    store.rewrap(&new, local::now()).await?;
    if context.is_for_machines() {
        print::json(&json!({ "master_key_file": file.to_string() }));
    }
    context.say("say.rewrapped", &[("file", &file)]);
    Ok(Code::Done)
}

async fn status(context: &Context, store: &Store) -> Result<Code> {
    let (keys, accounts) = (store.seal_status().await?, store.accounts().await?);
    let appid = |status: &SealStatus| {
        let account = accounts.iter().find(|account| account.id == status.account);
        account.map_or_else(String::new, |account| account.appid.to_string())
    };
    if context.is_for_machines() {
        let shown = |status: &SealStatus| {
            json!({ "appid": appid(status), "version": status.version, "older": status.older,
                "resealed": status.resealed })
        };
        print::json(&json!({ "accounts": keys.iter().map(shown).collect::<Vec<_>>() }));
        return Ok(Code::Done);
    }
    let row = |status: &SealStatus| {
        let older = status.older.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let resealed = match status.resealed {
            Some(share) => format!("{:.0} %", 100.0 * share),
            None => context.texts.get("say.all_resealed").to_owned(),
        };
        vec![appid(status), status.version.to_string(), older, resealed]
    };
    context.table(&["appid", "version", "older", "resealed"], keys.iter().map(row).collect());
    Ok(Code::Done)
}
