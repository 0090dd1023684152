//! `account add`: a new account, or one that is there with what was given changed and everything else as it was.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use hongyan_domain::{AccountKind, Appid, Limits};
use hongyan_store::{Account as Record, AccountDraft, CallbackKeys, Secret, Store, TokenSource};
use serde_json::json;

use super::{shown, warn_of_right};
use crate::context::Context;
use crate::exit::{Code, Failure, words_of};
use crate::{local, print};

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[arg(long)]
    appid: String,
    #[arg(long, conflicts_with = "secret_file")]
    secret: Option<String>,
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[arg(long)]
    name: Option<String>,
    #[arg(long, value_parser = ["service", "subscription", "test"])]
    kind: Option<String>,
    #[arg(long, conflicts_with = "unverified")]
    verified: bool,
    #[arg(long)]
    unverified: bool,
    #[arg(long)]
    token: Option<String>,
    #[arg(long)]
    aes_key: Option<String>,
    #[arg(long, value_name = "http://[USER:PASSWORD@]HOST:PORT")]
    proxy: Option<String>,
    #[arg(long, value_name = "stable|classic|URL")]
    token_source: Option<String>,
    #[arg(long, value_name = "PER_SECOND")]
    base_rate: Option<u32>,
    #[arg(long, value_name = "PER_SECOND")]
    peak_rate: Option<u32>,
    #[arg(long, value_name = "COUNT")]
    daily: Option<u32>,
}

pub(super) async fn run(context: &Context, store: &Store, add: Add) -> Result<Code> {
    let appid = Appid::new(&add.appid)
        .map_err(|_| Failure::Usage(context.texts.fill("say.bad_appid", &[("appid", &add.appid)])))?;
    let before = store.account(&appid).await?.map(|known| known.draft());
    let draft = match &before {
        Some(before) => applied(context, add, before.clone())?,
        None => of_new(context, add, appid)?,
    };
    let changed = before.map(|before| changed(&before, &draft));
    let kept = store.put_account(draft, local::now()).await?;
    tell(context, &kept, changed);
    warn_of_right(context, &kept);
    Ok(Code::Done)
}

/// What was changed, for people and machines; `None`: the account is new.
fn tell(context: &Context, kept: &Record, changed: Option<Vec<&'static str>>) {
    if context.is_for_machines() {
        let mut account = shown(kept);
        account["changed"] = json!(changed);
        return print::json(&account);
    }
    match changed.map(|names| names.join(", ")) {
        None => context.say("say.account_kept", &[("appid", &kept.appid)]),
        Some(names) if names.is_empty() => context.say("say.account_same", &[("appid", &kept.appid)]),
        Some(names) => context.say("say.account_changed", &[("appid", &kept.appid), ("names", &names)]),
    }
}

fn of_new(context: &Context, add: Add, appid: Appid) -> Result<AccountDraft> {
    if add.secret.is_none() && add.secret_file.is_none() {
        return Err(Failure::Usage(context.texts.fill("say.secret_needed", &[("appid", &appid)])).into());
    }
    let blank = AccountDraft {
        name: appid.as_str().to_owned(),
        appid,
        kind: AccountKind::Service,
        verified: true,
        secret: Secret::new(""),
        callback: None,
        limits: None,
        proxy: None,
        token_source: TokenSource::Stable,
        paused: None,
    };
    applied(context, add, blank)
}

