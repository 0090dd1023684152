//! What went wrong, as RFC 9457 problem+json with a stable code. The only error type that answers a request.

mod code;

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use hongyan_domain::{FieldError, Lang, MessageId, Sentence, Timestamp, Verdict, says, sentence};
use hongyan_engine::EngineError;
use hongyan_engine::content::Found;
use hongyan_store::StoreError;
use hongyan_wechat::{CallError, NotSent};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use utoipa::ToSchema;

pub use self::code::Code;
use crate::answer::text::Text;

/// Callers that met a full or stopping store come back after so many seconds.
const RETRY_AFTER_S: u32 = 1;

/// One problem. Boxed inside, so that it is cheap to hand on.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    code: Code,
    detail: Sentence,
    errors: Vec<FieldError>,
    message_id: Option<MessageId>,
    allowed_at: Option<Timestamp>,
    retry_after_s: Option<u32>,
    wechat: Option<WeChatAnswer>,
    verdict: Option<Verdict>,
    findings: Vec<Found>,
}

/// What WeChat answered, and what it means for the operator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WeChatAnswer {
    /// WeChat's error code.
    pub errcode: i64,
    /// WeChat's words; long ids in them are masked.
    pub errmsg: String,
    /// WeChat's request id, for their support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// The meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Text>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<Text>,
    /// For 40164 and its kin: the address to add to the account's allow-list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

impl WeChatAnswer {
    /// What an error of the client says, if WeChat gave a code.
    pub fn of(error: &CallError) -> Option<Self> {
        let CallError::Errcode { code, errmsg, rid } = error else { return None };
        Some(Self::new(*code, errmsg.clone(), rid.clone()))
    }

    /// From an error code and WeChat's words.
    pub(crate) fn new(errcode: i64, errmsg: String, rid: Option<String>) -> Self {
        let ip = hongyan_wechat::callers_ip(&errmsg).map(str::to_owned);
        Self { errcode, rid, meaning: Text::meaning(errcode), advice: Text::advice(errcode), ip, errmsg }
    }
}

/// A finding about one field.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldErrorBody<'a> {
    /// The path in the request: `data.thing1`.
    pub field: &'a str,
    /// The kind of fault, for programs: `too_long`.
    pub code: &'static str,
    /// For people, in the language that Accept-Language asks for.
    #[schema(value_type = String)]
    pub message: Cow<'a, str>,
}

impl<'a> FieldErrorBody<'a> {
    /// A finding, told in this language.
    pub fn of(error: &'a FieldError, lang: Lang) -> Self {
        Self { field: &error.field, code: error.code.as_str(), message: error.message.in_lang(lang) }
    }
}

/// RFC 9457.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "this is the shape of Problem for the OpenAPI document")]
pub(crate) struct ProblemBody {
    /// `urn:hongyan:problem:` and the code.
    #[schema(rename = "type")]
    kind: String,
    /// The same for every problem of this code, in the language that Accept-Language asks for.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable, for programs.
    code: String,
    /// What happened this time, in the same language.
    detail: String,
    /// Every field that is wrong.
    errors: Option<Vec<FieldErrorBody<'static>>>,
    /// The message that was there before.
    message_id: Option<String>,
    /// For `too_soon`: from when it is allowed.
    allowed_at: Option<String>,
    /// What WeChat answered.
    wechat: Option<WeChatAnswer>,
    /// The rule that refuses the message.
    rule: Option<String>,
    /// From when on the same message would not be refused, if time alone can mend it.
    until: Option<String>,
    /// Of the rule `content`: the words that were found, each with its category, severity, place and offsets.
    #[schema(value_type = Option<Vec<Object>>)]
    findings: Option<()>,
}

impl Problem {
    /// A problem of this code.
    pub fn new(code: Code, detail: impl Into<Sentence>) -> Self {
        let retry_after_s = (code.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_S);
        let detail = detail.into();
        Self(Box::new(Parts {
            code,
            detail,
            errors: Vec::new(),
            message_id: None,
            allowed_at: None,
            retry_after_s,
            wechat: None,
            verdict: None,
            findings: Vec::new(),
        }))
    }

    /// A rule refuses a message.
    pub(crate) fn refused(verdict: Verdict, findings: Vec<Found>) -> Self {
        let mut problem = Self::new(Code::Refused, "a rule refuses it");
        (problem.0.verdict, problem.0.findings) = (Some(verdict), findings);
        problem
    }

    /// Fields that are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem =
            Self::new(Code::Invalid, says!("{count} fields are not acceptable", count = errors.len()));
        problem.0.errors = errors;
        problem
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Points to the message that is there already.
    pub(crate) fn about(mut self, id: MessageId) -> Self {
        self.0.message_id = Some(id);
        self
    }

    /// Says from when it is allowed.
    pub(crate) fn allowed_at(mut self, at: Timestamp) -> Self {
        self.0.allowed_at = Some(at);
        self
    }

    /// Says when to come back.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }
}

/// A problem, told in one language.
pub(crate) struct Spoken<'a> {
    problem: &'a Problem,
    lang: Lang,
}

