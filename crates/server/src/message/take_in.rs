//! One message in: `POST /api/v1/messages`. The hot path: nothing is copied that need not be.

use std::collections::BTreeMap;

use axum::extract::State;
use hongyan_content::Advice;
use hongyan_domain::{Lang, MessageId, Preview, Rule, State as MessageState, Timestamp};
use hongyan_engine::EngineError;
use hongyan_engine::accept::{Accepted, Place, Rejected, Request};
use hongyan_engine::content::Told;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::auth::{Caller, MaySend};
use crate::answer::problem::{Code, FieldErrorBody, Problem};
use crate::answer::{self, Answer};
use crate::app::{App, unknown_account};
use crate::recipient::VerdictBody;
use crate::request::body::{self, Raw};
use crate::request::lang::Wish;

/// A message to be sent: WeChat's own send body and a little more.
#[derive(ToSchema)]
#[expect(dead_code, reason = "this is the shape of engine::accept::Request for the OpenAPI document")]
pub(crate) struct MessageRequest {
    /// The account; may be left out where there is only one.
    pub(crate) appid: Option<String>,
    /// The recipient's openid.
    pub(crate) touser: String,
    /// The full template id.
    pub(crate) template_id: String,
    /// The fields: `{"thing1":{"value":"拿铁"}}` or `{"thing1":"拿铁"}`.
    pub(crate) data: BTreeMap<String, DataValue>,
    /// Where a tap leads.
    pub(crate) url: Option<String>,
    /// The mini-program a tap opens; it goes before `url`.
    pub(crate) miniprogram: Option<MiniprogramBody>,
    /// Your own id. The same id again is answered with the first message; 1 to 64 printable ASCII characters. It is kept in
    /// plain text: one that holds the recipient's openid, or what looks like anybody's, is refused.
    pub(crate) client_msg_id: Option<String>,
    /// `urgent`, `normal` (the default) or `bulk`.
    pub(crate) lane: Option<String>,
    /// Not before this, at most 90 days ahead. RFC 3339.
    pub(crate) send_at: Option<String>,
    /// Not after this. RFC 3339.
    pub(crate) expires_at: Option<String>,
    /// `transactional`, `service` (the default) or `marketing`.
    pub(crate) category: Option<String>,
    /// The interaction the message itself proves: `payment`, `menu_click`, `message` or `scan_subscribe`.
    pub(crate) basis: Option<String>,
    /// When it may have been delivered and WeChat no longer says: `park` (the default) or `resend`.
    pub(crate) on_unknown: Option<String>,
    /// The scenario, in place of `template_id` and `data`.
    pub(crate) scenario: Option<String>,
    /// What the scenario's expressions are worked out with.
    #[schema(value_type = Option<Object>)]
    pub(crate) params: Option<()>,
    /// Of a scenario: when it happened; now, if left out. RFC 3339.
    pub(crate) occurred_at: Option<String>,
    /// Of a text that is too long: `error` (the default), or `shorten`: `thing` fields are cut to what fits, with an
    /// ellipsis and a warning; numbers, times, amounts and phones never.
    pub(crate) overflow: Option<String>,
    /// Whether taps on `url` are counted: it goes out as a short link of ours. Left out: as the scenario says.
    pub(crate) track: Option<bool>,
    /// Check only: show what the phone will show and tell what the rules say; nothing is written or counted.
    pub(crate) dry_run: Option<bool>,
    /// WeChat's old field, ignored.
    pub(crate) topcolor: Option<String>,
    /// WeChat's old field, ignored.
    pub(crate) color: Option<String>,
}

/// A field's value.
#[derive(serde::Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "this is a shape for the OpenAPI document")]
pub(crate) enum DataValue {
    /// In short.
    Text(String),
    /// In WeChat's own form.
    Wrapped {
        /// The text.
        value: String,
        /// Ignored by WeChat since 2023.
        color: Option<String>,
    },
}

/// A page of a mini-program.
#[derive(Serialize, ToSchema)]
pub(crate) struct MiniprogramBody {
    /// Its appid.
    pub(crate) appid: String,
    /// The page, with its query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pagepath: Option<String>,
}

/// What became of a request to send.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Accepted)]
pub(crate) struct AcceptedBody<'a> {
    /// The message's id; left out in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    id: Option<MessageId>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    state: Option<MessageState>,
    /// When it may go.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    due_at: Option<Timestamp>,
    /// When it should be with WeChat.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    deadline: Option<Timestamp>,
    /// The rule that holds it until `due_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    held_by: Option<Rule>,
    /// Where several triggers become one message: how many it is made of by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<usize>,
    /// Waiting messages that this trigger took back.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled: Option<usize>,
    /// What the phone will not show as it was given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FieldErrorBody<'a>>,
    /// `true`: it was there before, under the same client_msg_id; this request made nothing new.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeated: Option<bool>,
    /// In a dry run: what the phone will show.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    preview: Option<&'a Preview>,
    /// In a dry run: what the rules would say of it now, and what stands still.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<VerdictBody>,
    /// In a dry run: what the word list says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    content: Option<&'a Told>,
    /// In a dry run: what could be better, with reasons; nothing of it blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    advice: Option<&'a [Advice]>,
}

