//! Scenarios: kept with versions, bound from the catalogue, triggered.

pub(crate) mod trigger_batch;

use std::borrow::Cow;

use axum::extract::{FromRequestParts, State};
use hongyan_domain::{FieldCode, FieldError, FieldRules, Lang, Overflow, Timestamp, says};
use hongyan_engine::Account;
use hongyan_engine::accept::Request;
use hongyan_engine::content::{self, Found};
use hongyan_scenario::{CatalogueEntry, Name, Scenario, bind, catalogue, check, with_fresh_examples};
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{MayAdmin, MayRead, MaySend};
use crate::answer::problem::{Code, FieldErrorBody, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::message;
use crate::request::body::{self, Json, Nothing, Raw};
use crate::request::field;
use crate::request::lang::{Wish, wished};
use crate::request::path::Named;
use crate::request::query::Asked as Query;

/// Of which account.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScenarioQuery {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
}

/// What a path and its query say of a scenario, and the language of the answer.
pub(crate) struct Of<T> {
    pub(crate) name: T,
    pub(crate) appid: Option<String>,
    pub(crate) lang: Lang,
}

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Of<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Named(name) = Named::from_request_parts(parts, app).await?;
        let Query(ScenarioQuery { appid }) = Query::from_request_parts(parts, app).await?;
        Ok(Self { name, appid, lang: wished(&parts.headers) })
    }
}

/// All scenarios of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = Scenarios)]
pub(crate) struct ScenariosBody<'a> {
    #[schema(value_type = Vec<Object>)]
    scenarios: Vec<&'a Scenario>,
}

/// A scenario with its history.
#[derive(Serialize, ToSchema)]
#[schema(as = ScenarioShown)]
pub(crate) struct ScenarioBody<'a> {
    /// As it is in force; examples of times that a trigger would be refused for are moved to now.
    #[schema(value_type = Object)]
    scenario: Scenario,
    /// What could be better; nothing of it blocks.
    advice: Vec<FieldErrorBody<'a>>,
    /// Literal texts that the word list would hold or refuse.
    #[schema(value_type = Vec<Object>)]
    content: Vec<Found>,
    /// Every text it ever had, newest first.
    versions: Vec<VersionBody>,
}

/// A text that a scenario had.
#[derive(Serialize, ToSchema)]
#[schema(as = ScenarioVersion)]
pub(crate) struct VersionBody {
    version: u32,
    #[schema(value_type = String)]
    since: Timestamp,
    #[schema(value_type = Option<String>)]
    removed_at: Option<Timestamp>,
    #[schema(value_type = Object)]
    scenario: Box<RawValue>,
}

