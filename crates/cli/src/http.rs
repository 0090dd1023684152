//! A small HTTP client: one keep-alive connection, plain HTTP, JSON or raw bytes. The commands and the benchmarks
//! speak to Hongyan and to the simulator with it; it costs little, because a benchmark's client shares its cores.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::exit::Unreachable;
use crate::lang::Lang;

/// No answer that is asked for here is longer: a page of 500 messages has under 1 MiB.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The body of a success as JSON; anything else is an error that tells the answer.
    pub(crate) fn json(&self) -> Result<Value> {
        let value = || serde_json::from_slice(&self.body).context("the answer is not JSON");
        if (200..300).contains(&self.status) {
            return value();
        }
        bail!("HTTP {}: {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// One connection that is kept, to `host:port`.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    agent: Option<HeaderValue>,
    lang: Lang,
}

impl Connection {
    /// Connects. With a key, every request shows it.
    pub(crate) async fn open(authority: &str, key: Option<&str>) -> Result<Self> {
        let unreachable = |source| Unreachable { authority: authority.to_owned(), source };
        let stream = TcpStream::connect(authority).await.map_err(unreachable)?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender; how it ended shows in the next request.
        tokio::spawn(connection);
        let bearer = |key: &str| HeaderValue::try_from(format!("Bearer {key}"));
        let authorization = key.map(bearer).transpose()?;
        let host = HeaderValue::try_from(authority)?;
        Ok(Self { sender, host, authorization, agent: None, lang: Lang::En })
    }

    /// What goes wrong is told in this language.
    pub(crate) fn speaking(self, lang: Lang) -> Self {
        Self { lang, ..self }
    }

    /// The server takes the caller for this program.
    pub(crate) fn seen_as(self, agent: &'static str) -> Self {
        Self { agent: Some(HeaderValue::from_static(agent)), ..self }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Value> {
        self.get_reply(path).await?.json()
    }

    /// GETs, and leaves the answer's judgement to the caller.
    pub(crate) async fn get_reply(&mut self, path: &str) -> Result<Reply> {
        self.exchange(Method::GET, path, Bytes::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        self.post_bytes(path, Bytes::from(serde_json::to_vec(body)?)).await?.json()
    }

    /// POSTs JSON that is bytes already, and leaves the answer's judgement to the caller.
    pub(crate) async fn post_bytes(&mut self, path: &str, body: Bytes) -> Result<Reply> {
        self.exchange(Method::POST, path, body).await
    }

    /// POSTs CSV, and leaves the answer's judgement to the caller.
    pub(crate) async fn post_sheet(&mut self, path: &str, body: Bytes) -> Result<Reply> {
        self.call(Method::POST, path, "text/csv", body).await
    }

    /// PUTs JSON that is bytes already, and leaves the answer's judgement to the caller.
    pub(crate) async fn put_bytes(&mut self, path: &str, body: Bytes) -> Result<Reply> {
        self.exchange(Method::PUT, path, body).await
    }

    /// Sends DELETE, and leaves the answer's judgement to the caller.
    pub(crate) async fn delete_reply(&mut self, path: &str) -> Result<Reply> {
        self.exchange(Method::DELETE, path, Bytes::new()).await
    }

    async fn exchange(&mut self, method: Method, path: &str, body: Bytes) -> Result<Reply> {
        self.call(method, path, "application/json", body).await
    }

    /// Any call, with a body of this form.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        form: &'static str,
        body: Bytes,
    ) -> Result<Reply> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse()?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(self.lang.word()));
        if let Some(agent) = &self.agent {
            headers.insert(USER_AGENT, agent.clone());
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
        Ok(Reply { status, body: body.to_bytes() })
    }
}

/// `host:port` of `http://host[:port]`.
pub(crate) fn authority_of(url: &str) -> Result<String> {
    let rest = url.strip_prefix("http://").with_context(|| format!("{url}: only http:// is spoken here"))?;
    let authority = rest.trim_end_matches('/');
    if authority.is_empty() || authority.contains('/') {
        bail!("{url}: want http://host[:port]")
    }
    let has_port = authority.rsplit(']').next().is_some_and(|after| after.contains(':'));
    Ok(if has_port { authority.to_owned() } else { format!("{authority}:80") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_or_without_a_port() {
        let authority = |url| authority_of(url).ok();

        assert_eq!(authority("http://127.0.0.1:8080/").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(authority("http://hongyan").as_deref(), Some("hongyan:80"));
        assert_eq!(authority("http://[::1]").as_deref(), Some("[::1]:80"));
        assert_eq!(authority("https://hongyan"), None);
        assert_eq!(authority("http://host/path"), None);
    }
}
