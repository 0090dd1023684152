//! Reading answers: first the verdict (`errcode`, where there is one), then the shape documented for the call.

use std::borrow::Cow;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, Unexpected, Visitor};

use crate::errmsg::split_rid;
use crate::error::{CallError, Garble};
use crate::transport::Answer;

/// `errcode` and `errmsg`; queries that succeed carry neither.
#[derive(serde::Deserialize)]
pub(crate) struct Verdict<'a> {
    pub(crate) errcode: Option<i64>,
    #[serde(borrow)]
    pub(crate) errmsg: Option<Cow<'a, str>>,
}

impl Verdict<'_> {
    pub(crate) fn refusal(self) -> Result<(), CallError> {
        match self.errcode {
            None | Some(0) => Ok(()),
            Some(code) => {
                let (errmsg, rid) = split_rid(self.errmsg.as_deref().unwrap_or_default());
                Err(CallError::Errcode { code, errmsg, rid })
            }
        }
    }
}

/// The answer of a call that returns something.
pub(crate) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, CallError> {
    let verdict: Verdict<'_> = parse(answer)?;
    verdict.refusal()?;
    parse(answer)
}

/// The answer of a call that only says ok: here `errcode` must be present.
pub(crate) fn read_ok(answer: &Answer) -> Result<(), CallError> {
    let verdict: Verdict<'_> = parse(answer)?;
    if verdict.errcode.is_none() {
        return Err(shape(answer));
    }
    verdict.refusal()
}

/// JSON into `T`; the error tells a front end's page from JSON that is not WeChat's.
pub(crate) fn parse<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<T, CallError> {
    let garbled = |garble| CallError::Garbled { status: answer.status, garble };
    if answer.status >= 500 {
        return Err(garbled(Garble::ServerError));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| garbled(if error.is_data() { Garble::Shape } else { Garble::NotJson }))
}

pub(crate) fn shape(answer: &Answer) -> CallError {
    CallError::Garbled { status: answer.status, garble: Garble::Shape }
}

/// A message id of up to 19 digits, as a number or as text; 0 and what is not a whole number are no id.
pub(crate) fn msgid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_any(MsgidVisitor).map(|id| if id == 0 { None } else { Some(id) })
}

/// A count; WeChat's -1 for "none" becomes 0.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let count = i64::deserialize(deserializer)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

struct MsgidVisitor;

impl Visitor<'_> for MsgidVisitor {
    type Value = u64;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a message id")
    }

    fn visit_u64<E>(self, id: u64) -> Result<u64, E> {
        Ok(id)
    }

    fn visit_i64<E>(self, id: i64) -> Result<u64, E> {
        Ok(u64::try_from(id).unwrap_or(0))
    }

    /// A float has lost digits: better no id than a wrong one.
    fn visit_f64<E>(self, _: f64) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<u64, E> {
        id.parse().map_err(|_| E::invalid_value(Unexpected::Str("text"), &self))
    }
}

/// One entry or a list of them, as `msginfo` of the blocked messages comes.
pub(crate) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    let list = match value {
        serde_json::Value::Array(list) => list,
        serde_json::Value::Null => Vec::new(),
        one => vec![one],
    };
    // The inner error could quote the content.
    list.into_iter()
        .map(|one| T::deserialize(one).map_err(|_| D::Error::custom("not an entry of this list")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: bytes::Bytes::from(body.to_owned()) }
    }

    #[test]
    fn a_query_without_errcode_is_a_success_and_an_order_without_it_is_not() {
        assert!(read::<serde_json::Value>(&answer(200, "{}")).is_ok());
        assert!(matches!(read_ok(&answer(200, "{}")), Err(CallError::Garbled { garble: Garble::Shape, .. })));
        assert!(read_ok(&answer(200, r#"{"errcode":0,"errmsg":"ok"}"#)).is_ok());
    }

    #[test]
    fn garbled_answers_are_told_apart() {
        let garble = |status, body| match read_ok(&answer(status, body)) {
            Err(CallError::Garbled { garble, .. }) => garble,
            other => panic!("{other:?}"),
        };

        assert_eq!(garble(502, "<html>"), Garble::ServerError);
        assert_eq!(garble(200, "<html>"), Garble::NotJson);
        assert_eq!(garble(200, ""), Garble::NotJson);
        assert_eq!(garble(200, r#"{"errcode":0"#), Garble::NotJson);
        assert_eq!(garble(200, "[]"), Garble::Shape);
        assert_eq!(garble(200, r#"{"errcode":"x"}"#), Garble::Shape);
    }

    #[test]
    fn a_refusal_carries_code_words_and_rid() {
        let body = r#"{"errcode":40003,"errmsg":"invalid openid rid: 61725984-6126f6f9-040f19c4"}"#;

        let Err(CallError::Errcode { code, errmsg, rid }) = read_ok(&answer(200, body)) else { panic!() };

        assert_eq!((code, errmsg.as_str()), (40003, "invalid openid"));
        assert_eq!(rid.as_deref(), Some("61725984-6126f6f9-040f19c4"));
    }
}
