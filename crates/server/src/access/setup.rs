//! The first set-up: a one-time link, printed by `hongyan serve`, makes the first admin. There is no default password,
//! and once there is a user or a live key the link is dead.

use axum::extract::State;
use hongyan_store::{
    Actor, KeyText, NewKey, NewUser, Role, Scope, Secret, StoreError, check_password, check_user_name,
};
use http::{Extensions, HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::auth::peer;
use crate::access::user::me::MeBody;
use crate::access::user::session::{self, Shown};
use crate::access::user::{hash, login};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field::{self, keep};

/// A set-up secret: 43 digits of base62.
const TOKEN_LEN: usize = 43;

/// Whether there is anybody yet.
#[derive(Serialize, ToSchema)]
#[schema(as = Setup)]
pub(crate) struct SetupBody {
    /// Nobody can log in or call yet: the link that `hongyan serve` prints works.
    needed: bool,
    /// What stands on the button that leads to `GET /api/v1/login/oidc`; null: there is no identity provider.
    sso: Option<String>,
}

/// The first admin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupRequest {
    /// The link's one-time secret.
    #[schema(value_type = String)]
    token: Secret,
    /// What they log in by.
    name: String,
    /// 10 characters or more.
    #[schema(value_type = String)]
    password: Secret,
    /// Whether an admin API key is to be made as well.
    #[serde(default)]
    key: bool,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
#[schema(as = SetupDone)]
pub(crate) struct DoneBody {
    /// The first admin, logged in.
    me: MeBody,
    /// The first API key, where wished; shown now and never again.
    key: Option<String>,
}

/// Whether the first set-up is still to be done.
#[utoipa::path(get, path = "/api/v1/setup", tag = "users",
    responses((status = 200, description = "Whether it is", body = SetupBody)))]
pub(crate) async fn show(State(app): State<App>) -> Answer {
    let sso = app.oidc().map(|oidc| oidc.settings.button.clone());
    answer::ok(&SetupBody { needed: is_new(&app).await?, sso })
}

/// Uses the link up, makes the first admin and logs them in. Shows a key, where wished, once.
#[utoipa::path(post, path = "/api/v1/setup", tag = "users", request_body = SetupRequest,
    responses((status = 200, description = "Logged in", body = DoneBody)))]
pub(crate) async fn begin(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    Json(asked): Json<SetupRequest>,
) -> Answer {
    session::check_origin(&headers, Shown::IfBrowser)?;
    let mut errors = Vec::new();
    keep(&mut errors, check_user_name(&asked.name));
    keep(&mut errors, check_password(asked.password.expose(), &asked.name));
    field::none_of(errors)?;
    let is_token = asked.token.expose().len() == TOKEN_LEN;
    if !is_token || !is_new(&app).await? || !app.store().use_setup_secret(&asked.token, app.now()).await? {
        return Err(Problem::new(
            Code::SetupOver,
            "the link is wrong, used or older than 24 hours; `hongyan user add` makes a user on the server",
        ));
    }
    let actor = Actor::Setup { address: peer(&extensions) };
    let password = hash(&app, asked.password).await?;
    let (accounts, language) = (Vec::new(), None);
    let user = NewUser { name: asked.name.clone(), password, role: Role::Admin, accounts, language };
    app.store().by(actor.clone()).put_user(user, app.now()).await?;
    let key = if asked.key { Some(first_key(&app, actor).await?) } else { None };
    let (caller, token) = login::enter(&app, &asked.name, &extensions, &headers).await?;
    let key = key.map(|key| key.expose().to_owned());
    let mut response = answer::json(StatusCode::OK, &DoneBody { me: MeBody::of(&app, &caller), key });
    session::keep(&mut response, &headers, &token);
    Ok(response)
}

/// Whether nobody can log in or call yet: then, and only then, the set-up link works.
async fn is_new(app: &App) -> Result<bool, StoreError> {
    let now = app.now();
    let no_key = !app.store().keys().await?.iter().any(|key| key.is_live(now));
    Ok(no_key && app.store().users().await?.is_empty())
}

async fn first_key(app: &App, actor: Actor) -> Result<KeyText, Problem> {
    let text = app.draw(KeyText::generate);
    let new = NewKey {
        text: text.clone(),
        name: "first admin".to_owned(),
        scopes: Scope::ALL.to_vec(),
        accounts: Vec::new(),
        expires_at: None,
    };
    app.store().by(actor).put_key(new, app.now()).await?;
    app.engine().reload().await?;
    Ok(text)
}
