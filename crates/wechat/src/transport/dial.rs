//! From a base to a connection: DNS, TCP, proxy, TLS, all within `connect_timeout`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use super::stream::Stream;
use crate::error::NotSent;
use crate::settings::{AddressGuard, Base, Proxy, Settings, SettingsError};

/// A proxy's answer to CONNECT has a status line and a few headers.
const LONGEST_PROXY_HEAD: usize = 8 * 1024;

/// Addresses of one name that are tried: each gets its share of the time.
const MOST_ADDRESSES: usize = 4;

/// Connections being made at once, over all bases and proxies: a thousand TLS handshakes at a time took a third of a second
/// each on two cores, and each name look-up takes a thread.
const MOST_DIALS: usize = 256;

#[derive(Clone)]
pub(super) struct Dialer {
    tls: TlsConnector,
    turns: Arc<Semaphore>,
    proxy_guard: AddressGuard,
    connect_timeout: Duration,
    /// How long the kernel may go on sending what is not acknowledged: as long as the call, then nothing lingers.
    user_timeout: Duration,
}

impl Dialer {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            tls: TlsConnector::from(Arc::new(tls(settings)?)),
            turns: Arc::new(Semaphore::new(MOST_DIALS)),
            proxy_guard: settings.proxy_guard.clone(),
            connect_timeout: settings.connect_timeout,
            user_timeout: settings.timeout,
        })
    }

    /// Waits until it may dial; hold what it gives for as long as that takes.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, NotSent> {
        let waited = tokio::time::timeout(self.connect_timeout, self.turns.acquire()).await;
        waited.map_err(|_| NotSent::ConnectTimeout)?.map_err(|_| NotSent::Closed)
    }

    pub(super) async fn dial(&self, base: &Base, proxy: Option<&Proxy>) -> Result<Connection, NotSent> {
        tokio::time::timeout(self.connect_timeout, self.connect(base, proxy))
            .await
            .unwrap_or(Err(NotSent::ConnectTimeout))
    }

    async fn connect(&self, base: &Base, proxy: Option<&Proxy>) -> Result<Connection, NotSent> {
        let mut tcp = match proxy {
            Some(proxy) => self.tcp(self.vetted(proxy).await?).await?,
            None => self.tcp(addresses(&base.host, base.port).await?).await?,
        };
        let stream = match &base.tls {
            None => Stream::Plain(tcp),
            Some(name) => {
                if let Some(proxy) = proxy {
                    tunnel(&mut tcp, base, proxy).await?;
                }
                self.encrypt(tcp, name).await?
            }
        };
        Connection::over(stream).await.map_err(|_| NotSent::Closed)
    }

    /// A proxy is an address that somebody entered: what it is called is vetted, and what was vetted is dialled. One bad
    /// address is a sign of malice, not of choice.
    async fn vetted(&self, proxy: &Proxy) -> Result<Vec<SocketAddr>, NotSent> {
        let addresses = addresses(&proxy.host, proxy.port).await?;
        let is_open = addresses.iter().all(|address| self.proxy_guard.allows(address.ip()));
        if is_open { Ok(addresses) } else { Err(NotSent::ProxyClosed) }
    }

    async fn tcp(&self, addresses: Vec<SocketAddr>) -> Result<TcpStream, NotSent> {
        let share = self.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        let mut last = NotSent::Dns(io::Error::from(io::ErrorKind::NotFound));
        for address in addresses {
            last = match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return self.prepared(tcp).map_err(NotSent::Connect),
                Ok(Err(error)) => NotSent::Connect(error),
                Err(_) => NotSent::ConnectTimeout,
            };
        }
        Err(last)
    }

    /// Linger is zero for the whole life of the socket. So whichever way a connection is dropped, also in the middle of a
    /// request, the kernel discards what it has not sent and resets, instead of resending for a quarter of an hour.
    fn prepared(&self, tcp: TcpStream) -> io::Result<TcpStream> {
        tcp.set_nodelay(true)?;
        let socket = SockRef::from(&tcp);
        socket.set_linger(Some(Duration::ZERO))?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket.set_tcp_user_timeout(Some(self.user_timeout))?;
        Ok(tcp)
    }

    async fn encrypt(&self, tcp: TcpStream, name: &ServerName<'static>) -> Result<Stream, NotSent> {
        let tls = self.tls.connect(name.clone(), tcp).await.map_err(NotSent::Tls)?;
        Ok(Stream::Tls(Box::new(tls)))
    }
}

async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, NotSent> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(NotSent::Dns)?;
    Ok(found.take(MOST_ADDRESSES).collect())
}

fn tls(settings: &Settings) -> Result<rustls::ClientConfig, SettingsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SettingsError::Tls)?
        .with_root_certificates(settings.roots()?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn tunnel(tcp: &mut TcpStream, base: &Base, proxy: &Proxy) -> Result<(), NotSent> {
    tcp.write_all(&connect_request(base, proxy)).await.map_err(NotSent::Connect)?;
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        let read = tcp.read_buf(&mut head).await.map_err(NotSent::Connect)?;
        if read == 0 || head.len() > LONGEST_PROXY_HEAD {
            return Err(NotSent::Proxy { status: status_of(&head) });
        }
    }
    match status_of(&head) {
        200..=299 => Ok(()),
        status => Err(NotSent::Proxy { status }),
    }
}

fn connect_request(base: &Base, proxy: &Proxy) -> Vec<u8> {
    let host = if base.host.contains(':') { format!("[{}]", base.host) } else { base.host.clone() };
    let place = format!("{host}:{}", base.port);
    let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// The status of `HTTP/1.x NNN …`; 0 where it is none.
fn status_of(head: &[u8]) -> u16 {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words = std::str::from_utf8(line).ok().filter(|line| line.starts_with("HTTP/1."));
    words.and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_sends_at_once_and_leaves_nothing_behind() {
        let settings = Settings { timeout: Duration::from_secs(7), ..Settings::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialer = Dialer::new(&settings).unwrap();

        let tcp = dialer.tcp(vec![listener.local_addr().unwrap()]).await.unwrap();

        let socket = SockRef::from(&tcp);
        assert!(tcp.nodelay().unwrap());
        assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
        #[cfg(any(target_os = "linux", target_os = "android"))]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_status_is_read_off_the_first_line() {
        assert_eq!(status_of(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), 407);
        assert_eq!(status_of(b"HTTP/1.0 200\r\n\r\n"), 200);
        assert_eq!(status_of(b"SSH-2.0-x 200 \r\n\r\n"), 0);
        assert_eq!(status_of(b"\xff"), 0);
    }
}
