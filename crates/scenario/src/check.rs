//! Check: is a scenario sound, and does it fit its template? Tried faults at once, when it is saved.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hongyan_domain::FieldCode::{Missing, UnknownField, UnknownTemplate, Unused};
use hongyan_domain::{Data, FieldError, FieldKind, FieldRules, Template, fill, says};

use crate::compiled::{Compiled, Wording};
use crate::faults::example_text;
use crate::param::{Params, read_all};
use crate::scenario::{Param, Scenario, Timing};
use crate::scope::scope;
use crate::trigger::word;

/// Checks a scenario, against its template if that is known. Gives what could be better; like the warnings of
/// `hongyan_domain::fill`, that blocks nothing.
///
/// Errors: everything that is wrong. Expressions that cannot be read, with the place; params that are unknown or used
/// though they may be absent; fields that the template has and the scenario does not fill, or the other way; times
/// that make no sense; and, with an example for every required param, results that WeChat would refuse.
pub fn check(
    scenario: &Scenario,
    template: Option<&Template>,
    rules: FieldRules,
) -> Result<Vec<FieldError>, Vec<FieldError>> {
    let mut faults = template.map(|template| misfits(scenario, template)).unwrap_or_default();
    let compiled = match Compiled::new(scenario.clone()) {
        Ok(compiled) => compiled,
        Err(mut found) => {
            found.append(&mut faults);
            return Err(found);
        }
    };
    let mut advice = unused(&compiled);
    advice.extend(without_example(scenario));
    if faults.is_empty() {
        faults = try_examples(&compiled, template, rules, &mut advice);
    }
    if faults.is_empty() { Ok(advice) } else { Err(faults) }
}

fn misfits(scenario: &Scenario, template: &Template) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if scenario.template_id.as_deref().is_some_and(|id| id != &*template.template_id) {
        faults.push(FieldError::new(
            "template_id",
            UnknownTemplate,
            "is another template than the one given",
        ));
    }
    let shown = |kind: FieldKind| !matches!(kind, FieldKind::First | FieldKind::Remark);
    for field in &template.fields {
        if shown(field.kind) && !scenario.fields.contains_key(&field.name) {
            let message = match field.label.as_str() {
                "" => "is missing: the template needs it".into(),
                label => says!("is missing: the template shows it after “{label}”", label),
            };
            faults.push(FieldError::new(format!("fields.{}", field.name), Missing, message));
        }
    }
    let names = template.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ");
    for name in scenario.fields.keys().filter(|name| template.field(name).is_none()) {
        let message = match names.as_str() {
            "" => "is not a field of the template: it has none".into(),
            names => says!("is not a field of the template: its fields are {names}", names),
        };
        faults.push(FieldError::new(format!("fields.{}", crate::param::shown(name)), UnknownField, message));
    }
    faults
}

/// Declared params that nothing looks at.
fn unused(compiled: &Compiled) -> Vec<FieldError> {
    let scenario = &compiled.scenario;
    let used: Vec<&str> = compiled.used().collect();
    let timed = |name: &str| matches!(&scenario.timing, Timing::Before { param, .. } if param == name);
    let idle = scenario.params.keys().filter(|name| {
        // With items, an expression may reach any param.
        !compiled.uses_items
            && !used.contains(&name.as_str())
            && scenario.subject.as_deref() != Some(name)
            && scenario.occurred_param.as_deref() != Some(name)
            && !timed(name)
    });
    let message = "is declared, and nothing uses it: show it, or remove it";
    idle.map(|name| FieldError::new(format!("params.{name}"), Unused, message)).collect()
}

fn without_example(scenario: &Scenario) -> impl Iterator<Item = FieldError> {
    let bare = scenario.params.iter().filter(|(_, param)| param.required && param.example.is_none());
    let message = "is missing: with one for every required param the result is checked and shown";
    bare.map(move |(name, _)| FieldError::new(format!("params.{name}.example"), Missing, message))
}

/// Fills every wording twice: with all examples, and with those only that a trigger has to give.
fn try_examples(
    compiled: &Compiled,
    template: Option<&Template>,
    rules: FieldRules,
    advice: &mut Vec<FieldError>,
) -> Vec<FieldError> {
    let params = &compiled.scenario.params;
    if params.values().any(|param| param.required && param.example.is_none()) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for tried in [Tried::All, Tried::Required] {
        let examples = examples(params, tried);
        for wording in [&compiled.base].into_iter().chain(&compiled.variants) {
            let found = try_wording(compiled, wording, &examples, template.map(|template| (template, rules)));
            match found {
                Ok(found) => add_new(advice, found),
                Err(found) => add_new(&mut faults, found),
            }
        }
    }
    faults
}

/// Which examples are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    All,
    Required,
}

fn examples(params: &BTreeMap<String, Param>, tried: Tried) -> Vec<(&str, String)> {
    let chosen = params.iter().filter(|(_, param)| tried == Tried::All || param.required);
    chosen.filter_map(|(name, param)| Some((name.as_str(), example_text(param.example.as_ref()?)?))).collect()
}

/// The same finding comes from several tries.
fn add_new(findings: &mut Vec<FieldError>, found: Vec<FieldError>) {
    for finding in found {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
}

/// Fills one wording; against the template too, if there is one. Gives warnings.
fn try_wording(
    compiled: &Compiled,
    wording: &Wording,
    examples: &[(&str, String)],
    target: Option<(&Template, FieldRules)>,
) -> Result<Vec<FieldError>, Vec<FieldError>> {
    let given =
        Params::from_texts(examples.iter().map(|(name, text)| (*name, Cow::Borrowed(text.as_str()))))?;
    let mut faults = Vec::new();
    let read = read_all(&compiled.declared, &given, "params", &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let content = word(compiled, wording, &scope(&compiled.declared, read, Vec::new()))?;
    let Some((template, rules)) = target else { return Ok(Vec::new()) };
    let data = Data::parse(&content.data).map_err(|found| placed(wording, found))?;
    let filled = fill(template, &data, rules).map_err(|found| placed(wording, found))?;
    Ok(placed(wording, filled.warnings))
}

/// The domain speaks of `data.thing1`; in the scenario it is the expression that fills it.
fn placed(wording: &Wording, findings: Vec<FieldError>) -> Vec<FieldError> {
    let placed = findings.into_iter().map(|finding| {
        let name = finding.field.strip_prefix("data.").unwrap_or(&finding.field);
        let place =
            wording.fields.get(name).map_or_else(|| format!("fields.{name}"), |found| found.place.clone());
        FieldError::new(place, finding.code, finding.message.quoted_in("with the examples: {quoted}"))
    });
    placed.collect()
}
