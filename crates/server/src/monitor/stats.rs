//! Counters: how many messages of a day stand where. Kept by the store with every change, so reading is cheap.

use std::collections::BTreeMap;

use axum::extract::State;
use hongyan_domain::{Cause, FieldCode, FieldError, State as MessageState, says};
use hongyan_engine::Catalog;
use hongyan_store::TallyRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::MayRead;
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::monitor::on_time::{OnTimeShareBody, total};
use crate::request::query::{self, Asked};
use crate::request::{day, field};

/// Days in one answer: a year and the leap day.
const DAYS_MAX: i64 = 366;
/// Without a span: today and the six days before.
const DAYS_DEFAULT: i64 = 7;
/// Rows in one answer; the totals count all. 10,000 rows are 1 MB.
const ROWS_MAX: usize = 10_000;

/// Which days and whose.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// Of this account.
    appid: Option<String>,
    /// The first day (Asia/Shanghai), like 2026-11-23; six days before `until` if left out.
    since: Option<String>,
    /// The last day; today if left out.
    until: Option<String>,
}

/// The counters.
#[derive(Serialize, ToSchema)]
#[schema(as = Stats)]
pub(crate) struct StatsBody<'a> {
    /// The first day.
    since: String,
    /// The last day.
    until: String,
    /// Messages by state, over all rows.
    totals: BTreeMap<&'static str, i64>,
    /// How many of them were with WeChat when they should be.
    on_time: OnTimeShareBody,
    /// One counter each.
    rows: Vec<CounterBody<'a>>,
    /// There are more rows than are shown: ask for one account or fewer days.
    truncated: bool,
}

/// Messages accepted on a day that stand in one state for one cause.
#[derive(Serialize, ToSchema)]
#[schema(as = Counter)]
pub(crate) struct CounterBody<'a> {
    /// Whose.
    appid: &'a str,
    /// The day of acceptance.
    day: String,
    /// Where they stand; those on their way count as pending.
    #[schema(value_type = String)]
    state: MessageState,
    /// Why.
    #[schema(value_type = Option<String>)]
    cause: Option<Cause>,
    /// How many.
    count: i64,
}

/// Counts messages by account, day of acceptance, state and cause.
#[utoipa::path(get, path = "/api/v1/stats", tag = "operation", params(Span),
    responses((status = 200, description = "The counters", body = StatsBody<'_>)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<Span>,
) -> Answer {
    let account = match asked.appid.as_deref().filter(|appid| !appid.is_empty()) {
        Some(appid) => Some(app.account(&caller, appid)?.id()),
        None => None,
    };
    let (since, until) = days((asked.since.as_deref(), asked.until.as_deref()), app.now().day())?;
    let punctual = app.store().on_time(since..until + 1, account).await?;
    let punctual = total(punctual.iter().filter(|row| caller.may_touch(row.account)));
    let rows = app.store().tally(since..until + 1, account).await?;
    let rows: Vec<_> = rows.into_iter().filter(|row| caller.may_touch(row.account)).collect();
    let catalog = app.engine().catalog();
    answer::ok(&StatsBody {
        since: day::written(since),
        until: day::written(until),
        totals: totals(&rows),
        on_time: OnTimeShareBody::of(&punctual),
        truncated: rows.len() > ROWS_MAX,
        rows: rows.iter().take(ROWS_MAX).map(|row| counter(row, &catalog)).collect(),
    })
}

/// The first and the last day of a span that was asked for.
pub(crate) fn days((since, until): (Option<&str>, Option<&str>), today: i64) -> Result<(i64, i64), Problem> {
    let mut errors = Vec::new();
    let allowed = "a day like 2026-11-23";
    let until = query::read(&mut errors, ("until", until), day::read, allowed).unwrap_or(today);
    let since = query::read(&mut errors, ("since", since), day::read, allowed);
    let since = since.unwrap_or(until - DAYS_DEFAULT + 1);
    if until < since {
        errors.push(FieldError::new("until", FieldCode::TooEarly, "is before `since`"));
    }
    if until - since >= DAYS_MAX {
        errors.push(FieldError::new(
            "since",
            FieldCode::TooEarly,
            says!("at most {days} days are shown at once", days = DAYS_MAX),
        ));
    }
    field::none_of(errors)?;
    Ok((since, until))
}

fn totals(rows: &[TallyRow]) -> BTreeMap<&'static str, i64> {
    let mut totals: BTreeMap<_, _> = MessageState::ALL
        .iter()
        .filter(|state| **state != MessageState::Claimed)
        .map(|state| (state.as_str(), 0))
        .collect();
    for row in rows {
        *totals.entry(row.state.as_str()).or_default() += row.count;
    }
    totals
}

fn counter<'a>(row: &TallyRow, catalog: &'a Catalog) -> CounterBody<'a> {
    CounterBody {
        appid: catalog.by_id(row.account).map_or("", |account| account.appid().as_str()),
        day: day::written(row.day),
        state: row.state,
        cause: row.cause,
        count: row.count,
    }
}
