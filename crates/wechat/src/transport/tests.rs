//! The transport against a server of a few lines that misbehaves on order.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::error::Garble;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// What the server does with one request.
#[derive(Clone, Copy)]
enum Does {
    /// Writes this and keeps the connection.
    Says(&'static str),
    /// Writes this and closes.
    SaysAndCloses(&'static str),
    /// Never answers.
    Waits,
}

/// One entry for each connection, in the order they come: what it does with its requests.
async fn server(connections: Vec<Vec<Does>>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut served = Vec::new();
        for connection in connections {
            let (tcp, _) = listener.accept().await.unwrap();
            served.push(tokio::spawn(serve(tcp, connection)));
        }
        let mut heads = Vec::new();
        for one in served {
            heads.extend(one.await.unwrap());
        }
        heads
    });
    (address, task)
}

/// Returns the requests it read, each whole.
async fn serve(mut tcp: TcpStream, does: Vec<Does>) -> Vec<String> {
    let mut requests = Vec::new();
    for one in does {
        let Some(request) = read_request(&mut tcp).await else { return requests };
        requests.push(request);
        match one {
            Does::Says(text) => tcp.write_all(text.as_bytes()).await.unwrap(),
            Does::SaysAndCloses(text) => {
                tcp.write_all(text.as_bytes()).await.unwrap();
                return requests;
            }
            Does::Waits => {
                let _ = tcp.read_u8().await;
                return requests;
            }
        }
    }
    // The client closes; a server that closed first would race with it.
    let _ = tcp.read_u8().await;
    requests
}

async fn read_request(tcp: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut byte = [0; 1];
    while !text.ends_with("\r\n\r\n") {
        tcp.read_exact(&mut byte).await.ok()?;
        text.push(char::from(byte[0]));
    }
    let length = text.to_lowercase().split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok();
    let mut body = vec![0; length.unwrap_or(0)];
    tcp.read_exact(&mut body).await.ok()?;
    Some(text + &String::from_utf8(body).unwrap())
}

fn settings(bases: &[SocketAddr]) -> Settings {
    Settings { api_bases: bases.iter().map(|base| format!("http://{base}")).collect(), ..Settings::default() }
}

fn transport(bases: &[SocketAddr]) -> Transport {
    Transport::new(&settings(bases), None).unwrap()
}

fn post() -> Call<'static> {
    Call { path: "/send?access_token=t", body: Some(Bytes::from_static(b"{\"a\":1}")), limit: 1024 }
}

/// A port that refuses: it was bound a moment ago.
async fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn outcome_of(does: Does) -> Result<Answer, CallError> {
    let (address, _server) = server(vec![vec![does]]).await;
    transport(&[address]).call(&post()).await
}

fn kind(outcome: &Result<Answer, CallError>) -> &'static str {
    match outcome {
        Ok(_) => "answer",
        Err(CallError::NotSent(_)) => "not sent",
        Err(CallError::NoAnswer(_)) => "no answer",
        Err(CallError::Garbled { .. }) => "garbled",
        Err(CallError::Errcode { .. }) => "errcode",
    }
}

