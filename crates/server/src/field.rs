//! Findings about fields that are read here and not by the domain.

use hongyan_domain::{FieldCode, FieldError};

use crate::problem::Problem;

/// Longest name of an account or a key, in bytes; the store's own limit.
const NAME_MAX: usize = 256;

/// A field that is not in the form it needs.
pub(crate) fn bad(field: &'static str, message: impl Into<String>) -> FieldError {
    FieldError::new(field, FieldCode::BadFormat, message)
}

/// A field that has to be given.
pub(crate) fn missing(field: &'static str) -> FieldError {
    FieldError::new(field, FieldCode::Missing, "is missing")
}

/// Checks what people call a thing.
pub(crate) fn check_name(name: &str) -> Result<(), FieldError> {
    if name.trim().is_empty() {
        return Err(FieldError::new("name", FieldCode::Empty, "is empty: give it a name"));
    }
    check_text("name", name, NAME_MAX)
}

/// Checks a line of text: bounded, no control characters.
pub(crate) fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), FieldError> {
    if text.len() > max {
        let message = format!("has {} bytes: at most {max} are allowed", text.len());
        return Err(FieldError::new(field, FieldCode::TooLong, message));
    }
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(
            field,
            FieldCode::ControlCharacter,
            "has a control character: remove it",
        ));
    }
    Ok(())
}

/// Nothing, or all findings as one problem.
pub(crate) fn none_of(errors: Vec<FieldError>) -> Result<(), Problem> {
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Keeps the finding, if there is one.
pub(crate) fn keep<T>(errors: &mut Vec<FieldError>, checked: Result<T, FieldError>) -> Option<T> {
    checked.map_err(|error| errors.push(error)).ok()
}
