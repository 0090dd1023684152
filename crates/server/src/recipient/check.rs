//! Would a message go now, and if not, why and when?

use axum::extract::State;
use hongyan_domain::{Category, InteractionKind, Judgement, Lane, Rule, Timestamp, Verdict, Wording};
use hongyan_engine::Account;
use hongyan_engine::foretell::{Described, Foretold, Question};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::openid;
use crate::access::auth::MayRead;
use crate::account::PauseBody;
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
    /// When it would be due; left out: now, and of a scenario that gathers, when it has. A reminder's time is in its
    /// params: give it here. RFC 3339.
    #[schema(value_type = Option<String>)]
    due_at: Option<Timestamp>,
}

/// The rules' answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Verdict)]
pub(crate) struct VerdictBody {
    /// `send`, `hold` or `refuse`.
    verdict: &'static str,
    /// The rule that says so; none where it may go, or where no rule but what stands still holds it.
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
    /// What holds it up whatever the rules say: everything is held, the account is paused, its quota is spent, it has no
    /// token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<PauseBody>,
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
            pause: None,
            observed: Vec::new(),
        }
    }

    /// Of a scenario whose template is gone.
    fn without_template() -> Self {
        let why = Text::new(
            "场景绑定的模板不在该公众号中，发不出去：请同步模板，或在场景中换一个 template_id",
            "the account does not have the scenario's template, so nothing of it goes: sync its templates, or give the \
             scenario another template_id",
        );
        Self { verdict: "refuse", why: Some(why), ..Self::of(Verdict::Send) }
    }
}

impl From<&Judgement> for VerdictBody {
    fn from(judgement: &Judgement) -> Self {
        let observed = judgement.observed.iter().copied().map(Self::of).collect();
        Self { by: judgement.taken.window, observed, ..Self::of(judgement.verdict) }
    }
}

impl From<&Foretold> for VerdictBody {
    fn from(foretold: &Foretold) -> Self {
        let judged = Self::from(&foretold.judgement);
        let pause = foretold.still.as_ref().map(PauseBody::from);
        let waits = pause.as_ref().filter(|_| foretold.waits());
        Self {
            verdict: if waits.is_some() { "hold" } else { judged.verdict },
            until: foretold.until(),
            why: judged.why.or_else(|| waits.map(PauseBody::why)),
            pause,
            ..judged
        }
    }
}

/// Asks the rules about a message that is not sent, and whether anything stands still. Nothing is counted. What it says
/// is about now: the content itself is checked when a message is given, or by a dry run of it.
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
    let Some(template_id) = template_id(&account, &asked)? else {
        return answer::ok(&VerdictBody::without_template());
    };
    let (described, lane) = described(&account, &asked, app.now());
    let question = Question {
        account: &account,
        openid,
        template_id,
        described,
        wording: Wording::Clean,
        lane,
        expires_at: None,
    };
    answer::ok(&VerdictBody::from(&app.engine().foretell(question).await?))
}

/// The template it would be made of: of a scenario, the one it is bound to. `None`: the account has that no more.
fn template_id<'a>(
    account: &'a Account,
    asked: &'a CheckRequest,
) -> Result<Option<Option<&'a str>>, Problem> {
    let is_here = |template_id: &&str| account.template(template_id).is_some();
    if let Some(name) = asked.scenario.as_deref() {
        let scenario = account.scenario(name).ok_or_else(crate::scenario::unknown)?.scenario();
        return Ok(scenario.template_id.as_deref().filter(is_here).map(Some));
    }
    let template_id = asked.template_id.as_deref();
    if template_id.is_some_and(|template_id| !is_here(&template_id)) {
        let detail = "the account has no such template: sync its templates";
        return Err(Problem::new(Code::UnknownTemplate, detail));
    }
    Ok(Some(template_id))
}

fn described<'a>(account: &Account, asked: &'a CheckRequest, now: Timestamp) -> (Described<'a>, Lane) {
    let name = asked.scenario.as_deref();
    let scenario = name.and_then(|name| account.scenario(name)).map(|compiled| compiled.scenario());
    let gathered = scenario.and_then(|scenario| scenario.merge).map(|merge| now.plus(merge.within));
    let described = Described {
        category: scenario.map(|scenario| scenario.category).or(asked.category).unwrap_or(Category::Service),
        scenario: name,
        basis: scenario.and_then(|scenario| scenario.basis).or(asked.basis),
        due_at: asked.due_at.or(gathered).map_or(now, |due_at| due_at.max(now)),
    };
    (described, scenario.map_or(Lane::Normal, |scenario| scenario.lane))
}
