//! What a message said, once more: a new message to the same person.

use axum::extract::State;
use hongyan_domain::says;
use hongyan_engine::accept::Request;
use hongyan_store::{Happening, MessageRecord};
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::{meant, unknown};
use super::take_in::{AcceptedBody, accept_one};
use crate::access::auth::MaySend;
use crate::answer::Answer;
use crate::answer::problem::{Code, Problem};
use crate::app::App;
use crate::request::body::JsonOrNothing;
use crate::request::lang::Wish;
use crate::request::path::Named;

/// How the new message is called; nothing at all has to be said.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResendRequest {
    /// The account of a message that the path names by your own id; may be left out where there is only one.
    appid: Option<String>,
    /// Your own id of the new message; left out: `{id}-again-{n}`, where n counts from 1.
    client_msg_id: Option<String>,
}

/// Sends what a final message said to the same person once more: a new message, under the rules as they are now. The
/// timelines of the two name each other. The path names the first by its id or by your own. 409 while the first is not final, and when its person's data were erased. Two
/// requests at the same moment make one message.
#[utoipa::path(post, path = "/api/v1/messages/{id}/resend", tag = "messages", request_body = ResendRequest,
    responses((status = 202, description = "Accepted as a new message", body = AcceptedBody<'_>),
        (status = 200, description = "The message that was there already", body = AcceptedBody<'_>)))]
pub(crate) async fn resend(
    MaySend(caller): MaySend,
    State(app): State<App>,
    Named(id): Named<String>,
    Wish(lang): Wish,
    JsonOrNothing(asked): JsonOrNothing<ResendRequest>,
) -> Answer {
    let before = meant(&app, &caller, asked.appid.as_deref(), &id).await?;
    check(&before)?;
    let client_msg_id = asked.client_msg_id.unwrap_or_else(|| name(&before));
    let catalog = app.engine().catalog();
    let account = catalog.by_id(before.account).ok_or_else(unknown)?;
    let request = Request::again(&before, account.appid().as_str(), &client_msg_id);
    accept_one(&app, &caller, request.ok_or_else(|| erased(&before))?, lang).await
}

fn check(before: &MessageRecord) -> Result<(), Problem> {
    let state = before.standing.state;
    if state.is_final() {
        return Ok(());
    }
    let detail = says!(
        "it is `{state}`: only what is final can be sent once more; wait, or take it back",
        state = state.as_str()
    );
    Err(Problem::new(Code::WrongState, detail).about(before.id))
}

/// The same for two requests at the same moment.
fn name(before: &MessageRecord) -> String {
    let resent = before.timeline.iter().filter(|moment| matches!(moment.what, Happening::Resent { .. }));
    format!("{}-again-{}", before.id, resent.count() + 1)
}

fn erased(before: &MessageRecord) -> Problem {
    Problem::new(Code::WrongState, "the data of its person were erased: there is nothing to send")
        .about(before.id)
}
