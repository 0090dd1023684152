//! The list of routes, and the document that tells it.

use std::collections::BTreeSet;

use hongyan_store::Scope;
use http::header;

use crate::server::{Server, problem};

/// Every route and the scope it wants; `None`: no key.
pub(crate) const ROUTES: &[(&str, &str, Option<Scope>)] = &[
    ("POST", "/api/v1/messages", Some(Scope::Send)),
    ("GET", "/api/v1/messages", Some(Scope::Read)),
    ("POST", "/api/v1/messages/batch", Some(Scope::Send)),
    ("GET", "/api/v1/messages/{id}", Some(Scope::Read)),
    ("POST", "/api/v1/messages/{id}/cancel", Some(Scope::Send)),
    ("POST", "/api/v1/messages/{id}/resend", Some(Scope::Send)),
    ("GET", "/api/v1/accounts", Some(Scope::Read)),
    ("POST", "/api/v1/accounts", Some(Scope::Admin)),
    ("GET", "/api/v1/accounts/{appid}", Some(Scope::Read)),
    ("PUT", "/api/v1/accounts/{appid}", Some(Scope::Admin)),
    ("PATCH", "/api/v1/accounts/{appid}", Some(Scope::Admin)),
    ("DELETE", "/api/v1/accounts/{appid}", Some(Scope::Admin)),
    ("POST", "/api/v1/accounts/{appid}/check", Some(Scope::Read)),
    ("POST", "/api/v1/accounts/{appid}/pause", Some(Scope::Admin)),
    ("POST", "/api/v1/accounts/{appid}/resume", Some(Scope::Admin)),
    ("GET", "/api/v1/accounts/{appid}/quota", Some(Scope::Read)),
    ("POST", "/api/v1/accounts/{appid}/quota/clear", Some(Scope::Admin)),
    ("GET", "/api/v1/accounts/{appid}/industry", Some(Scope::Read)),
    ("PUT", "/api/v1/accounts/{appid}/industry", Some(Scope::Admin)),
    ("GET", "/api/v1/accounts/{appid}/templates", Some(Scope::Read)),
    ("POST", "/api/v1/accounts/{appid}/templates", Some(Scope::Admin)),
    ("POST", "/api/v1/accounts/{appid}/templates/sync", Some(Scope::Admin)),
    ("GET", "/api/v1/accounts/{appid}/templates/notices", Some(Scope::Read)),
    ("GET", "/api/v1/accounts/{appid}/templates/{template_id}", Some(Scope::Read)),
    ("PATCH", "/api/v1/accounts/{appid}/templates/{template_id}", Some(Scope::Admin)),
    ("DELETE", "/api/v1/accounts/{appid}/templates/{template_id}", Some(Scope::Admin)),
    ("GET", "/api/v1/accounts/{appid}/applications", Some(Scope::Read)),
    ("POST", "/api/v1/accounts/{appid}/applications", Some(Scope::Admin)),
    ("GET", "/api/v1/accounts/{appid}/applications/{id}", Some(Scope::Read)),
    ("PATCH", "/api/v1/accounts/{appid}/applications/{id}", Some(Scope::Admin)),
    ("POST", "/api/v1/accounts/{appid}/applications/{id}/check", Some(Scope::Admin)),
    ("POST", "/api/v1/accounts/{appid}/applications/{id}/submit", Some(Scope::Admin)),
    ("POST", "/api/v1/accounts/{appid}/applications/{id}/approve", Some(Scope::Admin)),
    ("POST", "/api/v1/accounts/{appid}/applications/{id}/reject", Some(Scope::Admin)),
    ("POST", "/api/v1/accounts/{appid}/applications/{id}/withdraw", Some(Scope::Admin)),
    ("GET", "/api/v1/industries", Some(Scope::Read)),
    ("GET", "/api/v1/keys", Some(Scope::Admin)),
    ("POST", "/api/v1/keys", Some(Scope::Admin)),
    ("DELETE", "/api/v1/keys/{id}", Some(Scope::Admin)),
    ("GET", "/api/v1/recipients/{openid}", Some(Scope::Read)),
    ("POST", "/api/v1/recipients/{openid}/check", Some(Scope::Read)),
    ("POST", "/api/v1/interactions", Some(Scope::Send)),
    ("GET", "/api/v1/suppressions", Some(Scope::Read)),
    ("POST", "/api/v1/suppressions", Some(Scope::Admin)),
    ("DELETE", "/api/v1/suppressions", Some(Scope::Admin)),
    ("POST", "/api/v1/suppressions/import", Some(Scope::Admin)),
    ("GET", "/api/v1/suppressions/export", Some(Scope::Read)),
    ("GET", "/api/v1/scenarios", Some(Scope::Read)),
    ("GET", "/api/v1/scenarios/{name}", Some(Scope::Read)),
    ("PUT", "/api/v1/scenarios/{name}", Some(Scope::Admin)),
    ("DELETE", "/api/v1/scenarios/{name}", Some(Scope::Admin)),
    ("POST", "/api/v1/scenarios/{name}/trigger", Some(Scope::Send)),
    ("POST", "/api/v1/scenarios/{name}/trigger/batch", Some(Scope::Send)),
    ("GET", "/api/v1/catalogue", Some(Scope::Read)),
    ("POST", "/api/v1/catalogue/{name}/bind", Some(Scope::Read)),
    ("GET", "/api/v1/policies", Some(Scope::Read)),
    ("PATCH", "/api/v1/policies/{rule}", Some(Scope::Admin)),
    ("GET", "/api/v1/recipients/{openid}/export", Some(Scope::Admin)),
    ("DELETE", "/api/v1/recipients/{openid}", Some(Scope::Admin)),
    ("GET", "/api/v1/hold", Some(Scope::Read)),
    ("POST", "/api/v1/hold", Some(Scope::Admin)),
    ("GET", "/api/v1/compliance/report", Some(Scope::Read)),
    ("GET", "/api/v1/compliance/blocked", Some(Scope::Read)),
    ("GET", "/api/v1/compliance/risk", Some(Scope::Read)),
    ("GET", "/api/v1/compliance/brakes", Some(Scope::Read)),
    ("POST", "/api/v1/compliance/brakes/{id}/release", Some(Scope::Admin)),
    ("GET", "/api/v1/complaints", Some(Scope::Read)),
    ("POST", "/api/v1/complaints", Some(Scope::Send)),
    ("GET", "/api/v1/audit", Some(Scope::Admin)),
    ("GET", "/api/v1/settings", Some(Scope::Admin)),
    ("GET", "/api/v1/audit/verify", Some(Scope::Admin)),
    ("GET", "/api/v1/requests", Some(Scope::Read)),
    ("GET", "/api/v1/stats", Some(Scope::Read)),
    ("GET", "/api/v1/stats/clicks", Some(Scope::Read)),
    ("GET", "/api/v1/stats/on_time", Some(Scope::Read)),
    ("GET", "/api/v1/words", Some(Scope::Read)),
    ("PUT", "/api/v1/words", Some(Scope::Admin)),
    ("DELETE", "/api/v1/words", Some(Scope::Admin)),
    ("POST", "/api/v1/content/check", Some(Scope::Read)),
    ("POST", "/api/v1/content/advise", Some(Scope::Read)),
    ("GET", "/api/v1/approvals", Some(Scope::Read)),
    ("POST", "/api/v1/approvals/decide", Some(Scope::Admin)),
    ("GET", "/api/v1/approvals/{id}", Some(Scope::Read)),
    ("POST", "/api/v1/approvals/{id}/approve", Some(Scope::Admin)),
    ("POST", "/api/v1/approvals/{id}/reject", Some(Scope::Admin)),
    ("POST", "/api/v1/scenarios/{name}/variants/{variant}/stop", Some(Scope::Admin)),
    ("GET", "/l/{code}", None),
    ("GET", "/api/v1/stats/series", Some(Scope::Read)),
    ("GET", "/api/v1/overview", Some(Scope::Read)),
    ("GET", "/api/v1/queue", Some(Scope::Read)),
    ("GET", "/api/v1/alerts", Some(Scope::Read)),
    ("POST", "/api/v1/alerts/{id}/silence", Some(Scope::Admin)),
    ("GET", "/api/v1/alerts/notes", Some(Scope::Read)),
    ("GET", "/api/v1/alerts/rules", Some(Scope::Read)),
    ("POST", "/api/v1/alerts/rules", Some(Scope::Admin)),
    ("PATCH", "/api/v1/alerts/rules/{id}", Some(Scope::Admin)),
    ("DELETE", "/api/v1/alerts/rules/{id}", Some(Scope::Admin)),
    ("GET", "/api/v1/alerts/channels", Some(Scope::Read)),
    ("POST", "/api/v1/alerts/channels", Some(Scope::Admin)),
    ("PATCH", "/api/v1/alerts/channels/{id}", Some(Scope::Admin)),
    ("DELETE", "/api/v1/alerts/channels/{id}", Some(Scope::Admin)),
    ("POST", "/api/v1/alerts/channels/{id}/test", Some(Scope::Admin)),
    ("GET", "/api/v1/webhooks", Some(Scope::Admin)),
    ("POST", "/api/v1/webhooks", Some(Scope::Admin)),
    ("PATCH", "/api/v1/webhooks/{id}", Some(Scope::Admin)),
    ("DELETE", "/api/v1/webhooks/{id}", Some(Scope::Admin)),
    ("POST", "/api/v1/webhooks/{id}/test", Some(Scope::Admin)),
    ("POST", "/api/v1/webhooks/{id}/replay", Some(Scope::Admin)),
    ("GET", "/api/v1/webhooks/{id}/deliveries", Some(Scope::Read)),
    ("GET", "/callback/{appid}", None),
    ("POST", "/callback/{appid}", None),
    ("GET", "/healthz", None),
    ("GET", "/readyz", None),
    ("GET", "/metrics", None),
    ("GET", "/api/openapi.json", None),
    ("GET", "/api/v1/events", Some(Scope::Read)),
    ("GET", "/api/v1/setup", None),
    ("POST", "/api/v1/setup", None),
    ("POST", "/api/v1/login", None),
    ("GET", "/api/v1/login/oidc", None),
    ("GET", "/api/v1/login/oidc/callback", None),
    ("POST", "/api/v1/logout", Some(Scope::Read)),
    ("GET", "/api/v1/me", Some(Scope::Read)),
    ("PATCH", "/api/v1/me", Some(Scope::Read)),
    ("GET", "/api/v1/sessions", Some(Scope::Read)),
    ("DELETE", "/api/v1/sessions/{id}", Some(Scope::Read)),
    ("GET", "/api/v1/users", Some(Scope::Admin)),
    ("POST", "/api/v1/users", Some(Scope::Admin)),
    ("GET", "/api/v1/users/{name}", Some(Scope::Admin)),
    ("PATCH", "/api/v1/users/{name}", Some(Scope::Admin)),
    ("DELETE", "/api/v1/users/{name}", Some(Scope::Admin)),
];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

