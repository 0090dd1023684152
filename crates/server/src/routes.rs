//! Every route, once: the router and the OpenAPI document come from the same list.

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use hongyan_domain::says;
use http::{HeaderMap, Method, StatusCode, Uri};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::user::{self, session};
use crate::access::{audit, key, setup};
use crate::answer::problem::{Code, FieldErrorBody, Problem, ProblemBody, WeChatAnswer};
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::inbound::{callback, link};
use crate::monitor::{
    alert, click_stats, events, health, metrics, on_time, overview, queue, requests, series, settings, stats,
    webhook,
};
use crate::recipient::{self, personal};
use crate::rules::{approval, content, hold, policy};
use crate::scenario::{self, trigger_batch};
use crate::serve::console;
use crate::serve::watch::watch;
use crate::{account, compliance, message};

/// The names of key and cookie in the document.
const SECURITY: &str = "api_key";
const COOKIE: &str = "session";
/// Routes of the API that nobody has to show anything for.
const OPEN: [&str; 2] = ["/api/v1/login", "/api/v1/setup"];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Hongyan 鸿雁",
        description = "Sends WeChat template messages: within WeChat's rules, on time, once.\n\nEvery problem is told as \
            problem+json, but for a request whose head cannot be read: it is answered 400 or 431 without a body, and the \
            connection is closed."
    ),
    components(schemas(ProblemBody, FieldErrorBody<'_>, WeChatAnswer, Text))
)]
struct Head;

/// The router: the API, the callback, metrics, health, set-up.
pub fn router(app: App) -> Router {
    let (router, _) = all().split_for_parts();
    router
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), watch))
        .with_state(app)
}

/// The OpenAPI 3.1 document of every route.
pub fn openapi() -> OpenApi {
    let (_, mut document) = all().split_for_parts();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(session::SECURE_COOKIE)));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(SECURITY, bearer);
    components.add_security_scheme(COOKIE, cookie);
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            complete(path, operation);
        }
    }
    document
}

fn all() -> OpenApiRouter<App> {
    let tables = [
        messages(),
        accounts(),
        recipients(),
        scenarios(),
        rules(),
        counters(),
        telling(),
        callers(),
        process(),
    ];
    tables.into_iter().fold(OpenApiRouter::with_openapi(Head::openapi()), OpenApiRouter::merge)
}

/// Messages, and what comes back of them: taps and WeChat's callback.
fn messages() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(message::accept, message::find))
        .routes(routes!(message::accept_batch))
        .routes(routes!(message::show))
        .routes(routes!(message::cancel))
        .routes(routes!(message::resend))
        .routes(routes!(link::follow))
        .routes(routes!(callback::check_url, callback::receive))
}

/// Accounts with their templates and applications for them.
fn accounts() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(account::list, account::create))
        .routes(routes!(account::show, account::put, account::change, account::delete))
        .routes(routes!(account::check))
        .routes(routes!(account::pause))
        .routes(routes!(account::resume))
        .routes(routes!(account::show_quota))
        .routes(routes!(account::clear_quota))
        .routes(routes!(account::show_industry, account::set_industry))
        .routes(routes!(account::list_templates, account::add_template))
        .routes(routes!(account::sync_templates))
        .routes(routes!(account::list_notices))
        .routes(routes!(account::show_template, account::change_template, account::delete_template))
        .routes(routes!(account::list_applications, account::create_application))
        .routes(routes!(account::show_application, account::change_application))
        .routes(routes!(account::check_application))
        .routes(routes!(account::submit))
        .routes(routes!(account::approve))
        .routes(routes!(account::reject))
        .routes(routes!(account::withdraw))
        .routes(routes!(account::list_industries))
}

/// People, and what is held of them.
fn recipients() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(recipient::show, personal::erase))
        .routes(routes!(personal::export))
        .routes(routes!(recipient::check))
        .routes(routes!(recipient::interact))
        .routes(routes!(recipient::import))
        .routes(routes!(recipient::export))
        .routes(routes!(recipient::list_suppressions, recipient::suppress, recipient::lift))
}

/// Scenarios and their triggers.
fn scenarios() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(scenario::list))
        .routes(routes!(scenario::show, scenario::put, scenario::delete))
        .routes(routes!(scenario::trigger))
        .routes(routes!(trigger_batch::accept_triggers))
        .routes(routes!(scenario::list_catalogue))
        .routes(routes!(scenario::bind_entry))
        .routes(routes!(scenario::stop_variant))
}

