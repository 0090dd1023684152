//! Who is not written to.

use axum::extract::State;
use hongyan_domain::{
    AccountId, Category, FieldCode, FieldError, Openid, Reason, Source, Suppression, Timestamp, says,
};
use hongyan_store::{Page, Suppressed, SuppressedFor, Which};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list_file::RowRequest;
use super::openid;
use super::show::SuppressionBody;
use crate::access::auth::{MayOperate, MayRead};
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field::{self, bad};
use crate::request::query::{self, Asked as Query};

/// People in one request.
const BATCH_MAX: usize = 1_000;

/// People who are not to be written to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuppressRequest {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// Who: 1 to 1,000.
    tousers: Vec<String>,
    /// `manual` (the default), `opted_out`, `complained` or any other reason.
    reason: Option<String>,
    /// Messages of this category only; left out: all.
    #[schema(value_type = Option<String>)]
    category: Option<Category>,
    /// Until when; left out: until it is lifted.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
}

/// How many are on the list now through this request, or were taken off it.
#[derive(Serialize, ToSchema)]
#[schema(as = SuppressionsChanged)]
pub(crate) struct ChangedBody {
    changed: usize,
}

/// Whose list, and of whom on it.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuppressionQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// Of this person only.
    touser: Option<String>,
    /// Of this reason only: a page may hold fewer than `limit` then, and the list goes on while there is a `next_cursor`.
    reason: Option<String>,
    /// Of this category only: `transactional`, `service`, `marketing`, or `none`, those about all messages.
    category: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// 1 to 500.
    limit: Option<String>,
}

/// Whose suppressions are lifted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LiftQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// Whose.
    touser: Option<String>,
    /// Of this reason only; left out: of any.
    reason: Option<String>,
    /// Of this category only: `transactional`, `service`, `marketing`, or `none`, those about all messages; left out or
    /// `all`: whatever they are about.
    category: Option<String>,
}

/// A page of the list.
#[derive(Serialize, ToSchema)]
#[schema(as = Suppressions)]
pub(crate) struct SuppressionsBody {
    recipients: Vec<SuppressedBody>,
    /// Give it back to go on; null: that was all.
    next_cursor: Option<String>,
}

/// One of the list.
#[derive(Serialize, ToSchema)]
#[schema(as = SuppressedRecipient)]
pub(crate) struct SuppressedBody {
    touser: String,
    suppressions: Vec<SuppressionBody>,
}

/// Puts people on the suppression list: all of the request or nothing.
#[utoipa::path(post, path = "/api/v1/suppressions", tag = "recipients", request_body = SuppressRequest,
    responses((status = 200, description = "They are not written to", body = ChangedBody)))]
pub(crate) async fn suppress(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Json(asked): Json<SuppressRequest>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let (people, suppression) = read(&asked, app.now())?;
    let changed = people.len();
    let batch = people.into_iter().map(|openid| (openid, suppression)).collect();
    app.store_of(&caller).suppress(account.id(), batch).await?;
    Ok(answer::json(StatusCode::OK, &ChangedBody { changed }))
}

/// Shows the suppression list of an account.
#[utoipa::path(get, path = "/api/v1/suppressions", tag = "recipients", params(SuppressionQuery),
    responses((status = 200, description = "A page of the list", body = SuppressionsBody)))]
pub(crate) async fn list_suppressions(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Query(asked): Query<SuppressionQuery>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, asked.limit.as_deref());
    let person = asked.touser.as_deref();
    let person = person.and_then(|touser| field::keep(&mut errors, openid("touser", touser)));
    let which = which(&mut errors, asked.reason.as_deref(), asked.category.as_deref());
    field::none_of(errors)?;
    let page = match person {
        Some(openid) => of_one(&app, account.id(), openid).await?,
        None => app.store().suppressed(account.id(), asked.cursor.as_deref(), limit).await?,
    };
    let shown = |one: Suppressed| {
        let meant = one.suppressions.iter().filter(|one| which.means(one));
        let suppressions: Vec<_> = meant.map(SuppressionBody::from).collect();
        let touser = one.openid.expose().to_owned();
        (!suppressions.is_empty()).then_some(SuppressedBody { touser, suppressions })
    };
    answer::ok(&SuppressionsBody {
        recipients: page.items.into_iter().filter_map(shown).collect(),
        next_cursor: page.next_cursor,
    })
}

