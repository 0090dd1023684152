//! An account told to stand still, and told to go on.

use axum::extract::State;
use hongyan_domain::setting::{REASON_MAX, check_text};
use hongyan_domain::{FieldCode, FieldError, Timestamp};
use hongyan_store::{Action, Paused};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::put::{draft, write};
use super::show::AccountBody;
use crate::access::auth::MayOperate;
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::{App, unknown_account};
use crate::request::body::{JsonOrNothing, Nothing};
use crate::request::field::{self, keep};
use crate::request::path::Named;

/// The reason where none is given.
const NOBODY_SAID_WHY: &str = "operator";

/// Why and until when; nothing at all has to be said.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PauseRequest {
    /// For whoever looks later; `operator` if left out.
    reason: Option<String>,
    /// Until then; left out: until somebody resumes it. RFC 3339.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
}

/// Lets an account stand still: messages are accepted and wait, nothing is sent.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/pause", tag = "accounts", request_body = PauseRequest,
    responses((status = 200, description = "The account, paused", body = AccountBody<'_>)))]
pub(crate) async fn pause(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Named(appid): Named<String>,
    JsonOrNothing(asked): JsonOrNothing<PauseRequest>,
) -> Answer {
    check(&asked, app.now())?;
    let PauseRequest { reason, until } = asked;
    let reason = reason.unwrap_or_else(|| NOBODY_SAID_WHY.to_owned());
    let _alone = app.changing().await;
    let mut draft = draft(&app, &caller, &appid).await?;
    draft.paused = Some(Paused { until, reason });
    write(&app, &caller, draft).await?;
    shown(&app, &appid)
}

/// Lets an account go on, whatever held it up: a person's order or WeChat's answers.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/resume", tag = "accounts",
    responses((status = 200, description = "The account, going on", body = AccountBody<'_>)))]
pub(crate) async fn resume(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Named(appid): Named<String>,
    _: Nothing,
) -> Answer {
    let _alone = app.changing().await;
    let mut draft = draft(&app, &caller, &appid).await?;
    let was_paused = draft.paused.take().is_some();
    if was_paused {
        write(&app, &caller, draft).await?;
    }
    let account = app.account(&caller, &appid)?;
    if !was_paused {
        // What WeChat's answers caused stands in no row.
        app.note(&caller, (Action::AccountResume, &account), json!({ "waited_for": "wechat" })).await?;
    }
    app.engine().resume(account.id()).await;
    shown(&app, &appid)
}

fn check(asked: &PauseRequest, now: Timestamp) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let reason = asked.reason.as_deref();
    keep(&mut errors, reason.map_or(Ok(()), |reason| check_text("reason", reason, REASON_MAX)));
    if asked.until.is_some_and(|until| until <= now) {
        errors.push(FieldError::new(
            "until",
            FieldCode::TooEarly,
            "is over already: give a later time, or none",
        ));
    }
    field::none_of(errors)
}

fn shown(app: &App, appid: &str) -> Answer {
    let catalog = app.engine().catalog();
    let account = catalog.account(Some(appid)).ok_or_else(unknown_account)?;
    answer::ok(&AccountBody::of(app, account))
}
