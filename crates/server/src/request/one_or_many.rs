//! A body that is one thing, or many of them under a name. Which it is, its names tell, so that a fault in it is told
//! with its place; one that is tried as both says only that it was neither.

use std::borrow::Cow;
use std::collections::HashMap;

use hongyan_domain::FieldError;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::body;
use crate::answer::problem::Problem;

/// One or many, as they came.
pub(crate) enum OneOrMany<One, Many> {
    One(One),
    Many(Many),
}

/// Reads `text` as many if it is an object that has `name`, else as one.
pub(crate) fn read<'a, One: Deserialize<'a>, Many: Deserialize<'a>>(
    text: &'a str,
    name: &str,
) -> Result<OneOrMany<One, Many>, Problem> {
    let names = serde_json::from_str::<HashMap<Cow<'_, str>, IgnoredAny>>(text);
    match names.is_ok_and(|names| names.contains_key(name)) {
        true => body::read(text).map(OneOrMany::Many),
        false => body::read(text).map(OneOrMany::One),
    }
}

/// A finding about one of many, with its place among them: `interactions[3].kind`.
pub(crate) fn placed(name: &str, index: usize, fault: FieldError) -> FieldError {
    FieldError { field: format!("{name}[{index}].{}", fault.field).into(), ..fault }
}
