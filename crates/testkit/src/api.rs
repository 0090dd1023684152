//! A keep-alive HTTP client of the API: one connection, one call at a time.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// A caller of the API.
pub struct Api {
    address: SocketAddr,
    key: String,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {} {:?}", self.status, self.body))
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the API answers UTF-8")
    }

    /// The JSON of an answer that has to have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

impl Api {
    /// A caller that shows `key`.
    pub fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: key.to_owned(), connection: Mutex::default() }
    }

    /// Where it calls.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, "", Bytes::new()).await
    }

    /// `POST path` with JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, "application/json", body.to_string().into()).await
    }

    /// `PATCH path` with JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PATCH, path, "application/json", body.to_string().into()).await
    }

    /// Any call. Panics when the server does not answer: see [`Api::try_call`].
    pub async fn call(&self, method: Method, path: &str, content_type: &str, body: Bytes) -> Reply {
        let reply = self.try_call(method, path, content_type, body).await;
        reply.unwrap_or_else(|error| panic!("the server did not answer {path}: {error}"))
    }

    /// Follows a link as somebody who shows no key and these headers.
    pub async fn follow(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().uri(path).header(header::HOST, self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::new())).expect("the headers are plain");
        let mut connection = connect(self.address).await.expect("the server listens");
        let answer = connection.send_request(request).await.expect("the server answers");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("a whole answer").to_bytes();
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// Any call; an error when no whole answer came. The next call connects anew then.
    pub async fn try_call(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if !content_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(Full::new(body))?;
        let mut kept = self.connection.lock().await;
        // Taken out: a call that is given up leaves no half-used connection behind.
        let mut connection = match kept.take().filter(|kept| !kept.is_closed()) {
            Some(connection) => connection,
            None => connect(self.address).await?,
        };
        connection.ready().await?;
        let (head, body) = connection.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        *kept = Some(connection);
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }
}

async fn connect(
    address: SocketAddr,
) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Its end is seen by the next call.
        let _ = connection.await;
    });
    Ok(sender)
}
