//! Validate: does the data fit the template? All faults at once, before anything is accepted.

use crate::data::{Entry, fault};
use std::borrow::Cow;

use crate::field_error::FieldCode::{
    ControlCharacter, Cut, Emoji, Empty, LineBreak, Missing, NotShown, Shortened, UnknownField,
};
use crate::field_rule;
use crate::message::words;
use crate::{AccountKind, Data, Family, Field, FieldCode, FieldError, FieldKind, Template, text};

/// How the limits of the types are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRules {
    /// Whether a value beyond its type's limit is refused.
    pub limits: TypeLimits,
    /// Digits that an amount may have. WeChat's two pages say 10 and 12; the stricter is the default.
    pub amount_digits: usize,
    /// Whether a text that is too long may be shortened.
    pub overflow: Overflow,
}

words! {
    /// What becomes of a value that is too long for its field.
    Overflow {
        /// It is refused.
        Error = "error",
        /// Free text is cut to what fits, with an ellipsis and a warning; anything else is refused all the same.
        Shorten = "shorten",
    }
}

/// What a value beyond its type's limit gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeLimits {
    /// An error.
    Enforced,
    /// A warning: test accounts do not enforce them, and an operator may relax them for a template.
    Advised,
}

impl FieldRules {
    /// The rules for an account of this kind.
    pub fn of(kind: AccountKind) -> Self {
        let limits = if kind == AccountKind::Test { TypeLimits::Advised } else { TypeLimits::Enforced };
        Self { limits, amount_digits: 10, overflow: Overflow::Error }
    }

    /// These rules, with what the caller wants of a value that is too long.
    pub fn on_overflow(self, overflow: Overflow) -> Self {
        Self { overflow, ..self }
    }

    /// The most that a value of this field may have: what WeChat granted to the template, or what is usual. Fields
    /// without a limit of length: as if it were 0, and nobody asks.
    pub(crate) fn limit_of(self, field: &Field) -> usize {
        let usual = match field.kind {
            FieldKind::Amount => Some(self.amount_digits),
            kind => kind.usual_limit(),
        };
        field.limit.or(usual).unwrap_or(0)
    }

    /// The value as it goes out; owned where it had to be shortened.
    pub(crate) fn fit<'a>(self, field: &Field, value: &'a str) -> Cow<'a, str> {
        match self.overflow {
            Overflow::Error => Cow::Borrowed(value),
            Overflow::Shorten => field_rule::shortened(field.kind, value, self.limit_of(field))
                .map_or(Cow::Borrowed(value), Cow::Owned),
        }
    }
}

/// Data that fits its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// WeChat's form, `{"thing1":{"value":"…"}}`, in the template's order, raw UTF-8: some endpoints refuse
    /// `\uXXXX`. Colours are left out; WeChat ignores them since 2023-05-04.
    pub data: Box<str>,
    /// What the phone will not show as it was given.
    pub warnings: Vec<FieldError>,
}

/// Fits `data` into `template`, or says everything that is wrong with it.
///
/// Errors: a name the template does not have, a field that is missing (`first` and `remark` may be, nobody
/// sees them) or empty (`const` may be), a control character, and in category templates whatever WeChat would
/// refuse with 47003. In legacy templates WeChat cuts and strips silently: those are warnings.
pub fn fill(template: &Template, data: &Data<'_>, rules: FieldRules) -> Result<Filled, Vec<FieldError>> {
    let mut findings = Findings::default();
    let mut json =
        String::with_capacity(2 + data.entries.iter().map(|entry| entry.value.len() + 48).sum::<usize>());
    json.push('{');
    for field in &template.fields {
        match data.entry(&field.name) {
            Some(entry) => {
                let value = rules.fit(field, &entry.value);
                if let Cow::Owned(_) = value {
                    findings.warn(field, Shortened, shortened(&entry.value, rules.limit_of(field)));
                }
                findings.look_at(field, &value, rules);
                push_field(&mut json, &field.name, &value);
            }
            None if is_not_shown(field.kind) => {}
            None => findings.error(field, Missing, missing(field)),
        }
    }
    json.push('}');
    findings.errors.extend(unknown_fields(template, data));
    let Findings { errors, warnings } = findings;
    if errors.is_empty() { Ok(Filled { data: json.into(), warnings }) } else { Err(errors) }
}

fn shortened(value: &str, limit: usize) -> String {
    let given = text::count(value);
    format!("has {given} characters, {limit} are allowed: it was shortened, and ends with …")
}

