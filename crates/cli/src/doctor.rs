//! `doctor`: whether each account can send, check by check, with the mend of what fails.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use hongyan_engine::{Account, Catalog, EngineError, Held};
use hongyan_server::check::{self, Check, CheckStatus, Report, Subject, Traffic};
use hongyan_store::Store;
use hongyan_wechat::Client;

use crate::config::Config;
use crate::context::Context;
use crate::exit::Code;
use crate::line::Line;
use crate::{door, local, print};

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[arg(long)]
    appid: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &Doctor) -> Result<Code> {
    let config = context.config()?;
    let store = local::open(context, &config).await?;
    let client = Client::new(config.wechat.clone())?;
    let catalog = Catalog::from_store(&store, &client).await?;
    let accounts = chosen(context, &catalog, args)?;
    let mut reports = Vec::with_capacity(accounts.len());
    for account in accounts {
        reports.push(examine(context, &config, (&store, &client), account).await?);
    }
    if context.is_for_machines() {
        let ok = reports.iter().all(|report| report.ok);
        let ok = ok && catalog.held_since.is_none();
        print::json(&serde_json::json!({ "ok": ok, "held_since": catalog.held_since, "accounts": reports }));
    } else {
        if let Some(since) = catalog.held_since {
            context.say("say.held", &[("since", &since)]);
        }
        reports.iter().for_each(|report| show(context, report));
    }
    Ok(match (verdict(&reports), catalog.held_since) {
        (Code::Done, Some(_)) => Code::Failed,
        (verdict, _) => verdict,
    })
}

fn chosen<'a>(context: &Context, catalog: &'a Catalog, args: &Doctor) -> Result<Vec<&'a Arc<Account>>> {
    let mut accounts: Vec<_> = match &args.appid {
        Some(appid) => catalog.account(Some(appid)).into_iter().collect(),
        None => catalog.accounts().collect(),
    };
    accounts.sort_by_key(|account| account.id());
    match (&args.appid, accounts.is_empty()) {
        (Some(appid), true) => Err(context.not_found("say.no_account", appid).into()),
        (None, true) => Err(context.not_found("say.no_account_yet", &"").into()),
        _ => Ok(accounts),
    }
}

/// As the running server finds it, whose token, address and pauses count; where none can be asked, as found from here.
async fn examine(
    context: &Context,
    config: &Config,
    (store, client): (&Store, &Client),
    account: &Account,
) -> Result<Report> {
    if let Some(report) = asked(context, config, account).await {
        return Ok(report);
    }
    let now = local::now();
    let line = Line::of(store.clone(), account.record.clone(), client)?;
    let held = |token: hongyan_store::StoredToken| {
        Arc::new(Held { value: token.value, fetched_at: token.fetched_at, expires_at: token.expires_at })
    };
    let token = line.stored_token(now).await?.map(held).map_err(EngineError::WeChat);
    let waiting = check::waiting(store, account.id(), now).await?;
    let traffic = Traffic { pause: None, waiting };
    let public_url = config.http.public_url.as_deref();
    Ok(check::examine(&Subject { account, token: &token, traffic, public_url, now }).await)
}

async fn asked(context: &Context, config: &Config, account: &Account) -> Option<Report> {
    let mut connection = door::of_environment(context, config)?.connect().await.ok()?;
    let path = format!("/api/v1/accounts/{}/check", account.appid());
    let report = connection.post_bytes(&path, Bytes::new()).await.ok()?.json().ok()?;
    serde_json::from_value(report).ok()
}

fn show(context: &Context, report: &Report) {
    context.say("say.doctor_account", &[("appid", &report.appid)]);
    context.table(
        &["check", "state", "found", "mend"],
        report.checks.iter().map(|check| row(context, check)).collect(),
    );
}

fn row(context: &Context, check: &Check) -> Vec<String> {
    let word = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|word| word.as_str().map(str::to_owned))
    };
    let name = word(serde_json::to_value(check.name)).unwrap_or_default();
    let status = match check.status {
        CheckStatus::Ok => "say.check_ok",
        CheckStatus::Warning => "say.check_warning",
        CheckStatus::Failed => "say.check_failed",
        CheckStatus::Skipped => "say.check_skipped",
    };
    let (texts, found) = (&context.texts, &check.found);
    let name = texts.find(&format!("check.{name}")).unwrap_or(&name).to_owned();
    let mend = check.mend.as_ref().map(|mend| texts.pick(&mend.zh, &mend.en).to_owned());
    vec![
        name,
        texts.get(status).to_owned(),
        texts.pick(&found.zh, &found.en).to_owned(),
        mend.unwrap_or_default(),
    ]
}

/// What WeChat refuses is told apart from what could not be asked.
fn verdict(reports: &[Report]) -> Code {
    let failed: Vec<_> = reports
        .iter()
        .flat_map(|report| &report.checks)
        .filter(|check| check.status == CheckStatus::Failed)
        .collect();
    if failed.is_empty() {
        return Code::Done;
    }
    if failed.iter().any(|check| check.errcode.is_some()) { Code::Refused } else { Code::Failed }
}
