//! The hold over all accounts: set by a person or by a restore, taken away by a person only.

use axum::extract::State;
use hongyan_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::auth::{MayAdmin, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field::{self, keep};

/// Longest reason, in bytes.
const REASON_MAX: usize = 512;

/// Whether everything is held.
#[derive(Serialize, ToSchema)]
#[schema(as = Hold)]
pub(crate) struct HoldBody {
    /// Messages are accepted and wait; nothing is sent and no token is fetched.
    held: bool,
    /// Since when.
    #[schema(value_type = Option<String>)]
    since: Option<Timestamp>,
}

/// The order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldRequest {
    /// true: nothing is sent any more, on any account; false: sending goes on.
    held: bool,
    /// Why, for the audit.
    #[serde(default)]
    reason: String,
}

/// Says whether everything is held, as after a restored backup.
#[utoipa::path(get, path = "/api/v1/hold", tag = "operation",
    responses((status = 200, description = "Whether everything is held", body = HoldBody)))]
pub(crate) async fn show(_caller: MayRead, State(app): State<App>) -> Answer {
    shown(&app)
}

/// Holds everything, or lets it go on. Needs a key for all accounts.
#[utoipa::path(post, path = "/api/v1/hold", tag = "operation", request_body = HoldRequest,
    responses((status = 200, description = "Whether everything is held now", body = HoldBody)))]
pub(crate) async fn set(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Json(asked): Json<HoldRequest>,
) -> Answer {
    if !caller.is_for_all() {
        return Err(Problem::new(Code::Forbidden, "a key for certain accounts cannot hold or release all"));
    }
    let mut errors = Vec::new();
    keep(&mut errors, field::check_text("reason", &asked.reason, REASON_MAX));
    field::none_of(errors)?;
    let store = app.store_of(&caller);
    match asked.held {
        true => store.hold(&asked.reason, app.now()).await?,
        false => store.release(app.now()).await?,
    };
    app.engine().reload().await?;
    shown(&app)
}

fn shown(app: &App) -> Answer {
    let since = app.engine().catalog().held_since;
    answer::ok(&HoldBody { held: since.is_some(), since })
}
