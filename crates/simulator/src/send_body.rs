//! The body of template/send, read without copying, as leniently as WeChat reads it (sdk-clients §3.6):
//! `null` and empty strings mean absent, `path` stands for `pagepath`, what is unknown is passed over.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// A send as it came.
#[derive(Deserialize)]
pub(crate) struct SendBody<'a> {
    #[serde(borrow, default)]
    pub(crate) touser: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) template_id: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) url: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) client_msg_id: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) miniprogram: Option<Miniprogram<'a>>,
    #[serde(borrow, default)]
    pub(crate) data: Option<Data<'a>>,
}

/// Where a tap leads first.
#[derive(Deserialize)]
pub(crate) struct Miniprogram<'a> {
    #[serde(borrow, default)]
    pub(crate) appid: Text<'a>,
    #[serde(borrow, default)]
    pagepath: Text<'a>,
    #[serde(borrow, default)]
    path: Text<'a>,
}

impl Miniprogram<'_> {
    pub(crate) fn pagepath(&self) -> Option<&str> {
        self.pagepath.get().or_else(|| self.path.get())
    }
}

impl<'a> SendBody<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> serde_json::Result<SendBody<'a>> {
        // A derived struct would read an array, too.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(serde::de::Error::custom("an object is expected"));
        }
        // Checked once, not string by string.
        let text = std::str::from_utf8(body).map_err(serde::de::Error::custom)?;
        serde_json::from_str(text)
    }

    /// The mini program, unless it is only the empty shell that silenceper sends.
    pub(crate) fn miniprogram(&self) -> Option<&Miniprogram<'a>> {
        self.miniprogram.as_ref().filter(|mini| mini.appid.get().is_some())
    }

    pub(crate) fn values(&self) -> &[(Cow<'a, str>, Cow<'a, str>)] {
        self.data.as_ref().map_or(&[], |data| &data.0)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values().iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }
}

/// A string that may be absent. An `Option<Cow>` would copy what serde could borrow.
#[derive(Default)]
pub(crate) struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    /// The string, unless it is absent, `null` or blank.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.trim().is_empty())
    }

    pub(crate) fn owned(&self) -> Option<String> {
        self.get().map(str::to_owned)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// `{"thing1":{"value":"…"}}` as pairs in their order.
pub(crate) struct Data<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DataVisitor).map(Data)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        /// A template has at most 10 keywords, and first and remark.
        const USUAL_FIELDS: usize = 8;
        let mut pairs = Vec::with_capacity(USUAL_FIELDS);
        while let Some(Text(key)) = map.next_key()? {
            let Value(value) = map.next_value()?;
            pairs.push((key.unwrap_or_default(), value));
        }
        Ok(pairs)
    }
}

/// The `value` of `{"value":"…","color":"…"}`; the colour has been ignored since 2023.
struct Value<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValueVisitor).map(Value)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Cow::Borrowed("");
        while let Some(Text(key)) = map.next_key()? {
            if key.as_deref() == Some("value") {
                let Text(value) = map.next_value()?;
                found = value.unwrap_or_default();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether the JSON writes characters as `\uXXXX`.
pub(crate) fn has_escapes(body: &[u8]) -> bool {
    body.windows(2).any(|pair| pair == b"\\u")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_body_is_read_without_copying() {
        let body =
            r##"{"touser":"o1","template_id":"t","data":{"thing1":{"value":"拿铁","color":"#173177"}}}"##;

        let read = SendBody::parse(body.as_bytes()).unwrap();

        assert!(matches!(&read.touser.0, Some(Cow::Borrowed("o1"))));
        assert!(matches!(read.values(), [(Cow::Borrowed("thing1"), Cow::Borrowed("拿铁"))]));
    }

    #[test]
    fn null_and_empty_shells_mean_absent() {
        let body =
            r#"{"touser":"o1","url":null,"client_msg_id":null,"miniprogram":{"appid":"","pagepath":""}}"#;
        let null = SendBody::parse(br#"{"miniprogram":null,"url":" "}"#).unwrap();

        let read = SendBody::parse(body.as_bytes()).unwrap();

        assert_eq!((read.url.get(), read.client_msg_id.get()), (None, None));
        assert!(read.miniprogram().is_none() && null.miniprogram().is_none() && null.url.get().is_none());
    }

    #[test]
    fn escapes_path_and_a_trailing_newline_are_read() {
        let body = "{\"url\":\"https:\\/\\/a\\/\",\"color\":\"#1\",\"miniprogram\":{\"appid\":\"wx\",\"path\":\"p\"}}\n";

        let read = SendBody::parse(body.as_bytes()).unwrap();

        assert_eq!(read.url.get(), Some("https://a/"));
        assert_eq!(read.miniprogram().and_then(Miniprogram::pagepath), Some("p"));
    }

    #[test]
    fn wrong_shapes_are_errors() {
        for body in
            ["{", "[]", r#"{"data":[]}"#, r#"{"data":{"a":"b"}}"#, r#"{"touser":[]}"#, "\u{feff}{}", ""]
        {
            assert!(SendBody::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(SendBody::parse(b"{\"touser\":\"\xff\"}").is_err());
    }
}
