//! What is wrong with a field of a request: one shape for all checks, as the API hands it out.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::message::words;

/// A finding about one field. It is written for the caller and never repeats a value: values may be personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The path in the request: `data.thing1`, `miniprogram.appid`, `send_at`.
    pub field: Cow<'static, str>,
    /// The kind of fault, for programs.
    pub code: FieldCode,
    /// For people: what was given, what is allowed, what to do. English.
    pub message: String,
}

words! {
    /// The kinds of fault that a field can have.
    FieldCode {
        /// The template has no such field.
        UnknownField = "unknown_field",
        /// The account has no such template.
        UnknownTemplate = "unknown_template",
        /// It has to be given.
        Missing = "missing",
        /// It is given and has nothing in it.
        Empty = "empty",
        /// Given twice.
        Doubled = "doubled",
        /// The scenario declares no such param.
        UnknownParam = "unknown_param",
        /// Another JSON type is needed.
        WrongType = "wrong_type",
        /// Not readable as JSON text.
        Malformed = "malformed",
        /// More entries than are taken.
        TooMany = "too_many",
        /// Longer than the type allows.
        TooLong = "too_long",
        /// A character that the type does not allow.
        BadCharacter = "bad_character",
        /// A nul byte or another control character.
        ControlCharacter = "control_character",
        /// Not in the form that the type asks for.
        BadFormat = "bad_format",
        /// An expression that cannot be read, or that cannot be worked out with what is given.
        BadExpression = "bad_expression",
        /// A time that is over, or before another that it has to follow.
        TooEarly = "too_early",
        /// A time further ahead than is planned for.
        TooLate = "too_late",
        /// Warning: the phone shows only its beginning.
        Cut = "cut",
        /// Warning: it was too long, and was shortened as the caller asked.
        Shortened = "shortened",
        /// Warning: line breaks are removed.
        LineBreak = "line_break",
        /// Warning: emoji are removed.
        Emoji = "emoji",
        /// Warning: WeChat no longer shows this field.
        NotShown = "not_shown",
        /// Warning: it is declared, and nothing uses it.
        Unused = "unused",
    }
}

impl FieldError {
    /// A finding about `field`.
    pub fn new(field: impl Into<Cow<'static, str>>, code: FieldCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for FieldError {}
