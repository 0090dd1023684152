//! A session's cookie: read, written, and kept from being used by other sites' pages.

use axum::response::Response;
use hongyan_store::SessionToken;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};

use crate::access::auth::{Caller, peer};
use crate::answer::problem::{Code, Problem};
use crate::app::App;

/// Over https: only this host, only https, every path.
pub(crate) const SECURE_COOKIE: &str = "__Host-hongyan";
/// Over plain http no browser takes the other.
const PLAIN_COOKIE: &str = "hongyan";

/// Where pages listen.
const EVENTS: &str = "/api/v1/events";

/// Whoever shows a session's cookie; `None`: there is none, or it opens nothing any more.
pub(crate) async fn caller(app: &App, parts: &Parts) -> Result<Option<Caller>, Problem> {
    let Some(token) = token(&parts.headers) else { return Ok(None) };
    let now = app.now();
    let Some((session, user)) = app.store().session(&token, now).await? else { return Ok(None) };
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        check_origin(&parts.headers, Shown::Needed)?;
    }
    if let Some(address) = peer(&parts.extensions) {
        app.doors().know(address, &user.name, now);
    }
    // A stream that is left open is no use of the session.
    if parts.uri.path() != EVENTS {
        app.doors().saw(&session.id, now);
    }
    Ok(Some(Caller::of_user(session, user, peer(&parts.extensions))))
}

/// The token in the cookie.
pub(crate) fn token(headers: &HeaderMap) -> Option<SessionToken> {
    let name = if is_https(headers) { SECURE_COOKIE } else { PLAIN_COOKIE };
    SessionToken::parse(&shown(headers, SECURE_COOKIE).or_else(|| shown(headers, name))?)
}

/// The value of a cookie.
fn shown(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// A login at the identity provider that is under way. It has to come back with a page of another site, so it is no
/// strict cookie; it opens nothing.
pub(crate) fn keep_attempt(response: &mut Response, headers: &HeaderMap, value: &str, seconds: u32) {
    let (name, secure) = attempt_cookie(headers);
    add(response, &format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"));
}

/// It is over, whatever came of it.
pub(crate) fn forget_attempt(response: &mut Response, headers: &HeaderMap) {
    let (name, secure) = attempt_cookie(headers);
    add(response, &format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}"));
}

/// What the browser kept of it.
pub(crate) fn attempt(headers: &HeaderMap) -> Option<String> {
    shown(headers, attempt_cookie(headers).0)
}

fn attempt_cookie(headers: &HeaderMap) -> (&'static str, &'static str) {
    if is_https(headers) { ("__Host-hongyan-sso", "; Secure") } else { ("hongyan-sso", "") }
}

fn add(response: &mut Response, cookie: &str) {
    let cookie = HeaderValue::from_str(cookie).expect("a cookie of ours is printable ASCII");
    response.headers_mut().append(header::SET_COOKIE, cookie);
}

/// Whether the request has to show where it comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A cookie came with it, and browsers add one by themselves.
    Needed,
    /// Nothing came with it: a program's own client is fine.
    IfBrowser,
}

/// Refuses what another site's page sent. A form cannot send JSON, and a script of another site cannot send it
/// without asking; the browser's own word for where a request comes from is the second wall.
pub(crate) fn check_origin(headers: &HeaderMap, shown: Shown) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_ours = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text("host")
        }
        (None, None) => shown == Shown::IfBrowser,
    };
    if !is_ours {
        return Err(Problem::new(
            Code::ForeignOrigin,
            "a page of another site sent this: open the console itself",
        ));
    }
    let kind = text("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    // None of these can be sent by a form, nor by a script of another site without asking first.
    if ["application/json", "application/x-ndjson", "text/csv"].contains(&kind) {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedMediaType, "send JSON, and say so: `Content-Type: application/json`"))
}

/// The browser's, or the proxy's, word that the page came by https.
fn is_https(headers: &HeaderMap) -> bool {
    let begins = |name: &str, word: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|text| text.starts_with(word))
    };
    begins("x-forwarded-proto", "https") || begins("origin", "https://")
}

/// Lets the browser keep the token, until the session ends.
pub(crate) fn keep(response: &mut Response, headers: &HeaderMap, token: &SessionToken) {
    set(response, headers, &format!("{}; Max-Age=604800", token.expose()));
}

/// Lets the browser forget it.
pub(crate) fn forget(response: &mut Response, headers: &HeaderMap) {
    set(response, headers, "; Max-Age=0");
}

fn set(response: &mut Response, headers: &HeaderMap, value: &str) {
    let (name, secure) = if is_https(headers) { (SECURE_COOKIE, "; Secure") } else { (PLAIN_COOKIE, "") };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}");
    let cookie = HeaderValue::from_str(&cookie).expect("a cookie of ours is printable ASCII");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_our_own_pages_may_change_anything_by_the_cookie() {
        let json = ("content-type", "application/json");
        let ours: [&[_]; 3] = [
            &[json, ("sec-fetch-site", "same-origin")],
            &[json, ("host", "a:1"), ("origin", "http://a:1")],
            &[("content-type", "application/json; charset=utf-8"), ("sec-fetch-site", "same-origin")],
        ];
        let foreign: [&[_]; 8] = [
            &[json],
            &[json, ("sec-fetch-site", "same-site")],
            &[json, ("sec-fetch-site", "cross-site"), ("host", "a:1"), ("origin", "http://a:1")],
            &[json, ("sec-fetch-site", "none")],
            &[json, ("host", "a:1"), ("origin", "http://b:1")],
            &[json, ("host", "a:1"), ("origin", "null")],
            &[("content-type", "text/plain"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-origin")],
        ];

        for shown in ours {
            assert!(check_origin(&headers(shown), Shown::Needed).is_ok(), "{shown:?}");
        }
        for shown in foreign {
            assert!(check_origin(&headers(shown), Shown::Needed).is_err(), "{shown:?}");
        }
    }

    #[test]
    fn behind_https_only_the_cookie_of_this_very_host_counts() {
        let token: &'static str = "ab".repeat(32).leak();
        let plain: &'static str = format!("x=y; hongyan={token}").leak();
        let secure: &'static str = format!("__Host-hongyan={token}").leak();

        assert!(super::token(&headers(&[("cookie", plain)])).is_some());
        assert!(super::token(&headers(&[("cookie", plain), ("x-forwarded-proto", "https")])).is_none());
        assert!(super::token(&headers(&[("cookie", secure), ("x-forwarded-proto", "https")])).is_some());
        assert!(super::token(&headers(&[("cookie", "hongyan=short")])).is_none());
    }
}
