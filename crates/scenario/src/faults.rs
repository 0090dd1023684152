//! What can be wrong with a scenario before any expression is read: names, durations, references.

use std::time::Duration;

use hongyan_domain::FieldCode::{
    BadCharacter, BadFormat, Doubled, Empty, Missing, TooLong, TooMany, UnknownField, UnknownParam, WrongType,
};
use hongyan_domain::data::MAX_ENTRIES;
use hongyan_domain::{FieldCode, FieldError, Sentence, says};

use crate::duration::show;
use crate::param::{names, read_one, shown};
use crate::scenario::{MergeBy, Param, ParamKind, Scenario, Timing, Utm};
use crate::scope::{COUNT, ITEMS};

/// Longest title, in characters: it stands in one line of a table.
const TITLE_MAX: usize = 40;
/// Longest name of a param or field, in bytes.
const IDENTIFIER_MAX: usize = 64;
/// Variants of one scenario: more split the people too thinly to compare.
const VARIANTS_MAX: usize = 8;
/// Largest weight; shares of a thousandth are fine enough.
const WEIGHT_MAX: u32 = 1_000;
/// Scenarios that may take one back.
const CANCELLED_BY_MAX: usize = 16;
/// Longest UTM value, in characters.
const UTM_MAX: usize = 100;
/// Words that mean something in an expression.
const RESERVED: [&str; 15] = [
    ITEMS, COUNT, "loop", "true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is",
    "if",
];

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Everything that is wrong.
pub(crate) fn of(scenario: &Scenario) -> Vec<FieldError> {
    let mut faults = Vec::new();
    faults.extend(title(&scenario.title));
    faults.extend(fields(scenario));
    faults.extend(params(scenario));
    faults.extend(timing(scenario));
    faults.extend(durations(scenario));
    faults.extend(subject(scenario));
    faults.extend(occurred_param(scenario));
    faults.extend(cancellations(scenario));
    faults.extend(caps(scenario));
    faults.extend(utm("link", scenario.link.as_ref().and_then(|link| link.utm.as_ref())));
    faults.extend(variants(scenario));
    faults
}

fn fault(field: impl Into<String>, code: FieldCode, message: impl Into<Sentence>) -> FieldError {
    FieldError::new(field.into(), code, message)
}

fn title(title: &str) -> Option<FieldError> {
    let length = title.chars().count();
    if title.trim().is_empty() {
        return Some(fault("title", Empty, "is empty: give it a title for people, like 支付成功"));
    }
    if length > TITLE_MAX {
        let message = says!(
            "has {given} characters: at most {allowed} are allowed",
            given = length,
            allowed = TITLE_MAX
        );
        return Some(fault("title", TooLong, message));
    }
    title
        .chars()
        .any(char::is_control)
        .then(|| fault("title", BadCharacter, "has a control character: remove it"))
}

/// Whether `name` can be written in an expression.
fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts
        && name.len() <= IDENTIFIER_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn fields(scenario: &Scenario) -> Vec<FieldError> {
    let bad = scenario.fields.keys().filter(|name| !is_identifier(name));
    let message = "is no field of a template: write the name before .DATA, like thing1";
    let mut faults: Vec<_> =
        bad.map(|name| fault(format!("fields.{}", shown(name)), UnknownField, message)).collect();
    faults.extend(too_many("fields", scenario.fields.len(), MAX_ENTRIES));
    faults
}

fn too_many(field: &str, given: usize, allowed: usize) -> Option<FieldError> {
    let message = || says!("has {given} entries: at most {allowed} are allowed", given, allowed);
    (given > allowed).then(|| fault(field, TooMany, message()))
}

fn params(scenario: &Scenario) -> Vec<FieldError> {
    let mut faults: Vec<_> = too_many("params", scenario.params.len(), MAX_ENTRIES).into_iter().collect();
    for (name, param) in &scenario.params {
        let path = format!("params.{}", shown(name));
        if !is_identifier(name) {
            let message = "cannot be written in an expression: use a-z A-Z 0-9 _, no digit first, at most 64";
            faults.push(fault(&path, BadFormat, message));
        } else if RESERVED.contains(&name.as_str()) {
            faults.push(fault(&path, BadFormat, "means something else in expressions: choose another name"));
        }
        faults.extend(example(&format!("{path}.example"), param));
    }
    faults
}

