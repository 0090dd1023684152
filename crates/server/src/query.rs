//! What stands in a query, field by field, so that every wrong one is named at once.

use axum::extract::{FromRequestParts, Query};
use hongyan_domain::{FieldCode, FieldError, Timestamp};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::field;
use crate::problem::{Code, Problem};

/// Rows in one page.
const PAGE_MAX: usize = 500;
const PAGE_DEFAULT: usize = 50;

/// The query as a struct of texts.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection| Problem::new(Code::BadRequest, rejection.body_text()))
    }
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
        errors.push(field::bad(name, format!("is not understood: {allowed}")));
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
            let message = format!("is not from 1 to {PAGE_MAX}: ask for less and follow next_cursor");
            errors.push(FieldError::new("limit", FieldCode::TooMany, message));
            PAGE_DEFAULT
        }
        None => PAGE_DEFAULT,
    }
}
