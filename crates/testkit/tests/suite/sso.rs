//! Logging in by the house's identity provider: who it vouches for gets the role it says, and nobody else gets in.

use hongyan_store::Role;
use hongyan_testkit::{Flaw, IdentityProvider, Reply, World};
use serde_json::{Value, json};

const CALLBACK: &str = "/api/v1/login/oidc/callback";
/// 2026-11-23 12:00 in Shanghai: when worlds begin.
const NOON_MS: i64 = 1_795_406_400_000;

async fn world() -> (World, IdentityProvider) {
    let provider = IdentityProvider::start(NOON_MS).await;
    let (client_id, secret) = IdentityProvider::CLIENT;
    let roles = [("root", Role::Admin), ("ops", Role::Operator), ("staff", Role::Viewer)];
    let oidc = hongyan_server::Oidc {
        issuer: provider.issuer(),
        client_id: client_id.to_owned(),
        client_secret: Some(hongyan_store::Secret::new(secret)),
        redirect_uri: format!("http://hongyan.example{CALLBACK}"),
        button: "企业登录".to_owned(),
        name_claim: "preferred_username".to_owned(),
        role_claim: "groups".to_owned(),
        roles: roles.map(|(value, role)| (value.to_owned(), role)).to_vec(),
    };
    let world = World::build().server(|settings| settings.oidc = Some(oidc)).start().await;
    (world, provider)
}

fn person(subject: &str, name: &str, groups: &[&str]) -> Value {
    json!({ "sub": subject, "preferred_username": name, "groups": groups })
}

fn location(reply: &Reply) -> &str {
    assert_eq!(reply.status, 303, "{reply:?}");
    reply.headers["location"].to_str().unwrap()
}

/// The cookie of this name that an answer sets.
fn cookie(reply: &Reply, name: &str) -> Option<String> {
    let set = reply.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let pairs = set.filter_map(|cookie| cookie.split(';').next()).filter_map(|pair| pair.split_once('='));
    pairs
        .into_iter()
        .find(|(known, value)| *known == name && !value.is_empty())
        .map(|(name, value)| format!("{name}={value}"))
}

/// From the button back to us, as a browser goes.
async fn log_in(world: &World, provider: &IdentityProvider) -> Reply {
    let sent = world.stranger().follow("/api/v1/login/oidc", &[]).await;
    let query = provider.log_in(location(&sent));
    let kept = cookie(&sent, "hongyan-sso").unwrap();
    world.stranger().follow(&format!("{CALLBACK}?{query}"), &[("cookie", &kept)]).await
}

async fn me(world: &World, reply: &Reply) -> Value {
    let session = cookie(reply, "hongyan").unwrap_or_else(|| panic!("no session: {reply:?}"));
    world.stranger().follow("/api/v1/me", &[("cookie", &session)]).await.expect(200)
}

#[tokio::test]
async fn who_the_provider_vouches_for_is_in_with_the_role_it_says_at_each_login_anew() {
    let (world, provider) = world().await;
    assert_eq!(world.stranger().get("/api/v1/setup").await.expect(200)["sso"], "企业登录");

    provider.vouch_for(person("s-1", "Li.Lei@corp.example", &["x", "staff", "ops"]));
    let first = log_in(&world, &provider).await;
    assert_eq!(location(&first), "/");
    let operator = me(&world, &first).await;
    provider.vouch_for(person("s-1", "li.lei@corp.example", &["staff"]));
    let second = log_in(&world, &provider).await;
    let viewer = me(&world, &second).await;

    assert_eq!((&operator["name"], &operator["role"]), (&json!("li.lei@corp.example"), &json!("operator")));
    assert_eq!((&viewer["name"], &viewer["role"]), (&json!("li.lei@corp.example"), &json!("viewer")));
    let old = cookie(&first, "hongyan").unwrap();
    let old = world.stranger().follow("/api/v1/me", &[("cookie", &old)]).await;
    assert_eq!(old.status, 401, "another role ends the sessions before");
    assert_eq!(provider.keys_read(), 1, "what it says of itself is kept");
    world.finish().await;
}

