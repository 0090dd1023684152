//! What went wrong, as RFC 9457 problem+json with a stable code. The only error type that answers a request.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use hongyan_domain::{FieldError, MessageId, Timestamp, Verdict};
use hongyan_engine::EngineError;
use hongyan_store::StoreError;
use hongyan_wechat::CallError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use utoipa::ToSchema;

use crate::text::Text;

/// Callers that met a full or stopping store come back after so many seconds.
const RETRY_AFTER_S: u32 = 1;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:literal, $title:literal;)+) => {
        /// The closed set of problem codes; programs match on these, never on texts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word in `code`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The HTTP status it is answered with.
            pub fn status(self) -> StatusCode {
                let status = match self { $(Self::$name => $status,)+ };
                StatusCode::from_u16(status).expect("the table holds statuses of HTTP only")
            }

            fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson = "malformed_json", 400, "The body is not JSON";
    /// The body is not UTF-8.
    InvalidUtf8 = "invalid_utf8", 400, "The body is not UTF-8";
    /// The request itself is broken: its path, its query, its body's end.
    BadRequest = "bad_request", 400, "The request cannot be read";
    /// Several accounts are possible and none is named.
    AccountNeeded = "account_needed", 400, "Name the account";
    /// No key, or none that opens anything.
    Unauthorized = "unauthorized", 401, "A valid API key is needed";
    /// The key does not allow this.
    Forbidden = "forbidden", 403, "The API key does not allow this";
    /// A callback that WeChat did not sign, or signed too long ago.
    BadSignature = "bad_signature", 403, "The signature does not hold";
    /// There is no such route.
    UnknownRoute = "unknown_route", 404, "There is nothing here";
    /// There is no such account for this key.
    UnknownAccount = "unknown_account", 404, "There is no such account";
    /// There is no such message for this key.
    UnknownMessage = "unknown_message", 404, "There is no such message";
    /// The account has no such template.
    UnknownTemplate = "unknown_template", 404, "There is no such template";
    /// The account has no such application.
    UnknownApplication = "unknown_application", 404, "There is no such application";
    /// The account has no such scenario.
    UnknownScenario = "unknown_scenario", 404, "There is no such scenario";
    /// There is no such key, or it was revoked before.
    UnknownKey = "unknown_key", 404, "There is no such key";
    /// The route exists, for other methods.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here";
    /// The body did not come in time.
    BodyTimeout = "body_timeout", 408, "The body did not come in time";
    /// Another message has this client_msg_id.
    Conflict = "conflict", 409, "Another message has this client_msg_id";
    /// The account is there already.
    AccountExists = "account_exists", 409, "The account exists already";
    /// The account's library has 25 templates.
    LibraryFull = "library_full", 409, "The template library is full";
    /// What is applied for is in the account's library.
    TemplateExists = "template_exists", 409, "The account has this template already";
    /// WeChat allows it once or a few times a month; `allowed_at` says when again.
    TooSoon = "too_soon", 409, "It is too soon for that";
    /// Not possible in the state it is in.
    WrongState = "wrong_state", 409, "It is not in a state for that";
    /// The message cannot be taken back any more.
    TooLate = "too_late", 409, "It is too late for that";
    /// The body is over the limit.
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    /// The body is of a kind that is not read here.
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not supported";
    /// A rule refuses the message; `rule` names it, `until` says from when on it would not.
    Refused = "refused", 422, "A rule refuses the message";
    /// Fields are wrong; `errors` names all of them.
    Invalid = "invalid", 422, "Some fields are not acceptable";
    /// Too many failed tries with API keys.
    Throttled = "throttled", 429, "Too many failed attempts";
    /// A defect here.
    Internal = "internal", 500, "Something went wrong here";
    /// WeChat answered with an error code.
    WeChatRefused = "wechat_refused", 502, "WeChat refused";
    /// WeChat gave no usable answer.
    WeChatUnreachable = "wechat_unreachable", 502, "WeChat could not be reached";
    /// The store cannot write or read now; nothing was accepted.
    StoreUnavailable = "store_unavailable", 503, "The store is unavailable";
    /// The process is stopping; nothing was accepted.
    Stopping = "stopping", 503, "The server is stopping";
    /// No answer in time; the request may still take effect.
    Timeout = "timeout", 504, "The answer took too long";
}

/// One problem. Boxed inside, so that it is cheap to hand on.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    message_id: Option<MessageId>,
    allowed_at: Option<Timestamp>,
    retry_after_s: Option<u32>,
    wechat: Option<WeChatAnswer>,
    verdict: Option<Verdict>,
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
pub struct FieldErrorBody {
    /// The path in the request: `data.thing1`.
    pub field: String,
    /// The kind of fault, for programs: `too_long`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// RFC 9457.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "this is the shape of Problem for the OpenAPI document")]
pub(crate) struct ProblemBody {
    /// `urn:hongyan:problem:` and the code.
    #[schema(rename = "type")]
    kind: String,
    /// The same for every problem of this code.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable, for programs.
    code: String,
    /// What happened this time.
    detail: String,
    /// Every field that is wrong.
    errors: Option<Vec<FieldErrorBody>>,
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
}

impl Problem {
    /// A problem of this code.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
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
        }))
    }

    /// A rule refuses a message.
    pub(crate) fn refused(verdict: Verdict) -> Self {
        let detail = verdict.rule().map_or(Cow::Borrowed("a rule refuses it"), |rule| Text::refusal(rule).en);
        let mut problem = Self::new(Code::Refused, detail);
        problem.0.verdict = Some(verdict);
        problem
    }

    /// Fields that are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match &*errors {
            [one] => one.to_string(),
            all => format!("{} fields are not acceptable", all.len()),
        };
        let mut problem = Self::new(Code::Invalid, detail);
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

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Parts { code, detail, errors, message_id, allowed_at, wechat, verdict, .. } = &*self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("urn:hongyan:problem:{}", code.as_str()))?;
        map.serialize_entry("title", code.title())?;
        map.serialize_entry("status", &code.status().as_u16())?;
        map.serialize_entry("code", code.as_str())?;
        map.serialize_entry("detail", detail)?;
        if !errors.is_empty() {
            map.serialize_entry("errors", errors)?;
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
        map.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem is plain text and numbers");
        let mut response = (self.0.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hongyan\""));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fields(faults) => Self::invalid(faults),
            StoreError::Invalid(reason) => Self::new(Code::Invalid, reason),
            StoreError::Unavailable(_)
            | StoreError::Broken(_)
            | StoreError::NoAccount(_)
            | StoreError::StaleKey(_) => {
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
        let mut problem = Self::new(code, error.to_string());
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
                let mut problem = Self::new(Code::WeChatUnreachable, trouble.to_string());
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

#[cfg(test)]
mod tests;
