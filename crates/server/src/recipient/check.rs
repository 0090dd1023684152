//! Would a message go now, and if not, why and when?

use std::sync::Arc;

use axum::extract::State;
use hongyan_domain::{Asked, Category, InteractionKind, Judgement, Rule, Timestamp, Verdict, braked, judge};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::openid;
use crate::access::auth::MayRead;
use crate::answer::problem::{Code, Problem};
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::path::Named;

/// What would be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckRequest {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// The scenario it would be of.
    scenario: Option<String>,
    /// The template it would be made of.
    template_id: Option<String>,
    /// `transactional`, `service` (the default) or `marketing`.
    #[schema(value_type = Option<String>)]
    category: Option<Category>,
    /// The interaction it would prove.
    #[schema(value_type = Option<String>)]
    basis: Option<InteractionKind>,
}

/// The rules' answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Verdict)]
pub(crate) struct VerdictBody {
    /// `send`, `hold` or `refuse`.
    verdict: &'static str,
    /// The rule that says so; none where it may go.
    #[schema(value_type = Option<String>)]
    rule: Option<Rule>,
    /// Of a hold: it goes then; null: when a person lets it go. Of a refusal: from then on it would not be refused.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Text>,
    /// The reach window it would go by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    by: Option<InteractionKind>,
    /// What rules that are only observed say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    observed: Vec<VerdictBody>,
}

impl VerdictBody {
    fn of(verdict: Verdict) -> Self {
        Self {
            verdict: verdict.as_str(),
            rule: verdict.rule(),
            until: verdict.until(),
            why: verdict.rule().map(Text::refusal),
            by: None,
            observed: Vec::new(),
        }
    }
}

impl From<Judgement> for VerdictBody {
    fn from(judgement: Judgement) -> Self {
        let observed = judgement.observed.into_iter().map(Self::of).collect();
        Self { by: judgement.taken.window, observed, ..Self::of(judgement.verdict) }
    }
}

/// Asks the rules about a message that is not sent. Nothing is counted. What it says is about now: the content
/// itself is checked when a message is given.
#[utoipa::path(post, path = "/api/v1/recipients/{openid}/check", tag = "recipients", request_body = CheckRequest,
    responses((status = 200, description = "What the rules say", body = VerdictBody)))]
pub(crate) async fn check(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(touser): Named<String>,
    Json(asked): Json<CheckRequest>,
) -> Answer {
    let account = app.account_or_only(&caller, asked.appid.as_deref())?;
    let openid = openid("openid", &touser).map_err(|wrong| Problem::invalid(vec![wrong]))?;
    if let Some(template_id) = asked.template_id.as_deref()
        && account.template(template_id).is_none()
    {
        return Err(Problem::new(
            Code::UnknownTemplate,
            "the account has no such template: sync its templates",
        ));
    }
    let scenario = match asked.scenario.as_deref() {
        Some(name) => Some(account.scenario(name).ok_or_else(crate::scenario::unknown)?.scenario()),
        None => None,
    };
    let category = scenario.map(|scenario| scenario.category).or(asked.category).unwrap_or(Category::Service);
    let basis = scenario.and_then(|scenario| scenario.basis).or(asked.basis);
    let facts = app.store().recipients(vec![(account.id(), openid)]).await?.pop().unwrap_or_default();
    let question = Asked { category, scenario: asked.scenario.as_deref(), basis, fingerprint: 0 };
    // Of a scenario, the template is the one it is bound to.
    let template =
        scenario.and_then(|scenario| scenario.template_id.as_deref()).or(asked.template_id.as_deref());
    if template.is_some_and(|template| account.policies.is_braked(template)) {
        // It goes when a person lets it, and nobody knows when that is.
        return answer::ok(&VerdictBody { until: None, ..VerdictBody::of(braked(None, app.now())) });
    }
    let facts = match basis {
        Some(basis) => Arc::new(facts.proving(basis, app.now())),
        None => facts,
    };
    let policy = account.policies.of(category, asked.scenario.as_deref());
    answer::ok(&VerdictBody::from(judge(policy, &facts, &question, app.now())))
}
