//! `POST /cgi-bin/message/template/send`: one message to one person.
//! <https://developers.weixin.qq.com/doc/service/api/notify/template/api_sendtemplatemessage>

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::answer::{Verdict, msgid, parse, shape};
use crate::client::{Client, SMALL_ANSWER, json, with_token};
use crate::errmsg::split_rid;
use crate::error::{CallError, NotSent};
use crate::escape;
use crate::transport::{Answer, Call};

const PATH: &str = "/cgi-bin/message/template/send";

/// A template filled for one person. Debug shows neither the person nor the content.
#[derive(Clone, Copy, Serialize)]
pub struct TemplateMessage<'a> {
    /// The openid.
    pub touser: &'a str,
    /// The full id out of the account's list, not the library's short id.
    pub template_id: &'a str,
    /// Where a tap leads; with a mini program, what clients use that cannot open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<&'a str>,
    /// The mini program a tap opens; it must be linked to the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub miniprogram: Option<Miniprogram<'a>>,
    /// WeChat sends once for the same openid and id, for 10 minutes. Empty: left out.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub client_msg_id: &'a str,
    /// `{"thing1":{"value":"…"}}`, passed on as it is; only `\uXXXX` becomes the character it means.
    pub data: &'a RawValue,
}

/// A page of a mini program.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Miniprogram<'a> {
    /// Its appid.
    pub appid: &'a str,
    /// A published page, with query where wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagepath: Option<&'a str>,
}

impl fmt::Debug for TemplateMessage<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TemplateMessage")
            .field("template_id", &self.template_id)
            .field("client_msg_id", &self.client_msg_id)
            .finish_non_exhaustive()
    }
}

/// WeChat has accepted the message; whether it arrives is told by TEMPLATESENDJOBFINISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// 19 digits, above 2^53. Absent where WeChat gave none, or 0.
    pub msgid: Option<u64>,
    /// The request id, where WeChat gave one.
    pub rid: Option<String>,
}

#[derive(Deserialize)]
struct SendAnswer<'a> {
    errcode: Option<i64>,
    #[serde(borrow)]
    errmsg: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "msgid")]
    msgid: Option<u64>,
}

impl Client {
    /// Hands one message to WeChat. `Ok` means accepted, not delivered.
    pub async fn send_template(&self, token: &str, message: &TemplateMessage<'_>) -> Result<Sent, CallError> {
        let path = with_token(PATH, token);
        let call = Call { path: &path, body: Some(body_of(message)?), limit: SMALL_ANSWER };
        sent_in(&self.answer(&call).await?)
    }
}

pub(crate) fn body_of(message: &TemplateMessage<'_>) -> Result<Bytes, CallError> {
    match unescaped(message.data)? {
        Cow::Borrowed(_) => json(message),
        Cow::Owned(data) => json(&TemplateMessage { data: &data, ..*message }),
    }
}

/// Escapes for letters are refused by WeChat in places (40033, 47002). Only they are rewritten: the rest stays as it was
/// given, numbers with all their digits.
fn unescaped(data: &RawValue) -> Result<Cow<'_, RawValue>, CallError> {
    if !data.get().contains("\\u") {
        return Ok(Cow::Borrowed(data));
    }
    let broken = || CallError::NotSent(NotSent::Unwritable("data with half a surrogate pair"));
    let text = escape::letters(data.get()).ok_or_else(broken)?;
    RawValue::from_string(text).map(Cow::Owned).map_err(|_| broken())
}

fn sent_in(answer: &Answer) -> Result<Sent, CallError> {
    let SendAnswer { errcode, errmsg, msgid } = parse(answer)?;
    if errcode.is_none() && msgid.is_none() {
        return Err(shape(answer));
    }
    let rid = errmsg.as_deref().filter(|words| *words != "ok").and_then(|words| split_rid(words).1);
    Verdict { errcode, errmsg }.refusal()?;
    Ok(Sent { msgid, rid })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: &RawValue) -> TemplateMessage<'_> {
        TemplateMessage {
            touser: "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
            template_id: "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY",
            url: None,
            miniprogram: None,
            client_msg_id: "MSG_000002",
            data,
        }
    }

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn answered(body: &str) -> Result<Sent, CallError> {
        sent_in(&Answer { status: 200, body: Bytes::from(body.to_owned()) })
    }

    #[test]
    fn the_full_request_is_the_golden_one() {
        let data = raw(
            r#"{"character_string1":{"value":"A123"},"thing2":{"value":"拿铁（大杯）"},"time3":{"value":"2024年1月2日 12:00"}}"#,
        );
        let full = TemplateMessage {
            url: Some("https://example.com/order/1"),
            miniprogram: Some(Miniprogram {
                appid: "wxba5fad812f8e6fb9",
                pagepath: Some("pages/order?id=1"),
            }),
            client_msg_id: "MSG_000001",
            ..message(&data)
        };

        assert_eq!(body_of(&full).unwrap(), include_str!("../golden/send.request.json"));
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let data = raw(r#"{"thing1":{"value":"拿铁"}}"#);

        assert_eq!(body_of(&message(&data)).unwrap(), include_str!("../golden/send.minimal.request.json"));
    }

    #[test]
    fn escaped_letters_are_sent_as_letters() {
        let data = raw(r#"{"thing1":{"value":"\u62ff\u94c1"}}"#);

        assert_eq!(body_of(&message(&data)).unwrap(), include_str!("../golden/send.minimal.request.json"));
    }

    #[test]
    fn what_needs_no_rewriting_keeps_its_digits_and_its_order() {
        let data = raw(r#"{"b":{"value":58888888888888888888888},"a":{"value":"\u94c1\n\u0001"}}"#);

        let body = String::from_utf8(body_of(&message(&data)).unwrap().to_vec()).unwrap();

        assert!(
            body.contains(r#"{"b":{"value":58888888888888888888888},"a":{"value":"铁\n\u0001"}}"#),
            "{body}"
        );
    }

    #[test]
    fn a_broken_escape_is_not_sent() {
        let data = raw(r#"{"thing1":{"value":"\ud800"}}"#);

        assert!(matches!(body_of(&message(&data)), Err(CallError::NotSent(NotSent::Unwritable(_)))));
    }

    #[test]
    fn a_message_id_of_nineteen_digits_keeps_every_digit() {
        let sent = answered(include_str!("../golden/send.answer.json")).unwrap();

        assert_eq!(sent, Sent { msgid: Some(3_557_254_367_693_750_277), rid: None });
    }

    #[test]
    fn zero_absent_or_rounded_is_no_message_id() {
        for body in [
            include_str!("../golden/send.answer.without_msgid.json"),
            r#"{"errcode":0,"errmsg":"ok"}"#,
            r#"{"errcode":0,"errmsg":"ok","msgid":null}"#,
            r#"{"errcode":0,"errmsg":"ok","msgid":3.5572543676937503e18}"#,
        ] {
            assert_eq!(answered(body).unwrap().msgid, None, "{body}");
        }
    }

    #[test]
    fn an_answer_that_says_nothing_is_not_a_success() {
        for body in
            ["{}", r#"{"errmsg":"ok"}"#, r#"{"errcode":0,"msgid":"x"}"#, r#"{"errcode":0,"msgid":[]}"#]
        {
            assert!(matches!(answered(body), Err(CallError::Garbled { .. })), "{body}");
        }
    }

    #[test]
    fn debug_shows_neither_person_nor_content() {
        let data = raw(r#"{"thing1":{"value":"secret"}}"#);

        let shown = format!("{:?}", message(&data));

        assert!(!shown.contains("o9Ag") && !shown.contains("secret"), "{shown}");
    }
}
