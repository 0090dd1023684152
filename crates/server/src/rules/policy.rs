//! The rules: shown as they hold, changed rule by rule.

use axum::extract::State;
use hongyan_domain::policy::{Policy, Rule};
use hongyan_domain::{AccountId, Category, FieldError, says};
use hongyan_engine::rules::{Misfit, Rules};
use hongyan_store::PolicyChange;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayAdmin, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field;
use crate::request::path::Named;
use crate::request::query::{self, Asked as Query};

/// Whose rules.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PolicyQuery {
    /// Of this account; left out: those of an account that has none of its own.
    appid: Option<String>,
    /// For messages of this category: `transactional`, `service` (the default) or `marketing`.
    category: Option<String>,
}

/// The rules as they hold.
#[derive(Serialize, ToSchema)]
#[schema(as = Policies)]
pub(crate) struct PolicyBody {
    appid: Option<String>,
    #[schema(value_type = String)]
    category: Category,
    /// Each rule with its mode and limits.
    #[schema(value_type = Object)]
    policies: Policy,
}

/// Shows the rules as they hold, after everything that was changed.
#[utoipa::path(get, path = "/api/v1/policies", tag = "policies", params(PolicyQuery),
    responses((status = 200, description = "The rules", body = PolicyBody)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Query(asked): Query<PolicyQuery>,
) -> Answer {
    let mut errors = Vec::new();
    let word = ("category", asked.category.as_deref());
    let category = query::read(&mut errors, word, Category::parse, "transactional, service or marketing");
    field::none_of(errors)?;
    let category = category.unwrap_or(Category::Service);
    let account = asked.appid.as_deref().map(|appid| app.account(&caller, appid)).transpose()?;
    let rules = Rules::read(app.store()).await?;
    let policies = rules.policy(account.map(|account| account.id()), category);
    answer::ok(&PolicyBody { appid: asked.appid, category, policies })
}

/// Changes a rule: `mode` (`enforce`, `observe` or `off`) and the limits it has. `appid` and `category` say for whom; left
/// out: for all. A value of null takes the change back. In force at once, for messages already accepted too.
#[utoipa::path(patch, path = "/api/v1/policies/{rule}", tag = "policies", request_body = Object,
    responses((status = 200, description = "The rules as they hold now", body = PolicyBody)))]
pub(crate) async fn change(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(rule): Named<String>,
    Json(mut asked): Json<Map<String, Value>>,
) -> Answer {
    let rule = Rule::parse(&rule).ok_or_else(unknown_rule)?;
    let mut errors = Vec::new();
    let appid = text(&mut asked, "appid", &mut errors);
    let category = text(&mut asked, "category", &mut errors);
    if rule == Rule::Brake && category.is_some() {
        errors.push(field::bad("category", "is not for this rule: a template is braked for all categories"));
    }
    let allowed = "transactional, service or marketing";
    let category = query::read(&mut errors, ("category", category.as_deref()), Category::parse, allowed);
    field::none_of(errors)?;
    let account = whose(&app, &caller, appid.as_deref())?;
    let _alone = app.changing().await;
    let before = app.store().policy_changes().await?;
    let place = |one: &&PolicyChange| (one.account, one.category, one.rule) == (account, category, rule);
    let given: Vec<_> = asked.keys().cloned().collect();
    let merged = merged(before.iter().find(place).map(|one| &one.change), asked);
    let change = PolicyChange { account, category, rule, change: merged };
    Rules::read(app.store())
        .await?
        .with(change.clone())
        .check(rule)
        .map_err(|misfit| told(&app, misfit, &given))?;
    app.store_of(&caller).put_policy(change, app.now()).await?;
    app.engine().reload().await?;
    let category = category.unwrap_or(Category::Service);
    let policies = Rules::read(app.store()).await?.policy(account, category);
    answer::ok(&PolicyBody { appid, category, policies })
}

/// A key for certain accounts changes the rules of those only.
fn whose(app: &App, caller: &Caller, appid: Option<&str>) -> Result<Option<AccountId>, Problem> {
    match appid {
        Some(appid) => Ok(Some(app.account(caller, appid)?.id())),
        None if caller.is_for_all() => Ok(None),
        None => Err(Problem::new(Code::Forbidden, "this key is for certain accounts: name one by `appid`")),
    }
}

/// What was set before with what is set now; null takes a key away.
fn merged(before: Option<&Map<String, Value>>, asked: Map<String, Value>) -> Map<String, Value> {
    let mut merged = before.cloned().unwrap_or_default();
    let (taken_back, set): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(_, value)| value.is_null());
    for (key, _) in &taken_back {
        merged.remove(key);
    }
    merged.extend(set);
    merged
}

/// What is wrong with a change. Where the fault is in what was set elsewhere, it says of whose messages.
fn told(app: &App, misfit: Misfit, given: &[String]) -> Problem {
    let Misfit { account, category, faults } = misfit;
    let catalog = app.engine().catalog();
    let whose = account.and_then(|account| catalog.by_id(account)).map(|account| account.appid().to_string());
    let place = |fault: FieldError| {
        if given.iter().any(|key| *key == *fault.field) {
            return fault;
        }
        let message = match &whose {
            Some(appid) => says!(
                "does not fit what is set already for {category} messages of {appid}: change that first, or both at once",
                category = category.as_str(),
                appid
            ),
            None => says!(
                "does not fit what is set already for {category} messages: change that first, or both at once",
                category = category.as_str()
            ),
        };
        FieldError::new(fault.field, fault.code, message)
    };
    Problem::invalid(faults.into_iter().map(place).collect())
}

fn text(asked: &mut Map<String, Value>, key: &'static str, errors: &mut Vec<FieldError>) -> Option<String> {
    match asked.remove(key) {
        Some(Value::String(text)) => Some(text),
        None | Some(Value::Null) => None,
        Some(_) => {
            errors.push(field::bad(key, "is not a text"));
            None
        }
    }
}

fn unknown_rule() -> Problem {
    let rules: Vec<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    Problem::new(
        Code::UnknownRoute,
        says!("there is no such rule: there are {rules}", rules = rules.join(", ")),
    )
}
