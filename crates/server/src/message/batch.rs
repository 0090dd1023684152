//! Up to 1,000 messages in: `POST /api/v1/messages/batch`. Each is read on its own, so that a bad one gets its
//! own error and does not spoil the others; all good ones are committed together.

use std::fmt;

use axum::extract::State;
use hongyan_domain::{FieldCode, FieldError, Lang, says};
use hongyan_engine::EngineError;
use hongyan_engine::accept::Accepted;
use http::StatusCode;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::take_in::{AcceptedBody, MessageRequest, accept_all};
use crate::access::auth::{Caller, MaySend};
use crate::answer::problem::{Problem, ProblemBody, Spoken};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::{self, Form, Raw};
use crate::request::lang::Wish;

/// Messages in one array, and in one commit of NDJSON: what the store writes in under 10 ms.
pub(crate) const BATCH_MAX: usize = 1_000;
/// Messages in one body of NDJSON: as many as fit into the default limit of 4 MiB at 400 bytes each.
pub(crate) const LINES_MAX: usize = 10_000;
/// An answer's row has about so many bytes.
pub(crate) const ROW_SIZE: usize = 160;
/// Errors are told in full in so many bytes of an answer: two for each row of a batch of 1,000. Who sends
/// nonsense learns by then what is wrong with it, and the rest of the errors are told by their code.
const TOLD_IN_FULL: usize = 256 << 10;

/// Up to 1,000 messages.
#[derive(ToSchema)]
#[schema(example = json!({ "messages": [
    { "touser": "OPENID_1", "template_id": "TEMPLATE_ID", "client_msg_id": "order-1-shipped",
      "data": { "thing1": { "value": "拿铁" }, "time2": "2026-11-23 12:00" }, "url": "https://shop.example/orders/1" },
    { "touser": "OPENID_2", "template_id": "TEMPLATE_ID", "client_msg_id": "order-2-shipped",
      "data": { "thing1": "咖啡豆", "time2": "2026-11-23 12:05" } },
] }))]
#[expect(dead_code, reason = "this is the shape of Batch for the OpenAPI document")]
pub(crate) struct BatchRequest {
    /// The messages.
    messages: Vec<MessageRequest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    messages: Elements<'a>,
}

/// What became of each message, in order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "this is the shape of the answer for the OpenAPI document")]
pub(crate) struct BatchAnswer {
    results: Vec<RowBody<'static>>,
}

/// What became of one message of a batch: its place, or its error.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchRow)]
pub(crate) struct RowBody<'a> {
    /// Its place in the batch, from 0.
    index: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    accepted: Option<AcceptedBody<'a>>,
    /// Why it was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ProblemBody>)]
    error: Option<Spoken<'a>>,
}

