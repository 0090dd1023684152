//! Real connections: kept alive, and at the end let finish.

use hongyan_server::{Settings, serve};
use hongyan_store::{NewUser, PasswordHash, Role, Salt, Secret};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::server::{NOW, Server, message};

struct Running {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn run(server: &Server) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let ended = tokio::spawn(serve(server.app.clone(), listener, stop.clone()));
    Running { address, stop, ended }
}

fn head(server: &Server, length: usize) -> String {
    format!(
        "POST /api/v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n\r\n",
        server.key
    )
}

/// Reads one answer whose body is as long as it says.
async fn answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut more = [0; 4096];
        let got = stream.read(&mut more).await.unwrap();
        assert!(got > 0, "closed after {text}");
        read.extend_from_slice(&more[..got]);
    }
}

/// A login through a proxy on this machine, which says who called it.
async fn log_in(stream: &mut TcpStream, from: &str, password: &str) -> String {
    let body = format!("{{\"name\":\"zhang\",\"password\":\"{password}\"}}");
    let head = format!(
        "POST /api/v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-forwarded-for: 6.6.6.6, {from}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    answer(stream).await.split(' ').nth(1).unwrap().to_owned()
}

async fn with_zhang(settings: Settings) -> (Server, Running, TcpStream) {
    let server = Server::start_with(settings).await;
    let salt = Salt::generate(&mut StdRng::seed_from_u64(5));
    let password = PasswordHash::of(&Secret::new("correct horse"), &salt).unwrap();
    let user = NewUser {
        name: "zhang".to_owned(),
        password,
        role: Role::Viewer,
        accounts: Vec::new(),
        language: None,
    };
    assert!(server.store.put_user(user, NOW).await.unwrap());
    let running = run(&server).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    (server, running, stream)
}

#[tokio::test]
async fn behind_a_proxy_each_caller_is_throttled_and_audited_by_its_own_address() {
    let (server, running, mut stream) = with_zhang(Settings::default()).await;

    for _ in 0..30 {
        assert_eq!(log_in(&mut stream, "203.0.113.7", "wrong password").await, "401");
    }

    assert_eq!(log_in(&mut stream, "203.0.113.7", "correct horse").await, "429");
    assert_eq!(log_in(&mut stream, "198.51.100.2", "correct horse").await, "200");
    let audit = server.get("/api/v1/audit").await.text;
    assert!(audit.contains("198.51.100.2") && !audit.contains("6.6.6.6"), "{audit}");
    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_caller_to_the_throttle() {
    let (_server, running, mut stream) = with_zhang(Settings::default()).await;

    for host in 0..30 {
        assert_eq!(log_in(&mut stream, &format!("2001:db8::{host:x}"), "wrong password").await, "401");
    }

    assert_eq!(log_in(&mut stream, "2001:db8::ffff", "correct horse").await, "429");
    assert_eq!(log_in(&mut stream, "2001:db8:0:1::1", "correct horse").await, "200");
    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_a_stranger_says_of_its_address_is_not_believed() {
    let (server, running, mut stream) = with_zhang(Settings { proxies: vec![], ..Settings::default() }).await;

    assert_eq!(log_in(&mut stream, "198.51.100.2", "correct horse").await, "200");

    let audit = server.get("/api/v1/audit").await.text;
    assert!(audit.contains("127.0.0.1") && !audit.contains("198.51.100.2"), "{audit}");
    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn many_strangers_that_guess_do_not_keep_a_user_out_of_where_they_work() {
    let (_server, running, mut stream) = with_zhang(Settings::default()).await;
    assert_eq!(log_in(&mut stream, "198.51.100.2", "correct horse").await, "200");

    for address in 0..5 {
        for _ in 0..20 {
            log_in(&mut stream, &format!("203.0.113.{address}"), "wrong password").await;
        }
    }

    assert_eq!(log_in(&mut stream, "203.0.113.99", "correct horse").await, "429", "strangers wait");
    assert_eq!(log_in(&mut stream, "198.51.100.2", "correct horse").await, "200");
    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = Server::start().await;
    let running = run(&server).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let body = message().to_string();

    for _ in 0..3 {
        stream.write_all(format!("{}{body}", head(&server, body.len())).as_bytes()).await.unwrap();
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 202 "));
    }

    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_is_there_for_a_caller_that_first_writes_a_body_that_is_refused() {
    let server = Server::start().await;
    let running = run(&server).await;
    let body = vec![b' '; 3 * Settings::default().body_limit];
    let refused = [
        (head(&server, body.len()), "413"),
        (head(&server, body.len()).replace(&server.key, "unknown"), "401"),
        (
            head(&server, body.len()).replace("content-length", "content-type: text/html\r\ncontent-length"),
            "415",
        ),
    ];

    for (head, status) in refused {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let answered = answer(&mut stream).await;
        assert!(answered.starts_with(&format!("HTTP/1.1 {status} ")), "{answered}");
    }

    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_that_never_ends_a_refused_body_is_cut_off() {
    let server = Server::start_with(Settings { body_limit: 1_000, ..Settings::default() }).await;
    let running = run(&server).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head(&server, usize::MAX >> 1).as_bytes()).await.unwrap();

    while stream.write_all(&[b' '; 4096]).await.is_ok() {}

    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_under_way_at_the_end_is_answered_and_nothing_new_is_taken() {
    let server = Server::start().await;
    let running = run(&server).await;
    let body = message().to_string();
    let (first, second) = body.split_at(10);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    // "100 Continue" says that the request has begun.
    let head = head(&server, body.len()).replace("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 100 "));

    running.stop.cancel();
    stream.write_all(first.as_bytes()).await.unwrap();
    stream.write_all(second.as_bytes()).await.unwrap();
    let answered = answer(&mut stream).await;
    running.ended.await.unwrap().unwrap();

    assert!(answered.starts_with("HTTP/1.1 202 "), "{answered}");
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_outlasts_the_grace_is_cut_off() {
    let settings = Settings { grace: std::time::Duration::from_millis(5), ..Settings::default() };
    let server = Server::start_with(settings).await;
    let running = run(&server).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = head(&server, 100).replace("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    answer(&mut stream).await;

    running.stop.cancel();

    running.ended.await.unwrap().unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

/// What the server writes before it closes.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    // A connection that is reset is closed, too.
    let _ = stream.read_to_end(&mut read).await;
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test]
async fn a_caller_whose_first_head_does_not_end_is_cut_off_and_one_between_requests_is_not() {
    let settings = Settings { header_timeout: std::time::Duration::from_millis(50), ..Settings::default() };
    let server = Server::start_with(settings).await;
    let running = run(&server).await;
    let (mut slow, mut idle) = (
        TcpStream::connect(running.address).await.unwrap(),
        TcpStream::connect(running.address).await.unwrap(),
    );
    let health = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    idle.write_all(health).await.unwrap();
    answer(&mut idle).await;

    slow.write_all(b"G").await.unwrap();
    let told = until_closed(&mut slow).await;
    idle.write_all(health).await.unwrap();

    assert_eq!(told, "");
    assert!(answer(&mut idle).await.starts_with("HTTP/1.1 200 "));
    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_address_has_only_so_many_connections() {
    let settings = Settings { max_connections_per_address: 2, proxies: vec![], ..Settings::default() };
    let server = Server::start_with(settings).await;
    let running = run(&server).await;
    let health = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(health).await.unwrap();
        answer(&mut stream).await;
        held.push(stream);
    }

    let mut third = TcpStream::connect(running.address).await.unwrap();

    assert_eq!(until_closed(&mut third).await, "");
    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_body_in_many_tiny_chunks_is_refused_and_one_in_some_is_not() {
    let server = Server::start().await;
    let running = run(&server).await;
    let head = head(&server, 0).replace("content-length: 0", "transfer-encoding: chunked");
    let body: String =
        message().to_string().chars().map(|c| format!("{:x}\r\n{c}\r\n", c.len_utf8())).collect();

    for (chunks, status) in [(body, "202"), ("1\r\n \r\n".repeat(10_000), "400")] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(chunks.as_bytes()).await.unwrap();
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        let answered = answer(&mut stream).await;
        assert!(answered.starts_with(&format!("HTTP/1.1 {status} ")), "{answered}");
    }

    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
}
