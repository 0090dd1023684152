//! Outgoing webhooks: businesses that are told what became of their messages.

use axum::extract::State;
use hongyan_domain::{FieldCode, FieldError, State as MessageState, Timestamp, says};
use hongyan_outgoing::sign;
use hongyan_store::{Delivery, Progress, Secret, WEBHOOKS_MAX, Webhook, WebhookOpen};
use http::StatusCode;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayAdmin, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::monitor::alert::address;
use crate::request::body::{Json, Nothing};
use crate::request::field::{self, bad, keep};
use crate::request::path::Named;
use crate::request::query::{self, Asked};

/// Longest name, in bytes.
const NAME_MAX: usize = 128;
/// Scenarios or accounts in one filter.
const FILTER_MAX: usize = 1_000;

/// A webhook to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookRequest {
    /// What people call it.
    name: String,
    /// Where: https://… or http://….
    #[schema(value_type = String)]
    url: Secret,
    /// Of messages that end so: `delivered`, `failed`, `suppressed`, `unknown`, `cancelled`; left out: all.
    #[serde(default)]
    states: Vec<String>,
    /// Of these accounts; left out: of all.
    #[serde(default)]
    appids: Vec<String>,
    /// Of these scenarios; left out: all.
    #[serde(default)]
    scenarios: Vec<String>,
    /// Whether each message tells its openid (`touser`); false if left out.
    #[serde(default)]
    with_openid: bool,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookChange {
    name: Option<String>,
    #[schema(value_type = Option<String>)]
    url: Option<Secret>,
    states: Option<Vec<String>>,
    appids: Option<Vec<String>>,
    scenarios: Option<Vec<String>>,
    with_openid: Option<bool>,
    /// false: it is told nothing; true: it goes on where it stood, at once.
    enabled: Option<bool>,
}

/// A webhook, without its URL and secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookBody {
    id: String,
    name: String,
    /// The host of its URL.
    host: String,
    /// `whsec_…`, in the answer that made it and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    enabled: bool,
    /// Why Hongyan switched it off.
    disabled_because: Option<String>,
    #[schema(value_type = Vec<String>)]
    states: Vec<MessageState>,
    appids: Vec<String>,
    scenarios: Vec<String>,
    with_openid: bool,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// Failures in a row.
    failures: u32,
    #[schema(value_type = Option<String>)]
    failing_since: Option<Timestamp>,
    /// When it is tried again.
    #[schema(value_type = Option<String>)]
    next_at: Option<Timestamp>,
}

/// All webhooks.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhooks)]
pub(crate) struct WebhooksBody {
    webhooks: Vec<WebhookBody>,
}

/// From when on to tell again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayRequest {
    /// What ended at this time or later, as far back as a week. RFC 3339.
    #[schema(value_type = String)]
    since: Timestamp,
}

/// Tries to tell a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeliveries)]
pub(crate) struct DeliveriesBody {
    /// Newest first; the last thousand are kept.
    deliveries: Vec<DeliveryBody>,
    next_cursor: Option<String>,
}

/// A try to tell a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub(crate) struct DeliveryBody {
    #[schema(value_type = String)]
    at: Timestamp,
    /// The header `webhook-id`: the same for every try of the same messages.
    webhook_id: String,
    /// How many messages.
    events: u32,
    /// The HTTP status of the answer.
    status: Option<u16>,
    /// What went wrong; null: it was told.
    error: Option<String>,
    took_ms: u32,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 if left out.
    limit: Option<String>,
}

/// Lists the webhooks.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks",
    responses((status = 200, description = "The webhooks", body = WebhooksBody)))]
pub(crate) async fn list_webhooks(MayAdmin(caller): MayAdmin, State(app): State<App>) -> Answer {
    for_all(&caller)?;
    let webhooks = app.store().webhooks().await?;
    answer::ok(&WebhooksBody {
        webhooks: webhooks.iter().map(|webhook| WebhookBody::of(&app, webhook)).collect(),
    })
}

/// Adds a webhook. It is told of what ends from now on, in batches, signed as Standard Webhooks; its secret is in this
/// answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = WebhookRequest,
    responses((status = 201, description = "The webhook, with its secret", body = WebhookBody)))]
