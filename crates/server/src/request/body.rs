//! Reading bodies: bounded in size and time, then as JSON. Whatever comes, it is an answer and never a panic.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use hongyan_domain::{FieldCode, FieldError, Sentence, says};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde::de::{Deserialize, DeserializeOwned};
use serde_json::error::Category;
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::problem::{Code, Problem};
use crate::app::App;

/// A body may come in so many chunks, or reads of the connection, of any size, and in more when they have
/// [`PIECE_SIZE`] bytes on average. A chunk costs 2 µs, so a body of 4 MiB in chunks of one byte would cost 8 s.
const PIECES_FREE: usize = 4_096;
const PIECE_SIZE: usize = 64;

/// A body's form, as its Content-Type says; without one it is JSON, since some SDKs send none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON value.
    Json,
    /// One JSON value a line.
    Ndjson,
    /// A table whose first line names its columns; in UTF-8, or in GBK as Excel writes it in Chinese.
    Csv,
}

/// A body as it came.
pub(crate) struct Raw {
    pub(crate) form: Form,
    pub(crate) bytes: Bytes,
    room: OwnedSemaphorePermit,
}

impl Raw {
    /// The body of an answer that grows with the request: it takes over the request's room until it was read.
    pub(crate) fn answered(self, answer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Answered { answer, _room: self.room })
    }
}

struct Answered {
    answer: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Answered {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

/// A JSON body, read.
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body that may be left out.
pub(crate) struct JsonOrNothing<T>(pub(crate) T);

impl FromRequest<App> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let form = form(request.headers())?;
        let (bytes, room) = take(request, app, app.settings().body_limit).await?;
        Ok(Self { form, bytes, room })
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let raw = Raw::from_request(request, app).await?;
        json(&raw).and_then(read).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<App> for JsonOrNothing<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let raw = Raw::from_request(request, app).await?;
        if raw.bytes.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        json(&raw).and_then(read).map(Self)
    }
}

/// No body, null or an empty object: whoever gives more is told that nobody reads it.
pub(crate) struct Nothing;

/// What such a body may hold.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

impl FromRequest<App> for Nothing {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let form = form(request.headers());
        let (bytes, room) = take(request, app, app.settings().body_limit).await?;
        if bytes.trim_ascii().is_empty() {
            // Of nothing it does not matter what it says it is.
            return Ok(Self);
        }
        json(&Raw { form: form?, bytes, room }).and_then(read::<Option<Empty>>).map(|_| Self)
    }
}

/// The text of a body that has to be one JSON value.
pub(crate) fn json(raw: &Raw) -> Result<&str, Problem> {
    match raw.form {
        Form::Json => utf8(&raw.bytes),
        Form::Ndjson | Form::Csv => Err(unsupported("this takes application/json")),
    }
}

/// The body, if it is whole in time and not longer than `limit`, and its room in memory, to be kept as long.
pub(crate) async fn take(
    request: Request,
    app: &App,
    limit: usize,
) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced: Option<usize> = announced.and_then(|length| length.parse().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let whole = async {
        let room = app.room_for(announced.unwrap_or(limit)).await;
        Ok((gathered(request.into_body(), announced.unwrap_or(0), limit).await?, room))
    };
    let late = || Problem::new(Code::BodyTimeout, "the body did not come in time: send it again");
    tokio::time::timeout(app.settings().body_timeout, whole).await.unwrap_or_else(|_| Err(late()))
}

/// All pieces of a body in one buffer: kept as they come, each would cost more than its bytes.
async fn gathered(mut body: Body, announced: usize, limit: usize) -> Result<Bytes, Problem> {
    let mut whole = Vec::with_capacity(announced);
    let mut pieces = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Code::BadRequest, "the body broke off before its end"))?;
        let Ok(piece) = frame.into_data() else { continue };
        pieces += 1;
        if piece.len() > limit - whole.len() {
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&piece);
        if pieces > PIECES_FREE + whole.len() / PIECE_SIZE {
            return Err(Problem::new(
                Code::BadRequest,
                "the body comes in too many chunks: send larger ones",
            ));
        }
    }
    Ok(whole.into())
}

fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(Form::Json) };
    let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match essence {
        "application/json" => Ok(Form::Json),
        "application/x-ndjson" | "application/ndjson" => Ok(Form::Ndjson),
        "text/csv" => Ok(Form::Csv),
        other if other.eq_ignore_ascii_case("application/json") => Ok(Form::Json),
        _ => Err(unsupported("send JSON, and say so: `Content-Type: application/json`")),
    }
}

pub(crate) fn unsupported(detail: &'static str) -> Problem {
    Problem::new(Code::UnsupportedMediaType, detail)
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, says!("at most {limit} bytes are taken: split it", limit))
}

/// The text of `bytes`, or where it stops being text.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        Problem::new(
            Code::InvalidUtf8,
            says!("not UTF-8 at line {line}, byte {column}: send UTF-8, not GBK", line, column),
        )
    })
}

/// Reads one JSON value, borrowing what it can. What is wrong with it is told in the words of JSON, with its place.
pub fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Problem> {
    let value = serde_json::from_str(text).map_err(|error| explain::<T>(text, &error))?;
    // Serde takes an array for a struct, field by field; here that is a mistake of the caller's.
    if text.trim_ascii_start().starts_with('[') {
        let fault = FieldError::new("body", FieldCode::WrongType, "is of another type: an object is needed");
        return Err(Problem::invalid(vec![fault]));
    }
    Ok(value)
}

#[cold]
fn explain<'a, T: Deserialize<'a>>(text: &'a str, error: &serde_json::Error) -> Problem {
    match error.classify() {
        Category::Data => Problem::invalid(vec![misfit::<T>(text, error)]),
        Category::Eof | Category::Syntax | Category::Io => {
            Problem::new(Code::MalformedJson, json_fault(error))
        }
    }
}

/// Why a text is not the JSON it should be, and where it stops being it.
pub fn json_fault(error: &serde_json::Error) -> Sentence {
    let (line, column) = (error.line(), error.column());
    let words = error.to_string();
    match error.classify() {
        Category::Data => told(&words).1,
        Category::Eof => says!("it ends too early, at line {line}, column {column}", line, column),
        Category::Syntax | Category::Io => {
            let reason = match words.split(" at line ").next().unwrap_or_default() {
                "expected ident" => "a text in quotation marks, a number, true, false or null is needed",
                reason => reason,
            };
            says!("{reason} at line {line}, column {column}", reason, line, column)
        }
    }
}

/// Reads once more, slowly, to learn which field it was.
fn misfit<'a, T: Deserialize<'a>>(text: &'a str, error: &serde_json::Error) -> FieldError {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let path = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(located) => located.path().to_string(),
        Ok(_) => ".".to_owned(),
    };
    let (code, message, name) = told(&error.to_string());
    FieldError::new(place(&path, name), code, message)
}

/// Field path and field name together: serde names a missing or unknown field in words only.
fn place(path: &str, name: Option<String>) -> Cow<'static, str> {
    let path = if path == "." { "" } else { path };
    match name {
        Some(name) if path.is_empty() || path == name => name.into(),
        Some(name) if path.ends_with(&format!(".{name}")) => path.to_owned().into(),
        Some(name) => format!("{path}.{name}").into(),
        None if path.is_empty() => "body".into(),
        None => path.to_owned().into(),
    }
}

/// What serde says, without the value it saw: that may be personal.
fn told(words: &str) -> (FieldCode, Sentence, Option<String>) {
    let words = words.split(" at line ").next().unwrap_or_default();
    let quoted = || words.split('`').nth(1).map(shown);
    if words.starts_with("missing field") {
        return (FieldCode::Missing, "is missing".into(), quoted());
    }
    if words.starts_with("unknown field") {
        let known = words.split_once(", ").map_or("", |(_, known)| known);
        return (FieldCode::UnknownField, says!("is not known here: {known}", known), quoted());
    }
    if words.starts_with("duplicate field") {
        return (FieldCode::Doubled, "is given twice: give it once".into(), quoted());
    }
    let expected = words.rsplit_once("expected ").map(|(_, expected)| in_json(expected));
    if words.starts_with("invalid type") {
        let expected = expected.unwrap_or("another");
        let message = says!("is of another type: {expected} is needed", expected);
        return (FieldCode::WrongType, message, None);
    }
    let message = match expected {
        Some(expected) => says!("is not understood: {expected} is needed", expected),
        None => says!("is not understood: {words}", words),
    };
    (FieldCode::BadFormat, message, None)
}

