//! Approvals: what a rule holds for a person, and what the person says.

use std::str::FromStr;

use axum::extract::State;
use hongyan_domain::approval::{ApprovalState, Decision, Subject};
use hongyan_domain::{FieldCode, FieldError, MessageId, Timestamp, says};
use hongyan_engine::content::{Found, read_findings};
use hongyan_store::{Approval, DecisionAnswer};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayOperate, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field;
use crate::request::path::Named;
use crate::request::query::{self, Asked as Query};

/// Decided in one request.
const BATCH_MAX: usize = 1_000;
/// Longest reason, in bytes; it stands in the audit.
const REASON_MAX: usize = 500;
/// What the id of a message's approval begins with, in place of `msg_`.
const PREFIX: &str = "apr_";

/// Which approvals.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApprovalQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// `waiting`, `approved`, `rejected` or `lapsed`; left out: all.
    state: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// 1 to 500.
    limit: Option<String>,
}

/// Something that waits, or waited, for a person's word.
#[derive(Serialize, ToSchema)]
#[schema(as = Approval)]
pub(crate) struct ApprovalBody {
    id: String,
    /// What it is about: `message`.
    #[schema(value_type = String)]
    subject: Subject,
    /// The message.
    #[schema(value_type = String)]
    message: MessageId,
    /// `waiting`, `approved`, `rejected`, or `lapsed`: it expired, was cancelled or erased.
    #[schema(value_type = String)]
    state: ApprovalState,
    /// What was found: each word with its category, severity, place and offsets.
    #[schema(value_type = Vec<Object>)]
    findings: Vec<Found>,
    /// The same for the same words in the same template: decide them together by it.
    alike: String,
    #[schema(value_type = String)]
    asked_at: Timestamp,
    /// When the message may go, once it is approved.
    #[schema(value_type = String)]
    due_at: Timestamp,
    /// When nobody need decide any more.
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>)]
    decided_at: Option<Timestamp>,
    /// Who decided: the id of an API key, or `user:` and the name of a user.
    decided_by: Option<String>,
    reason: Option<String>,
}

impl From<Approval> for ApprovalBody {
    fn from(found: Approval) -> Self {
        let decided = found.decided;
        Self {
            id: id_of(found.message),
            subject: found.subject,
            message: found.message,
            state: found.state,
            findings: read_findings(&found.asking.findings),
            alike: found.asking.alike,
            asked_at: found.asked_at,
            due_at: found.asking.due_at,
            expires_at: found.asking.expires_at,
            decided_at: decided.as_ref().map(|decided| decided.at),
            decided_by: decided.as_ref().map(|decided| decided.by.clone()),
            reason: decided.map(|decided| decided.reason),
        }
    }
}

/// A page of approvals.
#[derive(Serialize, ToSchema)]
#[schema(as = Approvals)]
pub(crate) struct ApprovalsBody {
    approvals: Vec<ApprovalBody>,
    /// Give it back to go on; null: that was all.
    next_cursor: Option<String>,
}

/// Lists what waits, or waited, for a person's word, newest first.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", params(ApprovalQuery),
    responses((status = 200, description = "A page of approvals", body = ApprovalsBody)))]
pub(crate) async fn list(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Query(asked): Query<ApprovalQuery>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, asked.limit.as_deref());
    let words = "waiting, approved, rejected or lapsed";
    let state = query::read(&mut errors, ("state", asked.state.as_deref()), ApprovalState::parse, words);
    field::none_of(errors)?;
    let cursor = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let page = app.store().approvals(account.id(), state, cursor, limit).await?;
    let approvals = page.items.into_iter().map(ApprovalBody::from).collect();
    answer::ok(&ApprovalsBody { approvals, next_cursor: page.next_cursor })
}

/// Shows one approval.
#[utoipa::path(get, path = "/api/v1/approvals/{id}", tag = "approvals",
    responses((status = 200, description = "The approval", body = ApprovalBody)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Answer {
    answer::ok(&ApprovalBody::from(found(&app, &caller, &id).await?))
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReasonRequest {
    /// For the audit and the message's timeline: 1 to 500 bytes.
    reason: String,
}

/// Lets a message go: when it would have gone, or now.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/approve", tag = "approvals", request_body = ReasonRequest,
    responses((status = 200, description = "The approval", body = ApprovalBody)))]
pub(crate) async fn approve(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Named(id): Named<String>,
    Json(asked): Json<ReasonRequest>,
) -> Answer {
    decide(&app, &caller, &id, (Decision::Approve, &asked.reason)).await
}

/// Refuses a message: it ends `suppressed: content`.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/reject", tag = "approvals", request_body = ReasonRequest,
    responses((status = 200, description = "The approval", body = ApprovalBody)))]
pub(crate) async fn reject(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Named(id): Named<String>,
    Json(asked): Json<ReasonRequest>,
) -> Answer {
    decide(&app, &caller, &id, (Decision::Reject, &asked.reason)).await
}

