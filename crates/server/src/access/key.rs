//! API keys: made, listed, revoked. A key's text is shown once, when it is made.

use axum::extract::State;
use hongyan_domain::{AccountId, FieldCode, FieldError, Timestamp, says};
use hongyan_engine::Catalog;
use hongyan_store::{ApiKey, KeyId, KeyText, NewKey, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::auth::{Caller, MayAdmin};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field::{self, bad};
use crate::request::path::Named;

/// Accounts one key may be for; more are all.
const ACCOUNTS_MAX: usize = 1_000;

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRequest {
    /// What people call it.
    name: String,
    /// `send`, `read`, `admin`; at least one.
    scopes: Vec<String>,
    /// For these accounts only; left out: for all.
    #[serde(default)]
    appids: Vec<String>,
    /// When it ends. RFC 3339; left out: never.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
}

/// A key.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyBody {
    /// The 8 characters after `hy_`.
    id: String,
    /// Its text; shown now and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    name: String,
    scopes: Vec<&'static str>,
    /// For these accounts only; empty: for all.
    appids: Vec<String>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    revoked_at: Option<Timestamp>,
    /// To the minute or so.
    #[schema(value_type = Option<String>)]
    last_used_at: Option<Timestamp>,
}

/// All keys.
#[derive(Serialize, ToSchema)]
#[schema(as = Keys)]
pub(crate) struct KeysBody {
    keys: Vec<KeyBody>,
}

/// Makes a key. Its text is in this answer and nowhere else, ever.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = KeyRequest,
    responses((status = 201, description = "The key, with its text", body = KeyBody)))]
pub(crate) async fn create(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Json(asked): Json<KeyRequest>,
) -> Answer {
    let text = app.draw(KeyText::generate);
    let new = new_key(&app, &caller, asked, text.clone())?;
    let key = app.store_of(&caller).put_key(new, app.now()).await?;
    app.engine().reload().await?;
    let body = KeyBody { key: Some(text.expose().to_owned()), ..KeyBody::of(key, &app.engine().catalog()) };
    Ok(answer::json(StatusCode::CREATED, &body))
}

/// Lists the keys, without their texts.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys",
    responses((status = 200, description = "The keys", body = KeysBody)))]
pub(crate) async fn list(MayAdmin(caller): MayAdmin, State(app): State<App>) -> Answer {
    let catalog = app.engine().catalog();
    let keys = app.store().keys().await?.into_iter().filter(|key| governs(&caller, key));
    answer::ok(&KeysBody { keys: keys.map(|key| KeyBody::of(key, &catalog)).collect() })
}

/// Revokes a key. It opens nothing from now on, here at once and in other processes within a second.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys",
    responses((status = 204, description = "It opens nothing any more")))]
pub(crate) async fn revoke(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Answer {
    let id = KeyId(id);
    let known = app.store().keys().await?.into_iter().any(|key| key.id == id && governs(&caller, &key));
    if !known || !app.store_of(&caller).revoke_key(&id, app.now()).await? {
        return Err(Problem::new(Code::UnknownKey, "no key has this id, or it was revoked before"));
    }
    app.engine().reload().await?;
    answer::done()
}

/// A key for certain accounts sees and makes only keys for those.
fn governs(caller: &Caller, key: &ApiKey) -> bool {
    caller.is_for_all()
        || (!key.accounts.is_empty() && key.accounts.iter().all(|account| caller.may_touch(*account)))
}

fn new_key(app: &App, caller: &Caller, asked: KeyRequest, text: KeyText) -> Result<NewKey, Problem> {
    let mut errors = Vec::new();
    let scopes = scopes(&asked.scopes, &mut errors);
    let accounts = accounts(app, caller, &asked.appids, &mut errors);
    let new = NewKey { text, name: asked.name, scopes, accounts, expires_at: asked.expires_at };
    let faults = new.check(app.now()).err().into_iter().flatten();
    let known: Vec<_> =
        faults.filter(|fault| errors.iter().all(|error| error.field != fault.field)).collect();
    errors.extend(known);
    field::none_of(errors)?;
    if new.accounts.is_empty() && !caller.is_for_all() {
        return Err(Problem::new(
            Code::Forbidden,
            "a key for certain accounts cannot make one for all: name `appids`",
        ));
    }
    Ok(new)
}

fn scopes(words: &[String], errors: &mut Vec<FieldError>) -> Vec<Scope> {
    let mut scopes = Vec::new();
    for word in words {
        match Scope::parse(word) {
            Some(scope) if !scopes.contains(&scope) => scopes.push(scope),
            Some(_) => {}
            None => {
                errors.push(bad("scopes", "holds an unknown word: send, read and admin are possible"));
                break;
            }
        }
    }
    scopes
}

fn accounts(app: &App, caller: &Caller, appids: &[String], errors: &mut Vec<FieldError>) -> Vec<AccountId> {
    if appids.len() > ACCOUNTS_MAX {
        errors.push(FieldError::new(
            "appids",
            FieldCode::TooMany,
            says!("at most {allowed} are possible", allowed = ACCOUNTS_MAX),
        ));
        return Vec::new();
    }
    let found: Vec<_> = appids.iter().filter_map(|appid| app.account(caller, appid).ok()).collect();
    if found.len() < appids.len() {
        errors.push(bad("appids", "names an account that is not here"));
    }
    found.iter().map(|account| account.id()).collect()
}

impl KeyBody {
    fn of(key: ApiKey, catalog: &Catalog) -> Self {
        let appid = |id: &AccountId| catalog.by_id(*id).map(|account| account.appid().to_string());
        Self {
            id: key.id.0,
            key: None,
            name: key.name,
            scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
            // An account that is gone still bounds the key.
            appids: key.accounts.iter().map(|id| appid(id).unwrap_or_else(|| "deleted".to_owned())).collect(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
        }
    }
}
