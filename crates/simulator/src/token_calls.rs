//! token and stable_token.

use std::borrow::Cow;

use serde::Deserialize;

use crate::errcode::Refusal;
use crate::exchange::Request;
use crate::quota::Api;
use crate::tokens::{Mint, Refresh, TokenKind};
use crate::wire::{Call, Reply};

/// What a caller of the token calls says of itself, and of clear_quota/v2, which needs no token either.
pub(crate) struct TokenAsk<'a> {
    grant_type: Option<Cow<'a, str>>,
    pub(crate) appid: Cow<'a, str>,
    secret: Option<Cow<'a, str>>,
    refresh: Refresh,
}

#[derive(Deserialize)]
struct StableBody {
    grant_type: Option<String>,
    appid: Option<String>,
    #[serde(alias = "appsecret")]
    secret: Option<String>,
    #[serde(default)]
    force_refresh: Option<bool>,
}

impl<'a> TokenAsk<'a> {
    /// # Errors
    /// 44002, 47001 for a body that is none; 41002 without an appid.
    pub(crate) fn read(api: Api, request: &Request<'a>) -> Result<TokenAsk<'a>, Refusal> {
        let in_body = api == Api::StableToken || api == Api::ClearQuotaV2 && request.param("appid").is_none();
        if in_body { TokenAsk::from_body(request) } else { TokenAsk::from_query(request) }
    }

    fn from_query(request: &Request<'a>) -> Result<TokenAsk<'a>, Refusal> {
        Ok(TokenAsk {
            grant_type: request.param("grant_type"),
            appid: request.param("appid").ok_or(Refusal::of(41002))?,
            secret: request.param("secret").or_else(|| request.param("appsecret")),
            refresh: Refresh::WhenDue,
        })
    }

    fn from_body(request: &Request<'a>) -> Result<TokenAsk<'a>, Refusal> {
        if request.body.is_empty() {
            return Err(Refusal::of(44002));
        }
        let body: StableBody = serde_json::from_slice(request.body).map_err(|_| Refusal::of(47001))?;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Cow::Owned);
        Ok(TokenAsk {
            grant_type: given(body.grant_type),
            appid: given(body.appid).ok_or(Refusal::of(41002))?,
            secret: given(body.secret),
            refresh: if body.force_refresh == Some(true) { Refresh::Forced } else { Refresh::WhenDue },
        })
    }

    /// # Errors
    /// 41004 without a secret, 40001 for the one before the last change, 40125 for any other.
    pub(crate) fn check_secret(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let secret = self.secret.as_deref().ok_or(Refusal::of(41004))?;
        if *secret == *call.profile.secret {
            return Ok(());
        }
        let is_former = call.profile.former_secret.as_deref() == Some(secret);
        Err(Refusal::of(if is_former { 40001 } else { 40125 }))
    }
}

/// `{"access_token":"…","expires_in":7200}`, without an errcode.
pub(crate) fn token(call: &Call<'_>) -> Result<Reply, Refusal> {
    let ask = TokenAsk::read(call.api, call.request)?;
    if ask.grant_type.as_deref() != Some("client_credential") {
        return Err(Refusal::of(40002));
    }
    ask.check_secret(call)?;
    let mint = Mint {
        account: call.account,
        chance: &call.world.chance,
        seconds: call.profile.token_seconds,
        now_ms: call.now_ms,
    };
    let kind = if call.api == Api::Token { TokenKind::Classic } else { TokenKind::Stable };
    let grant = call.world.tokens.grant(kind, &mint, ask.refresh)?;
    call.world.counters.token_fetches.add_one();
    let (token, seconds) = (grant.access_token, grant.expires_in);
    Ok(Reply::text(format!("{{\"access_token\":\"{token}\",\"expires_in\":{seconds}}}")))
}
