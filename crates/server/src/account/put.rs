//! Accounts in, changed, out.

use axum::extract::State;
use hongyan_domain::Appid;
use hongyan_domain::setting::check_proxy;
use hongyan_outgoing::Target;
use hongyan_store::{AccountDraft, Secret};
use http::StatusCode;

use super::change::AccountChange;
use super::show::AccountBody;
use crate::access::auth::{Caller, MayAdmin};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::{App, unknown_account};
use crate::monitor::alert::may_call;
use crate::request::body::Json;
use crate::request::field;
use crate::request::path::Named;

/// Puts a new account in. 409 when there is one with this appid.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = AccountChange,
    responses((status = 201, description = "The account", body = AccountBody<'_>)))]
pub(crate) async fn create(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Json(change): Json<AccountChange>,
) -> Answer {
    // Before anything is looked up: whether another account exists, its holder does not learn.
    if !caller.is_for_all() {
        return Err(Problem::new(Code::Forbidden, "a key for certain accounts cannot make another"));
    }
    let named = change.appid.as_deref().ok_or_else(|| Problem::invalid(vec![field::missing("appid")]))?;
    let appid = checked(named)?;
    let _alone = app.changing().await;
    if app.store().account(&appid).await?.is_some() {
        return Err(Problem::new(Code::AccountExists, "an account with this appid exists: PATCH changes it"));
    }
    put_new(&app, &caller, change, appid).await
}

/// Puts an account in, or changes the one with this appid; what is left out of an account that exists stays.
#[utoipa::path(put, path = "/api/v1/accounts/{appid}", tag = "accounts", request_body = AccountChange,
    responses((status = 200, description = "The account, changed", body = AccountBody<'_>),
        (status = 201, description = "The account, new", body = AccountBody<'_>)))]
pub(crate) async fn put(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(appid): Named<String>,
    Json(change): Json<AccountChange>,
) -> Answer {
    let appid = checked(&appid)?;
    let _alone = app.changing().await;
    match app.store().account(&appid).await? {
        Some(known) if caller.may_touch(known.id) => put_changed(&app, &caller, change, known.draft()).await,
        // Whether there is one that the key is not for, its holder does not learn.
        _ if !caller.is_for_all() => Err(unknown_account()),
        _ => put_new(&app, &caller, change, appid).await,
    }
}

/// Changes an account: limits, name, secret, callback, proxy, token source. In force at once.
#[utoipa::path(patch, path = "/api/v1/accounts/{appid}", tag = "accounts", request_body = AccountChange,
    responses((status = 200, description = "The account, changed", body = AccountBody<'_>)))]
pub(crate) async fn change(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(appid): Named<String>,
    Json(change): Json<AccountChange>,
) -> Answer {
    let _alone = app.changing().await;
    let draft = draft(&app, &caller, &appid).await?;
    put_changed(&app, &caller, change, draft).await
}

/// Deletes an account with all it has: its messages, templates, token and keys.
#[utoipa::path(delete, path = "/api/v1/accounts/{appid}", tag = "accounts",
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(appid): Named<String>,
) -> Answer {
    let _alone = app.changing().await;
    let account = app.account(&caller, &appid)?;
    if !app.store_of(&caller).delete_account(account.id(), app.now()).await? {
        return Err(unknown_account());
    }
    app.engine().reload().await?;
    answer::done()
}

/// The account as it would be put in again, read from the store: another process may have changed it.
pub(super) async fn draft(app: &App, caller: &Caller, appid: &str) -> Result<AccountDraft, Problem> {
    let appid = Appid::new(appid).map_err(|_| unknown_account())?;
    let known = app.store().account(&appid).await?.filter(|known| caller.may_touch(known.id));
    known.map(|known| known.draft()).ok_or_else(unknown_account)
}

/// Writes the draft and brings it into force.
pub(super) async fn write(app: &App, caller: &Caller, draft: AccountDraft) -> Result<(), Problem> {
    app.store_of(caller).put_account(draft, app.now()).await?;
    Ok(app.engine().reload().await?)
}

async fn put_new(app: &App, caller: &Caller, change: AccountChange, appid: Appid) -> Answer {
    let draft = change.of_new(appid).map_err(Problem::invalid)?;
    check_way(app, draft.proxy.as_ref()).await?;
    written(app, caller, draft, StatusCode::CREATED).await
}

async fn put_changed(app: &App, caller: &Caller, change: AccountChange, draft: AccountDraft) -> Answer {
    let before = draft.proxy.clone();
    let draft = change.applied(draft).map_err(Problem::invalid)?;
    check_way(app, draft.proxy.as_ref().filter(|proxy| before.as_ref() != Some(proxy))).await?;
    written(app, caller, draft, StatusCode::OK).await
}

/// Whether a proxy stands where calls may go, as far as can be told now: each connection asks again.
async fn check_way(app: &App, proxy: Option<&Secret>) -> Result<(), Problem> {
    let Some(proxy) = proxy else { return Ok(()) };
    let place = proxy.expose().rsplit(['@', '/']).find(|part| !part.is_empty()).unwrap_or_default();
    let target = Target::parse(&format!("http://{place}"));
    let target = target.map_err(|_| Problem::invalid(check_proxy(place).err().into_iter().collect()))?;
    may_call(app, "proxy", &target).await.map_err(|fault| Problem::invalid(vec![fault]))
}

async fn written(app: &App, caller: &Caller, draft: AccountDraft, status: StatusCode) -> Answer {
    let appid = draft.appid.clone();
    write(app, caller, draft).await?;
    let catalog = app.engine().catalog();
    let account = catalog.account(Some(appid.as_str())).ok_or_else(unknown_account)?;
    Ok(answer::json(status, &AccountBody::of(app, account)))
}

fn checked(appid: &str) -> Result<Appid, Problem> {
    Appid::new(appid).map_err(|error| Problem::invalid(vec![field::bad("appid", error.to_string())]))
}