async fn decide(app: &App, caller: &Caller, id: &str, (decision, reason): (Decision, &str)) -> Answer {
    field::none_of(reason_fault(reason).into_iter().collect())?;
    let Approval { account, message, .. } = found(app, caller, id).await?;
    let engine = app.engine().by(caller.actor());
    let answers = engine.decide_approvals(account, vec![message], (decision, reason)).await?;
    match answers.first() {
        Some(DecisionAnswer::Done(_)) => answer::ok(&ApprovalBody::from(found(app, caller, id).await?)),
        Some(DecisionAnswer::TooLate(state)) => Err(Problem::new(
            Code::TooLate,
            says!("it is `{state}`: nothing can be decided any more", state = state.as_str()),
        )),
        _ => Err(unknown()),
    }
}

/// Several at once: by their ids, or all of an account with the same words in the same template.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideRequest {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// `approve` or `reject`.
    #[schema(value_type = String)]
    decision: Decision,
    /// For the audit and the timelines: 1 to 500 bytes.
    reason: String,
    /// Which: 1 to 1,000.
    ids: Option<Vec<String>>,
    /// All that wait and have this `alike`, the 1,000 oldest at once.
    alike: Option<String>,
}

/// What became of each.
#[derive(Serialize, ToSchema)]
#[schema(as = ApprovalsDecided)]
pub(crate) struct DecidedBody {
    /// In the order given: its id and where it stands; null: there is no such approval.
    results: Vec<ResultBody>,
}

/// What became of one.
#[derive(Serialize, ToSchema)]
#[schema(as = ApprovalDecided)]
pub(crate) struct ResultBody {
    id: String,
    /// Whether this request decided it.
    done: bool,
    #[schema(value_type = Option<String>)]
    state: Option<ApprovalState>,
}

/// Decides several at once.
#[utoipa::path(post, path = "/api/v1/approvals/decide", tag = "approvals", request_body = DecideRequest,
    responses((status = 200, description = "What became of each", body = DecidedBody)))]
pub(crate) async fn decide_many(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Json(asked): Json<DecideRequest>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let mut errors: Vec<_> = reason_fault(&asked.reason).into_iter().collect();
    let messages = match (&asked.ids, &asked.alike) {
        (Some(ids), None) => read_ids(ids, &mut errors),
        (None, Some(alike)) => app.store().approvals_alike(account.id(), alike, BATCH_MAX).await?,
        _ => {
            errors.push(field::bad("ids", "is needed, or `alike`: one of them"));
            Vec::new()
        }
    };
    field::none_of(errors)?;
    let engine = app.engine().by(caller.actor());
    let answers =
        engine.decide_approvals(account.id(), messages.clone(), (asked.decision, &asked.reason)).await?;
    let result = |(message, answer): (&MessageId, DecisionAnswer)| ResultBody {
        id: id_of(*message),
        done: matches!(answer, DecisionAnswer::Done(_)),
        state: match answer {
            DecisionAnswer::Done(_) => Some(asked.decision.state()),
            DecisionAnswer::TooLate(state) => Some(state),
            DecisionAnswer::NotFound => None,
        },
    };
    answer::ok(&DecidedBody { results: messages.iter().zip(answers).map(result).collect() })
}

fn read_ids(ids: &[String], errors: &mut Vec<FieldError>) -> Vec<MessageId> {
    if ids.is_empty() || ids.len() > BATCH_MAX {
        let message = says!(
            "has {given} entries: 1 to {allowed} go in one request",
            given = ids.len(),
            allowed = BATCH_MAX,
        );
        errors.push(FieldError::new("ids", FieldCode::TooMany, message));
        return Vec::new();
    }
    let mut read = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        match message_of(id) {
            Some(message) => read.push(message),
            None => errors.push(FieldError::new(
                format!("ids.{index}"),
                FieldCode::BadFormat,
                "is not the id of an approval",
            )),
        }
    }
    read
}

fn reason_fault(reason: &str) -> Option<FieldError> {
    let fits = (1..=REASON_MAX).contains(&reason.trim().len());
    (!fits).then(|| field::bad("reason", "is needed: 1 to 500 bytes, for the audit"))
}

async fn found(app: &App, caller: &Caller, id: &str) -> Result<Approval, Problem> {
    let message = message_of(id).ok_or_else(unknown)?;
    let found = app.store().approval(message).await?.filter(|found| caller.may_touch(found.account));
    found.ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::new(Code::UnknownApproval, "no approval has this id: see GET /api/v1/approvals")
}

fn id_of(message: MessageId) -> String {
    message.to_string().replacen("msg_", PREFIX, 1)
}

fn message_of(id: &str) -> Option<MessageId> {
    let digits = id.strip_prefix(PREFIX)?;
    MessageId::from_str(&format!("msg_{digits}")).ok()
}
