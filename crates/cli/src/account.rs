//! `account`: the official accounts, kept in the store; a server that runs on it follows within a second.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use hongyan_domain::{AccountKind, Appid, Limits, Timestamp};
use hongyan_server::Right;
use hongyan_store::{Account as Record, AccountDraft, CallbackKeys, Paused, Secret, Store, TokenSource};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{config, local, print};

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    Add(Box<Add>),
    List,
    Show(Named),
    Pause(Pause),
    Resume(Named),
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[arg(long)]
    appid: String,
    #[arg(long, conflicts_with = "secret_file", required_unless_present = "secret_file")]
    secret: Option<String>,
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[arg(long)]
    name: Option<String>,
    #[arg(long, value_parser = ["service", "subscription", "test"], default_value = "service")]
    kind: String,
    #[arg(long)]
    unverified: bool,
    #[arg(long)]
    token: Option<String>,
    #[arg(long, requires = "token")]
    aes_key: Option<String>,
    #[arg(long, value_name = "http://[USER:PASSWORD@]HOST:PORT")]
    proxy: Option<String>,
    #[arg(long, value_name = "stable|classic|URL", default_value = "stable")]
    token_source: String,
    #[arg(long, value_name = "PER_SECOND")]
    base_rate: Option<u32>,
    #[arg(long, value_name = "PER_SECOND")]
    peak_rate: Option<u32>,
    #[arg(long, value_name = "COUNT")]
    daily: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    #[arg(long)]
    appid: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Pause {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long)]
    reason: Option<String>,
    #[arg(long, value_name = "DURATION")]
    lasts: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[arg(long)]
    appid: String,
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, account: Account) -> Result<Code> {
    let store = local::open(context, &context.config()?).await?;
    match account {
        Account::Add(add) => put(context, &store, *add).await,
        Account::List => list(context, &store).await,
        Account::Show(named) => show(context, &store, &named).await,
        Account::Pause(pause) => stop(context, &store, pause).await,
        Account::Resume(named) => go_on(context, &store, &named).await,
        Account::Remove(remove) => delete(context, &store, &remove).await,
    }
}

async fn put(context: &Context, store: &Store, add: Add) -> Result<Code> {
    let draft = draft(context, store, add).await?;
    let kept = store.put_account(draft, local::now()).await?;
    if context.is_for_machines() {
        print::json(&shown(&kept));
    }
    context.say("say.account_kept", &[("appid", &kept.appid)]);
    warn_of_right(context, &kept);
    Ok(Code::Done)
}

/// Says what keeps the account from template messages, where that is known.
fn warn_of_right(context: &Context, account: &Record) {
    let Right { found, mend, .. } = Right::of(account.kind, account.verified);
    if let Some(mend) = mend {
        let (found, mend) =
            (context.texts.pick(&found.zh, &found.en), context.texts.pick(&mend.zh, &mend.en));
        context.say("say.no_right", &[("found", &found), ("mend", &mend)]);
    }
}

async fn draft(context: &Context, store: &Store, add: Add) -> Result<AccountDraft> {
    let wrong = |words: String| Failure::Usage(words);
    let appid = Appid::new(&add.appid)
        .map_err(|_| wrong(context.texts.fill("say.bad_appid", &[("appid", &add.appid)])))?;
    let before = store.account(&appid).await?;
    let kind = AccountKind::parse(&add.kind).unwrap_or(AccountKind::Service);
    let limits = limits(&add, kind);
    if let Some(key) = &add.aes_key {
        hongyan_wechat::callback::EncodingAesKey::parse(key)
            .map_err(|error| wrong(format!("--aes-key: {error}")))?;
    }
    let secret = match (add.secret, add.secret_file) {
        (Some(secret), _) => Secret::new(secret),
        (None, file) => secret_in(&file.unwrap_or_default())?,
    };
    let aes_key = add.aes_key.map(Secret::new);
    let callback = add.token.map(|token| {
        let before = before.as_ref().and_then(|before| before.callback.as_ref()?.aes_key.clone());
        // WeChat may go on using the key of before for a while.
        let previous_aes_key = before.filter(|before| Some(before) != aes_key.as_ref());
        CallbackKeys { token: Secret::new(token), aes_key, previous_aes_key }
    });
    Ok(AccountDraft {
        name: add.name.unwrap_or_else(|| add.appid.clone()),
        appid,
        kind,
        verified: !add.unverified,
        secret,
        callback,
        limits,
        proxy: add.proxy.map(Secret::new),
        token_source: token_source(context, &add.token_source)?,
        paused: before.and_then(|before| before.paused),
    })
}

