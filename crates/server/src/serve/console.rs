//! The console's files: the shell page for its routes, and what that loads.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hongyan_console::{Asset, CONTENT_SECURITY_POLICY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

/// On every file. They are asked for anew each time and answered 304: another build is seen at once.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::CACHE_CONTROL, "no-cache"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::VARY, "accept-encoding"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// First parts of paths that only programs call: what is not there is told them as problem+json.
const FOR_PROGRAMS: [&str; 4] = ["api", "assets", "callback", "cgi-bin"];

/// The file for this request, if the console has one; to a browser that is anywhere else, the page that says so.
pub(crate) fn find(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    if let Some(asset) = hongyan_console::find(uri.path()) {
        return Some(file(asset, headers));
    }
    is_browsed(uri, headers).then(|| {
        let mut response = file(hongyan_console::shell(), &HeaderMap::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    })
}

/// Whether a person followed a link or typed an address.
fn is_browsed(uri: &Uri, headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    accept.contains("text/html") && !FOR_PROGRAMS.contains(&first)
}

fn file(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == asset.etag.as_str());
    let mut response = if is_known { not_modified() } else { whole(asset, headers) };
    let answered = response.headers_mut();
    for (name, value) in HEADERS {
        answered.insert(name, HeaderValue::from_static(value));
    }
    answered.insert(header::ETAG, HeaderValue::from_str(&asset.etag).expect("it is hexadecimal digits"));
    response
}

fn not_modified() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

fn whole(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let takes =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let gzip = Some(asset).filter(|_| takes.contains("gzip")).and_then(Asset::gzip);
    let bytes: Bytes = gzip.unwrap_or(&asset.bytes).clone();
    let mut response = Response::new(Body::from(bytes));
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if gzip.is_some() {
        answered.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
