//! The audit: who did what, when, from where.

use axum::extract::State;
use hongyan_domain::{FieldError, Timestamp};
use hongyan_engine::Catalog;
use hongyan_store::{Action, AuditFilter, AuditRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayAdmin};
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::field;
use crate::request::query::{self, Asked};

/// Which rows. All given conditions must hold.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Conditions {
    /// About this account.
    appid: Option<String>,
    /// Of this actor: the id of an API key, or `setup`, `cli`, `system`.
    actor: Option<String>,
    /// Of this action, like `account.pause`.
    action: Option<String>,
    /// At this time or later. RFC 3339.
    since: Option<String>,
    /// Before this time. RFC 3339.
    until: Option<String>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 if left out.
    limit: Option<String>,
}

/// Some of many.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
pub(crate) struct PageBody<'a> {
    /// Newest first. May be fewer than asked for, even none, while there is a next_cursor.
    rows: Vec<RowBody<'a>>,
    /// Give it back as `cursor` to go on; null: that was all.
    next_cursor: Option<&'a str>,
}

/// One deed.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRow)]
pub(crate) struct RowBody<'a> {
    /// Its number, without a gap: 64 bits, as text.
    seq: String,
    #[schema(value_type = String)]
    at: Timestamp,
    /// The account it is about; null: the installation, or an account that is gone.
    appid: Option<&'a str>,
    /// The id of an API key, or `setup`, `cli`, `system`.
    actor: &'a str,
    /// From where: an address, or the user of the command line; empty: from inside.
    address: &'a str,
    /// What was done, like `account.pause`.
    action: &'a str,
    /// To what: an appid, a key's id; of a person the first digits of the blind index.
    subject: &'a str,
    /// More, without secrets and openids.
    #[schema(value_type = Object)]
    detail: &'a serde_json::Value,
    /// Ties it to all rows before; `hongyan audit verify` checks it.
    hash: String,
}

/// Lists what was done, newest first. A key for certain accounts sees what is about those.
#[utoipa::path(get, path = "/api/v1/audit", tag = "operation", params(Conditions),
    responses((status = 200, description = "A page of the audit", body = PageBody<'_>)))]
pub(crate) async fn list(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Asked(asked): Asked<Conditions>,
) -> Answer {
    let mut errors = Vec::new();
    let filter = filter(&app, &caller, &asked, &mut errors)?;
    let limit = query::limit(&mut errors, asked.limit.as_deref());
    field::none_of(errors)?;
    let cursor = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let page = app.store().audit(&filter, cursor, limit).await?;
    let catalog = app.engine().catalog();
    let rows = page.items.iter().map(|row| RowBody::of(row, &catalog)).collect();
    answer::ok(&PageBody { rows, next_cursor: page.next_cursor.as_deref() })
}

fn filter(
    app: &App,
    caller: &Caller,
    asked: &Conditions,
    errors: &mut Vec<FieldError>,
) -> Result<AuditFilter, Problem> {
    let accounts = match asked.appid.as_deref().filter(|appid| !appid.is_empty()) {
        Some(appid) => vec![app.account(caller, appid)?.id()],
        None => caller.accounts().to_vec(),
    };
    let instant = "an RFC 3339 time";
    let words = "a word like account.pause, from the column `action`";
    Ok(AuditFilter {
        accounts,
        actor: asked.actor.clone().filter(|actor| !actor.is_empty()),
        action: query::read(errors, ("action", asked.action.as_deref()), Action::parse, words),
        since: query::read(errors, ("since", asked.since.as_deref()), query::timestamp, instant),
        until: query::read(errors, ("until", asked.until.as_deref()), query::timestamp, instant),
    })
}

impl<'a> RowBody<'a> {
    fn of(row: &'a AuditRow, catalog: &'a Catalog) -> Self {
        let account = row.account.and_then(|id| catalog.by_id(id));
        Self {
            seq: row.seq.to_string(),
            at: row.at,
            appid: account.map(|account| account.appid().as_str()),
            actor: &row.actor,
            address: &row.address,
            action: &row.action,
            subject: &row.subject,
            detail: &row.detail,
            hash: row.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}
