//! What can come of a call besides its answer, sorted by the one question a sender has: can WeChat have seen it?

use std::io;

/// A call that brought no success.
///
/// Holds no URL (they carry tokens), no body and nothing that looks like an openid.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// WeChat cannot have seen the request.
    #[error("not sent: {0}")]
    NotSent(#[source] NotSent),
    /// Bytes may have left; whether WeChat acted on them is not known.
    #[error("no answer: {0}")]
    NoAnswer(#[source] NoAnswer),
    /// Something answered, but not as WeChat does. WeChat may have acted.
    #[error("HTTP {status} with an answer that is not WeChat's: {garble}")]
    Garbled {
        /// The HTTP status; 0 where the answer was not HTTP.
        status: u16,
        /// What was wrong with it.
        garble: Garble,
    },
    /// WeChat answered with an error code.
    #[error("errcode {code}: {errmsg}")]
    Errcode {
        /// As WeChat gave it; see [`crate::errcode::lookup`].
        code: i64,
        /// At most 256 characters, without the rid, long words (openids, template ids, tokens) masked.
        errmsg: String,
        /// WeChat's request id, which its support and [`crate::Client::rid`] ask for; good for 7 days.
        rid: Option<String>,
    },
}

impl CallError {
    /// WeChat's error code, where it gave one.
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Errcode { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// Why a request never left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent {
    /// The name could not be resolved.
    #[error("the host name cannot be resolved")]
    Dns(#[source] io::Error),
    /// TCP was refused or broke off.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// TLS was not agreed.
    #[error("TLS cannot be agreed")]
    Tls(#[source] io::Error),
    /// An address of the proxy is not one that may be called.
    #[error("the proxy's address is not on the open internet, and outgoing.allow does not name it")]
    ProxyClosed,
    /// The proxy said no, or said something that is not an answer to CONNECT.
    #[error("the proxy refuses (status {status})")]
    Proxy {
        /// The proxy's HTTP status; 0 where it was not HTTP.
        status: u16,
    },
    /// The connection was not ready within `connect_timeout`.
    #[error("not connected in time")]
    ConnectTimeout,
    /// The connection closed before a byte of the request was taken.
    #[error("the connection closed before the request was written")]
    Closed,
    /// The request cannot be put into HTTP: a token, path or URL with characters that do not belong there.
    #[error("the request cannot be written: {0}")]
    Unwritable(&'static str),
}

/// How an exchange broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoAnswer {
    /// Not answered within `timeout`.
    #[error("timed out")]
    Timeout,
    /// The connection closed before the answer was whole.
    #[error("the connection closed before a whole answer")]
    Closed,
    /// Reading or writing failed.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
}

/// How an answer was not WeChat's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Garble {
    /// The bytes are not HTTP/1.1.
    #[error("not HTTP")]
    NotHttp,
    /// HTTP 5xx: a front end answered.
    #[error("a server error")]
    ServerError,
    /// Not JSON.
    #[error("not JSON")]
    NotJson,
    /// JSON, but not of the shape documented for this call.
    #[error("JSON of another shape")]
    Shape,
    /// Larger than any answer to this call can be.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wechats_own_errors_have_a_code() {
        let named = CallError::Errcode { code: 40037, errmsg: "invalid template_id".into(), rid: None };

        assert_eq!(named.code(), Some(40037));
        assert_eq!(CallError::NoAnswer(NoAnswer::Timeout).code(), None);
    }
}
