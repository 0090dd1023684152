//! The language of the API's answers: English, unless the caller asks for Chinese before English.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use hongyan_domain::Lang;
use http::request::Parts;
use http::{HeaderMap, header};

use crate::app::App;

/// What the caller's Accept-Language asks for.
pub(crate) struct Wish(pub(crate) Lang);

impl FromRequestParts<App> for Wish {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self(wished(&parts.headers)))
    }
}

/// By weight, and among equals by order.
pub(crate) fn wished(headers: &HeaderMap) -> Lang {
    let wish = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let weight = |wanted: &str| {
        let weights = wish.split(',').filter_map(|part| weight_of(part, wanted));
        weights.fold(0.0, f32::max)
    };
    let (zh, en) = (weight("zh"), weight("en"));
    let at = |language: &str| wish.to_ascii_lowercase().find(language);
    match zh > en || (zh == en && zh > 0.0 && at("zh") < at("en")) {
        true => Lang::Zh,
        false => Lang::En,
    }
}

/// The weight of `zh-CN;q=0.8`, where it is of the language wanted.
fn weight_of(part: &str, wanted: &str) -> Option<f32> {
    let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
    let language = tag.trim().split('-').next().unwrap_or_default();
    let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
    language.eq_ignore_ascii_case(wanted).then(|| weight.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn chinese_is_for_whoever_asks_for_it_before_english() {
        let wished = |wish: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(wish));
            wished(&headers)
        };

        for wish in ["zh", "zh-CN,zh;q=0.9,en;q=0.8", "en;q=0.5, ZH-tw", "zh,en", "fr, zh;q=0.1"] {
            assert_eq!(wished(wish), Lang::Zh, "{wish}");
        }
        for wish in ["", "en", "*", "en-US,en;q=0.9,zh-CN;q=0.8", "zh;q=0, en", "zh;q=x", "en,zh", "de"] {
            assert_eq!(wished(wish), Lang::En, "{wish}");
        }
        assert_eq!(super::wished(&HeaderMap::new()), Lang::En);
    }
}
