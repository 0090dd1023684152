//! Connections: accepted, bounded, and at the end let finish what they began. Beside it what every request passes, and
//! the console's files.

pub(crate) mod address;
pub(crate) mod closing;
pub(crate) mod console;
pub(crate) mod linger;
pub(crate) mod trace;
pub(crate) mod watch;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use crate::access::auth::Peer;
use crate::access::forwarded;
use crate::app::{App, Settings};
use crate::routes::router;
use crate::serve::address::{Addresses, Place};
use crate::serve::linger::Lingering;

/// After a failed accept (no more file descriptors): long enough for some to come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// When keys were last shown is written so often.
const USES_EVERY: Duration = Duration::from_secs(60);
/// Headers of one request, and the bytes read ahead of one connection: callers of an API send a dozen headers.
const HEADERS_MAX: usize = 64;
const BUFFER_MAX: usize = 64 * 1024;
/// Of a body that is refused, so many times the limit are discarded before the connection is closed: a caller
/// that did not split its batch sends a few times too much; one that sends more than this does not listen.
const DISCARDED_LIMITS: usize = 4;

/// Serves until `stop`; then accepts nothing more and waits for what is under way, at most `settings.grace`.
pub async fn serve(app: App, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    let settings = app.settings().clone();
    let places = Arc::new(Semaphore::new(settings.max_connections));
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    let addresses = Addresses::new(settings.max_connections_per_address, &settings.proxies);
    let door = Door { router: router(app.clone()), settings, stop: stop.clone(), cut: cut.clone() };
    let uses = tokio::spawn(write_uses(app.clone(), stop.clone()));
    while let Some((stream, peer, place)) = next(&listener, &places, &stop).await {
        // Who has all its places is hung up on: an answer would cost what is being saved.
        let Some(of_address) = addresses.enter(peer.ip()) else { continue };
        connections.spawn(door.clone().serve_connection(stream, peer, (place, of_address)));
    }
    drop(listener);
    // Open event streams would last as long as the grace.
    app.live().close();
    connections.close();
    if tokio::time::timeout(door.settings.grace, connections.wait()).await.is_err() {
        tracing::warn!("some requests took longer than the grace and are cut off");
        cut.cancel();
        connections.wait().await;
    }
    uses.await.map_err(io::Error::other)
}

/// The next connection; `None`: it is time to stop.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let accepted = async {
        let place = places.clone().acquire_owned().await.expect("nobody closes this semaphore");
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return (stream, peer, place),
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    stop.run_until_cancelled(accepted).await
}

/// Among all connections, and among those of its address.
type Places = (OwnedSemaphorePermit, Place);

/// What every connection needs.
#[derive(Clone)]
struct Door {
    router: Router,
    settings: Settings,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Door {
    async fn serve_connection(self, stream: TcpStream, peer: SocketAddr, places: Places) {
        let _places = places;
        // Without it an answer may wait 40 ms for an acknowledgement; where it cannot be set that is all.
        let _ = stream.set_nodelay(true);
        let stream = Lingering::new(stream, DISCARDED_LIMITS.saturating_mul(self.settings.body_limit));
        let (router, begun, proxies) = (self.router, CancellationToken::new(), self.settings.proxies);
        let first_head = begun.clone();
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            begun.cancel();
            let client = forwarded::client(peer.ip(), request.headers(), &proxies);
            request.extensions_mut().insert(Peer(client));
            let mut router = router.clone();
            async move { Ok::<_, Infallible>(router.call(request).await.unwrap_or_else(|never| match never {})) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.idle_timeout)
            .max_headers(HEADERS_MAX)
            .max_buf_size(BUFFER_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        // How a connection ended is the caller's business: nothing of ours is lost with it.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = too_late(self.settings.header_timeout, &first_head) => return,
            () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = self.cut.cancelled() => {}
        }
    }
}

/// Resolves when the first head has not come in time.
async fn too_late(header_timeout: Duration, first_head: &CancellationToken) {
    if tokio::time::timeout(header_timeout, first_head.cancelled()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

async fn write_uses(app: App, stop: CancellationToken) {
    let mut going = true;
    while going {
        going = stop.run_until_cancelled(tokio::time::sleep(USES_EVERY)).await.is_some();
        if let Err(error) = app.write_uses().await {
            tracing::warn!(%error, "could not write down when keys were last used");
        }
    }
}
