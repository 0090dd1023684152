//! The templates of an account.

use std::collections::BTreeMap;

use axum::extract::State;
use hongyan_domain::template::{Field, TEMPLATES_MAX, Template};
use hongyan_domain::{FieldCode, FieldError, Timestamp, says};
use hongyan_engine::Account;
use hongyan_store::Action;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{MayAdmin, MayRead};
use crate::account::right::Right;
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::{Json, Nothing};
use crate::request::field::{self, bad, keep};
use crate::request::path::Named;
use crate::request::query::{self, Asked};

/// Use is told over so many days up to today.
const USED_DAYS: i64 = 30;
/// Keywords of one template; WeChat's library stops at 5, its old one at 10.
const KEYWORDS_MAX: usize = 10;
/// Longest keyword and short id, in bytes.
const WORD_MAX: usize = 64;

/// The templates of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = Templates)]
pub(crate) struct TemplatesBody<'a> {
    /// WeChat allows 25.
    templates: Vec<TemplateBody<'a>>,
    /// What keeps the account from template messages; left out: nothing that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Right>,
}

/// A template.
#[derive(Serialize, ToSchema)]
#[schema(as = Template)]
pub(crate) struct TemplateBody<'a> {
    /// What a message names.
    template_id: &'a str,
    title: &'a str,
    /// Its text with `{{thing1.DATA}}` places.
    content: &'a str,
    /// WeChat's example.
    example: &'a str,
    primary_industry: &'a str,
    deputy_industry: &'a str,
    /// Its places, in order: name, kind, label, and `limit` where WeChat granted longer values.
    #[schema(value_type = Vec<Object>)]
    fields: &'a [Field],
    /// Since 2023 the phone shows only the title of a template like this.
    shows_title_only: bool,
    /// Messages with it that were accepted in the last 30 days.
    messages_30_days: u64,
    /// The scenarios that fill it, by name.
    scenarios: Vec<&'a str>,
    /// Which of its texts this is, from 1.
    version: u32,
    /// When a sync found this text.
    #[schema(value_type = Option<String>)]
    since: Option<Timestamp>,
}

/// What is known of an account's templates besides their text.
pub(super) struct Known {
    uses: BTreeMap<String, u64>,
    versions: BTreeMap<String, (u32, Timestamp)>,
}

/// A template of WeChat's library.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTemplate {
    /// The number in the library (`43216`, or `TM00015` of the old one).
    short_id: String,
    /// The wanted fields, in the wanted order; the old library ignores them.
    #[serde(default)]
    keywords: Vec<String>,
}

/// The new template.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddedTemplate {
    /// What a message names.
    template_id: String,
}

/// What a sync changed: template ids.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateChanges)]
pub(crate) struct ChangesBody {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

/// Lists the account's templates with their fields.
#[utoipa::path(get, path = "/api/v1/accounts/{appid}/templates", tag = "templates",
    responses((status = 200, description = "The templates", body = TemplatesBody<'_>)))]
pub(crate) async fn list_templates(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(appid): Named<String>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let known = Known::read(&app, &account).await?;
    let mut templates: Vec<_> =
        account.templates().map(|template| TemplateBody::of(&account, template, &known)).collect();
    templates.sort_unstable_by_key(|template| template.template_id);
    let right = Right::lacking(account.record.kind, account.record.verified);
    answer::ok(&TemplatesBody { templates, account: right })
}

/// Adds a template of WeChat's library to the account. It takes effect at once and cannot be changed. At most 25.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/templates", tag = "templates", request_body = NewTemplate,
    responses((status = 201, description = "It may be used at once", body = AddedTemplate)))]
pub(crate) async fn add_template(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(appid): Named<String>,
    Json(new): Json<NewTemplate>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    check(&new)?;
    if account.templates().count() >= TEMPLATES_MAX {
        let detail = says!(
            "the account has {count} templates, and WeChat takes no more: delete one that is not used \
             (`messages_30_days`), or sync if that was done in WeChat's console",
            count = TEMPLATES_MAX
        );
        return Err(Problem::new(Code::LibraryFull, detail));
    }
    let keywords: Vec<_> = new.keywords.iter().map(String::as_str).collect();
    let engine = app.engine().by(caller.actor());
    let template_id = engine.add_template(&account, &new.short_id, &keywords).await?;
    let detail = json!({ "template_id": template_id, "short_id": new.short_id });
    app.note(&caller, (Action::TemplateAdd, &account), detail).await?;
    Ok(answer::json(StatusCode::CREATED, &AddedTemplate { template_id }))
}

/// Whether what uses it is to be passed over.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// `true`: also where scenarios fill it.
    force: Option<String>,
}