/// Lists the scenarios in force.
#[utoipa::path(get, path = "/api/v1/scenarios", tag = "scenarios", params(ScenarioQuery),
    responses((status = 200, description = "The scenarios", body = ScenariosBody<'_>)))]
pub(crate) async fn list(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Query(asked): Query<ScenarioQuery>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let scenarios = account.scenarios().map(|compiled| compiled.scenario()).collect();
    answer::ok(&ScenariosBody { scenarios })
}

/// Shows a scenario with every text it ever had.
#[utoipa::path(get, path = "/api/v1/scenarios/{name}", tag = "scenarios", params(ScenarioQuery),
    responses((status = 200, description = "The scenario", body = ScenarioBody<'_>)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Of { name, appid, lang }: Of<String>,
) -> Answer {
    let account = app.account_or_only(&caller, appid.as_deref())?;
    shown(&app, account.appid().as_str(), &name, lang).await
}

/// Puts a scenario in force: what stands in the body. Where there are several accounts, `appid` names one, there or in
/// the query. The text before it is kept. Checked against its template: all faults at once.
#[utoipa::path(put, path = "/api/v1/scenarios/{name}", tag = "scenarios", params(ScenarioQuery), request_body = Object,
    responses((status = 200, description = "The scenario in force", body = ScenarioBody<'_>)))]
pub(crate) async fn put(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Of { name, appid, lang }: Of<String>,
    Json(mut given): Json<Map<String, Value>>,
) -> Answer {
    let appid = the_account(taken_out(&mut given)?, appid.as_deref())?;
    let account = app.account_or_only(&caller, appid.as_deref())?;
    let scenario = read(&name, given)?;
    let template_id = scenario
        .template_id
        .as_deref()
        .ok_or_else(|| Problem::invalid(vec![field::missing("template_id")]))?;
    let template = account.template(template_id).ok_or_else(|| {
        let message =
            "is not a template of this account: check the id, or sync its templates (hongyan template sync)";
        Problem::invalid(vec![FieldError::new("template_id", FieldCode::UnknownTemplate, message)])
    })?;
    check(&scenario, Some(template), FieldRules::of(account.record.kind)).map_err(Problem::invalid)?;
    let definition = serde_json::to_string(&scenario).expect("a scenario is texts and numbers");
    app.store_of(&caller).put_scenario(account.id(), &name, definition, app.now()).await?;
    app.engine().reload().await?;
    shown(&app, account.appid().as_str(), &name, lang).await
}

/// Takes a scenario out of force. Messages that were accepted go on.
#[utoipa::path(delete, path = "/api/v1/scenarios/{name}", tag = "scenarios", params(ScenarioQuery),
    responses((status = 204, description = "It can be triggered no more")))]
pub(crate) async fn delete(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(name): Named<String>,
    Query(asked): Query<ScenarioQuery>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    if !app.store_of(&caller).remove_scenario(account.id(), &name, app.now()).await? {
        return Err(unknown());
    }
    app.engine().reload().await?;
    answer::done()
}

/// Stops a variant: from now on its people get the others. What was accepted goes on, and stays counted.
#[utoipa::path(post, path = "/api/v1/scenarios/{name}/variants/{variant}/stop", tag = "scenarios", params(ScenarioQuery),
    responses((status = 200, description = "The scenario in force", body = ScenarioBody<'_>)))]
pub(crate) async fn stop_variant(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Of { name: (name, variant), appid, lang }: Of<(String, String)>,
    _: Nothing,
) -> Answer {
    let account = app.account_or_only(&caller, appid.as_deref())?;
    let mut scenario = account.scenario(&name).ok_or_else(unknown)?.scenario().clone();
    let running = scenario.variants.iter_mut().find(|one| one.name.as_str() == variant);
    let running = running.ok_or_else(|| {
        Problem::new(
            Code::UnknownScenario,
            "the scenario has no such variant: see GET /api/v1/scenarios/{name}",
        )
    })?;
    running.weight = 0;
    if scenario.variants.iter().all(|one| one.weight == 0) {
        return Err(Problem::new(
            Code::WrongState,
            "it is the last variant that runs: PUT the scenario without variants",
        ));
    }
    let definition = serde_json::to_string(&scenario).expect("a scenario is texts and numbers");
    app.store_of(&caller).put_scenario(account.id(), &name, definition, app.now()).await?;
    app.engine().reload().await?;
    shown(&app, account.appid().as_str(), &name, lang).await
}

/// Something that happened to a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TriggerRequest<'a> {
    /// The account; may be left out where there is only one.
    #[serde(borrow)]
    appid: Option<Cow<'a, str>>,
    /// The recipient's openid.
    #[serde(borrow)]
    touser: Cow<'a, str>,
    /// What the scenario's expressions are worked out with.
    #[serde(borrow, default)]
    #[schema(value_type = Object)]
    params: Option<&'a RawValue>,
    /// The caller's own id, for idempotency.
    #[serde(borrow)]
    client_msg_id: Option<Cow<'a, str>>,
    /// When it happened; now, if left out. Too long ago, and it is refused: it would go out as news.
    #[schema(value_type = Option<String>)]
    occurred_at: Option<Timestamp>,
    /// Of a text that is too long: `error` (the default) or `shorten`. Where several triggers become one message, the
    /// last one's word counts for what they say together.
    #[schema(value_type = Option<String>)]
    overflow: Option<Overflow>,
    /// Check only, and show what the phone will show.
    #[serde(default)]
    dry_run: bool,
}

/// Triggers a scenario for one person: what it makes is answered like any message.
#[utoipa::path(post, path = "/api/v1/scenarios/{name}/trigger", tag = "scenarios", params(ScenarioQuery),
    request_body = TriggerRequest<'_>,
    responses((status = 202, description = "Accepted", body = message::AcceptedBody<'_>)))]
pub(crate) async fn trigger(
    MaySend(caller): MaySend,
    State(app): State<App>,
    Of { name, appid, lang }: Of<String>,
    raw: Raw,
) -> Answer {
    let asked: TriggerRequest<'_> = body::read(body::json(&raw)?)?;
    message::accept_one(&app, &caller, asked.of(&name, appid.as_deref())?, lang).await
}

/// The account that stands beside a scenario in the body.
fn taken_out(given: &mut Map<String, Value>) -> Result<Option<Cow<'static, str>>, Problem> {
    match given.remove("appid") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(appid)) => Ok(Some(appid.into())),
        Some(_) => {
            let message = says!("is of another type: {expected} is needed", expected = "a text");
            Err(Problem::invalid(vec![FieldError::new("appid", FieldCode::WrongType, message)]))
        }
    }
}

/// The account that a body and a query name: either may, and both the same.
fn the_account<'a>(
    inside: Option<Cow<'a, str>>,
    query: Option<&'a str>,
) -> Result<Option<Cow<'a, str>>, Problem> {
    match (inside.filter(|appid| !appid.is_empty()), query.filter(|appid| !appid.is_empty())) {
        (Some(inside), Some(query)) if inside != query => {
            let message = "is another than in the query: name the account once";
            Err(Problem::invalid(vec![FieldError::new("appid", FieldCode::BadFormat, message)]))
        }
        (inside, query) => Ok(inside.or(query.map(Cow::Borrowed))),
    }
}

impl<'a> TriggerRequest<'a> {
    /// The message that it asks for, of the account that the query names where it names none itself.
    pub(crate) fn of(self, scenario: &'a str, appid: Option<&'a str>) -> Result<Request<'a>, Problem> {
        Ok(Request {
            appid: the_account(self.appid, appid)?,
            touser: self.touser,
            scenario: Some(Cow::Borrowed(scenario)),
            params: self.params,
            client_msg_id: self.client_msg_id,
            occurred_at: self.occurred_at,
            overflow: self.overflow,
            dry_run: self.dry_run,
            ..Request::default()
        })
    }
}

