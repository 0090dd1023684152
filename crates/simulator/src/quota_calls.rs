//! openapi/*: quotas read and set back, and what a rid stands for.

use serde::Deserialize;
use serde_json::Value;

use crate::errcode::Refusal;
use crate::quota::Api;
use crate::rids::is_rid;
use crate::template_calls::read;
use crate::token_calls::TokenAsk;
use crate::wire::{Call, Reply};

#[derive(Deserialize)]
struct PathBody {
    cgi_path: String,
}

fn asked_api(call: &Call<'_>) -> Result<Api, Refusal> {
    let body: PathBody = read(call)?;
    Api::from_path(&body.cgi_path).ok_or(Refusal::of(76021))
}

pub(crate) fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let api = asked_api(call)?;
    let limits = call.limits(api);
    let used_up = api == Api::Send && call.faults.iter().any(|faults| faults.quota_used_up);
    let used = call.account.meters.lock().used_today(api, call.now_ms);
    let used = if used_up { limits.daily } else { used };
    let told = call.faults.iter().find_map(|faults| faults.quota_told);
    let daily = told.map_or_else(|| limits.daily.to_string(), |told| told.to_string());
    let remain = limits.daily.saturating_sub(used);
    let minute = limits.minute.min(4_200_000);
    Ok(Reply::text(format!(
        "{{\"errcode\":0,\"errmsg\":\"ok\",\
         \"quota\":{{\"daily_limit\":{daily},\"used\":{used},\"remain\":{remain}}},\
         \"rate_limit\":{{\"call_count\":{minute},\"refresh_second\":60}},\
         \"component_rate_limit\":{{\"call_count\":1050000,\"refresh_second\":60}}}}"
    )))
}

pub(crate) fn clear_one(call: &Call<'_>) -> Result<Reply, Refusal> {
    let api = asked_api(call)?;
    call.account.meters.lock().clear_one(api, call.now_ms)?;
    Ok(Reply::ok())
}

#[derive(Deserialize)]
struct AppidBody {
    appid: String,
}

/// 40013 when the body's appid is not the token's.
pub(crate) fn clear_all(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body: AppidBody = read(call)?;
    if *body.appid != *call.account.appid {
        return Err(Refusal::of(40013));
    }
    call.account.meters.lock().clear_all(call.now_ms)?;
    Ok(Reply::ok())
}

pub(crate) fn clear_all_by_secret(call: &Call<'_>) -> Result<Reply, Refusal> {
    TokenAsk::read(call.api, call.request)?.check_secret(call)?;
    call.account.meters.lock().clear_all(call.now_ms)?;
    Ok(Reply::ok())
}

#[derive(Deserialize)]
struct RidBody {
    rid: String,
}

pub(crate) fn rid(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body: RidBody = read(call)?;
    if !is_rid(&body.rid) {
        return Err(Refusal::of(76002));
    }
    let traced = call.world.rids.find(&body.rid, &call.account.appid).ok_or(Refusal::of(76001))?;
    let text = |text: &str| Value::from(text);
    Ok(Reply::text(format!(
        "{{\"errcode\":0,\"errmsg\":\"ok\",\"request\":{{\"invoke_time\":{},\"cost_in_ms\":{},\
         \"request_url\":{},\"request_body\":{},\"response_body\":{},\"client_ip\":\"{}\"}}}}",
        traced.at_ms / 1000,
        traced.cost_ms,
        text(traced.path),
        text(&traced.request_body),
        text(&traced.response_body),
        traced.client,
    )))
}
