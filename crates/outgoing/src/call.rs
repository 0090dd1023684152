//! One call: resolve, vet, connect to what was vetted, send, read a bounded answer.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Guard, Target};

/// Of an answer so much is kept; robots answer with a line, businesses with nothing.
const ANSWER_MAX: usize = 64 * 1024;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// The addresses of a name.
pub type Lookup = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// Who tells a name's addresses.
#[derive(Clone, Default)]
pub enum Resolver {
    /// The system.
    #[default]
    System,
    /// A function: for tests.
    Fixed(Arc<Lookup>),
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Fixed(_) => "Fixed",
        })
    }
}

impl Resolver {
    async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((host, port)).await?.collect()),
            Self::Fixed(resolve) => {
                let literal = host.parse().map(|address| vec![address]);
                let addresses = literal.unwrap_or_else(|_| resolve(host));
                Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
            }
        }
    }
}

/// How to call.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which addresses may be called.
    pub guard: Guard,
    /// Who tells a name's addresses.
    pub resolver: Resolver,
    /// From the look-up of the name to the end of the answer.
    pub timeout: Duration,
    /// Certificates that are trusted besides those that browsers trust: DER.
    pub extra_roots: Vec<Vec<u8>>,
}

impl Default for Settings {
    /// The open internet, 15 s: what Standard Webhooks asks of receivers is an answer within 15 to 30.
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            resolver: Resolver::default(),
            timeout: Duration::from_secs(15),
            extra_roots: Vec::new(),
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status; a redirect is an answer like any other.
    pub status: u16,
    /// At most 64 KiB of it.
    pub body: Bytes,
}

/// Why nothing came back. Tells no path and no query: robots keep their key there.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The name is not known.
    #[error("the name {0} cannot be resolved")]
    Dns(String),
    /// An address of the name is not on the open internet and not allowed by the operator.
    #[error(
        "{host} leads to {address}, which is not on the open internet; allow it by outgoing.allow if it is meant"
    )]
    Closed {
        /// The name.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// Nobody listens.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, io::Error),
    /// TLS did not come about.
    #[error("no TLS with {0}: {1}")]
    Tls(String, io::Error),
    /// It took too long.
    #[error("no answer from {0} in time")]
    Timeout(String),
    /// The connection broke, or the answer is no HTTP, or is too long.
    #[error("the exchange with {0} broke off")]
    Broken(String),
    /// A mail server said no.
    #[error("{host} refused {step}: {said}")]
    Refused {
        /// The name.
        host: String,
        /// What it was asked for.
        step: &'static str,
        /// Its words, without addresses.
        said: String,
    },
}

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Outgoing {
    pub(crate) settings: Settings,
    tls: TlsConnector,
}

impl Outgoing {
    /// With the roots that browsers trust.
    pub fn new(settings: Settings) -> Self {
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(settings.extra_roots.iter().map(|der| der.clone().into()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the protocol versions it comes with")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { settings, tls: TlsConnector::from(Arc::new(config)) }
    }

    /// Whether every address of this target may be called now. The call asks again: a name may change.
    pub async fn check(&self, target: &Target) -> Result<(), Failure> {
        self.check_host(&target.host, target.port).await
    }

    /// The same for a host and a port.
    pub async fn check_host(&self, host: &str, port: u16) -> Result<(), Failure> {
        tokio::time::timeout(self.settings.timeout, self.vetted(host, port))
            .await
            .unwrap_or_else(|_| Err(Failure::Timeout(host.to_owned())))
            .map(drop)
    }

    /// POSTs JSON.
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Reply, Failure> {
        let exchange = async {
            let addresses = self.vetted(&target.host, target.port).await?;
            let tcp = connect(target, &addresses).await?;
            if !target.is_tls {
                return exchange(target, tcp, headers, body).await;
            }
            let bad_name = || Failure::Dns(target.host.clone());
            let name = ServerName::try_from(target.host.clone()).map_err(|_| bad_name())?;
            let failed = |error| Failure::Tls(target.host.clone(), error);
            let tls = self.tls.connect(name, tcp).await.map_err(failed)?;
            exchange(target, tls, headers, body).await
        };
        tokio::time::timeout(self.settings.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(Failure::Timeout(target.host.clone())))
    }

    /// The addresses of a name, if all of them may be called: one bad one is a sign of malice, not of choice.
    pub(crate) async fn vetted(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
        let unknown = || Failure::Dns(host.to_owned());
        let addresses = self.settings.resolver.addresses(host, port).await.map_err(|_| unknown())?;
        if addresses.is_empty() {
            return Err(unknown());
        }
        match addresses.iter().find(|address| !self.settings.guard.allows(address.ip())) {
            Some(closed) => Err(Failure::Closed { host: host.to_owned(), address: closed.ip() }),
            None => Ok(addresses),
        }
    }
}

async fn connect(target: &Target, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses.iter().take(ADDRESSES_MAX) {
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error,
        }
    }
    Err(Failure::Connect(target.host.clone(), last))
}

async fn exchange<S>(
    target: &Target,
    stream: S,
    headers: &[(HeaderName, HeaderValue)],
    body: Bytes,
) -> Result<Reply, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = || Failure::Broken(target.host.clone());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| broken())?;
    let connection = AbortOnDrop(tokio::spawn(connection));
    let request = request(target, headers, body).ok_or_else(broken)?;
    let answer = sender.send_request(request).await.map_err(|_| broken())?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await.map_err(|_| broken())?;
    drop(connection);
    Ok(Reply { status, body: body.to_bytes() })
}