/// The built-in scenarios.
#[derive(Serialize, ToSchema)]
#[schema(as = Catalogue)]
pub(crate) struct CatalogueBody {
    scenarios: Vec<EntryBody>,
}

/// A built-in scenario.
#[derive(Serialize, ToSchema)]
#[schema(as = CatalogueScenario)]
pub(crate) struct EntryBody {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    scenario: Scenario,
    /// Its title in English.
    title_en: &'static str,
}

/// Lists the built-in scenarios, ready to bind to a template. Their examples of times count from now.
#[utoipa::path(get, path = "/api/v1/catalogue", tag = "scenarios",
    responses((status = 200, description = "The catalogue", body = CatalogueBody)))]
pub(crate) async fn list_catalogue(MayRead(_caller): MayRead, State(app): State<App>) -> Answer {
    let shown = |entry: &'static CatalogueEntry| EntryBody {
        scenario: with_fresh_examples(entry.scenario.clone(), app.now()),
        title_en: &entry.title_en,
    };
    answer::ok(&CatalogueBody { scenarios: catalogue().iter().map(shown).collect() })
}

/// To which template.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BindRequest {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// The template.
    template_id: String,
}

/// A built-in scenario bound to a template: look it over, then PUT it.
#[derive(Serialize, ToSchema)]
#[schema(as = Binding)]
pub(crate) struct BindingBody<'a> {
    #[schema(value_type = Object)]
    scenario: Scenario,
    /// Fields that were guessed by their type or a part of their label.
    guessed: Vec<String>,
    /// What could not be told.
    open: Vec<FieldErrorBody<'a>>,
    /// Literal texts that the word list would hold or refuse.
    #[schema(value_type = Vec<Object>)]
    content: Vec<Found>,
}