fn is_not_shown(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::First | FieldKind::Remark)
}

fn missing(field: &Field) -> String {
    match field.label.as_str() {
        "" => "is missing: the template needs it".to_owned(),
        label => format!("is missing: the template shows it after “{label}”"),
    }
}

fn unknown_fields(template: &Template, data: &Data<'_>) -> impl Iterator<Item = FieldError> {
    let unknown = |entry: &&Entry<'_>| template.field(&entry.name).is_none();
    data.entries.iter().filter(unknown).map(|entry| {
        let names: Vec<_> = template.fields.iter().map(|field| field.name.as_str()).collect();
        let message = match names.join(", ") {
            names if names.is_empty() => "is not a field of the template: it has none".to_owned(),
            names => format!("is not a field of the template: its fields are {names}"),
        };
        fault(&entry.name, UnknownField, message)
    })
}

#[derive(Default)]
struct Findings {
    errors: Vec<FieldError>,
    warnings: Vec<FieldError>,
}

impl Findings {
    fn look_at(&mut self, field: &Field, value: &str, rules: FieldRules) {
        if value.trim().is_empty() {
            if !is_not_shown(field.kind) && field.kind != FieldKind::Const {
                self.error(field, Empty, "is empty: give it a value");
            }
            return;
        }
        if is_not_shown(field.kind) {
            self.warn(field, NotShown, "is not shown: WeChat leaves out first and remark since 2023-05-04");
        }
        let controls_before = self.errors.len();
        self.look_at_characters(field, value, rules);
        if self.errors.len() == controls_before {
            self.look_at_type(field, value, rules);
        }
    }

    fn look_at_characters(&mut self, field: &Field, value: &str, rules: FieldRules) {
        let bad = |c: char| c.is_control() && !text::is_line_break(c);
        if let Some(at) = value.chars().position(bad) {
            let message = format!("has a control character as character {}: remove it", at + 1);
            self.error(field, ControlCharacter, message);
        }
        if value.contains(text::is_line_break) {
            let message = "has a line break: WeChat shows one line, put a blank in its place";
            match field.kind.family() {
                Family::Legacy => self.warn(field, LineBreak, message),
                Family::Category => self.limit(fault(&field.name, LineBreak, message), rules),
            }
        }
        if text::has_emoji(value) {
            self.warn(field, Emoji, "has an emoji: WeChat removes it since 2023-05-04");
        }
    }

    fn look_at_type(&mut self, field: &Field, value: &str, rules: FieldRules) {
        if field.kind.family() == Family::Legacy {
            let limit = rules.limit_of(field);
            let cut = !is_not_shown(field.kind) && is_cut(value, limit);
            if cut {
                let message = format!("is too long: the phone shows {limit} characters and …");
                self.warn(field, Cut, message);
            }
            return;
        }
        if let Err(misfit) = field_rule::check(field.kind, value, rules.limit_of(field)) {
            self.limit(fault(&field.name, misfit.code, misfit.message), rules);
        }
    }

    fn limit(&mut self, finding: FieldError, rules: FieldRules) {
        match rules.limits {
            TypeLimits::Enforced => self.errors.push(finding),
            TypeLimits::Advised => self.warnings.push(finding),
        }
    }

    fn warn(&mut self, field: &Field, code: FieldCode, message: impl Into<String>) {
        self.warnings.push(fault(&field.name, code, message));
    }

    fn error(&mut self, field: &Field, code: FieldCode, message: impl Into<String>) {
        self.errors.push(fault(&field.name, code, message));
    }
}

/// Whether the phone shows only the beginning of a legacy value.
fn is_cut(value: &str, limit: usize) -> bool {
    value.len() > limit && text::legacy_units(value).nth(limit).is_some()
}

fn push_field(json: &mut String, name: &str, value: &str) {
    if json.len() > 1 {
        json.push(',');
    }
    // A template's names are letters, digits and underscores.
    for part in ["\"", name, "\":{\"value\":"] {
        json.push_str(part);
    }
    push_text(json, value);
    json.push('}');
}

/// A JSON string with only what JSON itself demands escaped.
fn push_text(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        json.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            // Only in what is refused anyway.
            other => json.push_str(&format!("\\u{other:04x}")),
        }
        rest = &rest[at + 1..];
    }
    json.push_str(rest);
    json.push('"');
}

#[cfg(test)]
mod tests;
