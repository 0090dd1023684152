//! The first set-up: a one-time link, printed by `hongyan serve`, makes the first API key. There is no default
//! password, and once any key is live the link is dead.

mod page;

use axum::extract::State;
use hongyan_store::{Actor, KeyText, NewKey, Scope, Secret};
use http::{Extensions, HeaderMap, header};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::Answer;
use crate::app::App;
use crate::auth::peer;
use crate::landing::is_new;
use crate::page::Lang;
use crate::problem::Problem;
use crate::query::Asked;

/// A set-up secret: 43 digits of base62.
const TOKEN_LEN: usize = 43;

/// The link's query.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Link {
    /// The one-time secret.
    #[serde(default)]
    token: String,
    /// `zh` or `en`.
    lang: Option<String>,
}

/// Shows the set-up page; it uses nothing up, so that a link preview does not.
#[utoipa::path(get, path = "/setup", tag = "pages", params(Link),
    responses((status = 200, description = "A page", body = String, content_type = "text/html"),
        (status = 410, description = "The link is used or too old", body = String, content_type = "text/html")))]
pub(crate) async fn show(State(app): State<App>, Asked(link): Asked<Link>, headers: HeaderMap) -> Answer {
    let lang = Lang::chosen(link.lang.as_deref(), &headers);
    if !is_token(&link.token) || !is_new(&app).await? {
        return Ok(page::dead(&app, lang));
    }
    Ok(page::ask(&app, lang, &link.token))
}

/// Uses the link up, makes the first key with all scopes and shows it, once.
#[utoipa::path(post, path = "/setup", tag = "pages", params(Link),
    responses((status = 200, description = "A page with the key", body = String, content_type = "text/html"),
        (status = 410, description = "The link is used or too old", body = String, content_type = "text/html")))]
pub(crate) async fn make_first_key(
    State(app): State<App>,
    Asked(link): Asked<Link>,
    extensions: Extensions,
    headers: HeaderMap,
) -> Answer {
    let lang = Lang::chosen(link.lang.as_deref(), &headers);
    if !is_token(&link.token) || !is_new(&app).await? {
        return Ok(page::dead(&app, lang));
    }
    if !app.store().use_setup_secret(&Secret::new(link.token), app.now()).await? {
        return Ok(page::dead(&app, lang));
    }
    let text = first_key(&app, Actor::Setup { address: peer(&extensions) }).await?;
    Ok(page::made(&app, lang, text.expose(), &base(&headers)))
}

async fn first_key(app: &App, actor: Actor) -> Result<KeyText, Problem> {
    let text = app.draw(KeyText::generate);
    let new = NewKey {
        text: text.clone(),
        name: "first admin".to_owned(),
        scopes: Scope::ALL.to_vec(),
        accounts: Vec::new(),
        expires_at: None,
    };
    app.store().by(actor).put_key(new, app.now()).await?;
    app.engine().reload().await?;
    Ok(text)
}

fn is_token(token: &str) -> bool {
    token.len() == TOKEN_LEN && token.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// This server's address as the browser wrote it, for the commands on the page.
fn base(headers: &HeaderMap) -> String {
    let plain =
        |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).filter(plain).unwrap_or("127.0.0.1:8080");
    let scheme =
        if headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https") { "https" } else { "http" };
    format!("{scheme}://{host}")
}
