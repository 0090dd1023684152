//! The first set-up.

use hongyan_server::Settings;
use hongyan_store::generate_setup_secret;
use http::{StatusCode, header};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::server::{NOW, Server};

/// A server nobody has a key for, and its set-up link.
async fn fresh() -> (Server, String) {
    let server = Server::start_empty(Settings::default()).await;
    let secret = generate_setup_secret(&mut StdRng::seed_from_u64(3));
    server.store.put_setup_secret(&secret, NOW).await.unwrap();
    (server, format!("/setup?token={}", secret.expose()))
}

/// The key on a page.
fn key_on(page: &str) -> &str {
    let (_, rest) = page.split_once("value=\"hy_").expect("there is a key");
    let (key, _) = rest.split_once('"').unwrap();
    assert_eq!(key.len(), 8 + 1 + 43);
    &page[page.find("hy_").unwrap()..][..3 + key.len()]
}

#[tokio::test]
async fn the_link_makes_one_key_that_opens_everything() {
    let (server, link) = fresh().await;

    let page = server.call_as("", ("GET", &link), "").await;
    let again = server.call_as("", ("GET", &link), "").await;
    let made = server.call_as("", ("POST", &link), "").await;

    assert_eq!((page.status, again.status, made.status), (StatusCode::OK, StatusCode::OK, StatusCode::OK));
    assert!(page.text.contains("method=post"));
    let key = key_on(&made.text);
    assert!(server.call_as(key, ("GET", "/api/v1/keys"), "").await.status.is_success());
    assert!(server.call_as(key, ("GET", "/api/v1/messages"), "").await.status.is_success());
}

#[tokio::test]
async fn a_used_link_is_a_clear_page_and_makes_nothing() {
    let (server, link) = fresh().await;
    server.call_as("", ("POST", &link), "").await;

    for method in ["GET", "POST"] {
        let page = server.call_as("", (method, &link), "").await;
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.text.contains("链接已失效") && !page.text.contains("<form"));
    }
    assert_eq!(server.store.keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_of_yesterday_or_a_wrong_one_makes_nothing() {
    let (server, link) = fresh().await;
    let wrong = format!("/setup?token={}", "0".repeat(43));

    assert_eq!(server.call_as("", ("POST", &wrong), "").await.status, StatusCode::GONE);
    assert_eq!(server.call_as("", ("POST", "/setup"), "").await.status, StatusCode::GONE);
    server.clock.advance_ms(24 * 3_600_000 + 1);
    assert_eq!(server.call_as("", ("POST", &link), "").await.status, StatusCode::GONE);

    assert!(server.store.keys().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_link_is_dead_once_there_is_a_key() {
    let (server, link) = fresh().await;
    server.make_key(1, &hongyan_store::Scope::ALL, &[]).await;

    assert_eq!(server.call_as("", ("POST", &link), "").await.status, StatusCode::GONE);
    assert_eq!(server.store.keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn pages_load_nothing_and_are_kept_nowhere() {
    let (server, link) = fresh().await;

    for path in ["/", &link, "/setup?token=%3Cscript%3E"] {
        let page = server.call_as("", ("GET", path), "").await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(page.text.contains(&format!("<style nonce=\"{nonce}\">")));
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(page.headers[header::REFERRER_POLICY], "no-referrer");
        assert!(
            !page.text.contains("src=") && !page.text.contains("<script>") && !page.text.contains("onclick")
        );
    }
}

#[tokio::test]
async fn the_landing_page_speaks_both_languages_and_tells_the_first_step() {
    let (server, _) = fresh().await;

    let zh = server.call_as("", ("GET", "/"), "").await.text;
    let en = server.call_as("", ("GET", "/?lang=en"), "").await.text;
    server.make_key(1, &hongyan_store::Scope::ALL, &[]).await;
    let later = server.call_as("", ("GET", "/"), "").await.text;

    assert!(zh.contains("还没有 API 密钥") && zh.contains("lang=\"zh-CN\"") && zh.contains("/?lang=en"));
    assert!(en.contains("There is no API key yet") && en.contains("lang=\"en\""));
    assert!(later.contains("服务运行中") && later.contains("/api/openapi.json"));
}
