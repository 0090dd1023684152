//! What a trigger makes of a scenario: the body that its caller would else have written, with the scenario's times.

use hongyan_domain::{FieldCode, FieldError, Openid, Timestamp};
use hongyan_scenario::{Compiled, Params, Rendered, Scenario, Trigger, render, variant_of};
use hongyan_store::NewMessage;
use serde_json::value::RawValue;

use crate::accept::Request;
use crate::catalog::Account;
use crate::links;

/// A triggered scenario and the message it makes.
pub(crate) struct Triggered<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) rendered: Rendered,
    /// The wording that its recipient gets.
    variant: Option<String>,
}

impl Triggered<'_> {
    /// The template it fills; none while it is a draft.
    pub(crate) fn template_id(&self) -> &str {
        self.scenario.template_id.as_deref().unwrap_or_default()
    }

    /// Gives a message what its scenario says: name, category, times, urgency.
    pub(crate) fn shape(&self, message: &mut NewMessage, request: &Request<'_>) {
        let (scenario, schedule) = (self.scenario, &self.rendered.schedule);
        message.scenario = Some(scenario.name.as_str().into());
        message.marks.variant = self.variant.as_deref().map(Into::into);
        message.category = scenario.category;
        message.basis = scenario.basis;
        message.lane = request.lane.unwrap_or(scenario.lane);
        message.on_unknown = request.on_unknown.unwrap_or(scenario.on_unknown);
        message.due_at = schedule.due_at;
        message.deadline_at = schedule.deadline_at;
        let kept = message.expires_at.map(|at| at.max(schedule.deadline_at));
        message.expires_at = request.expires_at.or(schedule.expires_at).or(kept);
    }
}

/// `None`: the request names no scenario. Errors: everything that is wrong with it.
pub(crate) fn triggered<'a>(
    account: &'a Account,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Option<Triggered<'a>>, Vec<FieldError>> {
    let Some(name) = request.scenario.as_deref() else {
        let stray = [("params", request.params.is_some()), ("occurred_at", request.occurred_at.is_some())];
        return none_of(stray, "needs a `scenario`: name one, or give `template_id` and `data`")
            .map(|()| None);
    };
    let said = [
        ("template_id", !request.template_id.is_empty()),
        ("data", request.data.is_some()),
        ("url", request.url.is_some()),
        ("miniprogram", request.miniprogram.is_some()),
        ("send_at", request.send_at.is_some()),
        ("category", request.category.is_some()),
        ("basis", request.basis.is_some()),
    ];
    none_of(said, "is the scenario's to say: leave it out, or leave out `scenario`")?;
    let compiled = account.scenario(name).ok_or_else(|| vec![unknown()])?;
    let params = Params::parse(request.params.map_or("{}", RawValue::get))?;
    let variant = Openid::new(&request.touser).ok().and_then(|openid| variant(compiled, &openid));
    let trigger = Trigger {
        params: &params,
        occurred_at: request.occurred_at,
        items: &[],
        variant: variant.as_deref(),
    };
    let scenario = compiled.scenario();
    let mut rendered = render(compiled, &trigger, now)?;
    if let Some(url) = &rendered.url {
        let marked = links::marked(scenario, variant.as_deref(), url);
        rendered.url = Some(marked.map_err(|fault| vec![fault])?);
    }
    Ok(Some(Triggered { scenario, rendered, variant }))
}

fn variant(compiled: &Compiled, openid: &Openid) -> Option<String> {
    variant_of(compiled.scenario(), openid.spread()).map(|variant| variant.name.as_str().to_owned())
}

fn unknown() -> FieldError {
    let message = "is no scenario of this account: see GET /api/v1/scenarios";
    FieldError::new("scenario", FieldCode::UnknownField, message)
}

fn none_of<const N: usize>(
    given: [(&'static str, bool); N],
    message: &'static str,
) -> Result<(), Vec<FieldError>> {
    let faults: Vec<_> = given
        .into_iter()
        .filter(|(_, is_given)| *is_given)
        .map(|(field, _)| FieldError::new(field, FieldCode::UnknownField, message))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
