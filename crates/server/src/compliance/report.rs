//! The daily self-check, as data and as a sheet.

use std::collections::HashMap;

use axum::extract::State;
use hongyan_domain::{MessageId, Openid};
use hongyan_engine::compliance::{Check, CheckKind, CheckState, SelfCheck};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::csv;
use crate::access::auth::{Caller, MayRead};
use crate::answer::problem::Problem;
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::lang::Wish;
use crate::request::query::{self, Asked};
use crate::request::{day, field};

/// Which day, and whose.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// The day (Asia/Shanghai), like 2026-11-23; yesterday if left out.
    day: Option<String>,
    /// `json` (the default) or `csv`; `Accept: text/csv` says the same.
    format: Option<String>,
}

/// The self-check of a day.
#[derive(Serialize, ToSchema)]
#[schema(as = SelfCheck)]
pub(crate) struct ReportBody<'a> {
    appid: &'a str,
    day: &'a str,
    /// `false`: the messages have not been looked at again yet; this is what the rules counted so far.
    complete: bool,
    #[schema(value_type = String)]
    made_at: hongyan_domain::Timestamp,
    /// Messages that WeChat took that day.
    sent: u64,
    checks: Vec<CheckBody<'a>>,
}

/// One check: its standard, what came of it, and what follows.
#[derive(Serialize, ToSchema)]
#[schema(as = SelfCheckItem)]
pub(crate) struct CheckBody<'a> {
    /// `authenticity`, `frequency` or `authorisation`.
    #[schema(value_type = String)]
    check: CheckKind,
    standard: Text,
    /// When it is looked at.
    checked_when: Text,
    /// What WeChat may do.
    penalty: Text,
    /// `passed`, `found`, `pending` or `not_asked`.
    #[schema(value_type = String)]
    state: CheckState,
    checked: u64,
    found: u64,
    /// `found` of all messages, 0 to 1.
    share: f64,
    /// What the system did: `refused`, `held`, `observed`, `braked`, `blocked`.
    #[schema(value_type = Object)]
    did: hongyan_engine::compliance::Counted,
    /// The first hundred.
    offenders: Vec<OffenderBody<'a>>,
    #[schema(value_type = Vec<Object>)]
    templates: Vec<Place<'a>>,
    #[schema(value_type = Vec<Object>)]
    scenarios: Vec<Place<'a>>,
}

/// A message that went against a standard.
#[derive(Serialize, ToSchema)]
#[schema(as = Offender)]
pub(crate) struct OffenderBody<'a> {
    message: &'a str,
    template_id: &'a str,
    scenario: Option<&'a str>,
    /// The words found, or the how manieth of the day it was.
    detail: &'a str,
    /// To whom; only for a key of scope admin, and not if erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    touser: Option<&'a str>,
}

/// A template or scenario, and how many of its messages are among those found.
#[derive(Serialize)]
pub(crate) struct Place<'a> {
    name: &'a str,
    found: u64,
}

/// Shows the self-check of a day: authenticity, frequency, authorisation. It is made after midnight, beside all else; of
/// today, and of a day that is not looked at yet, it tells what the rules counted.
#[utoipa::path(get, path = "/api/v1/compliance/report", tag = "compliance", params(ReportQuery),
    responses((status = 200, description = "The report", content((ReportBody<'_> = "application/json"),
        (String = "text/csv")))))]
pub(crate) async fn show_report(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Wish(lang): Wish,
    Asked(asked): Asked<ReportQuery>,
    headers: HeaderMap,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let mut errors = Vec::new();
    let allowed = "a day like 2026-11-23";
    let wanted = query::read(&mut errors, ("day", asked.day.as_deref()), day::read, allowed);
    let today = app.now().day();
    if wanted.is_some_and(|day| day > today) {
        errors.push(field::bad("day", "has not come yet"));
    }
    let forms = |text: &str| ["json", "csv"].into_iter().find(|form| *form == text);
    let form = query::read(&mut errors, ("format", asked.format.as_deref()), forms, "json or csv");
    field::none_of(errors)?;
    let report = app.engine().self_check(&account, wanted.unwrap_or(today - 1)).await?;
    let people = people(&app, &caller, &report).await?;
    let body = ReportBody::of(&report, &people);
    let accepts =
        headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/csv"));
    if form == Some("csv") || (form.is_none() && accepts) {
        let sheet = sheet(&body, |text| text.clone().in_lang(lang).into_owned());
        return Ok(answer::bytes(StatusCode::OK, "text/csv; charset=utf-8", sheet));
    }
    answer::ok(&body)
}

