//! Users: in and out, what their roles allow, and what another site's page can make their browser do.

use axum::body::Body;
use hongyan_store::{
    NewUser, PasswordHash, Role, Salt, Scope, Secret, SessionToken, UserChange, Visitor, generate_totp,
    totp_step,
};
use http::{Request, StatusCode, header};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::routes::ROUTES;
use crate::server::{NOW, Reply, Server, problem};

const PASSWORD: &str = "correct horse";
/// Daily work: what an operator may do, and no key without the scope `admin`.
const DAILY_WORK: [(&str, &str); 10] = [
    ("POST", "/api/v1/alerts/{id}/silence"),
    ("POST", "/api/v1/approvals/{id}/approve"),
    ("POST", "/api/v1/approvals/{id}/reject"),
    ("POST", "/api/v1/approvals/decide"),
    ("POST", "/api/v1/compliance/brakes/{id}/release"),
    ("POST", "/api/v1/suppressions/import"),
    ("POST", "/api/v1/accounts/{appid}/pause"),
    ("POST", "/api/v1/accounts/{appid}/resume"),
    ("POST", "/api/v1/suppressions"),
    ("DELETE", "/api/v1/suppressions"),
];

async fn put(server: &Server, name: &str, role: Role) {
    let password =
        PasswordHash::of(&Secret::new(PASSWORD), &Salt::generate(&mut StdRng::seed_from_u64(5))).unwrap();
    let user = NewUser { name: name.to_owned(), password, role, accounts: Vec::new(), language: None };
    assert!(server.store.put_user(user, NOW).await.unwrap());
}

/// The cookie of a new session.
async fn cookie(server: &Server, name: &str, seed: u64) -> String {
    let token = SessionToken::generate(&mut StdRng::seed_from_u64(seed));
    assert!(server.store.begin_session(name, &token, Visitor::default(), server.clock.now()).await.unwrap());
    format!("hongyan={}", token.expose())
}