/// Deletes a template at WeChat and here. Messages with it that wait will be refused by WeChat. Where scenarios fill it,
/// that is 409 with their names; `force=true` deletes it all the same, and their triggers are refused from then on.
#[utoipa::path(delete, path = "/api/v1/accounts/{appid}/templates/{template_id}", tag = "templates",
    params(DeleteQuery), responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete_template(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named((appid, template_id)): Named<(String, String)>,
    Asked(asked): Asked<DeleteQuery>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    if account.template(&template_id).is_none() {
        return Err(unknown_template());
    }
    let mut errors = Vec::new();
    let force = query::read(
        &mut errors,
        ("force", asked.force.as_deref()),
        |text| text.parse().ok(),
        "true or false",
    );
    field::none_of(errors)?;
    let scenarios: Vec<_> = account.scenarios_of(&template_id).collect();
    if !scenarios.is_empty() && force != Some(true) {
        let detail = says!(
            "these scenarios fill it: {names}; bind them to another template first, or give `force=true`",
            names = scenarios.join(", ")
        );
        return Err(Problem::new(Code::TemplateInUse, detail));
    }
    app.engine().by(caller.actor()).delete_template(&account, &template_id).await?;
    let detail = json!({ "template_id": template_id });
    app.note(&caller, (Action::TemplateDelete, &account), detail).await?;
    answer::done()
}

/// Makes our list of the account's templates equal to WeChat's. What others did there becomes a notice.
#[utoipa::path(post, path = "/api/v1/accounts/{appid}/templates/sync", tag = "templates",
    responses((status = 200, description = "What changed", body = ChangesBody)))]
pub(crate) async fn sync_templates(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(appid): Named<String>,
    _: Nothing,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let changes = app.engine().by(caller.actor()).sync_templates(&account).await?;
    let (added, changed, removed) = (changes.added, changes.changed, changes.removed);
    answer::ok(&ChangesBody { added, changed, removed })
}

pub(super) fn unknown_template() -> Problem {
    Problem::new(Code::UnknownTemplate, "the account has no such template: sync its templates")
}

impl Known {
    pub(super) async fn read(app: &App, account: &Account) -> Result<Self, Problem> {
        let uses = app.store().template_uses(account.id(), USED_DAYS, app.now()).await?;
        Ok(Self { uses, versions: app.store().template_versions(account.id()).await? })
    }
}

impl<'a> TemplateBody<'a> {
    pub(super) fn of(account: &'a Account, template: &'a Template, known: &Known) -> Self {
        let version = known.versions.get(&*template.template_id);
        Self {
            template_id: &template.template_id,
            title: &template.title,
            content: &template.content,
            example: &template.example,
            primary_industry: &template.primary_industry,
            deputy_industry: &template.deputy_industry,
            fields: &template.fields,
            shows_title_only: template.shows_title_only(),
            messages_30_days: known.uses.get(&*template.template_id).copied().unwrap_or(0),
            scenarios: account.scenarios_of(&template.template_id).collect(),
            // In the catalog and not in the store for a moment, while a sync is under way.
            version: version.map_or(1, |(version, _)| *version),
            since: version.map(|(_, since)| *since),
        }
    }
}

fn check(new: &NewTemplate) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let id = &new.short_id;
    if id.is_empty() || id.len() > WORD_MAX || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        errors.push(bad("short_id", "is not a number of WeChat's library, like 43216 or TM00015"));
    }
    if new.keywords.len() > KEYWORDS_MAX {
        errors.push(FieldError::new(
            "keywords",
            FieldCode::TooMany,
            says!("at most {allowed} are possible", allowed = KEYWORDS_MAX),
        ));
    }
    for keyword in &new.keywords {
        keep(&mut errors, field::check_text("keywords", keyword, WORD_MAX));
    }
    field::none_of(errors)
}