impl Problem {
    /// The problem in this language.
    pub(crate) fn spoken(&self, lang: Lang) -> Spoken<'_> {
        Spoken { problem: self, lang }
    }

    /// What happened, in a sentence of this language.
    pub fn in_words(&self, lang: Lang) -> String {
        self.spoken(lang).detail().into_owned()
    }

    /// The whole answer in this language.
    pub(crate) fn answer(&self, lang: Lang) -> Response {
        let body = serde_json::to_vec(&self.spoken(lang)).expect("a problem is plain text and numbers");
        let mut response = (self.0.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hongyan\""));
        }
        response
    }
}

impl Spoken<'_> {
    /// A rule says why it refuses. One fault is told whole; of several, how many there are.
    fn detail(&self) -> Cow<'_, str> {
        let Parts { detail, errors, verdict, .. } = &*self.problem.0;
        if let Some(rule) = verdict.as_ref().and_then(Verdict::rule) {
            return Text::refusal(rule).in_lang(self.lang);
        }
        match (&**errors, self.lang) {
            ([one], Lang::En) => one.to_string().into(),
            ([one], Lang::Zh) => format!("{}：{}", one.field, one.message.in_lang(Lang::Zh)).into(),
            _ => detail.in_lang(self.lang),
        }
    }
}

impl Serialize for Spoken<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Parts { code, errors, message_id, allowed_at, wechat, verdict, findings, .. } = &*self.problem.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("urn:hongyan:problem:{}", code.as_str()))?;
        map.serialize_entry("title", sentence::in_lang(code.title(), self.lang))?;
        map.serialize_entry("status", &code.status().as_u16())?;
        map.serialize_entry("code", code.as_str())?;
        map.serialize_entry("detail", &self.detail())?;
        if !errors.is_empty() {
            let errors: Vec<_> = errors.iter().map(|error| FieldErrorBody::of(error, self.lang)).collect();
            map.serialize_entry("errors", &errors)?;
        }
        if let Some(id) = message_id {
            map.serialize_entry("message_id", id)?;
        }
        if let Some(at) = allowed_at {
            map.serialize_entry("allowed_at", at)?;
        }
        if let Some(wechat) = wechat {
            map.serialize_entry("wechat", wechat)?;
        }
        if let Some(verdict) = verdict {
            map.serialize_entry("rule", &verdict.rule())?;
            map.serialize_entry("until", &verdict.until())?;
        }
        if !findings.is_empty() {
            map.serialize_entry("findings", findings)?;
        }
        map.end()
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.spoken(Lang::default()).serialize(serializer)
    }
}

/// In English; the problem rides along, so that whoever knows the caller's language can tell it anew.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.answer(Lang::default());
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fields(faults) => Self::invalid(faults),
            StoreError::Invalid(reason) => Self::new(Code::Invalid, reason),
            StoreError::Broken(_) => {
                tracing::error!(%error, "the store has stopped");
                Self::new(
                    Code::StoreStopped,
                    "it is not known whether it was done: give it again in a moment, a message with the same client_msg_id",
                )
            }
            StoreError::Unavailable(_) | StoreError::NoAccount(_) | StoreError::StaleKey(_) => {
                tracing::error!(%error, "the store could not");
                Self::new(Code::StoreUnavailable, "nothing was done; give it again in a moment")
            }
            error => {
                tracing::error!(%error, "a request failed");
                Self::new(Code::Internal, "it is in the server's log; nothing was done")
            }
        }
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let wechat = WeChatAnswer::of(&error);
        let code = if wechat.is_some() { Code::WeChatRefused } else { Code::WeChatUnreachable };
        let mut problem = Self::new(code, told(&error));
        problem.0.wechat = wechat;
        problem
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::WeChat(error) => error.into(),
            EngineError::Token(trouble) => {
                let mut problem = Self::new(Code::WeChatUnreachable, no_token(&trouble.detail));
                if let Some(errcode) = trouble.errcode {
                    problem.0.code = Code::WeChatRefused;
                    problem.0.wechat = Some(WeChatAnswer::new(errcode, trouble.detail, None));
                }
                problem
            }
            EngineError::Unavailable => Self::new(Code::StoreUnavailable, "nothing was done; give it again"),
            EngineError::Stopping => Self::new(Code::Stopping, "nothing was done; give it again"),
            EngineError::BadCallback => Self::new(Code::BadRequest, "the callback names no person"),
        }
    }
}

/// What came of a call to WeChat, as a sentence.
pub fn told(error: &CallError) -> Sentence {
    match error {
        CallError::Errcode { code, errmsg, .. } => {
            says!("errcode {errcode}: {errmsg}", errcode = code, errmsg)
        }
        CallError::Garbled { status, garble } => {
            says!("HTTP {status} with an answer that is not WeChat's: {garble}", status, garble)
        }
        CallError::NotSent(NotSent::Proxy { status }) => {
            says!("not sent: the proxy refuses (status {status})", status)
        }
        error => error.to_string().into(),
    }
}

/// Why there is no token; the reason may be a sentence of its own.
pub(crate) fn no_token(detail: &str) -> Sentence {
    says!("no access_token: {detail}", detail)
}

#[cfg(test)]
mod tests;
