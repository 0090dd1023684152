//! One template with all that is known of it, what WeChat granted it, and what others did to the library.

use std::collections::BTreeMap;

use axum::extract::State;
use hongyan_domain::template::Template;
use hongyan_domain::{FieldCode, FieldError, Timestamp, says};
use hongyan_engine::Account;
use hongyan_store::{NoticeKind, StoredTemplate, TemplateNotice};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::template::{Known, TemplateBody, unknown_template};
use crate::access::auth::{MayAdmin, MayRead};
use crate::account::right::Right;
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field;
use crate::request::path::Named;
use crate::request::query::{self, Asked};

/// Fields that one call may name; a template has at most ten or so.
const FIELDS_MAX: usize = 64;

/// A template with its history.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateHistory)]
pub(crate) struct HistoryBody<'a> {
    /// As it is now; null: the account does not have it any more.
    template: Option<TemplateBody<'a>>,
    /// When a sync found it gone.
    #[schema(value_type = Option<String>)]
    removed_at: Option<Timestamp>,
    /// Every text it ever had, the oldest first.
    versions: Vec<VersionBody>,
    /// What keeps the account from template messages; left out: nothing that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Right>,
}

/// A text that a template had.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateVersion)]
pub(crate) struct VersionBody {
    /// From 1.
    version: u32,
    /// When a sync found it.
    #[schema(value_type = String)]
    since: Timestamp,
    title: String,
    content: String,
    example: String,
    primary_industry: String,
    deputy_industry: String,
}

/// What is to change of a template.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateChange {
    /// By field, how long a value may be where WeChat granted this template more; null: as usual again. Fields that
    /// are not named stay as they are.
    relax: BTreeMap<String, Option<usize>>,
}

/// What others did to the account's templates.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateNotices)]
pub(crate) struct NoticesBody {
    /// The newest first.
    notices: Vec<NoticeBody>,
    /// Give it back as `cursor` to go on; null: that was all.
    next_cursor: Option<String>,
}

/// Somebody added, changed or deleted a template at WeChat.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateNotice)]
pub(crate) struct NoticeBody {
    /// Counts up in the account.
    id: String,
    /// When a sync found it.
    #[schema(value_type = String)]
    at: Timestamp,
    template_id: String,
    title: String,
    /// `added`, `changed` or `removed`.
    kind: &'static str,
    /// For `changed`: of `title`, `content`, `example`, `primary_industry`, `deputy_industry`, what is another now.
    changed: Vec<String>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 if left out.
    limit: Option<String>,
}

/// Shows a template with every text it ever had and how much it is used; one that is gone as well.
#[utoipa::path(get, path = "/api/v1/accounts/{appid}/templates/{template_id}", tag = "templates",
    responses((status = 200, description = "The template", body = HistoryBody<'_>)))]
pub(crate) async fn show_template(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named((appid, template_id)): Named<(String, String)>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let history = app.store().template_history(account.id(), &template_id).await?;
    let history = history.ok_or_else(unknown_template)?;
    let known = Known::read(&app, &account).await?;
    answer::ok(&HistoryBody {
        template: account.template(&template_id).map(|template| TemplateBody::of(&account, template, &known)),
        removed_at: history.removed_at,
        versions: history.versions.into_iter().map(version).collect(),
        account: Right::lacking(account.record.kind, account.record.verified),
    })
}

fn version((version, since, text): (u32, Timestamp, StoredTemplate)) -> VersionBody {
    let StoredTemplate { title, content, example, primary_industry, deputy_industry, .. } = text;
    VersionBody { version, since, title, content, example, primary_industry, deputy_industry }
}

/// Notes that WeChat granted fields of this template longer values. They are checked, cut and previewed against that
/// from now on. A sync keeps it.
#[utoipa::path(patch, path = "/api/v1/accounts/{appid}/templates/{template_id}", tag = "templates",
    request_body = TemplateChange, responses((status = 200, description = "The template", body = TemplateBody<'_>)))]
pub(crate) async fn change_template(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named((appid, template_id)): Named<(String, String)>,
    Json(change): Json<TemplateChange>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let template = account.template(&template_id).ok_or_else(unknown_template)?;
    check(template, &change)?;
    if !app
        .store_of(&caller)
        .grant(account.id(), &template_id, change.relax.into_iter().collect(), app.now())
        .await?
    {
        return Err(unknown_template());
    }
    app.engine().reload().await?;
    let account: std::sync::Arc<Account> = app.account(&caller, &appid)?;
    let known = Known::read(&app, &account).await?;
    let template = account.template(&template_id).ok_or_else(unknown_template)?;
    answer::ok(&TemplateBody::of(&account, template, &known))
}

fn check(template: &Template, change: &TemplateChange) -> Result<(), Problem> {
    if change.relax.len() > FIELDS_MAX {
        let message = says!("names too many fields: at most {allowed} are possible", allowed = FIELDS_MAX);
        return Err(Problem::invalid(vec![FieldError::new("relax", FieldCode::TooMany, message)]));
    }
    let wrong = change.relax.iter().filter_map(|(name, limit)| {
        let reason = template.check_grant(name, (*limit)?).err()?;
        let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        Some(FieldError::new(format!("relax.{shown}"), FieldCode::BadFormat, reason))
    });
    field::none_of(wrong.collect())
}

/// Lists what syncs found that others did to the account's templates: added, changed, deleted.
#[utoipa::path(get, path = "/api/v1/accounts/{appid}/templates/notices", tag = "templates", params(Page),
    responses((status = 200, description = "The notices", body = NoticesBody)))]
pub(crate) async fn list_notices(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(appid): Named<String>,
    Asked(page): Asked<Page>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, page.limit.as_deref());
    let cursor = ("cursor", page.cursor.as_deref());
    let before = query::read(&mut errors, cursor, |text| text.parse().ok(), "the next_cursor of a page");
    field::none_of(errors)?;
    let notices = app.store().template_notices(account.id(), before, limit).await?;
    let next_cursor = notices.last().filter(|last| notices.len() == limit && last.id > 1);
    let next_cursor = next_cursor.map(|last| last.id.to_string());
    answer::ok(&NoticesBody { notices: notices.into_iter().map(notice).collect(), next_cursor })
}

fn notice(notice: TemplateNotice) -> NoticeBody {
    let TemplateNotice { id, at, template_id, title, kind, changed } = notice;
    NoticeBody { id: id.to_string(), at, template_id, title, kind: NoticeKind::as_str(kind), changed }
}
