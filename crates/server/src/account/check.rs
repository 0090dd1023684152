//! The doctor's checks of an account, as an endpoint.

use axum::extract::State;

use crate::answer::{self, Answer};
use crate::app::App;
use crate::auth::MayRead;
use crate::check::{Report, Subject, examine};
use crate::path::Named;

/// Checks an account against WeChat: token, address, permission, templates, quota, callback; each with its mend.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/check", tag = "accounts",
    responses((status = 200, description = "What was found", body = Report)))]
pub(crate) async fn check(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(appid): Named<String>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let token = app.engine().token(&account).await;
    let report = examine(&Subject { account: &account, token: &token, now: app.now() }).await;
    answer::ok(&report)
}