#[tokio::test]
async fn the_document_tells_every_route_and_no_other() {
    let server = Server::start().await;

    let document = server.get("/api/openapi.json").await.json();

    let paths = document["paths"].as_object().unwrap();
    let told: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let routes: BTreeSet<_> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(told, routes);
    assert_eq!(routes.len(), ROUTES.len(), "a route is listed twice");
}

#[tokio::test]
async fn a_route_answers_its_methods_and_405_to_all_others() {
    let server = Server::start().await;

    for &(_, path, _) in ROUTES {
        for method in METHODS {
            let known = ROUTES.iter().any(|(right, at, _)| *at == path && *right == method);
            let reply = server.call_as("", (method, path), "").await;
            if known {
                assert_ne!(reply.status, 405, "{method} {path}");
                assert!(!reply.text.contains("unknown_route"), "{method} {path}");
            } else {
                assert_eq!(reply.problem(), problem(405, "method_not_allowed"), "{method} {path}");
                assert!(reply.headers.contains_key(header::ALLOW), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_is_not_a_route_is_404() {
    let server = Server::start().await;

    for path in [
        "/nothing",
        "/api",
        "/api/v2/messages",
        "/api/v1/messages/",
        "/callback",
        "/assets/none.js",
        "/%2e%2e/etc/passwd",
    ] {
        assert_eq!(server.get(path).await.problem(), problem(404, "unknown_route"), "{path}");
    }
}

#[tokio::test]
async fn a_browser_at_an_unknown_address_gets_the_page_that_says_so_and_a_program_a_problem() {
    let server = Server::start().await;
    let browse = async |path: &str| {
        let request = http::Request::get(path).header(header::ACCEPT, "text/html,*/*;q=0.8");
        server.call(request.body(axum::body::Body::empty()).unwrap()).await
    };

    for path in ["/nothing", "/no/such/page", "/favicon"] {
        let reply = browse(path).await;

        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.headers[header::CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
        assert!(reply.text.contains("/assets/js/main.js"), "{path}");
        assert!(reply.headers.contains_key(header::CONTENT_SECURITY_POLICY), "{path}");
    }
    for path in ["/api/nothing", "/api", "/assets/none.js", "/callback", "/cgi-bin/none"] {
        assert_eq!(browse(path).await.problem(), problem(404, "unknown_route"), "{path}");
    }
    assert_eq!(browse("/favicon.ico").await.status, 200);
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let server = Server::start().await;
    let text = server.get("/api/openapi.json").await.text;
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();

    let references: BTreeSet<_> =
        text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();

    assert!(references.len() > 20);
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_operation_of_the_api_tells_its_key_its_problem_and_its_paths_parts() {
    let server = Server::start().await;
    let document = server.get("/api/openapi.json").await.json();

    for &(method, path, scope) in ROUTES {
        let operation = &document["paths"][path][method.to_lowercase()];
        let parts = path.matches('{').count();
        let told = operation["parameters"]
            .as_array()
            .map_or(0, |all| all.iter().filter(|one| one["in"] == "path").count());
        assert_eq!(told, parts, "{method} {path}");
        assert_eq!(operation["security"].is_array(), scope.is_some(), "{method} {path}");
        assert!(operation["responses"]["default"].is_object(), "{method} {path}");
        assert!(operation["summary"].is_string(), "{method} {path}");
    }
}