impl<'a> AcceptedBody<'a> {
    /// What the caller is told, warnings in this language.
    pub(super) fn of(accepted: &'a Accepted, lang: Lang) -> Self {
        match accepted {
            Accepted::New(place) => Self::placed(place, lang),
            Accepted::Same(place) => Self { repeated: Some(true), ..Self::placed(place, lang) },
            Accepted::Previewed(preview) => Self {
                preview: Some(&preview.preview),
                verdict: preview.foretold.as_ref().map(VerdictBody::from),
                content: Some(&preview.content),
                advice: Some(&preview.advice),
                ..Self::default()
            },
            Accepted::Event { cancelled } => Self { cancelled: Some(*cancelled), ..Self::default() },
        }
    }

    fn placed(place: &'a Place, lang: Lang) -> Self {
        Self {
            id: Some(place.id),
            state: Some(place.state),
            due_at: Some(place.due_at),
            deadline: Some(place.deadline_at),
            held_by: place.held,
            merged: place.merged,
            cancelled: (place.cancelled > 0).then_some(place.cancelled),
            warnings: place.warnings.iter().map(|warning| FieldErrorBody::of(warning, lang)).collect(),
            repeated: None,
            preview: None,
            verdict: None,
            content: None,
            advice: None,
        }
    }
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::UnknownAccount => unknown_account(),
            Rejected::AccountNeeded => {
                Self::new(Code::AccountNeeded, "there is not exactly one account: name one by `appid`")
            }
            Rejected::Invalid(errors) => Self::invalid(errors),
            Rejected::Refused(verdict, findings) => Self::refused(verdict, findings),
            Rejected::Moved => Self::new(
                Code::StoreUnavailable,
                "other triggers of the same message came at the same moment: give it again",
            ),
            Rejected::Conflict(id) => {
                let detail = "another message was accepted under this client_msg_id, with another body";
                Self::new(Code::Conflict, detail).about(id)
            }
        }
    }
}

/// Takes in what could be read; one answer for each, in order. `Err`: nothing was accepted at all.
pub(crate) async fn accept_all(
    app: &App,
    caller: &Caller,
    read: Vec<Result<Request<'_>, Problem>>,
) -> Result<Vec<Result<Accepted, Problem>>, EngineError> {
    let catalog = app.engine().catalog();
    let mut requests = Vec::with_capacity(read.len());
    let refused: Vec<Option<Problem>> = read
        .into_iter()
        .map(|request| {
            let confined = request.and_then(|request| Ok(caller.confine(&catalog, request)?));
            confined.map(|request| requests.push(request)).err()
        })
        .collect();
    if requests.is_empty() {
        return Ok(refused.into_iter().flatten().map(Err).collect());
    }
    let accepted = app.engine().accept(&requests).await;
    app.note_store(&accepted);
    let mut accepted = accepted?.into_iter();
    let answers = refused.into_iter().filter_map(|refused| match refused {
        Some(problem) => Some(Err(problem)),
        None => accepted.next().map(|answer| answer.map_err(Problem::from)),
    });
    Ok(answers.collect())
}

/// Takes in one message. 202: it is on disk and will be sent. 200: it was there already (the same
/// client_msg_id), or a dry run.
#[utoipa::path(post, path = "/api/v1/messages", tag = "messages", request_body = MessageRequest,
    responses((status = 202, description = "Accepted", body = AcceptedBody<'_>),
        (status = 200, description = "The message that was there already, or a dry run", body = AcceptedBody<'_>)))]
pub(crate) async fn accept(
    MaySend(caller): MaySend,
    State(app): State<App>,
    Wish(lang): Wish,
    raw: Raw,
) -> Answer {
    accept_one(&app, &caller, body::json(&raw).and_then(body::read)?, lang).await
}

/// Takes in one message, however it was asked for.
pub(crate) async fn accept_one(app: &App, caller: &Caller, request: Request<'_>, lang: Lang) -> Answer {
    let mut answers = accept_all(app, caller, vec![Ok(request)]).await?;
    let accepted = answers.pop().expect("one request has one answer")?;
    let status = match accepted {
        Accepted::New(_) => StatusCode::ACCEPTED,
        Accepted::Same(_) | Accepted::Previewed(_) | Accepted::Event { .. } => StatusCode::OK,
    };
    Ok(answer::json(status, &AcceptedBody::of(&accepted, lang)))
}

#[cfg(test)]
mod tests {
    use hongyan_engine::accept::Request;
    use utoipa::PartialSchema as _;

    #[test]
    fn the_documented_example_of_a_batch_is_read() {
        let schema = serde_json::to_value(crate::message::batch::BatchRequest::schema()).unwrap();

        let messages = schema["example"]["messages"].as_array().unwrap();

        assert_eq!(messages.len(), 2);
        for message in messages {
            let text = message.to_string();
            let request: Request<'_> = crate::request::body::read(&text).unwrap();
            assert!(request.client_msg_id.is_some() && request.data.is_some(), "{text}");
        }
    }

    #[test]
    fn every_documented_field_of_a_message_is_taken_and_no_other() {
        let schema = serde_json::to_value(super::MessageRequest::schema()).unwrap();
        let documented: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();

        let unknown =
            serde_json::from_str::<Request<'_>>(r#"{"no_such_field":1}"#).err().unwrap().to_string();

        let mut taken: Vec<_> = unknown.split('`').skip(3).step_by(2).collect();
        taken.sort_unstable();
        assert_eq!(taken, documented);
    }
}
