//! The checks of a request: whatever is wrong with it is found at once.

use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::preview::{Tap, preview};
use hongyan_domain::request::{Timing, check_client_msg_id, check_miniprogram, check_timing, check_url};
use hongyan_domain::validate::{FieldRules, Overflow, fill};
use hongyan_domain::{
    Category, Content, Data, FieldCode, FieldError, Lane, Miniprogram, OnUnknown, Openid, Template, Timestamp,
};
use hongyan_store::{Marks, NewMessage};
use serde_json::value::RawValue;

use crate::account::catalog::{Account, Catalog};
use crate::content::{self, advice, links};
use crate::path::accept::{Fresh, GivenMiniprogram, Previewed, Rejected, Request};
use crate::path::trigger::{Triggered, triggered, withdrawal};
use crate::path::{repeat, resend};
use crate::{Engine, Settings};

/// A request that passed every check.
pub(super) enum Checked {
    Message(Fresh, Vec<FieldError>),
    /// A dry run, and the message that it is about.
    Previewed(Box<Previewed>, Fresh),
    Event,
}

impl Engine {
    /// Checks a request; nothing of it is written.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub(super) fn check(
        &self,
        catalog: &Catalog,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<Checked, Rejected> {
        let account = find_account(catalog, request)?;
        let mut faults = Vec::new();
        let openid = keep(&mut faults, openid(&request.touser));
        if is_event(account, request) {
            keep_all(&mut faults, withdrawal(account, request, now));
            return if faults.is_empty() { Ok(Checked::Event) } else { Err(Rejected::Invalid(faults)) };
        }
        let Some(triggered) = keep_all(&mut faults, triggered(account, request, now)) else {
            return Err(Rejected::Invalid(faults));
        };
        let said = Said::of(request, triggered.as_ref());
        let template = keep(&mut faults, template(account, said.template_id));
        let miniprogram = match &triggered {
            Some(triggered) => Some(triggered.rendered.miniprogram.clone()),
            None => keep_all(&mut faults, miniprogram(request.miniprogram.as_ref())),
        };
        let timing = Timing { send_at: request.send_at, expires_at: request.expires_at };
        keep_all(&mut faults, check_timing(timing, now));
        keep(&mut faults, said.url.map_or(Ok(()), check_url));
        let scenario = triggered.as_ref().map(|triggered| triggered.scenario);
        let track = (request.track, scenario);
        let tracked = keep(&mut faults, links::tracking(&self.shared.links, track, said.url));
        let own_id = request.client_msg_id.as_deref();
        keep(&mut faults, own_id.map_or(Ok(()), |id| check_client_msg_id(id, &request.touser)));
        let overflow = request.overflow.unwrap_or(Overflow::Error);
        let rules = FieldRules::of(account.record.kind).on_overflow(overflow);
        let filled = template.and_then(|template| keep_all(&mut faults, filled(template, said.data, rules)));
        let (Some(openid), Some(template), Some(miniprogram), Some((data, filled))) =
            (openid, template, miniprogram, filled)
        else {
            return Err(Rejected::Invalid(faults));
        };
        if !faults.is_empty() {
            return Err(Rejected::Invalid(faults));
        }
        let content = Content { url: said.url.map(str::to_owned), miniprogram, data: filled.data };
        let preview =
            request.dry_run.then(|| previewed((account, template), (&data, rules), &content, said.category));
        let mut message = self.message(account, template, request, (openid, content, now));
        if let Some(triggered) = &triggered {
            triggered.shape(&mut message, request);
        }
        if let Some(before) = request.resends {
            resend::shape(before, &mut message);
        }
        message.marks.tracked = tracked.unwrap_or(false);
        let worded = content::worded(account, template, &data, &mut message);
        let fresh = Fresh { message: Box::new(message), worded, overflow };
        Ok(match preview {
            Some(preview) => Checked::Previewed(preview, fresh),
            None => Checked::Message(fresh, filled.warnings),
        })
    }

    fn message(
        &self,
        account: &Account,
        template: &Template,
        request: &Request<'_>,
        (openid, content, now): (Openid, Content, Timestamp),
    ) -> NewMessage {
        let lane = request.lane.unwrap_or(Lane::Normal);
        let due_at = request.send_at.map_or(now, |at| at.max(now));
        let expires_at =
            request.expires_at.unwrap_or_else(|| due_at.plus(self.shared.settings.expires_after));
        NewMessage {
            account: account.id(),
            id: self.shared.ids.lock().next(now),
            client_msg_id: request.client_msg_id.as_deref().map(str::to_owned),
            openid,
            recipient: None,
            template_id: template.template_id.clone(),
            content,
            lane,
            scenario: None,
            category: request.category.unwrap_or(Category::Service),
            basis: request.basis,
            verdicts: Vec::new(),
            accepted_at: now,
            due_at,
            deadline_at: due_at.plus(tolerance(&self.shared.settings, lane)).min(expires_at),
            expires_at: Some(expires_at),
            on_unknown: request.on_unknown.unwrap_or(OnUnknown::Park),
            marks: Marks::default(),
            asking: None,
            ties: None,
            in_memory: false,
            given: request.client_msg_id.as_ref().map_or_else(String::new, |_| repeat::given(request)),
        }
    }
}

