//! The doctor's checks of an account, as an endpoint.

use axum::extract::State;

use crate::access::auth::MayRead;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::check::{Report, Subject, Traffic, examine, waiting};
use crate::request::body::Nothing;
use crate::request::path::Named;

/// Checks an account against WeChat: token, address, permission, templates, quota, callback, sending; each with its mend.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/check", tag = "accounts",
    responses((status = 200, description = "What was found", body = Report)))]
pub(crate) async fn check(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(appid): Named<String>,
    _: Nothing,
) -> Answer {
    // Another process may have changed the account a moment ago.
    app.engine().reload().await?;
    let account = app.account(&caller, &appid)?;
    let token = app.engine().token(&account).await;
    let waiting = waiting(app.store(), account.id(), app.now()).await?;
    let traffic = Traffic { pause: app.engine().status(account.id()).pause, waiting };
    let public_url = app.settings().public_url.as_deref();
    answer::ok(
        &examine(&Subject { account: &account, token: &token, traffic, public_url, now: app.now() }).await,
    )
}
