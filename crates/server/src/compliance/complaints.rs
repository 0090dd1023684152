//! Complaints, from wherever they come: by hand, by import, by the webhook of a help desk. It is the same endpoint.

use axum::extract::{FromRequest, Request, State};
use hongyan_domain::request::holds_openid;
use hongyan_domain::{Category, ComplaintKind, FieldCode, FieldError, MessageId, Openid, Timestamp, says};
use hongyan_store::{About, Complained, Complaint, NewComplaint};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::csv;
use crate::access::auth::{MayRead, MaySend};
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::{self, Raw};
use crate::request::field::{self, bad};
use crate::request::one_or_many::{self, OneOrMany};
use crate::request::query::{self, Asked};

/// Complaints in one request.
const BATCH_MAX: usize = 1_000;
/// What many stand under.
const MANY: &str = "complaints";
/// Longest id of a caller's, as of a message.
const REFERENCE_MAX: usize = 128;
/// Longest template id: WeChat's have 43 characters.
const TEMPLATE_MAX: usize = 64;

/// One complaint, or many.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "this is the shape of what is read for the OpenAPI document")]
pub(crate) enum ComplaintsRequest {
    /// Many: at most 1,000.
    Many(ComplaintBatch),
    /// One.
    One(ComplaintRequest),
}

/// Many complaints of one account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComplaintBatch {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    complaints: Vec<ComplaintRequest>,
}

/// A complaint. One of `message`, `touser` and `template_id` says what it is about.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ComplaintRequest {
    /// The account, of a single complaint; may be left out where there is only one.
    appid: Option<String>,
    /// The message's id.
    message: Option<String>,
    /// The person: it is about the last message to them of the week before.
    touser: Option<String>,
    /// The template, where nobody is named.
    template_id: Option<String>,
    /// `unwanted` (the default), `misleading`, `fraud` or `other`.
    kind: Option<String>,
    /// Your own id: the same again is the same complaint. Without personal data.
    reference: Option<String>,
    /// When; now, if left out.
    occurred_at: Option<String>,
}

/// One result a complaint, in order.
#[derive(Serialize, ToSchema)]
#[schema(as = ComplaintsTaken)]
pub(crate) struct ComplaintsTakenBody {
    results: Vec<ResultBody>,
}

/// What became of a complaint.
#[derive(Serialize, ToSchema)]
#[schema(as = ComplaintResult)]
pub(crate) struct ResultBody {
    /// Its place in the request, from 0.
    index: usize,
    /// `new`, `same` or `unknown_message`.
    result: &'static str,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The message it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    message: Option<MessageId>,
    /// The template it counts against.
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<String>,
}

/// Which complaints.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ComplaintsQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// 1 to 500.
    limit: Option<String>,
}

/// Some of many.
#[derive(Serialize, ToSchema)]
#[schema(as = ComplaintPage)]
pub(crate) struct ComplaintPageBody {
    /// Newest first.
    complaints: Vec<ComplaintBody>,
    /// Give it back to go on; null: that was all.
    next_cursor: Option<String>,
}

/// A complaint as it is kept. What was said, and by whom, is not.
#[derive(Serialize, ToSchema)]
#[schema(as = Complaint)]
pub(crate) struct ComplaintBody {
    id: String,
    reference: Option<String>,
    #[schema(value_type = String)]
    kind: ComplaintKind,
    #[schema(value_type = Option<String>)]
    message: Option<MessageId>,
    template_id: Option<String>,
    #[schema(value_type = String)]
    occurred_at: Timestamp,
    #[schema(value_type = String)]
    received_at: Timestamp,
}

/// Complaints as JSON or CSV, and the account they are of.
pub(crate) struct ComplaintsBody {
    appid: Option<String>,
    complaints: Vec<ComplaintRequest>,
    /// Whether they came as many: a fault then names its place.
    many: bool,
}

