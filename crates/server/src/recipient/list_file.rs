//! The suppression list as a file: in by CSV or NDJSON, out as CSV that goes in again.

use axum::extract::State;
use hongyan_domain::{Category, Openid, Reason, Source, Suppression, Timestamp};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::suppression::read_one;
use crate::access::auth::{MayOperate, MayRead};
use crate::answer::problem::{Problem, ProblemBody, Spoken};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::{self, Form, Raw};
use crate::request::lang::Wish;
use crate::request::query::Asked as Query;
use crate::request::table::{self, cell, unmarked};

/// People in one file: 10,000 are 1 MB.
const ROWS_MAX: usize = 10_000;
/// People put on the list in one commit.
const COMMIT: usize = 1_000;
/// Wrong rows that are told of; more are counted.
const TOLD_MAX: usize = 100;
/// Where to go on after an export that is not whole.
const NEXT: HeaderName = HeaderName::from_static("x-next-cursor");

/// Whose list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
}

/// Whose list, and from where on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// `X-Next-Cursor` of the part before.
    cursor: Option<String>,
}

/// One of a file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SuppressionRow)]
pub(crate) struct RowRequest {
    /// Who.
    pub(super) touser: String,
    /// `manual` (the default), `opted_out`, `complained` or any other reason.
    pub(super) reason: Option<String>,
    /// Messages of this category only; left out: all.
    #[schema(value_type = Option<String>)]
    pub(super) category: Option<Category>,
    /// Until when; left out: until it is lifted.
    #[schema(value_type = Option<String>)]
    pub(super) until: Option<Timestamp>,
    /// From when on; now, if left out. Not in the future.
    #[schema(value_type = Option<String>)]
    pub(super) since: Option<Timestamp>,
    /// By what it is known; `import`, if left out: a file that was exported keeps what it says.
    #[schema(value_type = Option<String>)]
    pub(super) source: Option<Source>,
}

/// What became of a file.
#[derive(Serialize, ToSchema)]
#[schema(as = SuppressionsImported)]
pub(crate) struct ImportedBody<'a> {
    /// Rows that are on the list now.
    changed: usize,
    /// Rows that are not: they are wrong.
    refused: usize,
    /// Why, of the first hundred.
    errors: Vec<RowErrorBody<'a>>,
}

/// What is wrong with a row.
#[derive(Serialize, ToSchema)]
#[schema(as = SuppressionRowError)]
pub(crate) struct RowErrorBody<'a> {
    /// Its place in the file, from 0, without the line that names the columns.
    index: usize,
    #[schema(value_type = ProblemBody)]
    error: Spoken<'a>,
}

/// Puts up to 10,000 people on the suppression list: CSV (`touser,reason,category,since,until,source`; UTF-8
/// or GBK) or NDJSON.
/// A wrong row spoils no other; the same file again changes nothing.
#[utoipa::path(post, path = "/api/v1/suppressions/import", tag = "recipients", params(ImportQuery),
    request_body(content((String = "text/csv"), (RowRequest = "application/x-ndjson"))),
    responses((status = 200, description = "How many are on the list now", body = ImportedBody<'_>)))]
pub(crate) async fn import(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Query(asked): Query<ImportQuery>,
    Wish(lang): Wish,
    raw: Raw,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let now = app.now();
    let rows: Vec<Result<(Openid, Suppression), Problem>> =
        texts(&raw)?.iter().map(|text| body::read(text).and_then(|row| read_one(&row, now))).collect();
    let (mut good, mut wrong) = (Vec::new(), Vec::new());
    for (index, row) in rows.into_iter().enumerate() {
        match row {
            Ok(row) => good.push(row),
            Err(problem) => wrong.push((index, problem)),
        }
    }
    for slice in good.chunks(COMMIT) {
        app.store_of(&caller).suppress(account.id(), slice.to_vec()).await?;
    }
    let told = wrong.iter().take(TOLD_MAX);
    let errors = told.map(|(index, problem)| RowErrorBody { index: *index, error: problem.spoken(lang) });
    let (changed, refused) = (good.len(), wrong.len());
    Ok(answer::json(StatusCode::OK, &ImportedBody { changed, refused, errors: errors.collect() }))
}

/// The rows as JSON.
fn texts(raw: &Raw) -> Result<Vec<String>, Problem> {
    if raw.form == Form::Json {
        return Err(body::unsupported("this takes text/csv or application/x-ndjson"));
    }
    if raw.form == Form::Ndjson {
        let lines = table::decoded(&raw.bytes)?;
        let lines: Vec<_> = lines
            .lines()
            .filter(|line| !line.trim().is_empty())
            .take(ROWS_MAX + 1)
            .map(str::to_owned)
            .collect();
        crate::message::batch::check_lines(lines.len())?;
        return Ok(lines);
    }
    let table = table::read(&raw.bytes, ROWS_MAX)?;
    let text = |row: &Vec<String>| {
        let cells = table.columns.iter().zip(row).filter(|(_, cell)| !cell.trim().is_empty());
        let row: Map<_, _> =
            cells.map(|(name, cell)| (name.clone(), Value::from(unmarked(cell.trim())))).collect();
        Value::Object(row).to_string()
    };
    Ok(table.rows.iter().map(text).collect())
}

/// The suppression list as CSV, up to 10,000 people; where there are more, `X-Next-Cursor` says where to go on.
#[utoipa::path(get, path = "/api/v1/suppressions/export", tag = "recipients", params(ExportQuery),
    responses((status = 200, description = "The list", body = String, content_type = "text/csv")))]
pub(crate) async fn export(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Query(asked): Query<ExportQuery>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let (mut text, mut people, mut cursor) =
        (String::from("touser,reason,category,since,until,source\n"), 0, asked.cursor);
    loop {
        let page = app.store().suppressed(account.id(), cursor.as_deref(), COMMIT).await?;
        people += page.items.len();
        page.items
            .iter()
            .for_each(|one| one.suppressions.iter().for_each(|why| write(&mut text, &one.openid, why)));
        cursor = page.next_cursor;
        if cursor.is_none() || people >= ROWS_MAX {
            break;
        }
    }
    let mut response = answer::bytes(StatusCode::OK, "text/csv; charset=utf-8", text);
    if let Some(next) = cursor.and_then(|cursor| HeaderValue::from_str(&cursor).ok()) {
        response.headers_mut().insert(NEXT, next);
    }
    Ok(response)
}

fn write(text: &mut String, openid: &Openid, why: &Suppression) {
    let Suppression { reason, category, since, until, source } = why;
    let category = category.map_or("", Category::as_str);
    let until = until.map_or_else(String::new, |until| until.to_string());
    let (since, source) = (since.to_string(), source.map_or("", Source::as_str));
    let cells = [openid.expose(), Reason::as_str(*reason), category, &since, &until, source];
    let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
    text.push_str(&cells.join(","));
    text.push('\n');
}