fn example(path: &str, param: &Param) -> Option<FieldError> {
    let Some(text) = example_text(param.example.as_ref()?) else {
        return Some(fault(path, WrongType, "has to be a text, a number or a bool"));
    };
    read_one(param.kind, &text).err().map(|(code, message)| fault(path, code, message))
}

/// An example as a trigger would give it; `None` for a list, an object or null.
pub(crate) fn example_text(example: &serde_json::Value) -> Option<String> {
    match example {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Some(example.to_string()),
        _ => None,
    }
}

fn timing(scenario: &Scenario) -> Vec<FieldError> {
    let mut faults = Vec::new();
    match &scenario.timing {
        Timing::Once => {}
        Timing::Within(within) => faults.extend(outside("timing.within", *within, (SECOND, 30 * DAY))),
        Timing::Before { param, by } => {
            faults.extend(outside("timing.before.by", *by, (SECOND, 90 * DAY)));
            faults.extend(required_param(scenario, "timing.before.param", param));
            faults.extend(not_a_time(scenario, "timing.before.param", param));
            if scenario.merge.is_some() {
                let message = "cannot be with timing.before: what goes ahead of a time waits for no other";
                faults.push(fault("merge", BadFormat, message));
            }
        }
    }
    faults
}

fn not_a_time(scenario: &Scenario, path: &str, name: &str) -> Option<FieldError> {
    let other = scenario.params.get(name).is_some_and(|found| found.kind != ParamKind::Time);
    other.then(|| fault(path, WrongType, "is not of type time: name one that is"))
}

fn required_param(scenario: &Scenario, path: &str, name: &str) -> Option<FieldError> {
    match scenario.params.get(name) {
        None => Some(unknown_param(scenario, path)),
        Some(param) if !param.required => Some(fault(
            path,
            Missing,
            says!("names {name}, which may be absent: make it required", name = shown(name)),
        )),
        Some(_) => None,
    }
}

fn unknown_param(scenario: &Scenario, path: &str) -> FieldError {
    let message = match names(&scenario.params) {
        none if none.is_empty() => "is no param of the scenario: it declares none".into(),
        known => says!("is no param of the scenario: declared are {known}", known),
    };
    fault(path, UnknownParam, message)
}

fn outside(field: &str, given: Duration, (least, most): (Duration, Duration)) -> Option<FieldError> {
    let (is, from, to) = (show(given), show(least), show(most));
    let message = || says!("is {is}: from {from} to {to} is allowed", is, from, to);
    (!(least..=most).contains(&given)).then(|| fault(field, BadFormat, message()))
}

fn durations(scenario: &Scenario) -> Vec<FieldError> {
    let mut faults = Vec::new();
    faults.extend(outside("tolerance", scenario.tolerance, (SECOND, 30 * DAY)));
    faults.extend(outside("max_age", scenario.max_age, (60 * SECOND, 30 * DAY)));
    if let Some(after) = scenario.expires_after {
        faults.extend(outside("expires_after", after, (SECOND, 90 * DAY)));
        if after < scenario.tolerance {
            let message = "is shorter than tolerance: a message would be worthless before it is late";
            faults.push(fault("expires_after", BadFormat, message));
        }
    }
    if let Some(merge) = scenario.merge {
        faults.extend(outside("merge.within", merge.within, (SECOND, 24 * HOUR)));
    }
    faults
}

fn subject(scenario: &Scenario) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let needs =
        scenario.merge.is_some_and(|merge| merge.by == MergeBy::Subject) || !scenario.cancelled_by.is_empty();
    match &scenario.subject {
        Some(subject) => faults.extend(required_param(scenario, "subject", subject)),
        None if needs => {
            let message =
                "is missing: merge by subject and cancelled_by go by it; name the param, like order_no";
            faults.push(fault("subject", Missing, message));
        }
        None => {}
    }
    faults
}

