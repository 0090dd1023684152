//! What a trigger makes of a scenario: the body that its caller would else have written, with the scenario's times.

use hongyan_domain::{FieldCode, FieldError, Openid, Timestamp};
use hongyan_scenario::{
    Compiled, MergeBy, Params, Rendered, Scenario, Trigger, occurred_at, render, variant_of,
};
use hongyan_store::{Gather, Joining, NewMessage, Subject, Ties, Withdrawal};
use serde_json::value::RawValue;

use crate::account::catalog::Account;
use crate::content::links;
use crate::path::accept::Request;

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
        message.ties = self.ties(message, request).map(Box::new);
    }

    fn ties(&self, message: &NewMessage, request: &Request<'_>) -> Option<Ties> {
        let subject = self.rendered.subject.as_deref().unwrap_or_default();
        let about = (!self.scenario.cancelled_by.is_empty()).then(|| Subject {
            name: subject.to_owned(),
            cancelled_by: self.scenario.cancelled_by.iter().map(|name| name.as_str().to_owned()).collect(),
            occurred_at: self.rendered.occurred_at,
        });
        let gather = self.scenario.merge.map(|merge| {
            let params = request.params.map_or("{}", RawValue::get);
            Gather {
                by: if merge.by == MergeBy::Subject { subject.to_owned() } else { String::new() },
                until: message.due_at,
                joining: Joining::Opens,
                params: params.to_owned(),
                items: format!("[{params}]"),
            }
        });
        (about.is_some() || gather.is_some()).then_some(Ties { gather, subject: about, resends: None })
    }
}

/// What a trigger of this name takes back, of the account's scenarios: none, if nothing goes by it.
///
/// # Errors
/// It is no scenario and only takes back, and says not of what.
pub(crate) fn withdrawal(
    account: &Account,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Option<Withdrawal>, Vec<FieldError>> {
    let Some(event) = request.scenario.as_deref() else { return Ok(None) };
    let taken_back = account.taken_back_by(event);
    if taken_back.is_empty() {
        return Ok(None);
    }
    let scenario = account.scenario(event);
    let own = scenario.and_then(|own| own.scenario().subject.as_deref());
    let params = Params::parse(request.params.map_or("{}", RawValue::get))?;
    let subject = |param: &str| params.value(param).or_else(|| params.value(own?)).map(str::to_owned);
    let takes_back: Vec<_> =
        taken_back.iter().filter_map(|(name, param)| Some((name.clone(), subject(param)?))).collect();
    if takes_back.is_empty() && scenario.is_none() {
        let missing = |(_, param): &(String, String)| {
            let message = "is missing: it names what is taken back";
            FieldError::new(format!("params.{param}"), FieldCode::Missing, message)
        };
        return Err(taken_back.iter().take(1).map(missing).collect());
    }
    let Ok(openid) = Openid::new(&request.touser) else { return Ok(None) };
    let (account, event) = (account.id(), event.to_owned());
    let told_at = request.occurred_at.or_else(|| occurred_at(scenario?, &params));
    let occurred_at = told_at.unwrap_or(now).min(now);
    Ok((!takes_back.is_empty()).then_some(Withdrawal { account, openid, event, takes_back, occurred_at }))
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
    links::mark(scenario, variant.as_deref(), &mut rendered).map_err(|fault| vec![fault])?;
    Ok(Some(Triggered { scenario, rendered, variant }))
}

pub(crate) fn variant(compiled: &Compiled, openid: &Openid) -> Option<String> {
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
