//! The frame of the few pages there are before the console: self-contained, in Chinese or English, under a
//! strict content security policy.

use std::fmt::Write as _;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use rand::RngExt as _;

use crate::answer;
use crate::app::App;

const STYLE: &str = include_str!("page.css");

/// The languages of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    /// The default.
    Zh,
    /// By `?lang=en`, or for a browser that asks for English before Chinese.
    En,
}

impl Lang {
    /// By the query, else by the browser's wish.
    pub(crate) fn chosen(asked: Option<&str>, headers: &HeaderMap) -> Self {
        match asked {
            Some("en") => return Self::En,
            Some("zh") => return Self::Zh,
            _ => {}
        }
        let wish =
            headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let first = |language: &str| {
            wish.split(',').position(|part| part.trim().to_ascii_lowercase().starts_with(language))
        };
        match (first("zh"), first("en")) {
            (None, Some(_)) => Self::En,
            (Some(zh), Some(en)) if en < zh => Self::En,
            _ => Self::Zh,
        }
    }

    /// One of two texts.
    pub(crate) fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// The word in `?lang=`.
    pub(crate) fn word(self) -> &'static str {
        self.pick("zh", "en")
    }
}

/// A page: everything but its frame.
pub(crate) struct Page<'a> {
    pub(crate) status: StatusCode,
    pub(crate) lang: Lang,
    /// Where the other language is, already escaped.
    pub(crate) other: String,
    pub(crate) title: &'a str,
    /// HTML, its texts already escaped.
    pub(crate) main: String,
    /// Runs at the end; empty: none.
    pub(crate) script: &'static str,
}

impl Page<'_> {
    /// Puts the frame around it. Nothing is loaded from anywhere; only what carries this answer's nonce runs.
    pub(crate) fn answer(&self, app: &App) -> Response {
        let nonce = app.draw(|rng| format!("{:032x}", rng.random::<u128>()));
        let mut response = answer::bytes(self.status, "text/html; charset=utf-8", self.html(&nonce));
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy).expect("a policy is printable ASCII");
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn html(&self, nonce: &str) -> String {
        let Self { lang, other, title, main, script, .. } = self;
        let (word, language) = (lang.pick("zh-CN", "en"), lang.pick("English", "中文"));
        let mut html = format!(
            "<!doctype html><html lang=\"{word}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title} · 鸿雁 Hongyan</title>\
             <style nonce=\"{nonce}\">{STYLE}</style></head><body><header><strong>鸿雁 Hongyan</strong>\
             <a href=\"{other}\">{language}</a></header><main><h1>{title}</h1>{main}</main>"
        );
        if !script.is_empty() {
            let _ = write!(html, "<script nonce=\"{nonce}\">{script}</script>");
        }
        html.push_str("</body></html>");
        html
    }
}

/// A page may hold a key: it is kept nowhere and told to nobody.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// `text` where HTML stands.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_of_the_query_then_of_the_browser_then_chinese() {
        let chosen = |asked, wish: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(wish));
            Lang::chosen(asked, &headers)
        };

        assert_eq!(chosen(Some("en"), "zh-CN"), Lang::En);
        assert_eq!(chosen(Some("zh"), "en"), Lang::Zh);
        assert_eq!(chosen(None, "zh-CN,zh;q=0.9,en;q=0.8"), Lang::Zh);
        assert_eq!(chosen(None, "en-US,en;q=0.9,zh-CN;q=0.8"), Lang::En);
        assert_eq!(chosen(None, "fr,de"), Lang::Zh);
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<b a=\"x\">'&"), "&lt;b a=&quot;x&quot;&gt;&#39;&amp;");
    }
}
