//! What a command does with the store on this machine: open it, find an account in it.

use std::path::Path;

use anyhow::Result;
use hongyan_domain::{Appid, Timestamp};
use hongyan_engine::Clock;
use hongyan_store::{Account, Actor, MasterKey, Store};
use rand::rngs::ThreadRng;

use crate::config::Config;
use crate::context::Context;
use crate::exit::Failure;

/// Longest name of a user that is written down.
const USER_MAX: usize = 64;

/// Where all chance of the commands comes from.
#[expect(clippy::disallowed_methods, reason = "the edge: from here the generator is passed on")]
pub(crate) fn chance() -> ThreadRng {
    rand::rng()
}

pub(crate) fn now() -> Timestamp {
    Clock::System.now()
}

/// The store of the settings; made, with its master key, when neither is there. What a command changes in it is the
/// command line's deed; a server that runs on it has its own name for what it does.
pub(crate) async fn open(context: &Context, config: &Config) -> Result<Store> {
    Ok(Store::open(settings(context, config, None)?, now()).await?.by(actor(context)))
}

/// How the store of the settings is opened. A master key is made where there is neither a database nor `backup`.
pub(crate) fn settings(
    context: &Context,
    config: &Config,
    backup: Option<&Path>,
) -> Result<hongyan_store::Settings> {
    Ok(hongyan_store::Settings {
        url: config.store.url.clone(),
        master_key: master_key(context, config, backup)?,
        cache_mib: config.store.cache_mib,
        readers: config.store.readers,
    })
}

/// Whose deeds a command's changes are.
pub(crate) fn actor(context: &Context) -> Actor {
    let user = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| context.environment.get(name));
    Actor::Cli { user: user.unwrap_or_default().chars().take(USER_MAX).collect() }
}

pub(crate) fn master_key(context: &Context, config: &Config, backup: Option<&Path>) -> Result<MasterKey> {
    if let Some(text) = &config.secrets.master_key {
        return Ok(MasterKey::from_text(text.expose())?);
    }
    let file = &config.secrets.master_key_file;
    if !file.exists() && (backup.is_some() || has_database(&config.store.url)) {
        // A key drawn now could open nothing, and would look as if it were the lost one.
        let shown = backup.map_or_else(|| config.store.url.clone(), |backup| backup.display().to_string());
        let values: [(&str, &dyn std::fmt::Display); 2] = [("file", &file.display()), ("url", &shown)];
        return Err(Failure::Store(context.texts.fill("say.master_key_missing", &values)).into());
    }
    Ok(MasterKey::read_or_create(file, &mut chance())?)
}

/// Whether a database stands where the settings say.
pub(crate) fn has_database(url: &str) -> bool {
    let path = url.strip_prefix("sqlite:").map(Path::new);
    path.and_then(|path| path.metadata().ok()).is_some_and(|found| found.len() > 0)
}

/// The account that `appid` names, or the only one there is.
pub(crate) async fn account(context: &Context, store: &Store, appid: Option<&str>) -> Result<Account> {
    let Some(appid) = appid else { return the_only_account(context, store).await };
    let found = match Appid::new(appid) {
        Ok(appid) => store.account(&appid).await?,
        Err(_) => None,
    };
    Ok(found.ok_or_else(|| context.not_found("say.no_account", &appid))?)
}

async fn the_only_account(context: &Context, store: &Store) -> Result<Account> {
    let mut accounts = store.accounts().await?;
    match accounts.pop() {
        Some(only) if accounts.is_empty() => Ok(only),
        None => Err(context.not_found("say.no_account_yet", &"").into()),
        Some(_) => Err(Failure::Usage(context.texts.get("say.account_needed").to_owned()).into()),
    }
}
