//! A message taken back before it goes.

use axum::extract::State;
use hongyan_domain::says;
use hongyan_store::CancelAnswer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::{MessageBody, meant, unknown};
use crate::access::auth::MaySend;
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::JsonOrNothing;
use crate::request::path::Named;

/// Of which account the message is; nothing at all has to be said.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CancelRequest {
    /// The account of a message that the path names by your own id; may be left out where there is only one.
    appid: Option<String>,
}

/// Takes a waiting message back, named by its id or by your own. 409 when it is on its way or final.
#[utoipa::path(post, path = "/api/v1/messages/{id}/cancel", tag = "messages", request_body = CancelRequest,
    responses((status = 200, description = "The message, cancelled", body = MessageBody<'_>)))]
pub(crate) async fn cancel(
    MaySend(caller): MaySend,
    State(app): State<App>,
    Named(id): Named<String>,
    JsonOrNothing(asked): JsonOrNothing<Option<CancelRequest>>,
) -> Answer {
    let appid = asked.and_then(|asked| asked.appid);
    let found = meant(&app, &caller, appid.as_deref(), &id).await?;
    match app.engine().cancel(found.account, found.id).await? {
        CancelAnswer::Cancelled(_) => {
            let record = app.store().message(found.id).await?.ok_or_else(unknown)?;
            answer::ok(&MessageBody::of(&record, &app.engine().catalog()))
        }
        CancelAnswer::TooLate { state } => {
            let detail = says!("it is `{state}` and cannot be taken back", state = state.as_str());
            Err(Problem::new(Code::TooLate, detail).about(found.id))
        }
        CancelAnswer::NotFound => Err(unknown()),
    }
}