/// A call that is over leaves nothing running.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn request(
    target: &Target,
    headers: &[(HeaderName, HeaderValue)],
    body: Bytes,
) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path.parse().ok()?;
    let all = request.headers_mut();
    all.insert(HOST, HeaderValue::try_from(&*target.authority).ok()?);
    all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    all.insert(USER_AGENT, HeaderValue::from_static(concat!("Hongyan/", env!("CARGO_PKG_VERSION"))));
    all.extend(headers.iter().cloned());
    Some(request)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every connection with these bytes.
    async fn server(address: &str, answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer).await;
            }
        });
        port
    }

    fn outgoing(allowed: &[&str], resolver: Resolver) -> Outgoing {
        let guard = Guard { allowed: allowed.iter().map(|text| text.parse().unwrap()).collect() };
        Outgoing::new(Settings { guard, resolver, timeout: Duration::from_secs(5), ..Settings::default() })
    }

    fn post(outgoing: &Outgoing, url: &str) -> impl Future<Output = Result<Reply, Failure>> + use<> {
        let (outgoing, target) = (outgoing.clone(), Target::parse(url).unwrap());
        async move { outgoing.post(&target, &[], Bytes::from_static(b"{}")).await }
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    #[tokio::test]
    async fn a_closed_address_is_not_called_in_whatever_spelling() {
        let port = server("127.0.0.1", OK).await;
        let outgoing = outgoing(&[], Resolver::System);

        for host in ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"] {
            let answer = post(&outgoing, &format!("http://{host}:{port}/")).await;
            assert!(matches!(answer, Err(Failure::Closed { .. } | Failure::Dns(_))), "{host}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn a_name_is_asked_once_a_call_and_the_vetted_address_is_called() {
        let port = server("127.0.0.2", OK).await;
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        // The second time it answers with an address behind the wall.
        let resolver = Resolver::Fixed(Arc::new(move |_| {
            let good = counted.fetch_add(1, Ordering::SeqCst) == 0;
            vec![if good { "127.0.0.2" } else { "127.0.0.1" }.parse().unwrap()]
        }));
        let outgoing = outgoing(&["127.0.0.2"], resolver);

        let first = post(&outgoing, &format!("http://rebinds.example:{port}/")).await.unwrap();
        assert_eq!((first.status, asked.load(Ordering::SeqCst)), (200, 1));

        let second = post(&outgoing, &format!("http://rebinds.example:{port}/")).await;
        assert!(matches!(second, Err(Failure::Closed { .. })), "{second:?}");
    }

    #[tokio::test]
    async fn one_closed_address_among_open_ones_is_enough_to_refuse() {
        let both = || vec!["8.8.8.8".parse().unwrap(), "10.0.0.1".parse().unwrap()];
        let outgoing = outgoing(&[], Resolver::Fixed(Arc::new(move |_| both())));

        assert!(matches!(post(&outgoing, "http://mixed.example/").await, Err(Failure::Closed { .. })));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
        let port = server("127.0.0.1", answer).await;
        let outgoing = outgoing(&["127.0.0.1"], Resolver::System);

        assert_eq!(post(&outgoing, &format!("http://127.0.0.1:{port}/")).await.unwrap().status, 302);
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_or_no_http_is_a_failure() {
        let outgoing = outgoing(&["127.0.0.1"], Resolver::System);

        for answer in [&b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"[..], b"SSH-2.0-x\r\n"] {
            let port = server("127.0.0.1", answer).await;
            let reply = post(&outgoing, &format!("http://127.0.0.1:{port}/")).await;
            assert!(matches!(reply, Err(Failure::Broken(_))), "{reply:?}");
        }
    }

    #[test]
    fn what_failed_tells_no_key() {
        let told = Failure::Timeout("qyapi.weixin.qq.com".to_owned()).to_string();

        assert_eq!(told, "no answer from qyapi.weixin.qq.com in time");
    }
}