/// What holds messages back or ends them, and what is told of it.
fn rules() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(policy::show))
        .routes(routes!(policy::change))
        .routes(routes!(content::show_words, content::put_words, content::delete_words))
        .routes(routes!(content::check))
        .routes(routes!(content::advise))
        .routes(routes!(approval::list))
        .routes(routes!(approval::decide_many))
        .routes(routes!(approval::show))
        .routes(routes!(approval::approve))
        .routes(routes!(approval::reject))
        .routes(routes!(hold::show, hold::set))
        .routes(routes!(compliance::show_report))
        .routes(routes!(compliance::list_blocked))
        .routes(routes!(compliance::show_risk))
        .routes(routes!(compliance::list_brakes))
        .routes(routes!(compliance::release_brake))
        .routes(routes!(compliance::list_complaints, compliance::complain))
}

/// What is counted, and how it stands now.
fn counters() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(stats::show))
        .routes(routes!(click_stats::show))
        .routes(routes!(on_time::on_time))
        .routes(routes!(series::show))
        .routes(routes!(overview::show))
        .routes(routes!(queue::show))
        .routes(routes!(events::stream))
}

/// Who is told: channels and webhooks.
fn telling() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(alert::list_alerts))
        .routes(routes!(alert::silence))
        .routes(routes!(alert::list_notes))
        .routes(routes!(alert::list_rules, alert::create_rule))
        .routes(routes!(alert::change_rule, alert::delete_rule))
        .routes(routes!(alert::list_channels, alert::create_channel))
        .routes(routes!(alert::change_channel, alert::delete_channel))
        .routes(routes!(alert::test_channel))
        .routes(routes!(webhook::list_webhooks, webhook::create_webhook))
        .routes(routes!(webhook::change_webhook, webhook::delete_webhook))
        .routes(routes!(webhook::test_webhook))
        .routes(routes!(webhook::replay_webhook))
        .routes(routes!(webhook::list_deliveries))
}

/// Who may call, and what they did.
fn callers() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(key::list, key::create))
        .routes(routes!(key::revoke))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(requests::list))
        .routes(routes!(setup::show, setup::begin))
        .routes(routes!(user::login::log_in))
        .routes(routes!(user::login::log_out))
        .routes(routes!(user::me::show, user::me::change))
        .routes(routes!(user::sessions::list))
        .routes(routes!(user::sessions::end))
        .routes(routes!(user::users::list, user::users::create))
        .routes(routes!(user::users::show, user::users::change, user::users::delete))
}

/// The process itself.
fn process() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::show))
        .routes(routes!(settings::show))
        .routes(routes!(document))
}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
async fn document() -> Answer {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| openapi().to_json().expect("the document is plain text and numbers"));
    Ok(answer::bytes(StatusCode::OK, "application/json", DOCUMENT.as_str()))
}

/// A page or a file of the console; else nothing.
async fn unknown_route(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(found) = console::find(&method, &uri, &headers) {
        return found;
    }
    let path: String = uri.path().chars().take(128).collect();
    Problem::new(Code::UnknownRoute, says!("nothing is at {path}: see /api/openapi.json", path))
        .into_response()
}

async fn method_not_allowed(State(_): State<App>, method: Method) -> Response {
    Problem::new(
        Code::MethodNotAllowed,
        says!("{method} is not possible here: see /api/openapi.json", method),
    )
    .into_response()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// What all operations have in common: their path's parts, the key, the shape of errors.
fn complete(path: &str, operation: &mut Operation) {
    operation.parameters.get_or_insert_default().extend(path_parts(path));
    let problem = ResponseBuilder::new()
        .description("Whatever went wrong")
        .content("application/problem+json", Content::new(Some(Ref::from_schema_name(ProblemBody::name()))));
    operation.responses.responses.insert("default".to_owned(), RefOr::T(problem.build()));
    if path.starts_with("/api/v1/") && !OPEN.contains(&path) {
        let none: [&str; 0] = [];
        let security = operation.security.get_or_insert_default();
        security.push(SecurityRequirement::new(SECURITY, none));
        security.push(SecurityRequirement::new(COOKIE, none));
    }
}

fn path_parts(path: &str) -> impl Iterator<Item = RefOr<Parameter>> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let part =
            ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        RefOr::T(part.schema(Some(text)).build())
    })
}
