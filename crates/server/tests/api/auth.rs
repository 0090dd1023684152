//! Who may do what.

use hongyan_store::{KeyText, NewKey, Scope};
use http::{Request, header};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::routes::ROUTES;
use crate::server::{NOW, Server, problem};

/// The path of a route with something in its variable parts.
fn filled(path: &str) -> String {
    path.replace("{id}", "msg_0000000000000").replace("{appid}", "wx_nobody").replace("{template_id}", "T")
}

/// Trap 34: an API without authentication.
#[tokio::test]
async fn every_route_of_the_api_wants_a_key_with_its_scope() {
    let server = Server::start().await;

    for (seed, &(method, path, scope)) in ROUTES.iter().enumerate() {
        let Some(scope) = scope else { continue };
        let others: Vec<_> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let right = server.make_key(1_000 + seed as u64, &[scope], &[]).await;
        let wrong = server.make_key(2_000 + seed as u64, &others, &[]).await;
        let route = (method, &*filled(path));

        assert_eq!(
            server.call_as("", route, "").await.problem(),
            problem(401, "unauthorized"),
            "{method} {path}"
        );
        assert_eq!(
            server.call_as(&wrong, route, "").await.problem(),
            problem(403, "forbidden"),
            "{method} {path}"
        );
        let allowed = server.call_as(&right, route, "").await.status;
        assert!(!matches!(allowed.as_u16(), 401 | 403 | 405), "{method} {path}: {allowed}");
    }
}

#[tokio::test]
async fn what_opens_nothing_is_401_and_says_how_to_show_a_key() {
    let server = Server::start().await;
    let stranger = KeyText::generate(&mut StdRng::seed_from_u64(99));
    let shown = |value: String| {
        let request = Request::get("/api/v1/accounts").header(header::AUTHORIZATION, value);
        server.call(request.body(axum::body::Body::empty()).unwrap())
    };

    for value in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer x".to_owned(),
        format!("Basic {}", server.key),
        format!("Bearer {}", stranger.expose()),
        format!("Bearer {}x", server.key),
    ] {
        let reply = shown(value).await;
        assert_eq!(reply.problem(), problem(401, "unauthorized"));
        assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"hongyan\"");
    }
    assert!(shown(format!("bearer {}", server.key)).await.status.is_success());
}

#[tokio::test]
async fn a_key_ends_when_it_expires() {
    let server = Server::start().await;
    let text = KeyText::generate(&mut StdRng::seed_from_u64(5));
    let expires_at = Some(NOW.plus(std::time::Duration::from_secs(10)));
    let new = NewKey {
        text: text.clone(),
        name: "k".into(),
        scopes: vec![Scope::Read],
        accounts: vec![],
        expires_at,
    };
    server.store.put_key(new, NOW).await.unwrap();
    let look = || server.call_as(text.expose(), ("GET", "/api/v1/accounts"), "");

    assert!(look().await.status.is_success());
    server.clock.advance_ms(10_000);

    assert_eq!(look().await.problem(), problem(401, "unauthorized"));
}

#[tokio::test]
async fn a_key_revoked_by_another_process_is_out_at_the_next_tick() {
    let server = Server::start().await;
    let key = server.make_key(3, &[Scope::Read], &[]).await;
    let look = || server.call_as(&key, ("GET", "/api/v1/accounts"), "");
    assert!(look().await.status.is_success());

    server.store.revoke_key(&KeyText::parse(&key).unwrap().id(), NOW).await.unwrap();
    server.app.engine().tick().await;

    assert_eq!(look().await.problem(), problem(401, "unauthorized"));
}

#[tokio::test]
async fn strangers_are_slowed_down_and_keys_that_exist_are_not() {
    let server = Server::start().await;

    let mut told = Vec::new();
    for seed in 1_000..1_040 {
        let stranger = KeyText::generate(&mut StdRng::seed_from_u64(seed));
        told.push(server.call_as(stranger.expose(), ("GET", "/api/v1/accounts"), "").await);
    }

    assert_eq!(told[0].problem(), problem(401, "unauthorized"));
    let last = told.last().unwrap();
    assert_eq!(last.problem(), problem(429, "throttled"));
    assert_eq!(last.headers[header::RETRY_AFTER], "60");
    assert!(server.get("/api/v1/accounts").await.status.is_success(), "though it was never shown before");
    let (shown, never) =
        (server.make_key(3, &[Scope::Read], &[]).await, server.make_key(4, &[Scope::Read], &[]).await);
    let revoked = KeyText::parse(&shown).unwrap().id();
    let revoked = server.call_as(&server.key, ("DELETE", &format!("/api/v1/keys/{revoked}")), "").await;
    assert_eq!(revoked.status.as_u16(), 204);
    for key in [&never, &server.key] {
        assert!(server.call_as(key, ("GET", "/api/v1/accounts"), "").await.status.is_success());
    }
    assert_eq!(
        server.call_as(&shown, ("GET", "/api/v1/accounts"), "").await.problem(),
        problem(429, "throttled")
    );
}
