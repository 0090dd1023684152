//! Where users are logged in.

use axum::extract::State;
use hongyan_domain::Timestamp;
use hongyan_store::{Session, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::path::Named;
use crate::request::query::Asked;

/// Whose.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whose {
    /// Of this user, `*` for all; an admin may ask. Left out: the caller's own.
    user: Option<String>,
}

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Names it; opens nothing.
    id: String,
    user: String,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// To the minute or so.
    #[schema(value_type = String)]
    last_seen_at: Timestamp,
    #[schema(value_type = String)]
    ends_at: Timestamp,
    address: String,
    /// The browser, shortened.
    agent: String,
    /// It is that of this call.
    current: bool,
}

/// Sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(crate) struct SessionsBody {
    /// The last used first.
    sessions: Vec<SessionBody>,
}

/// Lists where the user who calls is logged in; for an admin, anybody.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "users", params(Whose),
    responses((status = 200, description = "The sessions", body = SessionsBody)))]
pub(crate) async fn list(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<Whose>,
) -> Answer {
    let whose = whose(&caller, asked.user)?;
    let current = caller.user().map(|(session, _)| session.id.clone());
    let sessions = app.store().sessions(whose.as_deref(), app.now()).await?;
    let sessions = sessions.into_iter().map(|session| SessionBody::of(session, current.as_ref())).collect();
    answer::ok(&SessionsBody { sessions })
}

/// Logs a session out.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "users",
    responses((status = 204, description = "It opens nothing any more")))]
pub(crate) async fn end(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Answer {
    let whose = if caller.governs() { None } else { whose(&caller, None)? };
    if !app.store_of(&caller).end_session(&SessionId(id), whose.as_deref(), app.now()).await? {
        return Err(Problem::new(Code::UnknownSession, "no session has this id, or it has ended"));
    }
    app.live().recheck();
    answer::done()
}

/// The user asked for; `None`: all.
fn whose(caller: &Caller, asked: Option<String>) -> Result<Option<String>, Problem> {
    let own = caller.user().map(|(_, user)| user.name.clone());
    match (asked.filter(|asked| !asked.is_empty()), own) {
        // A key is nobody: no session is its own.
        (None, own) => Ok(Some(own.unwrap_or_default())),
        (Some(asked), Some(own)) if asked == own => Ok(Some(own)),
        (Some(asked), _) if caller.governs() => Ok(Some(asked).filter(|asked| asked != "*")),
        _ => Err(Problem::new(Code::Forbidden, "only an admin of all accounts sees others' sessions")),
    }
}

impl SessionBody {
    fn of(session: Session, current: Option<&SessionId>) -> Self {
        Self {
            current: Some(&session.id) == current,
            ends_at: session.ends_at(),
            id: session.id.0,
            user: session.user,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            address: session.address,
            agent: session.agent,
        }
    }
}
