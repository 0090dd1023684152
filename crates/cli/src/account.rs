//! `account`: the official accounts, kept in the store; a server that runs on it follows within a second.

mod put;

use std::collections::BTreeMap;

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_domain::Appid;
use hongyan_server::Right;
use hongyan_store::{Account as Record, AccountDraft, Paused, Store, TokenSource};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{config, door, local, message, print};

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    Add(Box<put::Add>),
    List,
    Show(Named),
    Pause(Pause),
    Resume(Named),
    Remove(Remove),
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
        Account::Add(add) => put::run(context, &store, *add).await,
        Account::List => list(context, &store).await,
        Account::Show(named) => show(context, &store, &named).await,
        Account::Pause(pause) => stop(context, &store, pause).await,
        Account::Resume(named) => go_on(context, &store, &named).await,
        Account::Remove(remove) => delete(context, &store, &remove).await,
    }
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
        "paused": standing_order(account).map(|paused| json!({ "reason": paused.reason, "until": paused.until })),
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    })
}

/// Of a token centre outside only that there is one: its URL may hold a secret.
fn source_word(source: &TokenSource) -> &'static str {
    match source {
        TokenSource::Stable => "stable",
        TokenSource::Classic => "classic",
        TokenSource::Outside(_) => "outside",
    }
}

async fn list(context: &Context, store: &Store) -> Result<Code> {
    let accounts = store.accounts().await?;
    let live = live(context).await?;
    let asked = |account: &Record| live.get(account.appid.as_str());
    if context.is_for_machines() {
        let accounts: Vec<_> = accounts.iter().map(|account| with_live(account, asked(account))).collect();
        print::json(&json!({ "accounts": accounts }));
        return Ok(Code::Done);
    }
    let rows = accounts.iter().map(|account| row(context, account, asked(account)));
    let columns = ["appid", "name", "kind", "rate", "daily", "state"];
    context.table_or("say.no_account_yet", &columns, rows.collect());
    if !accounts.is_empty() && live.is_empty() {
        context.say("say.state_as_stored", &[]);
    }
    Ok(Code::Done)
}

fn row(context: &Context, account: &Record, live: Option<&Value>) -> Vec<String> {
    let limits = account.effective_limits();
    let rate = if limits.base_per_s == 0 {
        context.texts.get("say.no_limit").to_owned()
    } else {
        format!("{}–{}/s", limits.base_per_s, limits.peak_per_s)
    };
    vec![
        account.appid.to_string(),
        account.name.clone(),
        account.kind.as_str().to_owned(),
        rate,
        limits.daily.to_string(),
        state(context, account, live),
    ]
}

/// How it stands: a person's order is in the store before the running server has read it; the rest that server knows.
fn state(context: &Context, account: &Record, live: Option<&Value>) -> String {
    if let Some(paused) = standing_order(account) {
        return ordered(context, &paused.reason, paused.until.map(|until| until.to_string()));
    }
    let Some(live) = live else { return context.texts.get("say.not_paused").to_owned() };
    let pause = Some(&live["pause"]).filter(|pause| pause["cause"] != "ordered");
    let still = pause.and_then(|pause| why_still(context, pause));
    still.unwrap_or_else(|| context.texts.get("say.sending").to_owned())
}

/// A person's order that is not over.
fn standing_order(account: &Record) -> Option<&Paused> {
    account.paused.as_ref().filter(|paused| paused.until.is_none_or(|until| local::now() < until))
}

fn ordered(context: &Context, reason: &str, until: Option<String>) -> String {
    match until {
        Some(until) => context.texts.fill("say.paused_until", &[("reason", &reason), ("until", &until)]),
        None => context.texts.fill("say.paused", &[("reason", &reason)]),
    }
}

/// What holds an account up, out of `live.pause` of the API; `None`: nothing.
pub(crate) fn why_still(context: &Context, pause: &Value) -> Option<String> {
    let told = |name: &str| pause[name].as_str().map(str::to_owned);
    let cause = told("cause")?;
    if cause == "ordered" {
        return Some(ordered(context, &told("reason").unwrap_or_default(), told("until")));
    }
    let cause = message::worded(context, "cause", &pause["cause"]);
    let still = context.texts.fill("say.stands_still", &[("cause", &cause)]);
    Some(match told("ip") {
        Some(ip) => format!("{still} ({ip})"),
        None => still,
    })
}

/// `live` of every account as the running server says; empty where none can be asked.
async fn live(context: &Context) -> Result<BTreeMap<String, Value>> {
    let mut live = BTreeMap::new();
    let Some(door) = door::of_environment(context, &context.config()?) else { return Ok(live) };
    let mut path = "/api/v1/accounts?limit=500".to_owned();
    while let Some(page) = door.find(&path).await {
        let accounts = page["accounts"].as_array().into_iter().flatten();
        let pair = |account: &Value| Some((account["appid"].as_str()?.to_owned(), account["live"].clone()));
        live.extend(accounts.filter_map(pair));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/accounts?limit=500&cursor={}", message::escaped(cursor)),
            None => break,
        }
    }
    Ok(live)
}

fn with_live(account: &Record, live: Option<&Value>) -> Value {
    let mut shown = shown(account);
    if let Some(live) = live {
        shown["live"] = live.clone();
    }
    shown
}

