//! WeChat's own count of what an account may still send today.

use axum::extract::State;
use hongyan_store::Action;
use hongyan_wechat::{Quota, SEND_PATH};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::access::auth::{MayAdmin, MayRead};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Nothing;
use crate::request::path::Named;

/// The quota of sending, as WeChat counts it.
#[derive(Serialize, ToSchema)]
#[schema(as = Quota)]
pub(crate) struct QuotaBody {
    /// Sends a day; new at midnight in Shanghai.
    daily_limit: u64,
    /// Used today; WeChat is off by about 1 %.
    used: u64,
    /// Left today.
    remain: u64,
    /// The limit on a short span, where WeChat tells one.
    rate_limit: Option<RateLimitBody>,
    /// What we count: sends WeChat accepted today.
    sent_today: u64,
}

/// So many calls in so many seconds.
#[derive(Serialize, ToSchema)]
#[schema(as = RateLimit)]
pub(crate) struct RateLimitBody {
    calls: u64,
    seconds: u64,
}

/// Asks WeChat for today's quota of sending, and for ours beside it.
#[utoipa::path(get, path = "/api/v1/accounts/{appid}/quota", tag = "accounts",
    responses((status = 200, description = "The quota", body = QuotaBody)))]
pub(crate) async fn show_quota(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(appid): Named<String>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let token = app.engine().token(&account).await?;
    let quota = account.client.quota(token.value.expose(), SEND_PATH).await?;
    let sent = app.store().sends_today(app.now().day()).await?;
    answer::ok(&body(quota, sent.get(&account.id()).copied().unwrap_or(0)))
}

/// Sets WeChat's counts of the account back to none. WeChat allows it 10 times a month.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/quota/clear", tag = "accounts",
    responses((status = 204, description = "The counts begin anew")))]
pub(crate) async fn clear_quota(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(appid): Named<String>,
    _: Nothing,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let token = app.engine().token(&account).await?;
    account.client.clear_quota(token.value.expose(), account.appid().as_str()).await?;
    app.engine().read_quota(&account).await;
    app.note(&caller, (Action::QuotaClear, &account), json!({})).await?;
    answer::done()
}

fn body(quota: Quota, sent_today: u64) -> QuotaBody {
    let Quota { daily_limit, used, remain, rate_limit, .. } = quota;
    let rate_limit =
        rate_limit.map(|limit| RateLimitBody { calls: limit.call_count, seconds: limit.refresh_s });
    QuotaBody { daily_limit, used, remain, rate_limit, sent_today }
}
