//! What stands at `/`: whether the server works and where its API is.

use axum::extract::State;
use hongyan_store::StoreError;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::Answer;
use crate::app::App;
use crate::page::{Lang, Page};
use crate::query::Asked;

/// In which language.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wish {
    /// `zh` or `en`.
    lang: Option<String>,
}

/// Shows whether the server works, where its API is and, before the first key, how to get one.
#[utoipa::path(get, path = "/", tag = "pages", params(Wish),
    responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub(crate) async fn show(State(app): State<App>, Asked(wish): Asked<Wish>, headers: HeaderMap) -> Answer {
    let lang = Lang::chosen(wish.lang.as_deref(), &headers);
    let main = format!("{}{}", first_step(lang, is_new(&app).await?), places(lang));
    let page = Page {
        status: StatusCode::OK,
        lang,
        other: format!("/?lang={}", lang.pick("en", "zh")),
        title: lang.pick("微信模板消息发送服务", "WeChat template message delivery"),
        main,
        script: "",
    };
    Ok(page.answer(&app))
}

/// Whether no key opens anything yet: then, and only then, the set-up link works.
pub(crate) async fn is_new(app: &App) -> Result<bool, StoreError> {
    let now = app.now();
    Ok(!app.store().keys().await?.iter().any(|key| key.is_live(now)))
}

fn first_step(lang: Lang, is_new: bool) -> &'static str {
    if !is_new {
        return lang.pick("<p>服务运行中。</p>", "<p>The server is running.</p>");
    }
    lang.pick(
        "<p class=warn>还没有 API 密钥。<code>hongyan serve</code> 启动时在终端打印了一个一次性的设置链接，请用浏览器打开它；\
         也可以运行 <code>hongyan key create --name admin --scope send,read,admin</code>。</p>",
        "<p class=warn>There is no API key yet. <code>hongyan serve</code> printed a one-time set-up link in its terminal: \
         open it; or run <code>hongyan key create --name admin --scope send,read,admin</code>.</p>",
    )
}

fn places(lang: Lang) -> String {
    let rows = [
        ("/api/openapi.json", "接口说明 OpenAPI 3.1", "the API, as OpenAPI 3.1"),
        ("/healthz", "进程是否存活", "does the process live"),
        ("/readyz", "能否接收和发送", "can it accept and send"),
        ("/metrics", "Prometheus 指标", "metrics for Prometheus"),
    ];
    let rows =
        rows.map(|(path, zh, en)| format!("<li><a href=\"{path}\">{path}</a> {}</li>", lang.pick(zh, en)));
    format!("<ul>{}</ul>", rows.concat())
}
