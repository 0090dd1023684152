//! TLS and the tunnel through a proxy, with a certificate made for the test.
#![expect(clippy::unwrap_used, reason = "the exception for tests does not cover the functions they share")]

use std::net::SocketAddr;
use std::sync::Arc;

use hongyan_wechat::{CallError, Client, NotSent, Settings};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{\"ip_list\":[\"203.0.113.7\"   ]}";

/// A WeChat at `localhost` over TLS that answers every request alike; its certificate, and the number of connections it took.
struct Secure {
    address: SocketAddr,
    certificate: Vec<u8>,
    connections: JoinHandle<usize>,
}

impl Secure {
    /// Takes one connection and answers all requests on it until the client closes.
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().to_vec();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            answer_all(&acceptor, tcp).await
        });
        Self { address, certificate, connections }
    }

    fn settings(&self) -> Settings {
        Settings {
            api_bases: vec![format!("https://localhost:{}", self.address.port())],
            extra_roots: vec![self.certificate.clone()],
            ..Settings::default()
        }
    }
}

/// How many requests came on the connection; 0 where TLS was not agreed.
async fn answer_all(acceptor: &TlsAcceptor, tcp: TcpStream) -> usize {
    let Ok(mut tls) = acceptor.accept(tcp).await else { return 0 };
    let mut answered = 0;
    let mut buffer = Vec::new();
    while matches!(tls.read_buf(&mut buffer).await, Ok(1..)) {
        if buffer.ends_with(b"\r\n\r\n") {
            buffer.clear();
            answered += 1;
            tls.write_all(ANSWER.as_bytes()).await.unwrap();
        }
    }
    answered
}

#[tokio::test]
async fn calls_over_tls_share_a_connection() {
    let secure = Secure::start().await;
    let client = Client::new(secure.settings()).unwrap();

    for _ in 0..3 {
        assert_eq!(client.callback_ips("T").await.unwrap(), ["203.0.113.7"]);
    }

    drop(client);
    assert_eq!(secure.connections.await.unwrap(), 3);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_before_anything_is_sent() {
    let secure = Secure::start().await;
    let client = Client::new(Settings { extra_roots: Vec::new(), ..secure.settings() }).unwrap();

    let outcome = client.callback_ips("T").await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::Tls(_)))), "{outcome:?}");
    assert_eq!(secure.connections.await.unwrap(), 0);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let secure = Secure::start().await;
    let misnamed = format!("https://127.0.0.1:{}", secure.address.port());
    let client = Client::new(Settings { api_bases: vec![misnamed], ..secure.settings() }).unwrap();

    let outcome = client.callback_ips("T").await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::Tls(_)))), "{outcome:?}");
}

#[tokio::test]
async fn a_proxy_tunnels_tls() {
    let secure = Secure::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://me:pass@{}", listener.local_addr().unwrap());
    let upstream = secure.address;
    let tunnelled = tokio::spawn(async move { tunnel(listener, upstream).await });
    let client = Client::new(secure.settings()).unwrap().through_proxy(&proxy).unwrap();

    assert_eq!(client.callback_ips("T").await.unwrap(), ["203.0.113.7"]);

    drop(client);
    let head = tunnelled.await.unwrap();
    assert!(head.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", upstream.port())), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bWU6cGFzcw==\r\n"), "{head}");
}

/// A proxy for one tunnel; returns the head of the request it got.
async fn tunnel(listener: TcpListener, upstream: SocketAddr) -> String {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        client.read_buf(&mut head).await.unwrap();
    }
    let mut server = TcpStream::connect(upstream).await.unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    // The client ends by a reset, which the copy reports as an error.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    String::from_utf8(head).unwrap()
}