fn limits(add: &Add, kind: AccountKind) -> Option<Limits> {
    // Where nothing is given the kind's limits hold, and follow when the house changes them.
    add.base_rate.or(add.peak_rate).or(add.daily)?;
    let usual = kind.limits();
    let base_per_s = add
        .base_rate
        .unwrap_or_else(|| add.peak_rate.map_or(usual.base_per_s, |peak| peak.min(usual.base_per_s)));
    let peak_per_s =
        add.peak_rate.unwrap_or_else(|| add.base_rate.unwrap_or(usual.peak_per_s).max(base_per_s));
    Some(Limits { base_per_s, peak_per_s, daily: add.daily.unwrap_or(usual.daily) })
}

fn secret_in(file: &std::path::Path) -> Result<Secret> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(Secret::new(text.trim()))
}

fn token_source(context: &Context, word: &str) -> Result<TokenSource, Failure> {
    match word {
        "stable" => Ok(TokenSource::Stable),
        "classic" => Ok(TokenSource::Classic),
        url if url.starts_with("http://") || url.starts_with("https://") => {
            Ok(TokenSource::Outside(url.to_owned()))
        }
        _ => Err(Failure::Usage(context.texts.get("say.bad_token_source").to_owned())),
    }
}

/// An account as it may be seen: of its secrets only whether they are set.
fn shown(account: &Record) -> serde_json::Value {
    let set = |is_set: bool| is_set.then_some("set");
    let limits = account.effective_limits();
    let keys = account.callback.as_ref();
    json!({
        "appid": account.appid.as_str(),
        "name": account.name,
        "kind": account.kind.as_str(),
        "verified": account.verified,
        "template_messages": account.kind.template_right(account.verified),
        "secret": "set",
        "token": set(keys.is_some()),
        "aes_key": set(keys.is_some_and(|keys| keys.aes_key.is_some())),
        "proxy": set(account.proxy.is_some()),
        "token_source": source_word(&account.token_source),
        "limits": limits,
        "paused": account.paused.as_ref().map(|paused| json!({ "reason": paused.reason, "until": paused.until })),
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    })
}

fn source_word(source: &TokenSource) -> &str {
    match source {
        TokenSource::Stable => "stable",
        TokenSource::Classic => "classic",
        TokenSource::Outside(url) => url,
    }
}

async fn list(context: &Context, store: &Store) -> Result<Code> {
    let accounts = store.accounts().await?;
    if context.is_for_machines() {
        print::json(&json!({ "accounts": accounts.iter().map(shown).collect::<Vec<_>>() }));
        return Ok(Code::Done);
    }
    let row = |account: &Record| {
        let limits = account.effective_limits();
        let rate = if limits.base_per_s == 0 {
            context.texts.get("say.no_limit").to_owned()
        } else {
            format!("{}–{}/s", limits.base_per_s, limits.peak_per_s)
        };
        let state = if account.paused.is_some() { "say.paused" } else { "say.sending" };
        let (appid, kind) = (account.appid.to_string(), account.kind.as_str().to_owned());
        vec![
            appid,
            account.name.clone(),
            kind,
            rate,
            limits.daily.to_string(),
            context.texts.get(state).to_owned(),
        ]
    };
    context.table(&["appid", "name", "kind", "rate", "daily", "state"], accounts.iter().map(row).collect());
    if accounts.is_empty() {
        context.say("say.no_account_yet", &[]);
    }
    Ok(Code::Done)
}

