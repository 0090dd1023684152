//! The HTTP/1.1 server: hyper on bare connections, nothing between it and the answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::exchange::{Answer, Ending, Request};
use crate::pump;
use crate::simulator::Simulator;

/// A send is below 10 kB; a million openids to the control side are 31 MB.
const BODY_AT_MOST: usize = 64 << 20;
/// How long connections may finish what is under way when the server stops.
const GRACE: Duration = Duration::from_secs(3);
/// How long the server waits when it cannot accept, out of file descriptors for one.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("dropped by a fault")]
    ByFault,
    #[error("the body is longer than {BODY_AT_MOST} bytes")]
    TooLong,
    #[error("the body did not arrive")]
    Broken(#[from] hyper::Error),
}

/// Serves until stopped; answers what is under way, within a grace.
pub(crate) async fn serve(
    simulator: Simulator,
    listener: TcpListener,
    stop: CancellationToken,
) -> io::Result<()> {
    let tasks = TaskTracker::new();
    if !simulator.world().settings.clock.is_manual() {
        tasks.spawn(pump::pump(Arc::clone(simulator.world()), stop.clone()));
    }
    let mut open = OpenConnections::default();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                tasks.spawn(connection(simulator.clone(), stream, peer, open.add()));
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(open);
    tasks.close();
    // What is not done by then is cut: a stand-in owes nobody more.
    let _ = timeout(GRACE, tasks.wait()).await;
    Ok(())
}

/// Tells each connection when to end, by a line of its own: a token that all share would be locked at every poll.
#[derive(Default)]
struct OpenConnections {
    lines: Vec<oneshot::Sender<()>>,
    sweep_at: usize,
}

impl OpenConnections {
    /// The end of it resolves when this value is dropped.
    fn add(&mut self) -> oneshot::Receiver<()> {
        if self.lines.len() >= self.sweep_at {
            self.lines.retain(|line| !line.is_closed());
            self.sweep_at = 64 + self.lines.len() * 2;
        }
        let (line, end) = oneshot::channel();
        self.lines.push(line);
        end
    }
}

async fn connection(simulator: Simulator, stream: TcpStream, peer: SocketAddr, end: oneshot::Receiver<()>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(|request| respond(&simulator, peer, request));
    let connection =
        http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = end => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "connection ended");
    }
}

async fn respond(
    simulator: &Simulator,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    let request = Request {
        method: &head.method,
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        client: peer.ip(),
        body: &body,
    };
    let answer = match head.uri.path() {
        "/_sim/verify" => simulator.verify(&request).await,
        _ => simulator.answer_before_receipt(&request),
    };
    finish(simulator, answer).await
}

/// Waits as long as the answer takes, and lets an early receipt go first.
async fn finish(simulator: &Simulator, mut answer: Answer) -> Result<Response<Full<Bytes>>, Cut> {
    let world = simulator.world();
    if answer.delay_ms > 0 && !world.settings.clock.is_manual() {
        sleep(Duration::from_millis(u64::from(answer.delay_ms))).await;
    }
    if let Some(push) = answer.before.take() {
        pump::push_now(world, push).await;
    }
    if answer.ending == Ending::Drop {
        return Err(Cut::ByFault);
    }
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    let content_type = HeaderValue::from_static(answer.content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}

/// The body, without copying when it came in one piece.
async fn read(mut body: Incoming) -> Result<Bytes, Cut> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.is_empty() {
            first = data;
            if body.is_end_stream() {
                return Ok(first);
            }
        } else {
            rest.extend_from_slice(&data);
        }
        if first.len() + rest.len() > BODY_AT_MOST {
            return Err(Cut::TooLong);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    Ok([first, rest.freeze()].concat().into())
}