/// What serde expects, in the words of JSON and not of this program.
fn in_json(expected: &str) -> &str {
    match expected {
        "a map" => "an object",
        "a sequence" => "an array",
        expected if expected.starts_with("struct ") => "an object",
        expected => expected,
    }
}

/// A caller's name for a field, safe to repeat.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use hongyan_engine::accept;

    use super::*;

    fn problem(text: &str) -> serde_json::Value {
        serde_json::to_value(read::<accept::Request<'_>>(text).err().unwrap()).unwrap()
    }

    #[test]
    fn text_that_is_not_json_is_located() {
        let cases = [
            ("", "it ends too early, at line 1, column 0"),
            ("{\"touser\": \"x\"", "it ends too early, at line 1, column 14"),
            ("{\n  \"touser\": x\n}", "expected value at line 2, column 13"),
            (
                "{\"touser\":\"a\0b\"}",
                "control character (\\u0000-\\u001F) found while parsing a string at line 1, column 13",
            ),
            ("{} {}", "trailing characters at line 1, column 4"),
            ("{\"dry_run\":1e400}", "number out of range at line 1, column 16"),
        ];

        for (text, detail) in cases {
            let found = problem(text);
            assert_eq!(
                (found["code"].as_str(), found["detail"].as_str()),
                (Some("malformed_json"), Some(detail)),
                "{text}"
            );
        }
    }

    #[test]
    fn json_of_another_shape_names_the_field() {
        let cases = [
            ("[]", "body", "wrong_type"),
            ("{\"touser\":7}", "touser", "wrong_type"),
            ("{\"touser\":\"a\",\"touser\":\"b\"}", "touser", "doubled"),
            ("{\"tousr\":\"a\"}", "tousr", "unknown_field"),
            ("{\"miniprogram\":{\"appid\":1}}", "miniprogram.appid", "wrong_type"),
            ("{\"miniprogram\":{\"page\":1}}", "miniprogram.page", "unknown_field"),
            ("{\"lane\":\"fast\"}", "lane", "bad_format"),
            ("{\"send_at\":\"tomorrow\"}", "send_at", "bad_format"),
        ];

        for (text, field, code) in cases {
            let found = problem(text);
            let error = &found["errors"][0];
            assert_eq!(
                (error["field"].as_str(), error["code"].as_str()),
                (Some(field), Some(code)),
                "{text}: {found}"
            );
        }
    }

    #[test]
    fn no_word_of_this_programs_own_is_in_an_answer() {
        for text in ["7", "\"text\"", "null", "{\"miniprogram\":7}"] {
            let message = problem(text)["errors"][0]["message"].as_str().unwrap().to_owned();
            assert_eq!(message, "is of another type: an object is needed", "{text}");
        }
    }

    #[test]
    fn values_are_not_repeated() {
        let found = problem("{\"dry_run\":\"oOPENID_of_somebody\"}").to_string();

        assert!(!found.contains("oOPENID"), "{found}");
    }

    #[test]
    fn a_nest_of_any_depth_is_an_answer() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));

        assert_eq!(problem(&format!("{{\"touser\":{}}}", deep(100_000)))["code"], "invalid");
        assert_eq!(problem(&deep(100_000))["code"], "invalid");
        assert!(read::<accept::Request<'_>>(&format!("{{\"data\":{}}}", deep(100_000))).is_ok());
    }

    #[test]
    fn text_in_another_encoding_is_located() {
        let problem = serde_json::to_value(utf8(b"{\n\"a\":\"\xc4\xe3\"}").unwrap_err()).unwrap();

        assert_eq!(problem["code"], "invalid_utf8");
        assert_eq!(problem["detail"], "not UTF-8 at line 2, byte 6: send UTF-8, not GBK");
    }
}