/// The draft with what was given in it. An empty token, key or proxy takes away what was there.
fn applied(context: &Context, add: Add, before: AccountDraft) -> Result<AccountDraft> {
    let kind = add.kind.as_deref().and_then(AccountKind::parse).unwrap_or(before.kind);
    let verified = (before.verified || add.verified) && !add.unverified;
    let limits = limits(&add, before.limits, kind);
    let callback = callback(context, add.token, add.aes_key, before.callback)?;
    let secret = match (add.secret, add.secret_file) {
        (Some(secret), _) => Secret::new(secret),
        (None, Some(file)) => secret_in(&file)?,
        (None, None) => before.secret,
    };
    let proxy = match add.proxy {
        Some(proxy) => Some(proxy).filter(|proxy| !proxy.is_empty()).map(Secret::new),
        None => before.proxy,
    };
    let token_source = match add.token_source {
        Some(word) => token_source(context, &word)?,
        None => before.token_source,
    };
    let name = add.name.unwrap_or(before.name);
    Ok(AccountDraft { name, kind, verified, secret, callback, limits, proxy, token_source, ..before })
}

fn callback(
    context: &Context,
    token: Option<String>,
    aes_key: Option<String>,
    before: Option<CallbackKeys>,
) -> Result<Option<CallbackKeys>, Failure> {
    if let Some(key) = aes_key.as_deref().filter(|key| !key.is_empty()) {
        hongyan_wechat::callback::EncodingAesKey::parse(key).map_err(|error| {
            Failure::Usage(format!("--aes-key: {}", words_of(&error, context.texts.lang.of_domain())))
        })?;
    }
    let token = match (token, &before) {
        (Some(token), _) if token.is_empty() => return Ok(None),
        (Some(token), _) => Secret::new(token),
        (None, Some(before)) => before.token.clone(),
        (None, None) if aes_key.is_some() => {
            return Err(Failure::Usage(context.texts.get("say.token_needed").to_owned()));
        }
        (None, None) => return Ok(None),
    };
    let (had, previous) = before.map_or((None, None), |keys| (keys.aes_key, keys.previous_aes_key));
    let aes_key = match aes_key {
        Some(key) => Some(key).filter(|key| !key.is_empty()).map(Secret::new),
        None => had.clone(),
    };
    // WeChat may go on using the key of before for a while.
    let previous_aes_key = if aes_key == had { previous } else { had };
    Ok(Some(CallbackKeys { token, aes_key, previous_aes_key }))
}

/// Where nothing is given and nothing was, the kind's limits hold, and follow when the house changes them.
fn limits(add: &Add, before: Option<Limits>, kind: AccountKind) -> Option<Limits> {
    if add.base_rate.or(add.peak_rate).or(add.daily).is_none() {
        return before;
    }
    let usual = before.unwrap_or_else(|| kind.limits());
    let base_per_s = add
        .base_rate
        .unwrap_or_else(|| add.peak_rate.map_or(usual.base_per_s, |peak| peak.min(usual.base_per_s)));
    let kept_peak =
        if before.is_some() { usual.peak_per_s } else { add.base_rate.unwrap_or(usual.peak_per_s) };
    let peak_per_s = add.peak_rate.unwrap_or_else(|| kept_peak.max(base_per_s));
    Some(Limits { base_per_s, peak_per_s, daily: add.daily.unwrap_or(usual.daily) })
}