#[tokio::test]
async fn a_token_with_anything_wrong_lets_nobody_in() {
    let (world, provider) = world().await;
    provider.vouch_for(person("s-1", "lilei", &["root"]));
    let flaws = [
        (Flaw::Nonce, "token"),
        (Flaw::Audience, "token"),
        (Flaw::Issuer, "token"),
        (Flaw::Expired, "token"),
        (Flaw::UnknownKey, "token"),
        (Flaw::ForgedKey, "token"),
        (Flaw::Unsigned, "token"),
        (Flaw::NoToken, "provider"),
    ];

    for (flaw, why) in flaws {
        provider.be(flaw);
        let reply = log_in(&world, &provider).await;

        assert_eq!(location(&reply), format!("/login?sso={why}"), "{flaw:?}");
        assert_eq!(cookie(&reply, "hongyan"), None, "{flaw:?}");
    }
    assert_eq!(world.api().get("/api/v1/users").await.expect(200)["users"], json!([]));
    provider.be(Flaw::None);
    assert_eq!(location(&log_in(&world, &provider).await), "/");
    world.finish().await;
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_looked_for_once_a_minute() {
    let (world, provider) = world().await;
    provider.vouch_for(person("s-1", "lilei", &["staff"]));
    log_in(&world, &provider).await;
    provider.rename_key();

    let at_once = log_in(&world, &provider).await;
    world.advance(std::time::Duration::from_secs(61));
    let later = log_in(&world, &provider).await;

    assert_eq!((location(&at_once), location(&later)), ("/login?sso=token", "/"));
    assert_eq!(provider.keys_read(), 2);
    world.finish().await;
}

#[tokio::test]
async fn who_has_no_role_no_name_or_the_name_of_another_is_refused() {
    let (world, provider) = world().await;
    let local = json!({ "name": "hanmei", "password": "a long password", "role": "admin" });
    world.api().post("/api/v1/users", &local).await.expect(201);
    let cases = [
        (person("s-1", "lilei", &["guests"]), "role"),
        (json!({ "sub": "s-1", "groups": ["root"] }), "name"),
        (person("s-1", "李雷", &["root"]), "name"),
        (person("s-1", "hanmei", &["root"]), "taken"),
    ];

    for (claims, why) in cases {
        provider.vouch_for(claims.clone());
        let reply = log_in(&world, &provider).await;
        assert_eq!(location(&reply), format!("/login?sso={why}"), "{claims}");
    }
    provider.vouch_for(person("s-1", "lilei", &["staff"]));
    log_in(&world, &provider).await;
    provider.vouch_for(person("s-2", "lilei", &["root"]));
    assert_eq!(
        location(&log_in(&world, &provider).await),
        "/login?sso=taken",
        "another person of the same name"
    );
    let off = world.api().patch("/api/v1/users/lilei", &json!({ "disabled": true })).await;
    off.expect(200);
    provider.vouch_for(person("s-1", "lilei", &["staff"]));
    assert_eq!(location(&log_in(&world, &provider).await), "/login?sso=disabled");
    world.finish().await;
}

#[tokio::test]
async fn nobody_else_ends_a_login_that_a_browser_began_and_no_password_opens_such_a_user() {
    let (world, provider) = world().await;
    provider.vouch_for(person("s-1", "lilei", &["root"]));
    let sent = world.stranger().follow("/api/v1/login/oidc", &[]).await;
    let query = provider.log_in(location(&sent));
    let other = cookie(&world.stranger().follow("/api/v1/login/oidc", &[]).await, "hongyan-sso").unwrap();

    let without = world.stranger().follow(&format!("{CALLBACK}?{query}"), &[]).await;
    let foreign = world.stranger().follow(&format!("{CALLBACK}?{query}"), &[("cookie", &other)]).await;
    let kept = cookie(&sent, "hongyan-sso").unwrap();
    let state = query.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let denied = format!("{CALLBACK}?error=access_denied&state={state}");
    let denied = world.stranger().follow(&denied, &[("cookie", &kept)]).await;

    assert_eq!((location(&without), location(&foreign)), ("/login?sso=state", "/login?sso=state"));
    assert_eq!(location(&denied), "/login?sso=denied");
    log_in(&world, &provider).await;
    for password in ["", "oidc:", "a long password"] {
        let tried =
            world.stranger().post("/api/v1/login", &json!({ "name": "lilei", "password": password })).await;
        assert_eq!(tried.status, 401, "{tried:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_door() {
    let world = World::start().await;

    assert_eq!(world.stranger().get("/api/v1/setup").await.expect(200)["sso"], json!(null));
    for path in ["/api/v1/login/oidc".to_owned(), format!("{CALLBACK}?code=c&state=s")] {
        assert_eq!(location(&world.stranger().follow(&path, &[]).await), "/login?sso=off", "{path}");
    }
    world.finish().await;
}
