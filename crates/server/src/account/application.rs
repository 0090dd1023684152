//! Applications for custom templates: written, checked, handed in by a person in WeChat's console, answered.

use axum::extract::State;
use hongyan_domain::application::{self, Answer as Given, Event, Refused};
use hongyan_domain::{Application, ApplicationId, ApplicationState, FieldCode, FieldError, Timestamp, says};
use hongyan_engine::Account;
use hongyan_store::{ApplicationFilter, ApplicationMove, ApplicationRecord};
use http::StatusCode;

use super::application_body::{
    AnswerRequest, ApplicationBody, ApplicationChange, ApplicationsBody, CheckedBody, MonthBody, Which,
};
use crate::access::auth::{Caller, MayAdmin, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::{Json, Nothing};
use crate::request::field::{self, keep};
use crate::request::path::Named;
use crate::request::query::{self, Asked};

/// Longest name of a reviewer and longest reason, in bytes.
const REVIEWER_MAX: usize = 128;
const REASON_MAX: usize = 1_024;

/// Lists the account's applications, the newest first.
#[utoipa::path(get, path = "/api/v1/accounts/{appid}/applications", tag = "applications", params(Which),
    responses((status = 200, description = "A page of applications", body = ApplicationsBody)))]
pub(crate) async fn list_applications(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(appid): Named<String>,
    Asked(which): Asked<Which>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let filter = filter(&which)?;
    let found = app.store().applications(account.id(), filter).await?;
    let more = found.len() == filter.limit;
    let next_cursor = found.last().filter(|last| more && last.id.0 > 1).map(|last| last.id.to_string());
    let applications = found.into_iter().map(|record| ApplicationBody::of(record, app.now())).collect();
    let submitted = app.store().application_submits(account.id(), app.now()).await?;
    answer::ok(&ApplicationsBody { applications, next_cursor, month: MonthBody::of(submitted, app.now()) })
}

fn filter(which: &Which) -> Result<ApplicationFilter, Problem> {
    let mut errors = Vec::new();
    let words = ApplicationState::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", ");
    let state = query::read(&mut errors, ("state", which.state.as_deref()), ApplicationState::parse, &words);
    let cursor = ("cursor", which.cursor.as_deref());
    let before = query::read(&mut errors, cursor, |text| text.parse().ok(), "the next_cursor of a page");
    let limit = query::limit(&mut errors, which.limit.as_deref());
    field::none_of(errors)?;
    Ok(ApplicationFilter { state, before, limit })
}

/// Writes a draft. It may be unfinished: `check` says what is missing. 409 `template_exists` where the account's
/// library has a template of that title and those keywords.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/applications", tag = "applications",
    request_body = ApplicationChange, responses((status = 201, description = "The draft", body = ApplicationBody)))]
pub(crate) async fn create_application(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(appid): Named<String>,
    Json(asked): Json<ApplicationChange>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let application = asked.applied(Application::default());
    refuse_known(&account, &application)?;
    let id = app.store_of(&caller).create_application(account.id(), &application, app.now()).await?;
    let record = app.store().application(account.id(), id).await?.ok_or_else(unknown)?;
    Ok(answer::json(StatusCode::CREATED, &ApplicationBody::of(record, app.now())))
}

/// Shows an application with every state it entered, and by when WeChat's answer is expected.
#[utoipa::path(get, path = "/api/v1/accounts/{appid}/applications/{id}", tag = "applications",
    responses((status = 200, description = "The application", body = ApplicationBody)))]
pub(crate) async fn show_application(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named((appid, id)): Named<(String, String)>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let record = app.store().application(account.id(), read_id(&id)?).await?.ok_or_else(unknown)?;
    answer::ok(&ApplicationBody::of(record, app.now()))
}

/// Changes what is named of a draft, a checked or a rejected application; it is a draft again then.
#[utoipa::path(patch, path = "/api/v1/accounts/{appid}/applications/{id}", tag = "applications",
    request_body = ApplicationChange, responses((status = 200, description = "The draft", body = ApplicationBody)))]
pub(crate) async fn change_application(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named((appid, id)): Named<(String, String)>,
    Json(change): Json<ApplicationChange>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let id = read_id(&id)?;
    // Read, changed and written back: one at a time.
    let _alone = app.changing().await;
    let before = app.store().application(account.id(), id).await?.ok_or_else(unknown)?;
    let application = change.applied(before.application);
    refuse_known(&account, &application)?;
    let record = moved((&app, &caller), &account, id, Event::Edited(Box::new(application))).await?;
    answer::ok(&ApplicationBody::of(record, app.now()))
}

/// Checks an application: every fault with its mend. Without faults it is `checked` and may be handed in.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/applications/{id}/check", tag = "applications",
    responses((status = 200, description = "What was found", body = CheckedBody)))]
pub(crate) async fn check_application(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named((appid, id)): Named<(String, String)>,
    _: Nothing,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let record = moved((&app, &caller), &account, read_id(&id)?, Event::Checked).await?;
    let found = application::check(&record.application);
    answer::ok(&CheckedBody { found, application: ApplicationBody::of(record, app.now()) })
}

/// Notes that a person handed it in at mp.weixin.qq.com. Three a calendar month (Asia/Shanghai) and account: the
/// fourth is 409 `too_soon` with `allowed_at`.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/applications/{id}/submit", tag = "applications",
    responses((status = 200, description = "It is under review", body = ApplicationBody)))]
pub(crate) async fn submit(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named((appid, id)): Named<(String, String)>,
    _: Nothing,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let record = moved((&app, &caller), &account, read_id(&id)?, Event::Submitted).await?;
    answer::ok(&ApplicationBody::of(record, app.now()))
}