pub(crate) async fn create_webhook(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Json(asked): Json<WebhookRequest>,
) -> Answer {
    for_all(&caller)?;
    let _alone = app.changing().await;
    let (id, secret) =
        app.draw(|rng| (format!("whk_{:016x}", rng.random::<u64>()), sign::secret_text(&rng.random())));
    let mut errors = Vec::new();
    if app.store().webhooks().await?.len() >= WEBHOOKS_MAX {
        let message = says!("there are {allowed} webhooks already: delete some", allowed = WEBHOOKS_MAX);
        errors.push(FieldError::new("name", FieldCode::TooMany, message));
    }
    let open = WebhookOpen {
        name: asked.name,
        host: String::new(),
        enabled: true,
        disabled_because: None,
        states: states(&mut errors, &asked.states),
        accounts: accounts(&app, &mut errors, &asked.appids),
        scenarios: asked.scenarios,
        with_openid: asked.with_openid,
        created_at: app.now(),
    };
    let (url, progress) = (asked.url, Progress::default());
    let mut webhook = Webhook { id, open, url, secret: Secret::new(secret.clone()), progress };
    check(&app, &mut webhook, errors).await?;
    app.store_of(&caller).put_webhook(webhook.clone(), app.now()).await?;
    let body = WebhookBody { secret: Some(secret), ..WebhookBody::of(&app, &webhook) };
    Ok(answer::json(StatusCode::CREATED, &body))
}

/// Changes a webhook: only the keys given. It goes on where it stood, at once.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks", request_body = WebhookChange,
    responses((status = 200, description = "The webhook", body = WebhookBody)))]
pub(crate) async fn change_webhook(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
    Json(asked): Json<WebhookChange>,
) -> Answer {
    for_all(&caller)?;
    let _alone = app.changing().await;
    let mut webhook = find(&app, &id).await?;
    let mut errors = Vec::new();
    webhook.url = asked.url.unwrap_or(webhook.url);
    let open = &mut webhook.open;
    if let Some(name) = asked.name {
        open.name = name;
    }
    if let Some(words) = asked.states {
        open.states = states(&mut errors, &words);
    }
    if let Some(appids) = asked.appids {
        open.accounts = accounts(&app, &mut errors, &appids);
    }
    if let Some(scenarios) = asked.scenarios {
        open.scenarios = scenarios;
    }
    open.with_openid = asked.with_openid.unwrap_or(open.with_openid);
    if let Some(enabled) = asked.enabled {
        (open.enabled, open.disabled_because) = (enabled, None);
    }
    check(&app, &mut webhook, errors).await?;
    app.store_of(&caller).put_webhook(webhook, app.now()).await?;
    answer::ok(&WebhookBody::of(&app, &find(&app, &id).await?))
}

/// Deletes a webhook with its log.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete_webhook(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Answer {
    for_all(&caller)?;
    match app.store_of(&caller).delete_webhook(&id, app.now()).await? {
        true => Ok(answer::bytes(StatusCode::NO_CONTENT, "application/json", "")),
        false => Err(unknown()),
    }
}

/// Tells a webhook something now (`"type":"test"`), and what came of it.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks",
    responses((status = 200, description = "What it came to", body = DeliveryBody)))]
pub(crate) async fn test_webhook(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
    _: Nothing,
) -> Answer {
    for_all(&caller)?;
    let webhook = find(&app, &id).await?;
    let delivery = app.engine().test_webhook(&webhook).await?;
    answer::ok(&DeliveryBody::from(delivery))
}

/// Tells a webhook again what ended since a time, as far back as a week.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/replay", tag = "webhooks", request_body = ReplayRequest,
    responses((status = 200, description = "The webhook", body = WebhookBody)))]
pub(crate) async fn replay_webhook(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
    Json(asked): Json<ReplayRequest>,
) -> Answer {
    for_all(&caller)?;
    if !app.store_of(&caller).replay_webhook(&id, asked.since, app.now()).await? {
        return Err(unknown());
    }
    answer::ok(&WebhookBody::of(&app, &find(&app, &id).await?))
}