fn secret_in(file: &Path) -> Result<Secret> {
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

/// The options that made a difference.
fn changed(before: &AccountDraft, after: &AccountDraft) -> Vec<&'static str> {
    let token = |draft: &AccountDraft| draft.callback.as_ref().map(|keys| keys.token.clone());
    let aes_key = |draft: &AccountDraft| draft.callback.as_ref().and_then(|keys| keys.aes_key.clone());
    let limits = |draft: &AccountDraft| draft.limits.unwrap_or_else(|| draft.kind.limits());
    let (was, is) = (limits(before), limits(after));
    let differs = [
        ("name", before.name != after.name),
        ("kind", before.kind != after.kind),
        ("verified", before.verified != after.verified),
        ("secret", before.secret != after.secret),
        ("token", token(before) != token(after)),
        ("aes-key", aes_key(before) != aes_key(after)),
        ("proxy", before.proxy != after.proxy),
        ("token-source", before.token_source != after.token_source),
        ("base-rate", was.base_per_s != is.base_per_s),
        ("peak-rate", was.peak_per_s != is.peak_per_s),
        ("daily", was.daily != is.daily),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::lang::{Lang, Texts};
    use crate::print::Output;

    fn add(words: &str) -> Add {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            add: Add,
        }
        let words = words.split_whitespace().map(|word| if word == "''" { "" } else { word });
        Line::try_parse_from(["x", "--appid", "wx1"].into_iter().chain(words)).unwrap().add
    }

    fn context() -> Context {
        let (environment, texts) = (Environment::default(), Texts::new(Lang::En));
        Context { environment, texts, output: Output::People, config_file: None }
    }

    fn first(words: &str) -> AccountDraft {
        of_new(&context(), add(words), Appid::new("wx1").unwrap()).unwrap()
    }

    fn key(letter: &str) -> String {
        letter.repeat(43)
    }

    #[test]
    fn a_limit_that_is_not_given_is_the_kinds_and_such_a_peak_is_never_below_the_base() {
        let limits = |words| {
            limits(&add(words), None, AccountKind::Service).map(|l| (l.base_per_s, l.peak_per_s, l.daily))
        };

        assert_eq!(limits(""), None);
        assert_eq!(limits("--base-rate 300"), Some((300, 300, 1_000_000)));
        assert_eq!(limits("--peak-rate 20"), Some((20, 20, 1_000_000)));
        assert_eq!(limits("--base-rate 20 --peak-rate 30 --daily 5"), Some((20, 30, 5)));
        assert_eq!(limits("--daily 5"), Some((50, 100, 5)));
    }

    #[test]
    fn an_account_that_is_there_keeps_what_is_not_given() {
        let words = format!(
            "--secret s --name Cafe --kind subscription --token abc --aes-key {} --proxy http://p:1 \
             --token-source classic --base-rate 3 --peak-rate 4 --daily 5",
            key("A")
        );
        let before = first(&words);

        let after = applied(&context(), add("--secret new"), before.clone()).unwrap();

        assert_eq!(changed(&before, &after), ["secret"]);
        assert_eq!((after.name.as_str(), after.kind), ("Cafe", AccountKind::Subscription));
        assert!(after.callback.is_some() && after.proxy.is_some());
        let renamed = applied(&context(), add("--name Tea --daily 6"), before.clone()).unwrap();
        assert_eq!(changed(&before, &renamed), ["name", "daily"]);
        assert_eq!(renamed.limits, Some(Limits { base_per_s: 3, peak_per_s: 4, daily: 6 }));
    }

    #[test]
    fn an_empty_token_key_or_proxy_takes_away_what_was_there() {
        let before = first(&format!("--secret s --token abc --aes-key {} --proxy http://p:1", key("A")));
        let after = |words| applied(&context(), add(words), before.clone()).unwrap();

        assert_eq!(after("--token ''").callback, None);
        assert_eq!(after("--proxy ''").proxy, None);
        let plain = after("--aes-key ''").callback.unwrap();
        assert_eq!((plain.aes_key, plain.previous_aes_key), (None, Some(Secret::new(key("A")))));
    }

    #[test]
    fn a_new_aes_key_keeps_token_and_the_key_before_it() {
        let before = first(&format!("--secret s --token abc --aes-key {}", key("A")));

        let after = applied(&context(), add(&format!("--aes-key {}", key("B"))), before).unwrap();

        let keys = after.callback.unwrap();
        assert_eq!((keys.token, keys.previous_aes_key), (Secret::new("abc"), Some(Secret::new(key("A")))));
    }

    #[test]
    fn only_a_new_account_needs_a_secret_and_a_key_needs_a_token() {
        let refused = |words| {
            let error = of_new(&context(), add(words), Appid::new("wx1").unwrap()).unwrap_err();
            crate::exit::code_of(&error)
        };

        assert_eq!(refused("--name Cafe"), Code::Usage);
        assert_eq!(refused(&format!("--secret s --aes-key {}", key("A"))), Code::Usage);
    }
}