impl FromRequest<App> for ComplaintsBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let is_sheet = request.headers().get(header::CONTENT_TYPE);
        if !is_sheet.is_some_and(|kind| kind.as_bytes().starts_with(b"text/csv")) {
            let raw = Raw::from_request(request, app).await?;
            return Ok(match one_or_many::read::<ComplaintRequest, _>(body::json(&raw)?, MANY)? {
                OneOrMany::One(one) => Self { appid: one.appid.clone(), complaints: vec![one], many: false },
                OneOrMany::Many(ComplaintBatch { appid, complaints }) => {
                    Self { appid, complaints, many: true }
                }
            });
        }
        let named = request.uri().query().unwrap_or_default();
        let appid = named.split('&').find_map(|pair| pair.strip_prefix("appid=")).map(str::to_owned);
        let (bytes, _room) = body::take(request, app, app.settings().body_limit).await?;
        Ok(Self { appid, complaints: sheet(body::utf8(&bytes)?)?, many: true })
    }
}

const COLUMNS: &str = "message, touser, template_id, kind, reference, occurred_at";

/// A sheet: the first line names the columns.
fn sheet(text: &str) -> Result<Vec<ComplaintRequest>, Problem> {
    let mut lines = csv::lines(text).into_iter();
    let head: Vec<_> = lines.next().unwrap_or_default().iter().map(|cell| cell.trim().to_owned()).collect();
    let known: Vec<_> = COLUMNS.split(", ").collect();
    if let Some(column) = head.iter().find(|column| !known.contains(&column.as_str())) {
        let message = says!("has a column `{column}`: the first line names {known}", column, known = COLUMNS);
        return Err(Problem::invalid(vec![bad("body", message)]));
    }
    let complaint = |line: Vec<String>| {
        let mut one = ComplaintRequest::default();
        for (column, cell) in head.iter().zip(line) {
            let cell = Some(cell.trim().to_owned()).filter(|cell| !cell.is_empty());
            match column.as_str() {
                "message" => one.message = cell,
                "touser" => one.touser = cell,
                "template_id" => one.template_id = cell,
                "kind" => one.kind = cell,
                "reference" => one.reference = cell,
                _ => one.occurred_at = cell,
            }
        }
        one
    };
    Ok(lines.map(complaint).collect())
}

/// Takes in complaints: one as `{"touser":…}`, many as `{"complaints":[…]}`, or a sheet as `text/csv` whose first line names
/// the columns (`?appid=` names the account). Each counts against its template and puts its person on the suppression
/// list. All of the request or nothing.
#[utoipa::path(post, path = "/api/v1/complaints", tag = "compliance",
    request_body(content((ComplaintsRequest = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "One result a complaint, in order", body = ComplaintsTakenBody)))]
pub(crate) async fn complain(
    MaySend(caller): MaySend,
    State(app): State<App>,
    asked: ComplaintsBody,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    if asked.complaints.is_empty() || asked.complaints.len() > BATCH_MAX {
        let given = asked.complaints.len();
        let message =
            says!("has {given} entries: 1 to {allowed} go in one request", given, allowed = BATCH_MAX);
        return Err(Problem::invalid(vec![FieldError::new(MANY, FieldCode::TooMany, message)]));
    }
    let (mut errors, now) = (Vec::new(), app.now());
    let mut batch = Vec::with_capacity(asked.complaints.len());
    for (index, one) in asked.complaints.iter().enumerate() {
        let mut found = Vec::new();
        batch.extend(read(one, now, &mut found));
        let place = |fault| if asked.many { one_or_many::placed(MANY, index, fault) } else { fault };
        errors.extend(found.into_iter().map(place));
    }
    field::none_of(errors)?;
    let rule = &account.policies.of(Category::Marketing, None).suppression;
    let category = rule.opt_out_of.category();
    let answers = app.store_of(&caller).complain(account.id(), batch, category, now).await?;
    answer::ok(&ComplaintsTakenBody { results: answers.into_iter().enumerate().map(result).collect() })
}

