//! `/l/{code}`: the way from a phone to the address that a message holds. Nothing is waited for but that one read.

use axum::extract::State;
use axum::response::Response;
use hongyan_content::links::{Visit, Visitor, visitor};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::path::Named;

/// For whoever follows a link that is not ours, or not any more.
const GONE: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
    content=\"width=device-width\"><title>404</title><p>链接无效或已过期。<p lang=\"en\">This link is not valid, or not any more.";

/// Leads to the address that a message holds, and counts whoever followed, machines left out. 404 for a code that is not
/// ours, or whose message is gone.
#[utoipa::path(get, path = "/l/{code}", tag = "links",
    responses((status = 302, description = "The message's own address"),
        (status = 404, description = "No such link", body = String, content_type = "text/html")))]
pub(crate) async fn follow(
    State(app): State<App>,
    Named(code): Named<String>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let Some((code, url)) = app.engine().follow(&code).await? else { return Ok(gone()) };
    let Ok(location) = HeaderValue::from_str(&url) else { return Ok(gone()) };
    if is_person(&method, &headers) {
        app.engine().note_click(code);
    }
    let mut response = answer::bytes(StatusCode::FOUND, "text/plain; charset=utf-8", "");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(unkept(response))
}

fn is_person(method: &Method, headers: &HeaderMap) -> bool {
    let told = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers: Vec<_> = told.collect();
    visitor(&Visit { method: method.as_str(), headers: &headers }) == Visitor::Person
}

fn gone() -> Response {
    unkept(answer::bytes(StatusCode::NOT_FOUND, "text/html; charset=utf-8", GONE))
}

/// Kept by a browser, it would be followed without us.
fn unkept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
