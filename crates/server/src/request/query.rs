//! What stands in a query, field by field, so that every wrong one is named at once.

use axum::extract::{FromRequestParts, Query};
use hongyan_domain::{FieldCode, FieldError, Sentence, Timestamp, says};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::answer::problem::{Code, Problem};
use crate::app::App;
use crate::request::field;

/// Rows in one page.
const PAGE_MAX: usize = 500;
const PAGE_DEFAULT: usize = 50;
/// A caller's name for a field that is repeated, in characters.
const FIELD_SHOWN: usize = 64;

/// The query as a struct of texts.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection| Problem::new(Code::BadRequest, told(&rejection.body_text())))
    }
}

/// What serde says of a query, without the words of its own that lead to it.
fn told(words: &str) -> Sentence {
    let field = words.split('`').nth(1).unwrap_or_default();
    let field: String = field.chars().filter(|c| !c.is_control()).take(FIELD_SHOWN).collect();
    if words.contains("unknown field `") {
        let known = words.split_once(", ").map_or("", |(_, known)| known);
        return says!("the query has `{field}`, which is not known here: {known}", field, known);
    }
    if words.contains("duplicate field `") {
        return says!("the query has `{field}` twice: give it once", field);
    }
    "the query cannot be read: it is not percent-encoded UTF-8".into()
}

/// Reads one field by `read`; an empty one counts as left out.
pub(crate) fn read<T>(
    errors: &mut Vec<FieldError>,
    (name, given): (&'static str, Option<&str>),
    read: impl FnOnce(&str) -> Option<T>,
    allowed: &str,
) -> Option<T> {
    let given = given.filter(|text| !text.is_empty())?;
    let value = read(given);
    if value.is_none() {
        errors.push(field::bad(name, says!("is not understood: {allowed}", allowed)));
    }
    value
}

/// RFC 3339, with a `+` of the zone that was not percent-encoded and came as a blank.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked("2026-11-23T".len())?;
    format!("{date}{}", rest.replace(' ', "+")).parse().ok()
}

/// 1 to 500.
pub(crate) fn limit(errors: &mut Vec<FieldError>, given: Option<&str>) -> usize {
    let limit = read(errors, ("limit", given), |text| text.parse().ok(), "a number from 1 to 500");
    match limit {
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => limit,
        Some(_) => {
            let message =
                says!("is not from 1 to {allowed}: ask for less and follow next_cursor", allowed = PAGE_MAX);
            errors.push(FieldError::new("limit", FieldCode::TooMany, message));
            PAGE_DEFAULT
        }
        None => PAGE_DEFAULT,
    }
}
