//! Bind: which param of a built-in scenario belongs into which field of a template? A guess by labels and types,
//! which says what it is sure of and what it could not tell.

use hongyan_domain::FieldCode::{Missing, Unused};
use hongyan_domain::{Field, FieldError, FieldKind, Template, says};

use crate::catalogue::{CatalogueEntry, Need};
use crate::scenario::{ParamKind, Scenario};

/// A scenario bound to a template, as far as that could be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The scenario with the template and the fields that were found. `check` it before it is used.
    pub scenario: Scenario,
    /// Fields that were told by their type alone, or by a part of their label: to be looked at.
    pub guessed: Vec<String>,
    /// Fields of the template that nothing fits, and required params that the template has no place for.
    pub open: Vec<FieldError>,
}

/// How well a param fits a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Only the types agree, and such a type says what it is.
    Type,
    /// The label holds a word, of so many characters.
    Part(usize),
    /// The label is a word.
    Whole,
}

/// A word this long inside a label is sure; shorter ones (时间, 编号) stand in many labels.
const SURE_PART: usize = 4;

/// Binds a built-in scenario to a template.
pub fn bind(entry: &CatalogueEntry, template: &Template) -> Binding {
    let mut scenario = entry.scenario.clone();
    scenario.template_id = Some(template.template_id.to_string());
    let mut guessed = Vec::new();
    for (fit, need, field) in pairs(entry, template) {
        let expression = expression(entry, need, field);
        scenario.fields.insert(field.name.clone(), expression);
        if let (None, Some(param)) = (&need.fallback, scenario.params.get_mut(&need.param)) {
            // It is shown, and nothing can stand in for it.
            param.required = true;
        }
        if !matches!(fit, Fit::Whole | Fit::Part(SURE_PART..)) {
            guessed.push(field.name.clone());
        }
    }
    guessed.sort_unstable();
    let open = open(entry, template, &scenario);
    if !open.iter().any(|finding| finding.field.starts_with("fields.")) {
        drop_idle(&mut scenario);
    }
    Binding { scenario, guessed, open }
}

/// Takes out what may be absent and is shown nowhere, now that no field is left for it: nobody asked for it, so nobody need
/// be told that it is idle.
fn drop_idle(scenario: &mut Scenario) {
    let told: Vec<_> = [&scenario.subject, &scenario.occurred_param].into_iter().flatten().cloned().collect();
    let is_shown = |name: &str| {
        let used = format!("{{{{ {name} ");
        scenario.fields.values().any(|expression| expression.starts_with(&used))
    };
    let idle: Vec<_> = scenario
        .params
        .iter()
        .filter(|(name, param)| !param.required && !told.contains(name) && !is_shown(name))
        .map(|(name, _)| name.clone())
        .collect();
    idle.iter().for_each(|name| _ = scenario.params.remove(name));
}

/// The best pairs of need and field, each in one pair at most.
fn pairs<'a>(entry: &'a CatalogueEntry, template: &'a Template) -> Vec<(Fit, &'a Need, &'a Field)> {
    let mut all: Vec<_> = entry
        .needs
        .iter()
        .flat_map(|need| template.fields.iter().map(move |field| (need, field)))
        .filter_map(|(need, field)| Some((fit(entry, need, field)?, need, field)))
        .collect();
    // Stable: of equal fits the more important need and the earlier field come first.
    all.sort_by_key(|&(fit, ..)| std::cmp::Reverse(fit));
    let mut taken: Vec<(Fit, &Need, &Field)> = Vec::new();
    for (fit, need, field) in all {
        if taken.iter().all(|&(_, other, place)| other.param != need.param && place.name != field.name) {
            taken.push((fit, need, field));
        }
    }
    taken
}

fn kind_of(entry: &CatalogueEntry, need: &Need) -> Option<ParamKind> {
    entry.scenario.params.get(&need.param).map(|param| param.kind)
}