/// The list, as far as it is about this person.
async fn of_one(app: &App, account: AccountId, openid: Openid) -> Result<Page<Suppressed>, Problem> {
    let facts = app.store().recipients(vec![(account, openid.clone())]).await?.pop().unwrap_or_default();
    let one = Suppressed { openid, suppressions: facts.suppressions().to_vec() };
    Ok(Page { items: vec![one], next_cursor: None })
}

/// Takes a person off the suppression list, or only out of what it says of a reason or a category.
#[utoipa::path(delete, path = "/api/v1/suppressions", tag = "recipients", params(LiftQuery),
    responses((status = 200, description = "How many suppressions were lifted", body = ChangedBody)))]
pub(crate) async fn lift(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Query(asked): Query<LiftQuery>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let mut errors = Vec::new();
    let openid = match asked.touser.as_deref() {
        Some(touser) => field::keep(&mut errors, openid("touser", touser)),
        None => {
            errors.push(field::missing("touser"));
            None
        }
    };
    let category = asked.category.as_deref().filter(|category| *category != "all");
    let which = which(&mut errors, asked.reason.as_deref(), category);
    field::none_of(errors)?;
    let Some(openid) = openid else { return Err(Problem::invalid(Vec::new())) };
    let changed = app.store_of(&caller).lift(account.id(), &openid, which, app.now()).await?;
    answer::ok(&ChangedBody { changed })
}

fn read(asked: &SuppressRequest, now: Timestamp) -> Result<(Vec<Openid>, Suppression), Problem> {
    let mut errors = Vec::new();
    if asked.tousers.is_empty() || asked.tousers.len() > BATCH_MAX {
        let message = says!(
            "has {given} entries: 1 to {allowed} go in one request",
            given = asked.tousers.len(),
            allowed = BATCH_MAX,
        );
        errors.push(FieldError::new("tousers", FieldCode::TooMany, message));
    }
    let people = asked
        .tousers
        .iter()
        .filter_map(|touser| field::keep(&mut errors, openid("tousers", touser)))
        .collect();
    let reason = asked.reason.as_deref().map_or(Some(Reason::Manual), Reason::parse);
    if reason.is_none() {
        errors.push(bad("reason", says!("is not understood: {allowed}", allowed = reasons())));
    }
    if asked.until.is_some_and(|until| until <= now) {
        errors.push(FieldError::new(
            "until",
            FieldCode::TooEarly,
            "is over already: give a later time, or none",
        ));
    }
    field::none_of(errors)?;
    let reason = reason.unwrap_or(Reason::Manual);
    let (category, until, source) = (asked.category, asked.until, Some(Source::Api));
    Ok((people, Suppression { reason, category, since: now, until, source }))
}

/// One row of a file.
pub(super) fn read_one(row: &RowRequest, now: Timestamp) -> Result<(Openid, Suppression), Problem> {
    let mut errors = Vec::new();
    let openid = field::keep(&mut errors, openid("touser", &row.touser));
    let reason = row.reason.as_deref().map_or(Some(Reason::Manual), Reason::parse);
    if reason.is_none() {
        errors.push(bad("reason", says!("is not understood: {allowed}", allowed = reasons())));
    }
    let since = row.since.unwrap_or(now);
    if since > now {
        let message = "is in the future: give the time it happened, or leave it out";
        errors.push(FieldError::new("since", FieldCode::TooLate, message));
    }
    field::none_of(errors)?;
    let (Some(openid), Some(reason)) = (openid, reason) else { return Err(Problem::invalid(Vec::new())) };
    let (category, until) = (row.category, row.until);
    let source = Some(row.source.unwrap_or(Source::Import));
    Ok((openid, Suppression { reason, category, since, until, source }))
}

fn which(errors: &mut Vec<FieldError>, reason: Option<&str>, category: Option<&str>) -> Which {
    let about = |word: &str| match word {
        "none" => Some(SuppressedFor::AllMessages),
        word => Category::parse(word).map(SuppressedFor::Only),
    };
    let allowed = "transactional, service, marketing, or none for those about all messages";
    let about = query::read(errors, ("category", category), about, allowed).unwrap_or_default();
    Which { reason: query::read(errors, ("reason", reason), Reason::parse, &reasons()), about }
}

fn reasons() -> String {
    Reason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ")
}
