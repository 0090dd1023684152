//! Users, for an admin.

use axum::extract::State;
use hongyan_domain::{AccountId, FieldError, Timestamp};
use hongyan_engine::Catalog;
use hongyan_store::{NewUser, Role, Secret, User, UserAnswer, UserChange, check_password, check_user_name};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::me::check_language;
use super::{hash, last_admin, unknown_user};
use crate::access::auth::{Caller, MayAdmin};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field::{self, bad, keep};
use crate::request::path::Named;

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserRequest {
    /// What they log in by: small letters, digits and `. _ - @`.
    name: String,
    /// 10 characters or more.
    #[schema(value_type = String)]
    password: Secret,
    /// `viewer`, `operator` or `admin`.
    role: String,
    /// The accounts they may see; left out: all.
    #[serde(default)]
    appids: Vec<String>,
    /// `zh` or `en`.
    language: Option<String>,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    /// Another password; they are logged out everywhere.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// Another role; they are logged out everywhere.
    role: Option<String>,
    /// Other accounts; empty: all.
    appids: Option<Vec<String>>,
    /// Whether they may not log in.
    disabled: Option<bool>,
    /// false: no code is asked for any more, when a telephone was lost.
    totp: Option<bool>,
}

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    name: String,
    role: &'static str,
    /// The accounts they may see; empty: all.
    appids: Vec<String>,
    /// Whether a code is asked for at login.
    totp: bool,
    language: Option<String>,
    #[schema(value_type = Option<String>)]
    disabled_at: Option<Timestamp>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    last_login_at: Option<Timestamp>,
}

/// All users.
#[derive(Serialize, ToSchema)]
#[schema(as = Users)]
pub(crate) struct UsersBody {
    /// By name.
    users: Vec<UserBody>,
}

/// Lists the users of the console.
#[utoipa::path(get, path = "/api/v1/users", tag = "users",
    responses((status = 200, description = "The users", body = UsersBody)))]
pub(crate) async fn list(MayAdmin(caller): MayAdmin, State(app): State<App>) -> Answer {
    for_all(&caller)?;
    let catalog = app.engine().catalog();
    let users = app.store().users().await?.into_iter().map(|user| UserBody::of(user, &catalog)).collect();
    answer::ok(&UsersBody { users })
}

/// Makes a user of the console.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = UserRequest,
    responses((status = 201, description = "The user", body = UserBody)))]
pub(crate) async fn create(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Json(asked): Json<UserRequest>,
) -> Answer {
    for_all(&caller)?;
    let new = new_user(&app, &caller, asked).await?;
    let name = new.name.clone();
    if !app.store_of(&caller).put_user(new, app.now()).await? {
        return Err(Problem::new(Code::UserExists, "a user with this name exists: PATCH changes them"));
    }
    let user = app.store().user(&name).await?.ok_or_else(unknown_user)?;
    Ok(answer::json(StatusCode::CREATED, &UserBody::of(user, &app.engine().catalog())))
}

/// Shows a user.
#[utoipa::path(get, path = "/api/v1/users/{name}", tag = "users",
    responses((status = 200, description = "The user", body = UserBody)))]
pub(crate) async fn show(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(name): Named<String>,
) -> Answer {
    for_all(&caller)?;
    let user = app.store().user(&name).await?.ok_or_else(unknown_user)?;
    answer::ok(&UserBody::of(user, &app.engine().catalog()))
}

/// Changes a user. 409 for the last admin who could still log in.
#[utoipa::path(patch, path = "/api/v1/users/{name}", tag = "users", request_body = UserPatch,
    responses((status = 200, description = "The user, changed", body = UserBody)))]
pub(crate) async fn change(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(name): Named<String>,
    Json(asked): Json<UserPatch>,
) -> Answer {
    for_all(&caller)?;
    let change = patch(&app, &caller, (&name, asked)).await?;
    match app.store_of(&caller).change_user(&name, change, app.now()).await? {
        UserAnswer::Done => {}
        UserAnswer::NotFound => return Err(unknown_user()),
        UserAnswer::LastAdmin => return Err(last_admin()),
    }
    app.live().recheck();
    let user = app.store().user(&name).await?.ok_or_else(unknown_user)?;
    answer::ok(&UserBody::of(user, &app.engine().catalog()))
}