#[tokio::test]
async fn a_request_has_the_form_wechat_wants() {
    let (address, server) = server(vec![vec![Does::Says(OK)]]).await;
    let transport = transport(&[address]);

    let answer = transport.call(&post()).await.unwrap();
    drop(transport);

    assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
    let request = server.await.unwrap().remove(0);
    assert!(request.starts_with("POST /send?access_token=t HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("content-type: application/json\r\n"), "{request}");
    assert!(request.contains(&format!("host: {address}\r\n")), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (address, server) = server(vec![vec![Does::Says(OK); 3]]).await;
    let transport = transport(&[address]);

    for _ in 0..3 {
        transport.call(&post()).await.unwrap();
    }

    assert_eq!(transport.routes[0].pool.len(), 1);
    drop(transport);
    assert_eq!(server.await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_connection_used_last_is_used_first() {
    let (address, server) = server(vec![vec![Does::Says(OK)], vec![Does::Says(OK)]]).await;
    let transport = transport(&[address]);
    let request = post();
    let (first, second) = tokio::join!(transport.call(&request), transport.call(&request));
    first.and(second).unwrap();

    let newest = transport.routes[0].pool.take().unwrap();
    let oldest = transport.routes[0].pool.take().unwrap();

    assert!(newest.idle_since >= oldest.idle_since);
    drop((newest, oldest, transport));
    assert_eq!(server.await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_is_replaced() {
    let (address, server) = server(vec![vec![Does::SaysAndCloses(OK)], vec![Does::Says(OK)]]).await;
    let transport = transport(&[address]);
    transport.call(&post()).await.unwrap();
    until_closed(&transport).await;

    transport.call(&post()).await.unwrap();

    drop(transport);
    assert_eq!(server.await.unwrap().len(), 2);
}

/// Lets the runtime see the server's FIN; it is on its way through the loopback.
async fn until_closed(transport: &Transport) {
    let pool = &transport.routes[0].pool;
    while let Some(connection) = pool.take() {
        pool.put(connection);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_that_closes_is_not_kept() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let (address, _server) = server(vec![vec![Does::Says(closing)]]).await;
    let transport = transport(&[address]);

    transport.call(&post()).await.unwrap();

    assert_eq!(transport.routes[0].pool.len(), 0);
}

#[tokio::test]
async fn idle_connections_are_bounded_and_age() {
    let (address, _server) = server(vec![vec![Does::Says(OK)], vec![Does::Says(OK)]]).await;
    let bounded = Settings { max_idle: 1, idle_timeout: Duration::ZERO, ..settings(&[address]) };
    let transport = Transport::new(&bounded, None).unwrap();

    let request = post();
    let (one, other) = tokio::join!(transport.call(&request), transport.call(&request));

    assert_eq!((kind(&one), kind(&other)), ("answer", "answer"));
    assert!(transport.routes[0].pool.len() <= 1);
    assert!(transport.routes[0].pool.take().is_none());
}

#[tokio::test]
async fn closing_before_the_answer_leaves_the_outcome_open() {
    let outcome = outcome_of(Does::SaysAndCloses("")).await;

    assert!(matches!(outcome, Err(CallError::NoAnswer(_))), "{}", kind(&outcome));
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    for half in [
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"errcode\":0",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"err",
    ] {
        let outcome = outcome_of(Does::SaysAndCloses(half)).await;

        assert!(matches!(outcome, Err(CallError::NoAnswer(_))), "{half}: {}", kind(&outcome));
    }
}

#[tokio::test]
async fn a_chunked_answer_is_put_together() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"err\r\n3\r\n\":1\r\n1\r\n}\r\n0\r\n\r\n";

    let answer = outcome_of(Does::Says(chunked)).await.unwrap();

    assert_eq!(&answer.body[..], b"{\"err\":1}");
}

#[tokio::test]
async fn a_front_ends_error_page_comes_with_its_status() {
    let page = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>";

    assert_eq!(outcome_of(Does::Says(page)).await.unwrap().status, 502);
}

#[tokio::test]
async fn what_is_not_http_is_garbled() {
    let outcome = outcome_of(Does::SaysAndCloses("SSH-2.0-OpenSSH_9.2\r\n\r\n")).await;

    assert!(matches!(outcome, Err(CallError::Garbled { status: 0, garble: Garble::NotHttp })));
}

#[tokio::test]
async fn an_answer_beyond_its_limit_is_cut_off() {
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n012345678901234567890123456789";
    let (address, _server) = server(vec![vec![Does::Says(long)]]).await;
    let transport = transport(&[address]);

    let outcome = transport.call(&Call { limit: 16, ..post() }).await;

    assert!(matches!(outcome, Err(CallError::Garbled { garble: Garble::TooLarge { limit: 16 }, .. })));
    assert_eq!(transport.routes[0].pool.len(), 0);
}

#[tokio::test]
async fn a_slow_answer_is_no_answer_and_its_connection_is_reset() {
    let (address, server) = server(vec![vec![Does::Waits]]).await;
    let impatient = Settings { timeout: Duration::from_millis(30), ..settings(&[address]) };
    let transport = Transport::new(&impatient, None).unwrap();

    let outcome = transport.call(&post()).await;

    assert!(matches!(outcome, Err(CallError::NoAnswer(NoAnswer::Timeout))), "{}", kind(&outcome));
    assert_eq!(transport.routes[0].pool.len(), 0);
    // The server's read ends only because the connection does.
    assert_eq!(server.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_dropped_call_resets_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let transport = transport(&[listener.local_addr().unwrap()]);
    let request = post();
    let mut call = Box::pin(transport.call(&request));
    let accepted = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        read_request(&mut tcp).await.unwrap();
        tcp
    };
    let mut tcp = tokio::select! {
        tcp = accepted => tcp,
        _ = &mut call => panic!("nobody answers"),
    };

    drop(call);

    let seen = tcp.read_u8().await.unwrap_err().kind();
    assert_eq!(seen, std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn what_is_refused_goes_to_the_next_base_and_stays_there() {
    let (second, server) = server(vec![vec![Does::Says(OK); 2]]).await;
    let transport = transport(&[refusing().await, second]);

    for _ in 0..2 {
        assert_eq!(transport.call(&post()).await.unwrap().status, 200);
    }

    assert_eq!(transport.failover.preferred(), 1);
    drop(transport);
    assert_eq!(server.await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_may_have_been_seen_does_not_go_to_the_next_base() {
    let (first, _first) = server(vec![vec![Does::SaysAndCloses("")]]).await;
    let (second, untouched) = server(vec![vec![Does::Says(OK)]]).await;
    let transport = transport(&[first, second]);

    let outcome = transport.call(&post()).await;

    assert!(matches!(outcome, Err(CallError::NoAnswer(_))));
    assert!(!untouched.is_finished());
}

#[tokio::test]
async fn when_every_base_refuses_it_was_not_sent() {
    let transport = transport(&[refusing().await, refusing().await]);

    let outcome = transport.call(&post()).await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::Connect(_)))), "{}", kind(&outcome));
}

#[tokio::test]
async fn a_server_without_tls_was_not_sent_anything() {
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let secure = Settings {
        api_bases: vec![format!("https://{}", plain.local_addr().unwrap())],
        ..Settings::default()
    };
    let answering = tokio::spawn(async move {
        let (mut tcp, _) = plain.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = tcp.read(&mut [0; 512]).await;
    });

    let outcome = Transport::new(&secure, None).unwrap().call(&post()).await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::Tls(_)))), "{}", kind(&outcome));
    answering.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_never_comes_about_was_not_sent() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings {
        api_bases: vec![format!("https://{}", silent.local_addr().unwrap())],
        connect_timeout: Duration::from_millis(30),
        ..Settings::default()
    };

    let outcome = Transport::new(&settings, None).unwrap().call(&post()).await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::ConnectTimeout))), "{}", kind(&outcome));
}

