//! Which way a request goes: bases, proxies, TLS.

use super::*;

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

    let outcome = Transport::new(&secure).unwrap().call(&post()).await;

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

    let outcome = Transport::new(&settings).unwrap().call(&post()).await;

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
    let transport = proxied(&named, proxy);

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
async fn a_proxy_at_an_address_that_may_not_be_called_is_not_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let proxy_guard = crate::AddressGuard::new(|address| !address.is_loopback());
    let guarded =
        Settings { api_bases: vec!["http://api.weixin.test".to_owned()], proxy_guard, ..settings(&[]) };

    let outcome = proxied(&guarded, proxy).call(&post()).await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::ProxyClosed))), "{}", kind(&outcome));
}

#[tokio::test]
async fn a_proxy_that_wants_another_password_has_not_sent_it_on() {
    let (address, _server) =
        server(vec![vec![Does::Says("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")]]).await;
    let proxy = Proxy::parse(&format!("http://{address}")).unwrap();
    let named = Settings { api_bases: vec!["http://wechat.invalid".into()], ..Settings::default() };

    let outcome = proxied(&named, proxy).call(&post()).await;

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

    let outcome = proxied(&named, proxy).call(&post()).await;

    assert!(matches!(outcome, Err(CallError::NotSent(NotSent::Proxy { status: 403 }))), "{}", kind(&outcome));
    assert_eq!(
        refusing.await.unwrap(),
        "CONNECT wechat.invalid:443 HTTP/1.1\r\nHost: wechat.invalid:443\r\n\r\n"
    );
}
