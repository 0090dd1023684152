//! In and out.

use axum::extract::State;
use hongyan_store::{PasswordHash, Secret, SessionToken, User, Visitor, totp_step};
use http::{Extensions, HeaderMap, StatusCode, header};
use serde::Deserialize;
use utoipa::ToSchema;

use super::me::MeBody;
use super::session::{self, Shown};
use crate::access::auth::{Caller, MayRead, peer};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;

/// Longest password that is looked at; longer ones are none.
const PASSWORD_MAX: usize = 256;

/// Who, and the proof.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// The user's name.
    name: String,
    /// Their password.
    #[schema(value_type = String)]
    password: Secret,
    /// Six digits of their authenticator app, where they use one.
    totp: Option<String>,
}

/// Logs a user of the console in: the answer sets the cookie. The same answer, after the same time, for a user who
/// is not there, is disabled, or has another password.
#[utoipa::path(post, path = "/api/v1/login", tag = "users", request_body = LoginRequest,
    responses((status = 200, description = "Logged in", body = MeBody)))]
pub(crate) async fn log_in(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    Json(asked): Json<LoginRequest>,
) -> Answer {
    session::check_origin(&headers, Shown::IfBrowser)?;
    let LoginRequest { name, password, totp } = asked;
    let (address, name) =
        (peer(&extensions).unwrap_or([0, 0, 0, 0].into()), name.trim().to_ascii_lowercase());
    if !app.doors().let_in(address, &name, app.now()) {
        let detail = "too many logins that were not right: wait a minute";
        return Err(Problem::new(Code::Throttled, detail).retry_after(60));
    }
    let proved = prove(&app, &name, password, totp.as_deref()).await;
    // To be asked for the code is no failure: the password was right. Nor is it one that the store could not be read.
    if proved.as_ref().err().is_none_or(|problem| problem.code() != Code::LoginFailed) {
        app.doors().forgive(address, &name, app.now());
    }
    let (caller, token) = enter(&app, &proved?.name, &extensions, &headers).await?;
    app.doors().know(address, &name, app.now());
    let mut response = answer::json(StatusCode::OK, &MeBody::of(&app, &caller));
    session::keep(&mut response, &headers, &token);
    Ok(response)
}

/// The user, if all is right.
async fn prove(app: &App, name: &str, password: Secret, totp: Option<&str>) -> Result<User, Problem> {
    let found = app.store().user(name).await?;
    // Whom the identity provider vouches for has no password: to be told in the same time as somebody who is not there.
    let hash = found.as_ref().map(|user| user.password.clone()).filter(|hash| !hash.is_of_subject());
    let hash = hash.unwrap_or_else(PasswordHash::of_nobody);
    let is_right = super::fits(app, hash, password.clone()).await? && password.expose().len() <= PASSWORD_MAX;
    let user = found.filter(|user| is_right && user.disabled_at.is_none()).ok_or_else(wrong)?;
    let Some(secret) = &user.totp else { return Ok(user) };
    let Some(code) = totp.filter(|code| !code.is_empty()) else {
        return Err(Problem::new(Code::TotpNeeded, "give the six digits of the authenticator app as `totp`"));
    };
    let step = totp_step(secret, code, app.now()).ok_or_else(wrong)?;
    // A code that somebody saw being typed opens nothing a second time.
    if app.store().use_totp_step(name, step).await? { Ok(user) } else { Err(wrong()) }
}

fn wrong() -> Problem {
    Problem::new(Code::LoginFailed, "name, password or code is not right")
}

/// Begins a session.
pub(crate) async fn enter(
    app: &App,
    name: &str,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Result<(Caller, SessionToken), Problem> {
    let token = app.draw(SessionToken::generate);
    let address = peer(extensions).map_or_else(String::new, |address| address.to_string());
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let from = Visitor { address, agent: agent.to_owned() };
    let actor = hongyan_store::Actor::User { name: name.to_owned(), address: peer(extensions) };
    if !app.store().by(actor).begin_session(name, &token, from, app.now()).await? {
        return Err(wrong());
    }
    let (session, user) = app.store().session(&token, app.now()).await?.ok_or_else(wrong)?;
    Ok((Caller::of_user(session, user, peer(extensions)), token))
}

/// Logs out: the session ends, and the browser forgets the cookie.
#[utoipa::path(post, path = "/api/v1/logout", tag = "users",
    responses((status = 204, description = "Logged out")))]
pub(crate) async fn log_out(MayRead(caller): MayRead, State(app): State<App>, headers: HeaderMap) -> Answer {
    if let Some((session, user)) = caller.user() {
        app.store_of(&caller).end_session(&session.id, Some(&user.name), app.now()).await?;
        app.live().recheck();
    }
    let mut response = answer::done()?;
    session::forget(&mut response, &headers);
    Ok(response)
}