/// Lists the tries to tell a webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks", params(Page),
    responses((status = 200, description = "A page of tries", body = DeliveriesBody)))]
pub(crate) async fn list_deliveries(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(id): Named<String>,
    Asked(page): Asked<Page>,
) -> Answer {
    for_all(&caller)?;
    find(&app, &id).await?;
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, page.limit.as_deref());
    let cursor = ("cursor", page.cursor.as_deref());
    let before = query::read(&mut errors, cursor, |text| text.parse().ok(), "a number");
    field::none_of(errors)?;
    let deliveries = app.store().deliveries(&id, before, limit).await?;
    let next_cursor = deliveries.last().filter(|_| deliveries.len() == limit).map(|(id, _)| id.to_string());
    let deliveries = deliveries.into_iter().map(|(_, delivery)| delivery.into()).collect();
    answer::ok(&DeliveriesBody { deliveries, next_cursor })
}

async fn find(app: &App, id: &str) -> Result<Webhook, Problem> {
    let webhooks = app.store().webhooks().await?;
    webhooks.into_iter().find(|webhook| webhook.id == id).ok_or_else(unknown)
}

async fn check(app: &App, webhook: &mut Webhook, mut errors: Vec<FieldError>) -> Result<(), Problem> {
    keep(&mut errors, field::check_text("name", &webhook.open.name, NAME_MAX));
    if webhook.open.scenarios.len() > FILTER_MAX || webhook.open.accounts.len() > FILTER_MAX {
        errors.push(bad("scenarios", "are more than 1,000"));
    }
    if let Some(target) = keep(&mut errors, address(app, webhook.url.expose()).await) {
        webhook.open.host = target.host().to_owned();
    }
    field::none_of(errors)
}

fn states(errors: &mut Vec<FieldError>, words: &[String]) -> Vec<MessageState> {
    let mut read = |word: &String| {
        let state = MessageState::parse(word).filter(|state| state.is_final());
        if state.is_none() {
            errors.push(bad(
                "states",
                "has a word that is not delivered, failed, suppressed, unknown or cancelled",
            ));
        }
        state
    };
    words.iter().filter_map(&mut read).collect()
}

fn accounts(app: &App, errors: &mut Vec<FieldError>, appids: &[String]) -> Vec<i64> {
    let catalog = app.engine().catalog();
    let mut read = |appid: &String| {
        let account = catalog.account(Some(appid)).map(|account| account.id().0);
        if account.is_none() {
            errors.push(bad("appids", says!("has {appid}, which is no account here", appid)));
        }
        account
    };
    appids.iter().filter_map(&mut read).collect()
}

fn unknown() -> Problem {
    Problem::new(Code::UnknownWebhook, "there is no webhook of this id")
}

fn for_all(caller: &Caller) -> Result<(), Problem> {
    if caller.is_for_all() {
        return Ok(());
    }
    let detail = "a key for certain accounts cannot change what is told of all";
    Err(Problem::new(Code::Forbidden, detail))
}

impl WebhookBody {
    fn of(app: &App, webhook: &Webhook) -> Self {
        let (catalog, open, progress) = (app.engine().catalog(), &webhook.open, webhook.progress);
        let appid = |account: &i64| {
            let account = catalog.by_id(hongyan_domain::AccountId(*account))?;
            Some(account.appid().to_string())
        };
        Self {
            id: webhook.id.clone(),
            name: open.name.clone(),
            host: open.host.clone(),
            secret: None,
            enabled: open.enabled,
            disabled_because: open.disabled_because.clone(),
            states: open.states.clone(),
            appids: open.accounts.iter().filter_map(appid).collect(),
            scenarios: open.scenarios.clone(),
            with_openid: open.with_openid,
            created_at: open.created_at,
            failures: progress.failures,
            failing_since: progress.failing_since,
            next_at: (progress.failures > 0).then_some(progress.next_at),
        }
    }
}

impl From<Delivery> for DeliveryBody {
    fn from(delivery: Delivery) -> Self {
        let Delivery { at, webhook_id, events, status, error, took_ms } = delivery;
        Self { at, webhook_id, events, status, error, took_ms }
    }
}