fn read(asked: &ComplaintRequest, now: Timestamp, errors: &mut Vec<FieldError>) -> Option<NewComplaint> {
    let about = about(asked, errors);
    let kind = asked.kind.as_deref().map_or(Some(ComplaintKind::Unwanted), ComplaintKind::parse);
    if kind.is_none() {
        let words: Vec<_> = ComplaintKind::ALL.iter().map(|kind| kind.as_str()).collect();
        errors.push(bad("kind", says!("is not understood: {allowed}", allowed = words.join(", "))));
    }
    let reference = asked.reference.clone();
    if reference.as_ref().is_some_and(|text| !(1..=REFERENCE_MAX).contains(&text.len())) {
        let message = says!(
            "has {given} bytes: at most {allowed} are allowed",
            given = reference.as_ref().map_or(0, String::len),
            allowed = REFERENCE_MAX
        );
        errors.push(FieldError::new("reference", FieldCode::TooLong, message));
    }
    let names = |text: &String| {
        holds_openid(text) || asked.touser.as_ref().is_some_and(|touser| text.contains(touser.as_str()))
    };
    if reference.as_ref().is_some_and(names) {
        errors.push(bad("reference", "names a person: it is kept in plain text, so give another"));
    }
    let given = asked.occurred_at.as_deref();
    let at = query::read(errors, ("occurred_at", given), query::timestamp, "an RFC 3339 time");
    let occurred_at = at.unwrap_or(now);
    if occurred_at > now {
        let message = "is in the future: give the time it happened, or leave it out";
        errors.push(FieldError::new("occurred_at", FieldCode::TooLate, message));
    }
    Some(NewComplaint { about: about?, kind: kind?, reference, occurred_at })
}

fn about(asked: &ComplaintRequest, errors: &mut Vec<FieldError>) -> Option<About> {
    match (&asked.message, &asked.touser, &asked.template_id) {
        (Some(id), None, None) => {
            let id = id.parse().map_err(|_| bad("message", "is not the id of a message: msg_…"));
            field::keep(errors, id).map(About::Message)
        }
        (None, Some(touser), None) => {
            let openid = Openid::new(touser).map_err(|error| bad("touser", error.to_string()));
            field::keep(errors, openid).map(About::Person)
        }
        (None, None, Some(template)) if (1..=TEMPLATE_MAX).contains(&template.len()) => {
            Some(About::Template(template.clone()))
        }
        _ => {
            errors.push(bad("message", "has to say what it is about: one of message, touser, template_id"));
            None
        }
    }
}

fn result((index, answer): (usize, Complained)) -> ResultBody {
    match answer {
        Complained::New { id, message, template_id } => {
            ResultBody { index, result: "new", id: Some(id.to_string()), message, template_id }
        }
        Complained::Same { id } => {
            ResultBody { index, result: "same", id: Some(id.to_string()), message: None, template_id: None }
        }
        Complained::UnknownMessage => {
            ResultBody { index, result: "unknown_message", id: None, message: None, template_id: None }
        }
    }
}

/// Lists an account's complaints.
#[utoipa::path(get, path = "/api/v1/complaints", tag = "compliance", params(ComplaintsQuery),
    responses((status = 200, description = "A page of them", body = ComplaintPageBody)))]
pub(crate) async fn list_complaints(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<ComplaintsQuery>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, asked.limit.as_deref());
    field::none_of(errors)?;
    let cursor = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let page = app.store().complaints(account.id(), cursor, limit).await?;
    let complaints = page.items.into_iter().map(ComplaintBody::from).collect();
    Ok(answer::json(StatusCode::OK, &ComplaintPageBody { complaints, next_cursor: page.next_cursor }))
}

impl From<Complaint> for ComplaintBody {
    fn from(one: Complaint) -> Self {
        Self {
            id: one.id.to_string(),
            reference: one.reference,
            kind: one.kind,
            message: one.message,
            template_id: one.template_id,
            occurred_at: one.occurred_at,
            received_at: one.received_at,
        }
    }
}
