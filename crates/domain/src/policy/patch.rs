//! Changing a policy key by key, within limits.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    BRAKE_DAYS_MAX, BrakeRule, Cap, ContentRule, FrequencyRule, Mode, Policy, QuietHoursRule, ReachRule,
    RepeatRule, Rule, SuppressionRule, Window,
};
use crate::{FieldCode, FieldError, says};

/// The most windows and caps a rule may have: people read them on one screen.
const LIST_MAX: usize = 20;
/// Opt-out words of one account: each is looked for in every text that comes in.
const OPT_OUT_WORDS_MAX: usize = 50;
/// A word, not a sentence.
const OPT_OUT_WORD_MAX: usize = 16;
/// The longest repeat guard: a day. It is remembered per person.
const REPEAT_MAX_S: u32 = 86_400;

impl Policy {
    /// This policy with `rule` changed: each key given in `change` replaces the one there.
    ///
    /// # Errors
    /// Keys the rule does not have, values of another type, and limits out of bounds: all that can be told at once.
    pub fn patched(&self, rule: Rule, change: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut whole = serde_json::to_value(self).unwrap_or_default();
        let section = whole.get_mut(rule.as_str()).and_then(Value::as_object_mut);
        let Some(section) = section else { return Ok(self.clone()) };
        let unknown: Vec<_> = change
            .keys()
            .filter(|key| !section.contains_key(*key))
            .map(|key| unknown_key(key, section))
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut faults = Vec::new();
        for (key, value) in change {
            let before = section.insert(key.clone(), value.clone());
            if let Err(fault) = section_fits(rule, section, key) {
                faults.push(fault);
                section.insert(key.clone(), before.unwrap_or_default());
            }
        }
        let patched: Self = serde_json::from_value(whole)
            .map_err(|error| vec![FieldError::new("", FieldCode::WrongType, error.to_string())])?;
        faults.extend(patched.faults());
        if faults.is_empty() { Ok(patched) } else { Err(faults) }
    }

    fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut too_many = |field: &'static str, count: usize| {
            if count > LIST_MAX {
                let message =
                    says!("has {count} entries: at most {allowed} are allowed", count, allowed = LIST_MAX);
                faults.push(FieldError::new(field, FieldCode::TooMany, message));
            }
        };
        too_many("windows", self.reach.windows.len());
        too_many("caps", self.frequency.caps.len());
        faults.extend(kinds_of_windows(&self.reach.windows));
        faults.extend(doubled_cap(&self.frequency.caps));
        if self.repeat.within_s > REPEAT_MAX_S {
            let message =
                says!("is more than a day: at most {allowed} seconds are allowed", allowed = REPEAT_MAX_S);
            faults.push(FieldError::new("within_s", FieldCode::TooLong, message));
        }
        if self.quiet_hours.mode != Mode::Off && self.quiet_hours.from == self.quiet_hours.to {
            let message =
                "is the same as `from`: the whole day would be quiet; set the mode to off, or another hour";
            faults.push(FieldError::new("to", FieldCode::BadFormat, message));
        }
        faults.extend(self.suppression.faults());
        faults.extend(self.brake.faults());
        faults
    }
}

impl SuppressionRule {
    fn faults(&self) -> Option<FieldError> {
        let fits = |word: &String| (1..=OPT_OUT_WORD_MAX).contains(&word.trim().chars().count());
        let fits = self.opt_out_words.len() <= OPT_OUT_WORDS_MAX && self.opt_out_words.iter().all(fits);
        let message = || {
            says!(
                "has at most {count} words of 1 to {length} characters",
                count = OPT_OUT_WORDS_MAX,
                length = OPT_OUT_WORD_MAX
            )
        };
        (!fits).then(|| FieldError::new("opt_out_words", FieldCode::TooMany, message()))
    }
}

impl BrakeRule {
    fn faults(&self) -> Vec<FieldError> {
        let limits = [
            ("score", self.score, 1..=1_000),
            ("sample", self.sample, 1..=1_000_000),
            ("days", self.days, 1..=BRAKE_DAYS_MAX),
        ];
        let outside = limits.into_iter().filter(|(_, given, allowed)| !allowed.contains(given));
        let fault = |(field, _, allowed): (&'static str, u32, std::ops::RangeInclusive<u32>)| {
            let message =
                says!("is not from {least} to {most}", least = allowed.start(), most = allowed.end());
            FieldError::new(field, FieldCode::BadFormat, message)
        };
        outside.map(fault).collect()
    }
}

/// Each kind of interaction opens one window, and each window is opened by one at least.
fn kinds_of_windows(windows: &[Window]) -> Option<FieldError> {
    let mut seen = HashSet::new();
    for window in windows {
        if window.kinds.is_empty() {
            let message =
                "has a window that nothing opens: name its `kinds`, like [\"menu_click\", \"message\"]";
            return Some(FieldError::new("windows", FieldCode::Missing, message));
        }
        if let Some(kind) = window.kinds.iter().find(|kind| !seen.insert(**kind)) {
            let message = says!("has {kind} twice: one window a kind of interaction", kind = kind.as_str());
            return Some(FieldError::new("windows", FieldCode::Doubled, message));
        }
    }
    None
}

/// Of the same messages over the same stretch there is one cap: of two, nobody knows which was meant.
fn doubled_cap(caps: &[Cap]) -> Option<FieldError> {
    let is_doubled =
        |(place, cap): &(usize, &Cap)| caps[..*place].iter().any(|before| before.counts_with(cap));
    let (_, cap) = caps.iter().enumerate().find(is_doubled)?;
    let message = says!(
        "has two caps per {per} over {over}: keep one of them",
        per = cap.per.as_str(),
        over = cap.over.as_str()
    );
    Some(FieldError::new("caps", FieldCode::Doubled, message))
}

fn unknown_key(key: &str, section: &Map<String, Value>) -> FieldError {
    let known: Vec<_> = section.keys().map(String::as_str).collect();
    let message = says!("is no setting of this rule: it has {known}", known = known.join(", "));
    FieldError::new(key.to_owned(), FieldCode::UnknownField, message)
}

/// Whether the rule can be read with its new value; the fault is told of the key that was changed.
fn section_fits(rule: Rule, section: &Map<String, Value>, key: &str) -> Result<(), FieldError> {
    let value = Value::Object(section.clone());
    let fits = match rule {
        Rule::Suppression => SuppressionRule::deserialize(value).map(drop),
        Rule::Content => ContentRule::deserialize(value).map(drop),
        Rule::Reach => ReachRule::deserialize(value).map(drop),
        Rule::Frequency => FrequencyRule::deserialize(value).map(drop),
        Rule::Repeat => RepeatRule::deserialize(value).map(drop),
        Rule::QuietHours => QuietHoursRule::deserialize(value).map(drop),
        Rule::Brake => BrakeRule::deserialize(value).map(drop),
    };
    fits.map_err(|error| FieldError::new(key.to_owned(), FieldCode::WrongType, error.to_string()))
}