/// Binds a built-in scenario to a template, as far as names and types tell. Nothing is kept.
#[utoipa::path(post, path = "/api/v1/catalogue/{name}/bind", tag = "scenarios", request_body = BindRequest,
    responses((status = 200, description = "What it would be", body = BindingBody<'_>)))]
pub(crate) async fn bind_entry(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(name): Named<String>,
    Wish(lang): Wish,
    Json(asked): Json<BindRequest>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let entry = catalogue().iter().find(|entry: &&CatalogueEntry| entry.scenario.name.as_str() == name);
    let entry = entry.ok_or_else(unknown)?;
    let template = account.template(&asked.template_id).ok_or_else(|| {
        Problem::new(Code::UnknownTemplate, "the account has no such template: sync its templates")
    })?;
    let bound = bind(entry, template);
    let content = literal_findings(&account, &bound.scenario).await;
    let open = told(&bound.open, lang);
    let scenario = with_fresh_examples(bound.scenario, app.now());
    answer::ok(&BindingBody { scenario, guessed: bound.guessed, open, content })
}

fn told(findings: &[FieldError], lang: Lang) -> Vec<FieldErrorBody<'_>> {
    findings.iter().map(|finding| FieldErrorBody::of(finding, lang)).collect()
}

pub(crate) fn unknown() -> Problem {
    Problem::new(Code::UnknownScenario, "the account has no such scenario: see GET /api/v1/scenarios")
}

/// The body with its name, which need not stand there twice.
fn read(name: &str, mut given: Map<String, Value>) -> Result<Scenario, Problem> {
    let wrong = |field: &'static str, message: String| Problem::invalid(vec![field::bad(field, message)]);
    Name::new(name).map_err(|bad| wrong("name", bad.to_string()))?;
    match given.get("name") {
        Some(Value::String(inside)) if inside != name => {
            return Err(wrong("name", "is another than the one in the path".to_owned()));
        }
        _ => drop(given.insert("name".to_owned(), name.into())),
    }
    let text = Value::Object(given).to_string();
    body::read(&text)
}

/// What the word list says of the texts of a scenario that stand there whatever a trigger brings.
async fn literal_findings(account: &Account, scenario: &Scenario) -> Vec<Found> {
    content::make_ready(account.words.clone()).await;
    let variants = scenario.variants.iter().flat_map(|variant| &variant.fields);
    let texts: Vec<_> = scenario.fields.iter().chain(variants).collect();
    let literal: Vec<String> = texts.iter().map(|(_, text)| without_expressions(text)).collect();
    let lines: Vec<_> = literal.iter().map(|text| ("", text.as_str())).collect();
    let names: Vec<_> = texts.iter().map(|(name, _)| name.as_str()).collect();
    let said = hongyan_content::check(account.words.scanner(), &lines, &scenario.title, scenario.category);
    content::told(&said, &names)
}

/// A text with a blank in place of what is worked out.
fn without_expressions(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        literal.push_str(before);
        literal.push('\n');
        rest = after.split_once("}}").map_or("", |(_, rest)| rest);
    }
    literal.push_str(rest);
    literal
}

async fn shown(app: &App, appid: &str, name: &str, lang: Lang) -> Answer {
    let catalog = app.engine().catalog();
    let account = catalog.account(Some(appid)).ok_or_else(crate::app::unknown_account)?;
    let scenario = account.scenario(name).ok_or_else(unknown)?.scenario().clone();
    let template = scenario.template_id.as_deref().and_then(|id| account.template(id));
    let rules = FieldRules::of(account.record.kind);
    let advice =
        check(&scenario, template.map(|template| &**template), rules).unwrap_or_else(|faults| faults);
    let versions = app.store().scenario_versions(account.id(), name).await?;
    let version = |one: hongyan_store::StoredScenario| VersionBody {
        version: one.version,
        since: one.since,
        removed_at: one.removed_at,
        scenario: RawValue::from_string(one.definition).unwrap_or_default(),
    };
    let content = literal_findings(account, &scenario).await;
    answer::ok(&ScenarioBody {
        scenario: with_fresh_examples(scenario, app.now()),
        advice: told(&advice, lang),
        content,
        versions: versions.into_iter().map(version).collect(),
    })
}
