//! In by the house's identity provider. The browser keeps the attempt in a cookie of its own until it comes back: nothing
//! of it is held here, and nobody else's browser can end it.

use axum::extract::State;
use axum::response::Response;
use hongyan_store::{NewUser, PasswordHash, Role, User, UserAnswer, UserChange, check_user_name};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{login, session};
use crate::access::auth::peer;
use crate::access::oidc::{Attempt, Oidc, Person, Refused, Trouble};
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::query::Asked;

/// Kept for so long, in seconds: who types a password and a code at the provider.
const ATTEMPT_S: u32 = 600;

/// What the provider sends back.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Back {
    /// For an ID token, once.
    code: Option<String>,
    /// Which attempt it belongs to.
    state: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

/// Sends the browser to the identity provider.
#[utoipa::path(get, path = "/api/v1/login/oidc", tag = "users",
    responses((status = 303, description = "To the identity provider; or back to the login with `?sso=` and why not")))]
pub(crate) async fn begin(State(app): State<App>, extensions: Extensions, headers: HeaderMap) -> Answer {
    let Some(oidc) = app.oidc() else { return Ok(back("off")) };
    let headers = outside(oidc, headers);
    let attempt = Attempt::of(app.draw(|rng| std::array::from_fn(|_| rand::RngExt::random(rng))));
    if !app.doors().let_address_in(peer(&extensions), app.now()) {
        return Ok(back("throttled"));
    }
    match oidc.door(&attempt, app.now()).await {
        Ok(door) => {
            app.doors().forgive_address(peer(&extensions));
            let mut response = to(&door);
            session::keep_attempt(&mut response, &headers, &attempt.to_cookie(), ATTEMPT_S);
            Ok(response)
        }
        Err(trouble) => Ok(refused(&trouble)),
    }
}

/// Where the identity provider sends the browser back to.
#[utoipa::path(get, path = "/api/v1/login/oidc/callback", tag = "users", params(Back),
    responses((status = 303, description = "To the console; or back to the login with `?sso=` and why not")))]
pub(crate) async fn finish(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    Asked(came): Asked<Back>,
) -> Answer {
    let Some(oidc) = app.oidc() else { return Ok(back("off")) };
    let headers = outside(oidc, headers);
    if !app.doors().let_address_in(peer(&extensions), app.now()) {
        return Ok(back("throttled"));
    }
    let attempt = session::attempt(&headers).and_then(|cookie| Attempt::parse(&cookie));
    let same = |attempt: &Attempt| {
        let state = came.state.as_deref().unwrap_or_default();
        aws_lc_rs::constant_time::verify_slices_are_equal(attempt.state.as_bytes(), state.as_bytes()).is_ok()
    };
    let mut response = match (attempt.filter(same), &came.code, &came.error) {
        (None, ..) => back("state"),
        (Some(_), _, Some(_)) | (Some(_), None, None) => back("denied"),
        (Some(attempt), Some(code), None) => match oidc.person(code, &attempt, app.now()).await {
            Ok(person) => enter(&app, oidc, &person, (&extensions, &headers)).await?,
            Err(trouble) => refused(&trouble),
        },
    };
    session::forget_attempt(&mut response, &headers);
    Ok(response)
}

/// A page that comes from elsewhere tells no `Origin` of ours: the address that browsers come back to says whether they
/// come by https.
fn outside(oidc: &Oidc, mut headers: HeaderMap) -> HeaderMap {
    if oidc.settings.redirect_uri.starts_with("https://") {
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    }
    headers
}

async fn enter(
    app: &App,
    oidc: &Oidc,
    person: &Person,
    (extensions, headers): (&Extensions, &HeaderMap),
) -> Result<Response, Problem> {
    if check_user_name(&person.name).is_err() {
        tracing::warn!(claim = oidc.settings.name_claim, "a login is refused: the claim holds no user name");
        return Ok(back("name"));
    }
    let bound = PasswordHash::of_subject(&oidc.settings.issuer, &person.subject);
    let user = match app.store().user(&person.name).await? {
        Some(user) => user,
        None => make(app, person, &bound).await?,
    };
    if user.password != bound {
        tracing::warn!(user = user.name, "a login is refused: another user has this name here");
        return Ok(back("taken"));
    }
    if user.disabled_at.is_some() {
        return Ok(back("disabled"));
    }
    follow_role(app, &user, person.role).await?;
    let (_, token) = login::enter(app, &person.name, extensions, headers).await?;
    app.doors().forgive_address(peer(extensions));
    let mut response = to("/");
    session::keep(&mut response, headers, &token);
    Ok(response)
}

/// The user of this name as they are then: another of the same name may have been quicker.
async fn make(app: &App, person: &Person, bound: &PasswordHash) -> Result<User, Problem> {
    let Person { name, role, .. } = person.clone();
    let new = NewUser { name, password: bound.clone(), role, accounts: Vec::new(), language: None };
    app.store().put_user(new, app.now()).await?;
    app.store().user(&person.name).await?.ok_or_else(super::unknown_user)
}

/// The provider says what somebody may do: at each login anew.
async fn follow_role(app: &App, user: &User, role: Role) -> Result<(), Problem> {
    if user.role == role {
        return Ok(());
    }
    let change = UserChange { role: Some(role), ..UserChange::default() };
    match app.store().change_user(&user.name, change, app.now()).await? {
        UserAnswer::Done => app.live().recheck(),
        UserAnswer::NotFound => {}
        UserAnswer::LastAdmin => {
            tracing::warn!(
                user = user.name,
                role = role.as_str(),
                "the last admin stays one, whatever the provider says"
            );
        }
    }
    Ok(())
}

fn refused(trouble: &Trouble) -> Response {
    tracing::warn!(%trouble, "a login by the identity provider is refused");
    back(match trouble {
        Trouble::Token(Refused::NoRole(_)) => "role",
        Trouble::Token(Refused::NoName(_)) => "name",
        Trouble::Token(_) => "token",
        Trouble::Unreachable(_) | Trouble::BadAddress(_) | Trouble::Answer(_) => "provider",
    })
}

/// To the login, with why: the page has the words.
fn back(why: &'static str) -> Response {
    to(&format!("/login?sso={why}"))
}

fn to(place: &str) -> Response {
    let mut response = answer::bytes(StatusCode::SEE_OTHER, "text/plain", "");
    let place = HeaderValue::try_from(place).unwrap_or(HeaderValue::from_static("/login?sso=provider"));
    response.headers_mut().insert(header::LOCATION, place);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
