//! WeChat's callback: `GET|POST /callback/{appid}`. The signature comes first; `success` is said only when
//! what was told is on disk; everything else makes WeChat tell it again.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use hongyan_domain::Timestamp;
use hongyan_engine::{Account, EngineError};
use hongyan_store::CallbackKeys;
use hongyan_wechat::SecretString;
use hongyan_wechat::callback::{
    CallbackError, EncodingAesKey, Endpoint, KeyError, Keys, LONGEST_BODY, Mode, Query as Signed, UrlCheck,
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::{App, unknown_account};
use crate::request::body;
use crate::request::path::Named;
use crate::request::query::Asked;

/// A signed callback is taken for so long, either way, by our clock: WeChat's three tries take 15 s.
const REPLAY_WINDOW: Duration = Duration::from_secs(300);

/// The query WeChat sends.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Question {
    /// Over token, timestamp and nonce.
    #[serde(default)]
    signature: String,
    /// Unix seconds.
    #[serde(default)]
    timestamp: String,
    /// A random number.
    #[serde(default)]
    nonce: String,
    /// To be echoed, in the check of the URL.
    #[serde(default)]
    echostr: String,
    /// Over the encrypted body as well.
    msg_signature: Option<String>,
}

/// Answers WeChat's check of the URL: the echostr, once its signature holds.
#[utoipa::path(get, path = "/callback/{appid}", tag = "callback", params(Question),
    responses((status = 200, description = "The echostr", body = String, content_type = "text/plain")))]
pub(crate) async fn check_url(
    State(app): State<App>,
    Named(appid): Named<String>,
    Asked(asked): Asked<Question>,
) -> Answer {
    let endpoint = endpoint(&*account(&app, &appid)?)?;
    let Question { signature, timestamp, nonce, echostr, .. } = &asked;
    let echo = endpoint.check_url(&UrlCheck { signature, timestamp, nonce, echostr })?;
    Ok(plain(echo.to_owned()))
}

/// Takes in one event of WeChat's. Answers `success` when it is on disk.
#[utoipa::path(post, path = "/callback/{appid}", tag = "callback", params(Question),
    request_body(content = String, content_type = "text/xml"),
    responses((status = 200, description = "success", body = String, content_type = "text/plain")))]
pub(crate) async fn receive(
    State(app): State<App>,
    Named(appid): Named<String>,
    Asked(asked): Asked<Question>,
    request: Request,
) -> Answer {
    let account = account(&app, &appid)?;
    let endpoint = endpoint(&account)?;
    let (body, _room) = body::take(request, &app, LONGEST_BODY).await?;
    let query = Signed {
        signature: &asked.signature,
        timestamp: &asked.timestamp,
        nonce: &asked.nonce,
        msg_signature: asked.msg_signature.as_deref(),
    };
    let push = endpoint.open(&query, &body)?;
    check_age(query.signed_at_s(), app.now())?;
    match app.engine().receive(&account, &push).await {
        // Told again, what names nobody would be no better: WeChat is answered, and it is not kept.
        Ok(()) | Err(EngineError::BadCallback) => Ok(plain("success")),
        Err(error) => Err(error.into()),
    }
}

fn account(app: &App, appid: &str) -> Result<std::sync::Arc<Account>, Problem> {
    app.engine().catalog().account(Some(appid)).cloned().ok_or_else(unknown_account)
}

/// An account without callback keys has no callback.
fn endpoint(account: &Account) -> Result<Endpoint, Problem> {
    let Some(keys) = &account.record.callback else { return Err(unknown_account()) };
    let mode =
        mode(keys).map_err(|_| Problem::new(Code::Internal, "the account's EncodingAESKey is not usable"))?;
    let token = SecretString::from(keys.token.expose());
    Ok(Endpoint::new(account.appid().as_str(), token, mode))
}

fn mode(keys: &CallbackKeys) -> Result<Mode, KeyError> {
    let Some(current) = &keys.aes_key else { return Ok(Mode::Plain) };
    let previous =
        keys.previous_aes_key.as_ref().map(|key| EncodingAesKey::parse(key.expose())).transpose()?;
    // The compatible mode is read in the same way: of its two forms only the encrypted one is signed.
    Ok(Mode::Safe(Keys { current: EncodingAesKey::parse(current.expose())?, previous }))
}

fn check_age(signed_at_s: Option<i64>, now: Timestamp) -> Result<(), Problem> {
    let signed_at = signed_at_s.map(|seconds| Timestamp::from_ms(seconds.saturating_mul(1_000)));
    let fresh = |at: Timestamp| now.since(at) <= REPLAY_WINDOW && at.since(now) <= REPLAY_WINDOW;
    if signed_at.is_some_and(fresh) {
        return Ok(());
    }
    Err(Problem::new(
        Code::BadSignature,
        "it was signed more than 5 minutes from now: check this machine's clock",
    ))
}

impl From<CallbackError> for Problem {
    fn from(error: CallbackError) -> Self {
        let code = match error {
            CallbackError::TooLarge => Code::BodyTooLarge,
            CallbackError::Malformed(_) | CallbackError::Missing(_) | CallbackError::Invalid(_) => {
                Code::BadRequest
            }
            _ => Code::BadSignature,
        };
        Self::new(code, error.to_string())
    }
}

fn plain(text: impl Into<axum::body::Body>) -> Response {
    answer::bytes(StatusCode::OK, "text/plain; charset=utf-8", text)
}