#[tokio::test]
async fn a_path_no_url_can_have_is_not_sent_anywhere() {
    let transport = transport(&[refusing().await]);

    let outcome = transport.call(&Call { path: "/a b", ..post() }).await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::Unwritable(_)))));
}

#[tokio::test]
async fn plain_http_goes_through_a_proxy_in_absolute_form() {
    let (address, server) = server(vec![vec![Does::Says(OK)]]).await;
    let proxy = Proxy::parse(&format!("http://me:pass@{address}")).unwrap();
    let named = Settings { api_bases: vec!["http://wechat.invalid/x".into()], ..Settings::default() };
    let transport = Transport::new(&named, Some(proxy)).unwrap();

    transport.call(&post()).await.unwrap();
    drop(transport);

    let request = server.await.unwrap().remove(0);
    assert!(
        request.starts_with("POST http://wechat.invalid/x/send?access_token=t HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("host: wechat.invalid\r\n")
            && request.contains("proxy-authorization: Basic bWU6cGFzcw==\r\n")
    );
}

#[tokio::test]
async fn a_proxy_that_wants_another_password_has_not_sent_it_on() {
    let (address, _server) =
        server(vec![vec![Does::Says("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")]]).await;
    let proxy = Proxy::parse(&format!("http://{address}")).unwrap();
    let named = Settings { api_bases: vec!["http://wechat.invalid".into()], ..Settings::default() };

    let outcome = Transport::new(&named, Some(proxy)).unwrap().call(&post()).await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::Proxy { status: 407 }))));
}

#[tokio::test]
async fn https_goes_through_a_proxy_by_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let named = Settings { api_bases: vec!["https://wechat.invalid".into()], ..Settings::default() };
    let refusing = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 1024];
        let length = tcp.read(&mut head).await.unwrap();
        tcp.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
        String::from_utf8(head[..length].to_vec()).unwrap()
    });

    let outcome = Transport::new(&named, Some(proxy)).unwrap().call(&post()).await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::Proxy { status: 403 }))), "{}", kind(&outcome));
    assert_eq!(
        refusing.await.unwrap(),
        "CONNECT wechat.invalid:443 HTTP/1.1\r\nHost: wechat.invalid:443\r\n\r\n"
    );
}

/// Answers each request with the last word of its path, for as many connections as come.
async fn echoing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                while let Some(request) = read_request(&mut tcp).await {
                    let word = request.split_once(" HTTP").unwrap().0.rsplit_once('/').unwrap().1.to_owned();
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{word}", word.len());
                    tcp.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn many_calls_at_once_each_get_their_own_answer() {
    let transport = std::sync::Arc::new(transport(&[echoing().await]));
    let mut calls = tokio::task::JoinSet::new();

    for nth in 0..400 {
        let transport = std::sync::Arc::clone(&transport);
        calls.spawn(async move {
            let path = format!("/send/{nth}");
            let answer = transport.call(&Call { path: &path, ..post() }).await.unwrap();
            answer.body == nth.to_string()
        });
    }

    assert!(calls.join_all().await.into_iter().all(|own| own));
    assert!(transport.routes[0].pool.len() > 1);
}