/// As a page of ours sends it, unless `site` is another.
async fn call(server: &Server, cookie: &str, site: &str, (method, path): (&str, &str), body: &str) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", site);
    server.call(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn log_in(server: &Server, body: &Value) -> Reply {
    server.call_as("", ("POST", "/api/v1/login"), body.to_string()).await
}

fn filled(path: &str) -> String {
    path.replace("{id}", "msg_0000000000000").replace("{appid}", "wx_nobody").replace("{template_id}", "T")
}

#[tokio::test]
async fn every_route_obeys_the_role_and_no_page_of_another_site() {
    let server = Server::start().await;
    let mut seed = 1_000;
    for role in Role::ALL {
        put(&server, role.as_str(), role).await;
        for &(method, path, scope) in ROUTES {
            let Some(scope) = scope else { continue };
            seed += 1;
            let cookie = cookie(&server, role.as_str(), seed).await;
            let route = (method, &*filled(path));
            let allowed =
                role.holds(scope) || (role >= Role::Operator && DAILY_WORK.contains(&(method, path)));

            let foreign = call(&server, &cookie, "cross-site", route, "").await;
            let own = call(&server, &cookie, "same-origin", route, "").await;

            if method != "GET" {
                assert_eq!(foreign.problem(), problem(403, "foreign_origin"), "{role:?} {method} {path}");
            }
            if allowed {
                assert!(
                    !matches!(own.status.as_u16(), 401 | 403 | 405),
                    "{role:?} {method} {path}: {}",
                    own.text
                );
            } else {
                assert_eq!(own.problem(), problem(403, "forbidden"), "{role:?} {method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_login_gives_a_cookie_and_a_logout_ends_it() {
    let server = Server::start().await;
    put(&server, "zhang", Role::Viewer).await;

    let entered = log_in(&server, &json!({ "name": "Zhang", "password": PASSWORD })).await;
    let set = entered.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    let cookie = set.split(';').next().unwrap();
    let me = call(&server, cookie, "same-origin", ("GET", "/api/v1/me"), "").await.json();
    let left = call(&server, cookie, "same-origin", ("POST", "/api/v1/logout"), "{}").await;
    let after = call(&server, cookie, "same-origin", ("GET", "/api/v1/me"), "").await;

    assert!(set.contains("HttpOnly; SameSite=Strict") && !set.contains("Secure"), "{set}");
    assert_eq!((&me["name"], &me["role"]), (&json!("zhang"), &json!("viewer")));
    assert_eq!(left.status, StatusCode::NO_CONTENT);
    assert_eq!(after.problem(), problem(401, "unauthorized"));
}

#[tokio::test]
async fn behind_https_the_cookie_is_bound_to_the_host() {
    let server = Server::start().await;
    put(&server, "zhang", Role::Viewer).await;
    let request = Request::post("/api/v1/login")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::HOST, "hy.example")
        .header(header::ORIGIN, "https://hy.example");

    let body = json!({ "name": "zhang", "password": PASSWORD }).to_string();
    let entered = server.call(request.body(Body::from(body)).unwrap()).await;

    let set = entered.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        set.starts_with("__Host-hongyan=") && set.ends_with("Path=/; HttpOnly; SameSite=Strict; Secure"),
        "{set}"
    );
}

#[tokio::test]
async fn nobody_wrong_passwords_and_disabled_users_get_the_same_answer_and_then_wait() {
    let server = Server::start().await;
    put(&server, "zhang", Role::Viewer).await;
    put(&server, "li", Role::Viewer).await;
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    server.store.change_user("li", change, NOW).await.unwrap();

    let mut answers = Vec::new();
    for (name, password) in [("nobody", PASSWORD), ("zhang", "wrong password"), ("li", PASSWORD)] {
        answers.push(log_in(&server, &json!({ "name": name, "password": password })).await.text);
    }
    for _ in 0..30 {
        log_in(&server, &json!({ "name": "zhang", "password": "wrong password" })).await;
    }

    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    let right = json!({ "name": "zhang", "password": PASSWORD });
    assert_eq!(log_in(&server, &right).await.problem(), problem(429, "throttled"));
    server.clock.advance_ms(61 * 1_000);
    assert_eq!(log_in(&server, &right).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_second_factor_is_turned_on_by_its_code_and_each_code_opens_once() {
    let server = Server::start().await;
    put(&server, "zhang", Role::Viewer).await;
    let cookie = cookie(&server, "zhang", 1).await;
    let secret = generate_totp(&mut StdRng::seed_from_u64(2));
    let code = (0..1_000_000).map(|n| format!("{n:06}")).find(|code| totp_step(&secret, code, NOW).is_some());
    let code = code.unwrap();
    let on = |code: &str| json!({ "current_password": PASSWORD, "totp": { "turn": "on", "secret": secret.expose(), "code": code } });

    let wrong = call(&server, &cookie, "same-origin", ("PATCH", "/api/v1/me"), &on("x").to_string()).await;
    let right = call(&server, &cookie, "same-origin", ("PATCH", "/api/v1/me"), &on(&code).to_string()).await;
    let without = log_in(&server, &json!({ "name": "zhang", "password": PASSWORD })).await;
    let with = json!({ "name": "zhang", "password": PASSWORD, "totp": code });
    let (first, second) = (log_in(&server, &with).await, log_in(&server, &with).await);

    assert_eq!(wrong.fields(), ["totp.code"]);
    assert_eq!((right.status, right.json()["totp"].clone()), (StatusCode::OK, json!(true)));
    assert_eq!(without.problem(), problem(401, "totp_needed"));
    assert_eq!((first.status, second.problem()), (StatusCode::OK, problem(401, "login_failed")));
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nobody_out_and_lets_no_code_in_twice() {
    let server = Server::start().await;
    put(&server, "zhang", Role::Viewer).await;
    let secret = generate_totp(&mut StdRng::seed_from_u64(2));
    let turned = server.store.change_user(
        "zhang",
        UserChange { totp: Some(Some(secret.clone())), ..UserChange::default() },
        NOW,
    );
    turned.await.unwrap();
    let login = |code: &str| json!({ "name": "zhang", "password": PASSWORD, "totp": code });
    let code_at = |now| {
        (0..1_000_000)
            .map(|n| format!("{n:06}"))
            .find(|code| totp_step(&secret, code, now).is_some())
            .unwrap()
    };

    let before = code_at(server.clock.now());
    server.clock.advance_ms(3_600 * 1_000);
    let ahead = log_in(&server, &login(&code_at(server.clock.now()))).await;
    server.clock.set_back_ms(3_600 * 1_000);
    let (back, again) = (log_in(&server, &login(&before)).await, log_in(&server, &login(&before)).await);

    assert_eq!((ahead.status, back.status), (StatusCode::OK, StatusCode::OK), "{}", back.text);
    assert_eq!(again.problem(), problem(401, "login_failed"));
}

#[tokio::test]
async fn a_cookie_from_before_a_login_opens_nothing_after_it() {
    let server = Server::start().await;
    put(&server, "zhang", Role::Viewer).await;
    let planted = format!("hongyan={}", "ab".repeat(32));

    let body = json!({ "name": "zhang", "password": PASSWORD }).to_string();
    let entered = call(&server, &planted, "same-origin", ("POST", "/api/v1/login"), &body).await;
    let after = call(&server, &planted, "same-origin", ("GET", "/api/v1/me"), "").await;

    let set = entered.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(entered.status == StatusCode::OK && !set.contains(&planted), "{set}");
    assert_eq!(after.problem(), problem(401, "unauthorized"));
}

#[tokio::test]
async fn an_admin_makes_changes_and_deletes_users_but_never_the_last_admin() {
    let server = Server::start().await;
    put(&server, "root", Role::Admin).await;
    let cookie = cookie(&server, "root", 1).await;
    let ask = async |method: &str, path: &str, body: Value| {
        call(&server, &cookie, "same-origin", (method, path), &body.to_string()).await
    };

    let bad = ask(
        "POST",
        "/api/v1/users",
        json!({ "name": "A", "password": "x", "role": "king", "appids": ["wx_none"] }),
    )
    .await;
    let made =
        ask("POST", "/api/v1/users", json!({ "name": "li", "password": PASSWORD, "role": "viewer" })).await;
    let twice =
        ask("POST", "/api/v1/users", json!({ "name": "li", "password": PASSWORD, "role": "viewer" })).await;
    let changed = ask("PATCH", "/api/v1/users/li", json!({ "role": "operator", "disabled": true })).await;
    let last = ask("PATCH", "/api/v1/users/root", json!({ "role": "viewer" })).await;
    let gone = ask("DELETE", "/api/v1/users/li", json!({})).await;

    assert_eq!(bad.fields(), ["name", "password", "role", "appids"]);
    assert_eq!((made.status, twice.problem()), (StatusCode::CREATED, problem(409, "user_exists")));
    assert_eq!(changed.json()["role"], "operator");
    assert!(changed.json()["disabled_at"].is_string() && !made.text.contains("argon2"));
    assert_eq!(last.problem(), problem(409, "last_admin"));
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_session_ends_by_idleness_by_a_new_password_and_by_being_ended() {
    let server = Server::start().await;
    put(&server, "zhang", Role::Operator).await;
    let (one, two) = (cookie(&server, "zhang", 1).await, cookie(&server, "zhang", 2).await);
    let sessions = call(&server, &one, "same-origin", ("GET", "/api/v1/sessions"), "").await.json();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2);

    let change = json!({ "current_password": PASSWORD, "password": "another horse" }).to_string();
    let changed = call(&server, &one, "same-origin", ("PATCH", "/api/v1/me"), &change).await;
    let other = call(&server, &two, "same-origin", ("GET", "/api/v1/me"), "").await;
    server.clock.advance_ms((12 * 3600 + 1) * 1_000);
    let idle = call(&server, &one, "same-origin", ("GET", "/api/v1/me"), "").await;

    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    assert_eq!((other.status, idle.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn a_stream_begins_with_a_snapshot_of_the_accounts_the_caller_may_see() {
    let server = Server::start().await;
    server.add_account(crate::server::OTHER).await;
    let key = server.make_key(9, &[Scope::Read], &[crate::server::OTHER]).await;

    let all = server.get("/api/v1/events").await;
    let some = server.call_as(&key, ("GET", "/api/v1/events"), "").await;

    let accounts = |reply: &Reply| {
        let data = reply.text.strip_prefix("event: snapshot\ndata: ").unwrap().trim();
        let value: Value = serde_json::from_str(data).unwrap();
        value["accounts"].as_array().unwrap().iter().map(|one| one["appid"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((accounts(&all).len(), accounts(&some)), (2, vec![json!(crate::server::OTHER)]));
}