async fn show(context: &Context, store: &Store, named: &Named) -> Result<Code> {
    let record = local::account(context, store, named.appid.as_deref()).await?;
    let account = shown(&record);
    if context.is_for_machines() {
        print::json(&account);
        return Ok(Code::Done);
    }
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows = account.as_object().into_iter().flatten().map(|(key, value)| vec![key.clone(), text(value)]);
    context.table(&["key", "value"], rows.collect());
    warn_of_right(context, &record);
    Ok(Code::Done)
}

async fn stop(context: &Context, store: &Store, pause: Pause) -> Result<Code> {
    let until = match &pause.lasts {
        None => None,
        Some(lasts) => {
            let wrong = || Failure::Usage(context.texts.fill("say.bad_duration", &[("option", &"--lasts")]));
            Some(local::now().plus(config::parse_duration(lasts).ok_or_else(wrong)?))
        }
    };
    let reason = pause.reason.unwrap_or_else(|| "operator".to_owned());
    set_paused(context, store, pause.appid.as_deref(), Some(Paused { until, reason })).await
}

async fn go_on(context: &Context, store: &Store, named: &Named) -> Result<Code> {
    set_paused(context, store, named.appid.as_deref(), None).await
}

async fn set_paused(
    context: &Context,
    store: &Store,
    appid: Option<&str>,
    paused: Option<Paused>,
) -> Result<Code> {
    let account = local::account(context, store, appid).await?;
    let word = if paused.is_some() { "say.account_paused" } else { "say.account_resumed" };
    let until = paused
        .as_ref()
        .and_then(|paused| paused.until)
        .map_or_else(|| "–".to_owned(), |at: Timestamp| at.to_string());
    let kept = store.put_account(AccountDraft { paused, ..account.draft() }, local::now()).await?;
    if context.is_for_machines() {
        print::json(&shown(&kept));
    }
    context.say(word, &[("appid", &kept.appid), ("until", &until)]);
    Ok(Code::Done)
}

async fn delete(context: &Context, store: &Store, remove: &Remove) -> Result<Code> {
    // By its number alone: one whose row is damaged has to go as well.
    let id = match Appid::new(&remove.appid) {
        Ok(appid) => store.account_id(&appid).await?,
        Err(_) => None,
    };
    let id = id.ok_or_else(|| context.not_found("say.no_account", &remove.appid))?;
    if !remove.yes {
        let sure = context.texts.fill("say.remove_needs_yes", &[("appid", &remove.appid)]);
        return Err(Failure::Usage(sure).into());
    }
    store.delete_account(id, local::now()).await?;
    if context.is_for_machines() {
        print::json(&json!({ "appid": remove.appid, "removed": true }));
    }
    context.say("say.account_removed", &[("appid", &remove.appid)]);
    Ok(Code::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(words: &str) -> Add {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            add: Add,
        }
        let words = ["x", "--appid", "wx1", "--secret", "s"].into_iter().chain(words.split_whitespace());
        Line::try_parse_from(words).unwrap().add
    }

    #[test]
    fn a_limit_that_is_not_given_is_the_kinds_and_such_a_peak_is_never_below_the_base() {
        let limits =
            |words| limits(&add(words), AccountKind::Service).map(|l| (l.base_per_s, l.peak_per_s, l.daily));

        assert_eq!(limits(""), None);
        assert_eq!(limits("--base-rate 300"), Some((300, 300, 1_000_000)));
        assert_eq!(limits("--peak-rate 20"), Some((20, 20, 1_000_000)));
        assert_eq!(limits("--base-rate 20 --peak-rate 30 --daily 5"), Some((20, 30, 5)));
        assert_eq!(limits("--daily 5"), Some((50, 100, 5)));
    }
}
