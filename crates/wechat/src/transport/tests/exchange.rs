//! What may happen between a request and its answer, and what becomes of the connection.

use super::*;

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
    let transport = Transport::new(&bounded).unwrap();

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
async fn a_front_ends_error_page_comes_with_its_status_and_ends_its_connection() {
    let page = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>";
    let (address, _server) = server(vec![vec![Does::Says(page)]]).await;
    let transport = transport(&[address]);

    assert_eq!(transport.call(&post()).await.unwrap().status, 502);

    assert_eq!(transport.routes[0].pool.len(), 0);
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
    let transport = Transport::new(&impatient).unwrap();

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

#[tokio::test]
async fn a_call_that_waited_for_its_turn_to_dial_takes_what_fell_idle_meanwhile() {
    let (address, server) = server(vec![vec![Does::Says(OK); 2]]).await;
    let transport = transport(&[address]);
    transport.call(&post()).await.unwrap();
    let idle = transport.routes[0].pool.take().unwrap();
    let mut turns = Vec::new();
    while let Ok(Ok(turn)) = tokio::time::timeout(Duration::ZERO, transport.dialer.turn()).await {
        turns.push(turn);
    }
    let request = post();
    let mut waiting = Box::pin(transport.call(&request));
    assert!(polled_once(&mut waiting).await.is_none());

    transport.routes[0].pool.put(idle);
    drop(turns);

    assert_eq!(waiting.await.unwrap().status, 200);
    drop(transport);
    assert_eq!(server.await.unwrap().len(), 2);
}

/// One poll: what it gave, if it gave.
async fn polled_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}
