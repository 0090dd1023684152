//! Findings about fields that are read here and not by the domain.

pub(crate) use hongyan_domain::setting::check_text;
use hongyan_domain::{FieldCode, FieldError, Sentence};

use crate::answer::problem::Problem;

/// A field that is not in the form it needs.
pub(crate) fn bad(field: &'static str, message: impl Into<Sentence>) -> FieldError {
    FieldError::new(field, FieldCode::BadFormat, message)
}

/// A field that has to be given.
pub(crate) fn missing(field: &'static str) -> FieldError {
    FieldError::new(field, FieldCode::Missing, "is missing")
}

/// Nothing, or all findings as one problem.
pub(crate) fn none_of(errors: Vec<FieldError>) -> Result<(), Problem> {
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Keeps the finding, if there is one.
pub(crate) fn keep<T>(errors: &mut Vec<FieldError>, checked: Result<T, FieldError>) -> Option<T> {
    checked.map_err(|error| errors.push(error)).ok()
}
