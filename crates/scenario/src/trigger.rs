//! What a trigger makes of a scenario: the content and the times of one message.

use std::fmt;

use hongyan_domain::FieldCode::{TooMany, UnknownField};
use hongyan_domain::{FieldError, Miniprogram, Timestamp, says};
use minijinja::Value;

use crate::compiled::{Compiled, Wording};
use crate::link;
use crate::param::{Params, Read, read_all, read_one, shown};
use crate::scenario::{ParamKind, Timing};
use crate::schedule::{Happened, Schedule, plan};
use crate::scope::{item, scope};

/// Triggers that become one message; more would not be read by anyone.
pub const ITEMS_MAX: usize = 100;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub struct Trigger<'a> {
    /// What is said of it; of a merged message, of its last trigger.
    pub params: &'a Params<'a>,
    /// When it happened; of a merged message, when its first did. Absent: when the scenario's `occurred_param` says, else
    /// now.
    pub occurred_at: Option<Timestamp>,
    /// The params of all triggers of a merged message, the first one first; empty for a single one. At most 100.
    pub items: &'a [Params<'a>],
    /// The variant that its recipient gets, by name.
    pub variant: Option<&'a str>,
}

/// The message that a trigger makes.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The template's fields as a JSON object of texts, as `hongyan_domain::Data::parse` reads it.
    pub data: String,
    /// Where a tap leads, before UTM and short links.
    pub url: Option<String>,
    /// The mini-program that a tap opens.
    pub miniprogram: Option<Miniprogram>,
    /// When it goes.
    pub schedule: Schedule,
    /// When it happened, as far as the trigger tells.
    pub occurred_at: Option<Timestamp>,
    /// The thing it is about, as the trigger named it.
    pub subject: Option<String>,
}

/// Content may be personal: only the times are shown.
impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

/// Makes the message. Nothing is checked against the template: that is `hongyan_domain::fill`'s.
/// Errors: all that is wrong with the params, the times and the expressions.
pub fn render(
    compiled: &Compiled,
    trigger: &Trigger<'_>,
    now: Timestamp,
) -> Result<Rendered, Vec<FieldError>> {
    let mut faults = Vec::new();
    let read = read_all(&compiled.declared, trigger.params, "params", &mut faults);
    let items = read_items(compiled, trigger.items, &mut faults);
    let wording = wording_of(compiled, trigger.variant).map_err(|fault| faults.push(fault)).ok();
    let happened = happened(compiled, trigger, &read);
    let schedule = plan(&compiled.scenario, happened, now).map_err(|found| faults.extend(found)).ok();
    // With params missing, every expression that uses one would only say so again.
    let (Some(wording), Some(schedule), true) = (wording, schedule, faults.is_empty()) else {
        return Err(faults);
    };
    let subject = compiled.scenario.subject.as_deref().and_then(|name| trigger.params.value(name));
    let content = word(compiled, wording, &scope(&compiled.declared, read, items))?;
    let link::Filled { url, miniprogram } = content.link;
    let (occurred_at, subject) = (happened.occurred_at, subject.map(str::to_owned));
    Ok(Rendered { data: content.data, url, miniprogram, schedule, occurred_at, subject })
}

/// What one wording says.
pub(crate) struct Content {
    pub(crate) data: String,
    pub(crate) link: link::Filled,
}

/// Works out all expressions of a wording.
pub(crate) fn word(
    compiled: &Compiled,
    wording: &Wording,
    scope: &Value,
) -> Result<Content, Vec<FieldError>> {
    let mut faults = Vec::new();
    let mut data = Vec::with_capacity(256);
    for (name, expression) in &wording.fields {
        match compiled.expressions.work_out(expression, scope) {
            Ok(text) => push_field(&mut data, name, &text),
            Err(fault) => faults.push(fault),
        }
    }
    data.extend(if data.is_empty() { "{}" } else { "}" }.bytes());
    let data = String::from_utf8(data).expect("it was made of texts");
    let link = wording.link.as_ref().map(|link| link.fill(&compiled.expressions, scope, &mut faults));
    if faults.is_empty() { Ok(Content { data, link: link.unwrap_or_default() }) } else { Err(faults) }
}

/// Names are identifiers: they need no escaping.
fn push_field(data: &mut Vec<u8>, name: &str, text: &str) {
    data.extend(if data.is_empty() { "{\"" } else { ",\"" }.bytes());
    data.extend(name.bytes());
    data.extend("\":".bytes());
    serde_json::to_writer(data, text).expect("a text is always JSON");
}

fn wording_of<'a>(compiled: &'a Compiled, variant: Option<&str>) -> Result<&'a Wording, FieldError> {
    let Some(name) = variant else { return Ok(&compiled.base) };
    let place = compiled.scenario.variants.iter().position(|variant| variant.name.as_str() == name);
    place.and_then(|place| compiled.variants.get(place)).ok_or_else(|| {
        let message = says!("{name} is no variant of the scenario", name = shown(name));
        FieldError::new("variant", UnknownField, message)
    })
}

fn read_items(compiled: &Compiled, items: &[Params<'_>], faults: &mut Vec<FieldError>) -> Vec<Value> {
    if items.len() > ITEMS_MAX {
        let message = says!(
            "has {given} entries: at most {allowed} triggers become one message",
            given = items.len(),
            allowed = ITEMS_MAX
        );
        faults.push(FieldError::new("items", TooMany, message));
        return Vec::new();
    }
    let declared = &compiled.declared;
    let read = items.iter().enumerate().map(|(place, params)| {
        item(declared, read_all(declared, params, &format!("items[{place}]"), faults))
    });
    read.collect()
}

/// The times that the trigger gives.
fn happened<'a>(compiled: &'a Compiled, trigger: &Trigger<'_>, read: &[Option<Read>]) -> Happened<'a> {
    let time_of = |name: &String| {
        let place = compiled.declared.keys().position(|declared| declared == name)?;
        read.get(place)?.as_ref()?.at
    };
    let ahead_of = match &compiled.scenario.timing {
        Timing::Before { param, .. } => time_of(param),
        Timing::Once | Timing::Within(_) => None,
    };
    if trigger.occurred_at.is_some() {
        return Happened { occurred_at: trigger.occurred_at, told_by: None, ahead_of };
    }
    let told_by = compiled.scenario.occurred_param.as_ref();
    Happened { occurred_at: told_by.and_then(time_of), told_by: told_by.map(String::as_str), ahead_of }
}

/// When something happened whose trigger only takes others back, as its params tell.
pub fn occurred_at(compiled: &Compiled, params: &Params<'_>) -> Option<Timestamp> {
    let text = params.value(compiled.scenario.occurred_param.as_deref()?)?;
    read_one(ParamKind::Time, text).ok()?.at
}
