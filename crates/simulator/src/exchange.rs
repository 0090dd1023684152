//! A call and its answer without sockets, so that every rule can be tried in process.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::errcode::Refusal;
use crate::outbox::Push;

/// One call, as the HTTP server has read it.
pub struct Request<'a> {
    /// GET or POST.
    pub method: &'a Method,
    /// `/cgi-bin/…`, without the query.
    pub path: &'a str,
    /// What follows the `?`, or nothing.
    pub query: &'a str,
    /// Who calls, for the allow-list.
    pub client: IpAddr,
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// One parameter of the query, its `%XX` read.
    pub(crate) fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        let pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, value) = { pairs }.find(|(key, _)| *key == name)?;
        Some(unescaped(value)).filter(|value| !value.is_empty())
    }
}

fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match escaped.filter(|_| byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(read) => {
                bytes.push(read);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The answer, and what the server does about it.
pub struct Answer {
    /// 200 for all of WeChat's own but the 502 of a fault.
    pub status: StatusCode,
    /// WeChat's spelling of it.
    pub content_type: &'static str,
    /// The body, without a newline at the end.
    pub body: Bytes,
    /// How long the server waits before it answers; not with a manual clock.
    pub delay_ms: u32,
    /// Whether it answers at all.
    pub ending: Ending,
    /// A receipt that goes out, and is answered, before this answer does.
    pub(crate) before: Option<Box<Push>>,
}

/// Whether a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is.
    Reply,
    /// The connection is closed without a word.
    Drop,
}

/// What real WeChat sends; co-wechat-api needs `application/json` in it.
const WECHAT_JSON: &str = "application/json; encoding=utf-8";

impl Answer {
    pub(crate) fn wechat(body: impl Into<Bytes>) -> Answer {
        Answer {
            status: StatusCode::OK,
            content_type: WECHAT_JSON,
            body: body.into(),
            delay_ms: 0,
            ending: Ending::Reply,
            before: None,
        }
    }

    pub(crate) fn refusal(refusal: &Refusal, rid: &str) -> Answer {
        Answer::wechat(refusal.body(rid))
    }

    pub(crate) fn dropped() -> Answer {
        Answer { ending: Ending::Drop, ..Answer::wechat(Bytes::new()) }
    }

    pub(crate) fn bad_gateway() -> Answer {
        const PAGE: &str =
            "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>";
        Answer { status: StatusCode::BAD_GATEWAY, content_type: "text/html", ..Answer::wechat(PAGE) }
    }

    pub(crate) fn garbage() -> Answer {
        Answer::wechat("{\"errcode\":0,\"errm")
    }

    pub(crate) fn control(status: StatusCode, body: String) -> Answer {
        Answer { status, content_type: "application/json", ..Answer::wechat(body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_name_and_read() {
        let request = Request {
            method: &Method::GET,
            path: "/",
            query: "debug=1&secret=a%2Bb%zz&empty=&flag",
            client: IpAddr::from([127, 0, 0, 1]),
            body: b"",
        };

        assert_eq!(request.param("secret").as_deref(), Some("a+b%zz"));
        assert_eq!(request.param("debug").as_deref(), Some("1"));
        assert_eq!(
            (request.param("empty"), request.param("flag"), request.param("none")),
            (None, None, None)
        );
    }
}