async fn show(context: &Context, store: &Store, named: &Named) -> Result<Code> {
    let account = local::account(context, store, named.appid.as_deref()).await?;
    let live = live(context).await?.remove(account.appid.as_str());
    if context.is_for_machines() {
        print::json(&with_live(&account, live.as_ref()));
        return Ok(Code::Done);
    }
    let state = vec![context.texts.get("column.state").to_owned(), state(context, &account, live.as_ref())];
    let told = shown(&account);
    let told = told.as_object().into_iter().flatten().filter(|(key, _)| *key != "paused");
    let rows = told.map(|(key, value)| setting(context, key, value));
    context.table(&["key", "value"], rows.chain([state]).collect());
    if live.is_none() {
        context.say("say.state_as_stored", &[]);
    }
    warn_of_right(context, &account);
    Ok(Code::Done)
}

/// A setting under its name, both in the reader's words.
fn setting(context: &Context, key: &str, value: &Value) -> Vec<String> {
    let name = context.texts.find(&format!("account.{key}")).unwrap_or(key).to_owned();
    let limit = |name: &str| message::text(&value[name]);
    let shown = match key {
        "limits" => {
            let limits = ["base_per_s", "peak_per_s", "daily"].map(limit);
            let [base, peak, daily] = &limits;
            context.texts.fill("account.limits_are", &[("base", base), ("peak", peak), ("daily", daily)])
        }
        _ => context.cell(key, &message::text(value)),
    };
    vec![name, shown]
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
    let account = local::account(context, store, pause.appid.as_deref()).await?;
    let paused = Some(Paused { until, reason });
    let kept = store.put_account(AccountDraft { paused, ..account.draft() }, local::now()).await?;
    if context.is_for_machines() {
        print::json(&shown(&kept));
    }
    match until {
        Some(until) => context.say("say.account_paused_until", &[("appid", &kept.appid), ("until", &until)]),
        None => context.say("say.account_paused", &[("appid", &kept.appid)]),
    }
    Ok(Code::Done)
}

/// Ends a person's order. What WeChat's answers caused ends in the running server only, by the API.
async fn go_on(context: &Context, store: &Store, named: &Named) -> Result<Code> {
    let account = local::account(context, store, named.appid.as_deref()).await?;
    let was_paused = standing_order(&account).is_some();
    let kept = store.put_account(AccountDraft { paused: None, ..account.draft() }, local::now()).await?;
    if context.is_for_machines() {
        print::json(&shown(&kept));
    }
    let word = if was_paused { "say.account_resumed" } else { "say.account_was_not_paused" };
    context.say(word, &[("appid", &kept.appid)]);
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
    use hongyan_domain::{AccountId, AccountKind, Timestamp};
    use hongyan_store::Secret;

    use super::*;
    use crate::environment::Environment;
    use crate::lang::{Lang, Texts};
    use crate::print::Output;

    fn speaking(lang: Lang) -> Context {
        let (environment, texts) = (Environment::default(), Texts::new(lang));
        Context { environment, texts, output: Output::People, config_file: None }
    }

    fn account(paused: Option<Paused>) -> Record {
        Record {
            id: AccountId(1),
            appid: Appid::new("wx1").unwrap(),
            name: "service".to_owned(),
            kind: AccountKind::Service,
            verified: true,
            secret: Secret::new("s"),
            callback: None,
            limits: None,
            proxy: None,
            token_source: TokenSource::Stable,
            paused,
            created_at: Timestamp::from_ms(0),
            updated_at: Timestamp::from_ms(0),
        }
    }

    #[test]
    fn an_order_is_told_before_the_running_server_has_read_it() {
        let context = speaking(Lang::En);
        let order = Paused { until: None, reason: "the till is broken".to_owned() };
        let (goes, ordered) =
            (json!({ "pause": null }), json!({ "pause": { "cause": "ordered", "reason": "x" } }));
        let waits = json!({ "pause": { "cause": "daily_quota" } });

        let paused = state(&context, &account(Some(order)), Some(&goes));
        let resumed = state(&context, &account(None), Some(&ordered));
        let by_wechat = state(&context, &account(None), Some(&waits));

        assert!(paused.contains("the till is broken"), "{paused}");
        assert_eq!(resumed, context.texts.get("say.sending"));
        assert!(by_wechat.contains("quota"), "{by_wechat}");
    }

    #[test]
    fn of_a_token_centre_outside_only_that_there_is_one_is_told() {
        let url = "https://centre.example.com/token?secret=hidden".to_owned();
        let outside = Record { token_source: TokenSource::Outside(url), ..account(None) };

        let told = shown(&outside);
        let [_, words] = &setting(&speaking(Lang::Zh), "token_source", &told["token_source"])[..] else {
            panic!()
        };

        assert_eq!(told["token_source"], "outside");
        assert!(!words.contains("centre") && !words.is_ascii(), "{words}");
        assert!(!told.to_string().contains("hidden"), "{told}");
    }

    #[test]
    fn the_settings_of_an_account_are_told_in_chinese() {
        let context = speaking(Lang::Zh);

        let told = shown(&account(None));
        for (key, value) in told.as_object().unwrap().iter().filter(|(key, _)| *key != "paused") {
            let [name, told] = &setting(&context, key, value)[..] else { panic!("{key}") };
            assert!(key == "appid" || *name != *key, "{key}");
            let is_plain =
                value.is_null() || ["appid", "name", "created_at", "updated_at"].contains(&key.as_str());
            assert!(is_plain || !told.is_ascii(), "{key}: {told}");
        }
    }
}