/// What a message says: as its request does, or as the scenario that it triggers.
struct Said<'a> {
    template_id: &'a str,
    url: Option<&'a str>,
    data: &'a str,
    category: Category,
}

impl<'a> Said<'a> {
    fn of(request: &'a Request<'_>, triggered: Option<&'a Triggered<'_>>) -> Self {
        match triggered {
            Some(triggered) => Self {
                template_id: triggered.template_id(),
                url: triggered.rendered.url.as_deref(),
                data: &triggered.rendered.data,
                category: triggered.scenario.category,
            },
            None => Self {
                template_id: &request.template_id,
                url: request.url.as_deref().filter(|url| !url.trim().is_empty()),
                data: request.data.map_or("{}", RawValue::get),
                category: request.category.unwrap_or(Category::Service),
            },
        }
    }
}

/// What a dry run tells.
fn previewed(
    (account, template): (&Account, &Template),
    (data, rules): (&Data<'_>, FieldRules),
    content: &Content,
    category: Category,
) -> Box<Previewed> {
    let tap = Tap::of(content.url.as_deref(), content.miniprogram.as_ref());
    Box::new(Previewed {
        content: content::tell(&account.words, template, data, category),
        advice: advice::with(template, data, &tap, advice::industry_of(account, template)),
        preview: preview(template, data, tap, rules),
        foretold: None,
    })
}

fn tolerance(settings: &Settings, lane: Lane) -> Duration {
    match lane {
        Lane::Urgent => settings.tolerance.urgent,
        Lane::Normal => settings.tolerance.normal,
        Lane::Bulk => settings.tolerance.bulk,
    }
}

pub(crate) fn find_account<'c>(
    catalog: &'c Catalog,
    request: &Request<'_>,
) -> Result<&'c Arc<Account>, Rejected> {
    let missing = if request.appid.is_some() { Rejected::UnknownAccount } else { Rejected::AccountNeeded };
    catalog.account(request.appid.as_deref()).ok_or(missing)
}

pub(crate) fn openid(touser: &str) -> Result<Openid, FieldError> {
    if touser.is_empty() {
        return Err(FieldError::new("touser", FieldCode::Missing, "is missing: give the recipient's openid"));
    }
    Openid::new(touser).map_err(|bad| FieldError::new("touser", FieldCode::BadFormat, bad.to_string()))
}

fn template<'a>(account: &'a Account, template_id: &str) -> Result<&'a Template, FieldError> {
    if template_id.is_empty() {
        return Err(FieldError::new(
            "template_id",
            FieldCode::Missing,
            "is missing: give the full template id",
        ));
    }
    account.template(template_id).map(|template| &**template).ok_or_else(|| {
        let message =
            "is not a template of this account: check the id, or sync its templates (hongyan template sync)";
        FieldError::new("template_id", FieldCode::UnknownTemplate, message)
    })
}

fn miniprogram(given: Option<&GivenMiniprogram>) -> Result<Option<Miniprogram>, Vec<FieldError>> {
    let Some(given) = given else { return Ok(None) };
    check_miniprogram(Miniprogram { appid: given.appid.clone(), pagepath: given.pagepath.clone() })
}

type FilledData<'a> = (Data<'a>, hongyan_domain::validate::Filled);

fn filled<'a>(
    template: &Template,
    data: &'a str,
    rules: FieldRules,
) -> Result<FilledData<'a>, Vec<FieldError>> {
    let data = Data::parse(data)?;
    let filled = fill(template, &data, rules)?;
    Ok((data, filled))
}

fn keep<T>(faults: &mut Vec<FieldError>, checked: Result<T, FieldError>) -> Option<T> {
    checked.map_err(|fault| faults.push(fault)).ok()
}

fn keep_all<T>(faults: &mut Vec<FieldError>, checked: Result<T, Vec<FieldError>>) -> Option<T> {
    checked.map_err(|found| faults.extend(found)).ok()
}

/// Whether the trigger only takes back: its name is no scenario's.
fn is_event(account: &Account, request: &Request<'_>) -> bool {
    let name = request.scenario.as_deref();
    name.is_some_and(|name| account.scenario(name).is_none() && !account.taken_back_by(name).is_empty())
}