fn fit(entry: &CatalogueEntry, need: &Need, field: &Field) -> Option<Fit> {
    let kind = kind_of(entry, need)?;
    filters(kind, field.kind)?;
    if need.words.contains(&field.label) {
        return Some(Fit::Whole);
    }
    let parts = need.words.iter().filter(|word| field.label.contains(word.as_str()));
    if let Some(longest) = parts.map(|word| word.chars().count()).max() {
        return Some(Fit::Part(longest));
    }
    let telling = matches!(
        (kind, field.kind),
        (ParamKind::Money, FieldKind::Amount)
            | (ParamKind::Time, FieldKind::Time | FieldKind::Date)
            | (ParamKind::Phone, FieldKind::PhoneNumber)
    );
    telling.then_some(Fit::Type)
}

/// What turns a param of that kind into a value of that field; none where it cannot be one.
fn filters(param: ParamKind, field: FieldKind) -> Option<&'static str> {
    use FieldKind::{
        Amount, CharacterString, Date, Keyword, Name, Number, PhoneNumber, Phrase, Plain, ShortThing, Thing,
        Time,
    };
    match (param, field) {
        (ParamKind::Text, Thing | ShortThing | Keyword | Plain) => Some(" | shorten(20)"),
        (ParamKind::Text, Name) => Some(" | shorten(10)"),
        (ParamKind::Text, CharacterString | Phrase) => Some(""),
        (ParamKind::Money, Amount | Thing | Keyword | Plain | CharacterString) => Some(" | yuan"),
        (ParamKind::Time, Time | Thing | Keyword | Plain) => Some(" | cn_time"),
        (ParamKind::Time, Date) => Some(" | cn_date"),
        (ParamKind::Money | ParamKind::Number, Number) => Some(""),
        (ParamKind::Number, CharacterString | Thing | Keyword | Plain) => Some(""),
        (ParamKind::Phone, PhoneNumber | CharacterString | Thing | Keyword | Plain) => Some(""),
        _ => None,
    }
}

fn expression(entry: &CatalogueEntry, need: &Need, field: &Field) -> String {
    let param = &need.param;
    let filters = kind_of(entry, need).and_then(|kind| filters(kind, field.kind)).unwrap_or("");
    match &need.fallback {
        Some(fallback) => format!("{{{{ {param} | default(\"{fallback}\"){filters} }}}}"),
        None => format!("{{{{ {param}{filters} }}}}"),
    }
}

/// What could not be told.
fn open(entry: &CatalogueEntry, template: &Template, scenario: &Scenario) -> Vec<FieldError> {
    let shown = |field: &&Field| !matches!(field.kind, FieldKind::First | FieldKind::Remark);
    let unfilled =
        template.fields.iter().filter(shown).filter(|field| !scenario.fields.contains_key(&field.name));
    let mut open: Vec<_> = unfilled
        .map(|field| {
            let label = &field.label;
            let message = match field.kind {
                FieldKind::Const | FieldKind::Enum | FieldKind::EnumString => {
                    says!("is “{label}”: write one of the values that WeChat approved for it", label)
                }
                _ => says!("is “{label}”, and nothing here fits: write a text or an expression", label),
            };
            FieldError::new(format!("fields.{}", field.name), Missing, message)
        })
        .collect();
    let placed = |need: &Need| {
        let used = format!("{{{{ {} ", need.param);
        scenario.fields.values().any(|expression| expression.starts_with(&used))
    };
    let is_required =
        |need: &&Need| entry.scenario.params.get(&need.param).is_some_and(|param| param.required);
    let is_subject = |need: &&Need| scenario.subject.as_deref() == Some(&need.param);
    let homeless = entry.needs.iter().filter(is_required).filter(|need| !is_subject(need) && !placed(need));
    open.extend(homeless.map(|need| {
        let message = "has no place in the template, and people expect it: choose another template, or show it in a field";
        FieldError::new(format!("params.{}", need.param), Unused, message)
    }));
    open
}
