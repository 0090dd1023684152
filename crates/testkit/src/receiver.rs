//! Somebody who is told things: a small HTTP server that remembers what came and answers as it is bidden.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};

/// What came.
#[derive(Clone, Debug)]
pub struct Came {
    /// Path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl Came {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("callers send JSON")
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

struct Shared {
    came: Mutex<Vec<Came>>,
    answer: Mutex<(u16, &'static str)>,
    /// One permit where it answers; none where it is held.
    gate: Semaphore,
    arrived: Notify,
}

/// The server; it ends with its runtime.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Listens on a port of its own and answers 200 with a robot's success.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let answer = Mutex::new((200, r#"{"errcode":0,"errmsg":"ok","code":0}"#));
        let (gate, arrived) = (Semaphore::new(1), Notify::new());
        let shared = Arc::new(Shared { came: Mutex::default(), answer, gate, arrived });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = serving.clone();
                let service = service_fn(move |request| answer_one(shared.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, shared }
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers so from now on.
    pub fn answer(&self, status: u16, body: &'static str) {
        *self.shared.answer.lock() = (status, body);
    }

    /// Answers nobody until [`Receiver::let_go`].
    pub async fn hold(&self) {
        self.shared.gate.acquire().await.expect("nobody closes it").forget();
    }

    /// Answers again, also those who wait.
    pub fn let_go(&self) {
        self.shared.gate.add_permits(1);
    }

    /// Waits until somebody calls; one call that came since the last time is enough.
    pub async fn arrived(&self) {
        self.shared.arrived.notified().await;
    }

    /// What came since the last look.
    pub fn take(&self) -> Vec<Came> {
        std::mem::take(&mut self.shared.came.lock())
    }
}

async fn answer_one(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    shared.came.lock().push(Came { path, headers: parts.headers, body });
    shared.arrived.notify_one();
    let _answering = shared.gate.acquire().await.expect("nobody closes it");
    let (status, text) = *shared.answer.lock();
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(response)
}
