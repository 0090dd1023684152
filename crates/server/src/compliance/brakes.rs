//! The brakes: which templates wait for a person, and letting them go.

use axum::extract::State;
use hongyan_domain::{Timestamp, risk};
use hongyan_store::{Brake, Brakes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::appid;
use crate::access::auth::{Caller, MayOperate, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field;
use crate::request::path::Named;
use crate::request::query::{self, Asked};

/// Longest reason: a sentence or two for the audit.
const REASON_MAX: usize = 200;

/// Which brakes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BrakesQuery {
    /// Of this account.
    appid: Option<String>,
    /// `on` (the default) or `all`.
    state: Option<String>,
}

/// The brakes, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Brakes)]
pub(crate) struct BrakesBody {
    brakes: Vec<BrakeBody>,
}

/// A brake.
#[derive(Serialize, ToSchema)]
#[schema(as = Brake)]
pub(crate) struct BrakeBody {
    /// Its number: 64 bits, as text.
    id: String,
    appid: String,
    /// `template`.
    kind: &'static str,
    /// The template's id.
    subject: String,
    /// `true`: the rule is only observed; the alarm was given, and nothing waits.
    observed: bool,
    /// The risk score it was pulled for.
    score: u32,
    /// What made the score.
    #[schema(value_type = Vec<Object>)]
    parts: Vec<risk::Part>,
    /// Messages that WeChat took in the days that counted.
    sent: u64,
    #[schema(value_type = String)]
    pulled_at: Timestamp,
    /// null: it is on.
    #[schema(value_type = Option<String>)]
    released_at: Option<Timestamp>,
    /// The id of an API key, `user:` and the name of a user, or `cli`.
    released_by: Option<String>,
    reason: Option<String>,
}

/// Why it is let go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseRequest {
    /// For the audit: 1 to 200 characters, without personal data.
    reason: String,
}

/// Lists what is braked: its messages are accepted and wait until a person lets them go.
#[utoipa::path(get, path = "/api/v1/compliance/brakes", tag = "compliance", params(BrakesQuery),
    responses((status = 200, description = "The brakes", body = BrakesBody)))]
pub(crate) async fn list_brakes(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<BrakesQuery>,
) -> Answer {
    let accounts = super::accounts(&app, &caller, asked.appid.as_deref())?;
    let mut errors = Vec::new();
    let wanted = |text: &str| match text {
        "on" => Some(Brakes::On),
        "all" => Some(Brakes::All),
        _ => None,
    };
    let wanted = query::read(&mut errors, ("state", asked.state.as_deref()), wanted, "on or all");
    field::none_of(errors)?;
    let mut brakes = app.store().brakes(wanted.unwrap_or(Brakes::On)).await?;
    brakes.retain(|brake| accounts.contains(&brake.account));
    answer::ok(&BrakesBody { brakes: brakes.iter().map(|brake| BrakeBody::of(&app, brake)).collect() })
}

/// Lets go what a brake stops. What waits goes at once, as far as the other rules allow. 409 when it was let go before.
#[utoipa::path(post, path = "/api/v1/compliance/brakes/{id}/release", tag = "compliance",
    request_body = ReleaseRequest,
    responses((status = 200, description = "The brake, released", body = BrakeBody)))]
pub(crate) async fn release_brake(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Named(id): Named<String>,
    Json(asked): Json<ReleaseRequest>,
) -> Answer {
    let brake = find(&app, &caller, &id).await?;
    let length = asked.reason.trim().chars().count();
    if !(1..=REASON_MAX).contains(&length) {
        let fault = field::bad("reason", "has to say why, in 1 to 200 characters");
        return Err(Problem::invalid(vec![fault]));
    }
    if !app.engine().by(caller.actor()).release_brake(&brake, asked.reason.trim()).await? {
        return Err(Problem::new(Code::WrongState, "it was released before"));
    }
    let brake = find(&app, &caller, &id).await?;
    answer::ok(&BrakeBody::of(&app, &brake))
}

async fn find(app: &App, caller: &Caller, id: &str) -> Result<Brake, Problem> {
    let brake = match id.parse() {
        Ok(id) => app.store().brake(id).await?,
        Err(_) => None,
    };
    let unknown =
        || Problem::new(Code::UnknownBrake, "no brake has this id: see GET /api/v1/compliance/brakes");
    brake.filter(|brake| caller.may_touch(brake.account)).ok_or_else(unknown)
}

impl BrakeBody {
    fn of(app: &App, brake: &Brake) -> Self {
        Self {
            id: brake.id.to_string(),
            appid: appid(app, brake.account),
            kind: brake.braked.kind(),
            subject: brake.braked.subject().to_owned(),
            observed: brake.observed,
            score: brake.score,
            parts: risk::risk(&brake.signals).parts,
            sent: brake.signals.sent,
            pulled_at: brake.pulled_at,
            released_at: brake.released_at,
            released_by: brake.released_by.clone(),
            reason: brake.reason.clone(),
        }
    }
}