/// Deletes a user. 409 for the last admin who could still log in.
#[utoipa::path(delete, path = "/api/v1/users/{name}", tag = "users",
    responses((status = 204, description = "They are gone and logged out")))]
pub(crate) async fn delete(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(name): Named<String>,
) -> Answer {
    for_all(&caller)?;
    let deleted = app.store_of(&caller).delete_user(&name, app.now()).await?;
    app.live().recheck();
    match deleted {
        UserAnswer::Done => answer::done(),
        UserAnswer::NotFound => Err(unknown_user()),
        UserAnswer::LastAdmin => Err(last_admin()),
    }
}

/// Whoever makes users could make one for all accounts.
fn for_all(caller: &Caller) -> Result<(), Problem> {
    if caller.is_for_all() {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "users are managed by whoever may touch all accounts"))
}

async fn new_user(app: &App, caller: &Caller, asked: UserRequest) -> Result<NewUser, Problem> {
    let mut errors = Vec::new();
    keep(&mut errors, check_user_name(&asked.name));
    keep(&mut errors, check_password(asked.password.expose(), &asked.name));
    keep(&mut errors, check_language(asked.language.as_deref()));
    let role = role(&asked.role, &mut errors);
    let accounts = accounts(app, caller, &asked.appids, &mut errors);
    field::none_of(errors)?;
    let password = hash(app, asked.password).await?;
    let (name, language) = (asked.name, asked.language);
    Ok(NewUser { name, password, role: role.unwrap_or(Role::Viewer), accounts, language })
}

async fn patch(app: &App, caller: &Caller, (name, asked): (&str, UserPatch)) -> Result<UserChange, Problem> {
    let mut errors = Vec::new();
    if let Some(password) = &asked.password {
        keep(&mut errors, check_password(password.expose(), name));
    }
    if asked.totp == Some(true) {
        errors.push(bad("totp", "can only be taken away here: users turn it on themselves"));
    }
    let role = asked.role.as_deref().and_then(|word| role(word, &mut errors));
    let accounts = asked.appids.as_deref().map(|appids| accounts(app, caller, appids, &mut errors));
    field::none_of(errors)?;
    let password = match asked.password {
        Some(password) => Some(hash(app, password).await?),
        None => None,
    };
    let keep = caller.user().map(|(session, _)| session.id.clone());
    let (disabled, totp) = (asked.disabled, asked.totp.map(|_| None));
    Ok(UserChange { password, role, accounts, disabled, totp, language: None, keep })
}

fn role(word: &str, errors: &mut Vec<FieldError>) -> Option<Role> {
    let role = Role::parse(word);
    if role.is_none() {
        errors.push(bad("role", "is not known: viewer, operator or admin"));
    }
    role
}

fn accounts(app: &App, caller: &Caller, appids: &[String], errors: &mut Vec<FieldError>) -> Vec<AccountId> {
    let found: Vec<_> = appids.iter().filter_map(|appid| app.account(caller, appid).ok()).collect();
    if found.len() < appids.len() {
        errors.push(bad("appids", "names an account that is not here"));
    }
    found.iter().map(|account| account.id()).collect()
}

impl UserBody {
    fn of(user: User, catalog: &Catalog) -> Self {
        let appid = |id: &AccountId| catalog.by_id(*id).map(|account| account.appid().to_string());
        // An account that is gone still bounds the user.
        let appids =
            user.accounts.iter().map(|id| appid(id).unwrap_or_else(|| "deleted".to_owned())).collect();
        Self {
            name: user.name,
            role: user.role.as_str(),
            appids,
            totp: user.totp.is_some(),
            language: user.language,
            disabled_at: user.disabled_at,
            created_at: user.created_at,
            last_login_at: user.last_login_at,
        }
    }
}
