//! The rules: the ready ones and the operator's own.

use axum::extract::State;
use hongyan_domain::alert::AlertRule;
use hongyan_domain::{FieldCode, FieldError, says};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::for_all;
use crate::access::auth::{MayAdmin, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field;
use crate::request::path::Named;

/// Rules an operator may change or make.
const RULES_MAX: usize = hongyan_store::RULES_MAX;

/// The rules.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertRules)]
pub(crate) struct RulesBody {
    /// By id; the ready ones are among them.
    #[schema(value_type = Vec<Object>)]
    rules: Vec<AlertRule>,
}

/// Lists the rules in force.
#[utoipa::path(get, path = "/api/v1/alerts/rules", tag = "alerts",
    responses((status = 200, description = "The rules", body = RulesBody)))]
pub(crate) async fn list_rules(_caller: MayRead, State(app): State<App>) -> Answer {
    answer::ok(&RulesBody { rules: hongyan_engine::alert_rules(app.store()).await? })
}

/// Makes a rule: `id`, `name`, `metric` (`errcode_count`, `errcode_rate` with `errcode`; `success_rate`, `late_share`,
/// `backlog_age`, `quota_forecast`, `token_failure`, `callback_silence`, `user_block_rate`, `complaint_rate`,
/// `brake_pulled`, `approval_wait`, `webhook_failure`,
/// `template_changed`), `threshold`, and what else it needs: `severity`, `scope`, `appids`, `window_minutes`, `clear`, `at_least`, `for_minutes`,
/// `repeat_minutes`, `channels`, `enabled`.
#[utoipa::path(post, path = "/api/v1/alerts/rules", tag = "alerts", request_body = Object,
    responses((status = 201, description = "The rule", body = Object)))]
pub(crate) async fn create_rule(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Json(asked): Json<Map<String, Value>>,
) -> Answer {
    for_all(&caller)?;
    let rule = read(Value::Object(asked))?;
    let _alone = app.changing().await;
    let rules = hongyan_engine::alert_rules(app.store()).await?;
    if rules.iter().any(|other| other.id == rule.id) {
        return Err(Problem::new(Code::AlertExists, "there is a rule of this id: change it with PATCH"));
    }
    if rules.len() >= RULES_MAX {
        return Err(too_many());
    }
    app.store_of(&caller).put_alert_rule(rule.clone(), app.now()).await?;
    Ok(answer::json(StatusCode::CREATED, &rule))
}

/// Changes a rule, a ready one as well: only the keys given.
#[utoipa::path(patch, path = "/api/v1/alerts/rules/{id}", tag = "alerts", request_body = Object,
    responses((status = 200, description = "The rule", body = Object)))]
pub(crate) async fn change_rule(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
    Json(asked): Json<Map<String, Value>>,
) -> Answer {
    for_all(&caller)?;
    let _alone = app.changing().await;
    let rules = hongyan_engine::alert_rules(app.store()).await?;
    let before = rules.into_iter().find(|rule| rule.id == id).ok_or_else(unknown)?;
    let mut merged = serde_json::to_value(&before).unwrap_or_default();
    for (key, value) in asked {
        merged[key] = value;
    }
    let rule = read(merged)?;
    if rule.id != id {
        return Err(Problem::invalid(vec![field::bad("id", "cannot be changed")]));
    }
    app.store_of(&caller).put_alert_rule(rule.clone(), app.now()).await?;
    answer::ok(&rule)
}

/// Deletes a rule; a ready one is then as it came (switch it off by `enabled`).
#[utoipa::path(delete, path = "/api/v1/alerts/rules/{id}", tag = "alerts",
    responses((status = 204, description = "It is gone, or as it came")))]
pub(crate) async fn delete_rule(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Answer {
    for_all(&caller)?;
    match app.store_of(&caller).delete_alert_rule(&id, app.now()).await? {
        true => Ok(answer::bytes(StatusCode::NO_CONTENT, "application/json", "")),
        false => Err(unknown()),
    }
}

fn read(value: Value) -> Result<AlertRule, Problem> {
    let rule: AlertRule = serde_json::from_value(value).map_err(|error| {
        let message = says!("is not understood: {allowed}", allowed = error);
        Problem::invalid(vec![FieldError::new("rule", FieldCode::BadFormat, message)])
    })?;
    field::none_of(rule.check())?;
    Ok(rule)
}

fn unknown() -> Problem {
    Problem::new(Code::UnknownAlert, "there is no rule of this id that was made or changed here")
}

fn too_many() -> Problem {
    let message = says!("there are {allowed} rules already: delete some", allowed = RULES_MAX);
    Problem::invalid(vec![FieldError::new("id", FieldCode::TooMany, message)])
}
