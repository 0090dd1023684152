//! Who stands still and why: said in the log when it begins and when it is over, with what mends it. Nobody has to
//! ask the API to learn that nothing is sent.

use std::collections::HashMap;
use std::time::Duration;

use hongyan_domain::{AccountId, Cause, Timestamp};
use hongyan_wechat::{callers_ip, errcode};
use parking_lot::Mutex;

use crate::Shared;
use crate::account::catalog::Account;
use crate::path::traffic::Pause;

/// A stand-still is over when nothing held the account up for so long: between the end of one pause and WeChat's answer
/// to the one message that looks whether it is back, there is a moment without.
const OVER_AFTER: Duration = Duration::from_secs(10);

/// What the log was told, by account.
#[derive(Default)]
pub(crate) struct Told(Mutex<HashMap<AccountId, Standstill>>);

struct Standstill {
    /// `ordered`, or a cause's word.
    cause: &'static str,
    seen_at: Timestamp,
}

/// The error code from which a cause that holds up a whole account comes: its advice mends it.
pub fn errcode_behind(cause: Cause) -> Option<i64> {
    match cause {
        Cause::IpNotAllowed => Some(40164),
        Cause::DailyQuota => Some(45009),
        Cause::RateLimited => Some(45011),
        Cause::Token => Some(40001),
        Cause::AccountRefused => Some(48001),
        Cause::Busy => Some(-1),
        _ => None,
    }
}

/// Compares how every account stands with what was said of it last.
pub(crate) fn look(shared: &Shared, now: Timestamp) {
    let (catalog, status) = (shared.catalog.load(), shared.status.lock().clone());
    let mut told = shared.standstills.0.lock();
    told.retain(|account, _| catalog.by_id(*account).is_some());
    for account in catalog.accounts() {
        let pause =
            status.get(&account.id()).and_then(|status| status.pause).filter(|pause| now < pause.until);
        let cause =
            if account.is_paused(now) { Some("ordered") } else { pause.map(|pause| pause.cause.as_str()) };
        let known = told.get(&account.id());
        match (cause, known) {
            (Some(cause), Some(known)) if known.cause == cause => {}
            (Some(_), _) => say_still(account, pause, now),
            (None, Some(known)) if now.since(known.seen_at) >= OVER_AFTER => {
                tracing::warn!(appid = %account.appid(), was = known.cause, "the account sends again");
                told.remove(&account.id());
            }
            (None, _) => {}
        }
        if let Some(cause) = cause {
            told.insert(account.id(), Standstill { cause, seen_at: now });
        }
    }
}

fn say_still(account: &Account, pause: Option<Pause>, now: Timestamp) {
    let appid = account.appid();
    if let Some(ordered) = account.record.paused.as_ref().filter(|_| account.is_paused(now)) {
        let until = ordered.until.map_or_else(|| "it is resumed".to_owned(), |until| until.to_string());
        let mend = format!("hongyan account resume --appid {appid}");
        tracing::warn!(%appid, cause = "ordered", reason = ordered.reason, until, mend, "the account stands still");
        return;
    }
    let Some(Pause { until, cause }) = pause else { return };
    let trouble = account.token.trouble().filter(|trouble| trouble.cause == cause);
    let address = trouble.as_ref().and_then(|trouble| callers_ip(&trouble.detail)).unwrap_or_default();
    let mend = match cause {
        Cause::IpNotAllowed => "add the address to 基本配置 → IP白名单 in WeChat's console",
        cause => errcode_behind(cause).and_then(errcode::lookup).map_or("", |row| row.advice_en),
    };
    tracing::warn!(%appid, cause = cause.as_str(), %until, address, mend, "the account stands still");
}