/// Notes that WeChat took it, and the template that it became.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/applications/{id}/approve", tag = "applications",
    request_body = AnswerRequest, responses((status = 200, description = "It is approved", body = ApplicationBody)))]
pub(crate) async fn approve(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named((appid, id)): Named<(String, String)>,
    Json(asked): Json<AnswerRequest>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let mut errors = findings(&asked);
    if asked.template_id.as_deref().is_some_and(|id| account.template(id).is_none()) {
        let message = "is not a template of this account: sync its templates first, or leave it out";
        errors.push(FieldError::new("template_id", FieldCode::UnknownTemplate, message));
    }
    field::none_of(errors)?;
    let record =
        moved((&app, &caller), &account, read_id(&id)?, Event::Approved(given(asked, app.now()))).await?;
    answer::ok(&ApplicationBody::of(record, app.now()))
}

/// Notes that WeChat refused it, and why. A change makes it a draft again.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/applications/{id}/reject", tag = "applications",
    request_body = AnswerRequest, responses((status = 200, description = "It is rejected", body = ApplicationBody)))]
pub(crate) async fn reject(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named((appid, id)): Named<(String, String)>,
    Json(asked): Json<AnswerRequest>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let mut errors = findings(&asked);
    if asked.reason.trim().is_empty() {
        let message = "is missing: give WeChat's words, the next draft is written by them";
        errors.push(FieldError::new("reason", FieldCode::Missing, message));
    }
    if asked.template_id.is_some() {
        let message = "is given: what was refused became no template";
        errors.push(FieldError::new("template_id", FieldCode::UnknownField, message));
    }
    field::none_of(errors)?;
    let record =
        moved((&app, &caller), &account, read_id(&id)?, Event::Rejected(given(asked, app.now()))).await?;
    answer::ok(&ApplicationBody::of(record, app.now()))
}

/// Gives it up. A submit that was made stays counted: WeChat counts it.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/applications/{id}/withdraw", tag = "applications",
    responses((status = 200, description = "It is withdrawn", body = ApplicationBody)))]
pub(crate) async fn withdraw(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named((appid, id)): Named<(String, String)>,
    _: Nothing,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let record = moved((&app, &caller), &account, read_id(&id)?, Event::Withdrawn).await?;
    answer::ok(&ApplicationBody::of(record, app.now()))
}

async fn moved(
    (app, caller): (&App, &Caller),
    account: &Account,
    id: ApplicationId,
    event: Event,
) -> Result<ApplicationRecord, Problem> {
    let deed = event.as_str();
    match app.store_of(caller).move_application(account.id(), id, event, app.now()).await? {
        ApplicationMove::Moved(record) => Ok(*record),
        ApplicationMove::Refused(refused) => Err(problem(refused, deed)),
        ApplicationMove::Unknown => Err(unknown()),
    }
}

fn problem(refused: Refused, deed: &'static str) -> Problem {
    match refused {
        Refused::State(state) => {
            let hint = match (deed, state) {
                ("submit", ApplicationState::Draft) => ": check it first",
                ("submit" | "check", ApplicationState::Rejected) => {
                    ": change what was refused, then check it"
                }
                ("approve" | "reject", _) => ": WeChat answers what was submitted",
                (_, ApplicationState::Approved | ApplicationState::Withdrawn) => {
                    ", for good: write a new one"
                }
                _ => "",
            };
            Problem::new(
                Code::WrongState,
                says!("{deed} is not possible: it is {state}{hint}", deed, state = state.as_str(), hint),
            )
        }
        Refused::MonthIsFull { allowed_at } => {
            let (most, day) = (application::SUBMITS_A_MONTH, allowed_at.day_text());
            let detail = says!(
                "WeChat takes {most} applications a month of one account: again from {day} on",
                most,
                day
            );
            Problem::new(Code::TooSoon, detail).allowed_at(allowed_at)
        }
        Refused::AnswerDate => {
            let message = "is before the submit, or ahead: give the date of WeChat's answer";
            Problem::invalid(vec![FieldError::new("at", FieldCode::BadFormat, message)])
        }
    }
}

fn refuse_known(account: &Account, application: &Application) -> Result<(), Problem> {
    let Some(known) = account.templates().find(|template| application.is_like(template)) else {
        return Ok(());
    };
    let detail = says!(
        "the account has a template of this title and these keywords, {template}: one of WeChat's library takes effect at once \
         and cannot be changed; send with it, or apply for other keywords",
        template = known.template_id
    );
    Err(Problem::new(Code::TemplateExists, detail))
}

fn findings(asked: &AnswerRequest) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if asked.reviewer.trim().is_empty() {
        let message = "is missing: say who answered, or who noted it";
        errors.push(FieldError::new("reviewer", FieldCode::Missing, message));
    }
    let texts = [("reviewer", &asked.reviewer, REVIEWER_MAX), ("reason", &asked.reason, REASON_MAX)];
    for (name, text, max) in texts.into_iter().filter(|(_, text, _)| !text.trim().is_empty()) {
        keep(&mut errors, field::check_text(name, text, max));
    }
    errors
}

fn given(asked: AnswerRequest, now: Timestamp) -> Given {
    let AnswerRequest { at, reviewer, reason, template_id } = asked;
    Given { at: at.unwrap_or(now), reviewer, reason, template_id }
}

fn read_id(text: &str) -> Result<ApplicationId, Problem> {
    text.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::new(Code::UnknownApplication, "the account has no application with this id")
}