/// It may be absent from a trigger: then it happened when the trigger came.
fn occurred_param(scenario: &Scenario) -> Option<FieldError> {
    let (path, name) = ("occurred_param", scenario.occurred_param.as_deref()?);
    if !scenario.params.contains_key(name) {
        return Some(unknown_param(scenario, path));
    }
    if matches!(&scenario.timing, Timing::Before { param, .. } if param == name) {
        let message = "is the time that the message goes ahead of: name the one when it happened";
        return Some(fault(path, BadFormat, message));
    }
    not_a_time(scenario, path, name)
}

fn cancellations(scenario: &Scenario) -> Vec<FieldError> {
    let mut faults: Vec<_> =
        too_many("cancelled_by", scenario.cancelled_by.len(), CANCELLED_BY_MAX).into_iter().collect();
    let all = scenario.merge.is_some_and(|merge| merge.by == MergeBy::Recipient);
    if all && !scenario.cancelled_by.is_empty() {
        let message = "cannot be with merge by recipient: one subject would take back what is said of the others; \
                       merge by subject";
        faults.push(fault("cancelled_by", BadFormat, message));
    }
    for (place, name) in scenario.cancelled_by.iter().enumerate() {
        let path = format!("cancelled_by[{place}]");
        if *name == scenario.name {
            faults.push(fault(
                path,
                BadFormat,
                "is the scenario itself: each message would take back the one before",
            ));
        } else if scenario.cancelled_by[..place].contains(name) {
            faults.push(fault(path, Doubled, "is named twice: name it once"));
        }
    }
    faults
}

fn caps(scenario: &Scenario) -> impl Iterator<Item = FieldError> {
    let caps = [("caps.per_day", scenario.caps.per_day), ("caps.per_week", scenario.caps.per_week)];
    let message = "is 0, which would hold back everything: leave it out for no cap";
    caps.into_iter()
        .filter(|(_, cap)| *cap == Some(0))
        .map(move |(field, _)| fault(field, BadFormat, message))
}

fn utm(path: &str, utm: Option<&Utm>) -> Vec<FieldError> {
    let Some(utm) = utm else { return Vec::new() };
    let values = [
        ("source", &utm.source),
        ("medium", &utm.medium),
        ("campaign", &utm.campaign),
        ("content", &utm.content),
    ];
    let bad = |value: &&Option<String>| {
        value
            .as_ref()
            .is_some_and(|text| text.chars().count() > UTM_MAX || text.chars().any(char::is_control))
    };
    let faults = values.iter().filter(|(_, value)| bad(value));
    let message = says!("has more than {allowed} characters or a control character", allowed = UTM_MAX);
    faults.map(|(name, _)| fault(format!("{path}.utm.{name}"), BadFormat, message.clone())).collect()
}

fn variants(scenario: &Scenario) -> Vec<FieldError> {
    let variants = &scenario.variants;
    let mut faults: Vec<_> = too_many("variants", variants.len(), VARIANTS_MAX).into_iter().collect();
    for (place, variant) in variants.iter().enumerate() {
        let path = format!("variants[{place}]");
        if variants[..place].iter().any(|other| other.name == variant.name) {
            faults.push(fault(
                format!("{path}.name"),
                Doubled,
                "is the name of two variants: choose another",
            ));
        }
        if variant.weight > WEIGHT_MAX {
            let message = says!(
                "is {given}: 0 to {allowed} is allowed, 0 stops it",
                given = variant.weight,
                allowed = WEIGHT_MAX
            );
            faults.push(fault(format!("{path}.weight"), BadFormat, message));
        }
        let strange = variant.fields.keys().filter(|name| !scenario.fields.contains_key(*name));
        let message = "is no field of the scenario: a variant words its fields otherwise, it adds none";
        faults.extend(
            strange.map(|name| fault(format!("{path}.fields.{}", shown(name)), UnknownField, message)),
        );
        faults.extend(utm(&format!("{path}.link"), variant.link.as_ref().and_then(|link| link.utm.as_ref())));
    }
    if !variants.is_empty() && variants.iter().all(|variant| variant.weight == 0) {
        faults.push(fault("variants", BadFormat, "all weigh 0: give one a weight, or remove them"));
    }
    faults
}
