//! What people did, told by the business: payments above all, which WeChat does not tell us.

use axum::extract::State;
use hongyan_domain::{FieldCode, FieldError, InteractionKind, Timestamp, says};
use hongyan_store::{Interaction, Sign};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::openid;
use crate::access::auth::{Caller, MaySend};
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::{self, Raw};
use crate::request::field;
use crate::request::one_or_many::{self, OneOrMany};

/// Interactions in one request.
const BATCH_MAX: usize = 1_000;
/// What many stand under.
const MANY: &str = "interactions";

/// One interaction, or many.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "this is the shape of what is read for the OpenAPI document")]
pub(crate) enum InteractionsRequest {
    /// Many: at most 1,000.
    Many(Batch),
    /// One.
    One(InteractionRequest),
}

/// Many interactions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    interactions: Vec<InteractionRequest>,
}

/// Something a person did.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InteractionRequest {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// Who.
    touser: String,
    /// `payment`, `menu_click`, `message` or `scan_subscribe`.
    kind: String,
    /// When; now, if left out. Not in the future.
    #[schema(value_type = Option<String>)]
    occurred_at: Option<Timestamp>,
}

/// How many were taken in.
#[derive(Serialize, ToSchema)]
#[schema(as = InteractionsTaken)]
pub(crate) struct TakenBody {
    accepted: usize,
}

/// Takes in what people did; each opens its reach window. All of the request or nothing.
#[utoipa::path(post, path = "/api/v1/interactions", tag = "recipients", request_body = InteractionsRequest,
    responses((status = 202, description = "On disk", body = TakenBody)))]
pub(crate) async fn interact(MaySend(caller): MaySend, State(app): State<App>, raw: Raw) -> Answer {
    let (asked, many) = match one_or_many::read(body::json(&raw)?, MANY)? {
        OneOrMany::One(one) => (vec![one], false),
        OneOrMany::Many(Batch { interactions }) => (interactions, true),
    };
    if asked.len() > BATCH_MAX {
        let message = says!(
            "has {given} entries: at most {allowed} go in one request",
            given = asked.len(),
            allowed = BATCH_MAX,
        );
        return Err(Problem::invalid(vec![FieldError::new(MANY, FieldCode::TooMany, message)]));
    }
    let mut errors = Vec::new();
    let mut interactions = Vec::with_capacity(asked.len());
    for (index, one) in asked.iter().enumerate() {
        let mut found = Vec::new();
        interactions.extend(read(&app, &caller, one, &mut found)?);
        let place = |fault| if many { one_or_many::placed(MANY, index, fault) } else { fault };
        errors.extend(found.into_iter().map(place));
    }
    field::none_of(errors)?;
    let accepted = interactions.len();
    app.store().interact(interactions).await?;
    app.engine().follow_revision().await?;
    Ok(answer::json(StatusCode::ACCEPTED, &TakenBody { accepted }))
}

fn read(
    app: &App,
    caller: &Caller,
    asked: &InteractionRequest,
    errors: &mut Vec<FieldError>,
) -> Result<Option<Interaction>, Problem> {
    let account = app.account_or_only(caller, asked.appid.as_deref())?;
    let openid = field::keep(errors, openid("touser", &asked.touser));
    let kind = InteractionKind::parse(&asked.kind);
    if kind.is_none() {
        let words: Vec<_> = InteractionKind::ALL.iter().map(|kind| kind.as_str()).collect();
        errors.push(field::bad(
            "kind",
            says!("is no kind of interaction: one of {words}", words = words.join(", ")),
        ));
    }
    let now = app.now();
    let at = asked.occurred_at.unwrap_or(now);
    if at > now {
        let message = "is in the future: give the time it happened, or leave it out";
        errors.push(FieldError::new("occurred_at", FieldCode::TooLate, message));
    }
    let (Some(openid), Some(kind)) = (openid, kind) else { return Ok(None) };
    Ok(Some(Interaction { account: account.id(), openid, sign: Sign::Acted(kind), at }))
}