/// Whom the offending messages went to: for a caller who may read everything.
async fn people(app: &App, caller: &Caller, report: &SelfCheck) -> Result<HashMap<String, Openid>, Problem> {
    let mut people = HashMap::new();
    if !caller.is_admin() {
        return Ok(people);
    }
    for offender in report.checks.iter().flat_map(|check| &check.offenders) {
        let Ok(id) = offender.message.parse::<MessageId>() else { continue };
        let record = app.store().message(id).await?;
        if let Some(openid) = record.and_then(|record| record.openid) {
            people.insert(offender.message.clone(), openid);
        }
    }
    Ok(people)
}

impl<'a> ReportBody<'a> {
    fn of(report: &'a SelfCheck, people: &'a HashMap<String, Openid>) -> Self {
        Self {
            appid: &report.appid,
            day: &report.day,
            complete: report.complete,
            made_at: report.made_at,
            sent: report.sent,
            checks: report.checks.iter().map(|check| CheckBody::of(check, people)).collect(),
        }
    }
}

impl<'a> CheckBody<'a> {
    fn of(check: &'a Check, people: &'a HashMap<String, Openid>) -> Self {
        let offender = |one: &'a hongyan_engine::compliance::Offender| OffenderBody {
            message: &one.message,
            template_id: &one.template_id,
            scenario: one.scenario.as_deref(),
            detail: &one.detail,
            touser: people.get(&one.message).map(Openid::expose),
        };
        let places = |places: &'a [(String, u64)]| {
            places.iter().map(|(name, found)| Place { name, found: *found }).collect()
        };
        let (standard, checked_when, penalty) = told(check.check, check.allowed);
        Self {
            check: check.check,
            standard,
            checked_when,
            penalty,
            state: check.state,
            checked: check.checked,
            found: check.found,
            share: check.share,
            did: check.did,
            offenders: check.offenders.iter().map(offender).collect(),
            templates: places(&check.templates),
            scenarios: places(&check.scenarios),
        }
    }
}

/// Standard, when it is checked, and penalty (requirements §8).
fn told(check: CheckKind, allowed: Option<u32>) -> (Text, Text, Text) {
    // What an older report does not tell was three.
    let a_day = allowed.unwrap_or(3);
    match check {
        CheckKind::Authenticity => (
            Text::new("无虚假宣传，无违规内容", "no false advertising, nothing that must not be said"),
            Text::new("发送时检查，每日复查", "at each send, and again each day"),
            Text::new("封禁功能 7 天", "the function is blocked for 7 days"),
        ),
        CheckKind::Frequency => (
            Text::new(
                format!("每人每天不超过 {a_day} 条"),
                format!("at most {a_day} messages a day and person"),
            ),
            Text::new("实时", "in real time"),
            Text::new("限制接口调用 30 天", "calls are limited for 30 days"),
        ),
        CheckKind::Authorisation => (
            Text::new(
                "接收者 7 天内有互动，或触达窗口仍开放",
                "the person acted within 7 days, or a window is open",
            ),
            Text::new("每次发送前", "before each send"),
            Text::new("下架模板", "the template is taken down"),
        ),
    }
}

const HEAD: [&str; 19] = [
    "row",
    "day",
    "appid",
    "check",
    "standard",
    "state",
    "checked",
    "found",
    "share",
    "refused",
    "held",
    "observed",
    "braked",
    "blocked",
    "penalty",
    "message",
    "template_id",
    "scenario",
    "detail",
];

/// A line for each check, then one for each offending message. With a byte order mark: spreadsheets take it for UTF-8 only
/// so.
fn sheet(report: &ReportBody<'_>, pick: impl Fn(&Text) -> String) -> String {
    let mut out = String::from('\u{feff}');
    csv::write_line(&mut out, HEAD.into_iter().chain(["touser"]));
    for check in &report.checks {
        let name = word(&check.check);
        let did = check.did;
        let numbers = [check.checked, check.found].map(|number| number.to_string());
        let counts = [did.refused, did.held, did.observed, did.braked, did.blocked];
        let counts = counts.map(|number| number.to_string());
        let (standard, penalty, share) =
            (pick(&check.standard), pick(&check.penalty), check.share.to_string());
        let state = word(&check.state);
        let about = ["check", report.day, report.appid, &name, &standard, &state, &numbers[0], &numbers[1]];
        let cells = about.into_iter().chain([share.as_str()]).chain(counts.iter().map(String::as_str));
        csv::write_line(&mut out, cells.chain([penalty.as_str(), "", "", "", "", ""]));
        for one in &check.offenders {
            let empty = std::iter::repeat_n("", 11);
            let who = [one.message, one.template_id, one.scenario.unwrap_or_default(), one.detail];
            let about = ["offender", report.day, report.appid, &name].into_iter().chain(empty);
            csv::write_line(&mut out, about.chain(who).chain([one.touser.unwrap_or_default()]));
        }
    }
    out
}

/// The word that JSON has for it.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