/// Takes in up to 1,000 messages as `{"messages":[…]}`, or up to 10,000 as NDJSON (`Content-Type: application/x-ndjson`,
/// one message a line), which is answered line by line in the same order. After 256 KiB of answer an error is told by its
/// `status` and `code` alone.
#[utoipa::path(post, path = "/api/v1/messages/batch", tag = "messages",
    request_body(content((BatchRequest = "application/json"), (MessageRequest = "application/x-ndjson"))),
    responses((status = 200, description = "One result a message, in order",
        content((BatchAnswer = "application/json"), (RowBody<'_> = "application/x-ndjson")))))]
pub(crate) async fn accept_batch(
    MaySend(caller): MaySend,
    State(app): State<App>,
    Wish(lang): Wish,
    raw: Raw,
) -> Answer {
    let answer = match raw.form {
        Form::Json => accept_array(&app, &caller, &raw, lang).await?,
        Form::Ndjson => accept_lines(&app, &caller, &raw, lang).await?,
        Form::Csv => return Err(body::unsupported("this takes application/json or application/x-ndjson")),
    };
    let content_type = if raw.form == Form::Json { "application/json" } else { "application/x-ndjson" };
    Ok(answer::bytes(StatusCode::OK, content_type, raw.answered(answer)))
}

async fn accept_array(app: &App, caller: &Caller, raw: &Raw, lang: Lang) -> Result<Vec<u8>, Problem> {
    let text = body::json(raw)?;
    if text.trim_ascii_start().starts_with('[') {
        let fault = FieldError::new("body", FieldCode::WrongType, "is an array: wrap it, {\"messages\":[…]}");
        return Err(Problem::invalid(vec![fault]));
    }
    let Batch { messages } = body::read(text)?;
    messages.check()?;
    let read = messages.elements.iter().map(|element| body::read(element.get())).collect();
    let answers = accept_all(app, caller, read).await?;
    let mut out = Vec::with_capacity(32 + answers.len() * ROW_SIZE);
    out.extend_from_slice(b"{\"results\":[");
    for (index, answer) in answers.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_row(&mut out, (index, answer), lang);
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

/// Line by line; blank ones are skipped. Committed in slices: after a slice that the store could not take, the
/// rest is told so in its own rows, since earlier slices are accepted.
async fn accept_lines(app: &App, caller: &Caller, raw: &Raw, lang: Lang) -> Result<Vec<u8>, Problem> {
    let lines = raw.bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let lines: Vec<&[u8]> = lines.take(LINES_MAX + 1).collect();
    check_lines(lines.len())?;
    let mut out = Vec::with_capacity(lines.len() * ROW_SIZE);
    let mut index = 0;
    for slice in lines.chunks(BATCH_MAX) {
        let read = slice.iter().map(|line| body::utf8(line).and_then(body::read)).collect();
        let answers = match accept_all(app, caller, read).await {
            Err(error) if index == 0 => return Err(error.into()),
            answers => spread(answers, slice.len()),
        };
        for answer in &answers {
            write_row(&mut out, (index, answer), lang);
            out.push(b'\n');
            index += 1;
        }
    }
    Ok(out)
}

pub(crate) fn check_lines(count: usize) -> Result<(), Problem> {
    match count {
        0 => Err(Problem::invalid(vec![nothing("body")])),
        1..=LINES_MAX => Ok(()),
        _ => {
            let message = says!("has more than {allowed} lines: split them", allowed = LINES_MAX);
            Err(Problem::invalid(vec![FieldError::new("body", FieldCode::TooMany, message)]))
        }
    }
}

/// An error of the whole slice becomes the error of each of its messages.
pub(crate) fn spread(
    answers: Result<Vec<Result<Accepted, Problem>>, EngineError>,
    len: usize,
) -> Vec<Result<Accepted, Problem>> {
    answers.unwrap_or_else(|error| {
        let problem = Problem::from(error);
        (0..len).map(|_| Err(problem.clone())).collect()
    })
}

pub(crate) fn write_row(out: &mut Vec<u8>, (index, answer): (usize, &Result<Accepted, Problem>), lang: Lang) {
    const FITS: &str = "rows have text keys, and a Vec takes every byte";
    let row = match answer {
        Ok(accepted) => RowBody { index, accepted: Some(AcceptedBody::of(accepted, lang)), error: None },
        Err(problem) if out.len() < TOLD_IN_FULL => {
            RowBody { index, accepted: None, error: Some(problem.spoken(lang)) }
        }
        Err(problem) => {
            let (status, code) = (problem.code().status().as_u16(), problem.code().as_str());
            let short = serde_json::json!({ "index": index, "error": { "status": status, "code": code } });
            return serde_json::to_writer(out, &short).expect(FITS);
        }
    };
    serde_json::to_writer(out, &row).expect(FITS);
}

fn nothing(field: &'static str) -> FieldError {
    FieldError::new(field, FieldCode::Empty, "holds no message")
}

/// The elements of an array, unread; no more than are taken, so that a hostile array costs no memory.
pub(crate) struct Elements<'a> {
    pub(crate) elements: Vec<&'a RawValue>,
    given: usize,
}

impl Elements<'_> {
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.given == 0 {
            return Err(Problem::invalid(vec![nothing("messages")]));
        }
        if self.given > BATCH_MAX {
            let message = says!(
                "has {given} messages: at most {allowed} are taken, split them",
                given = self.given,
                allowed = BATCH_MAX,
            );
            return Err(Problem::invalid(vec![FieldError::new("messages", FieldCode::TooMany, message)]));
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while elements.len() < BATCH_MAX {
            match array.next_element()? {
                Some(element) => elements.push(element),
                None => break,
            }
        }
        let mut given = elements.len();
        while given >= BATCH_MAX && array.next_element::<IgnoredAny>()?.is_some() {
            given += 1;
        }
        Ok(Elements { elements, given })
    }
}
