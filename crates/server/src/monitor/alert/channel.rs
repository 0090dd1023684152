//! The channels: put in, listed without their secrets, tested.

mod mail;

use axum::extract::State;
use hongyan_domain::alert::{ChannelKind, is_slug};
use hongyan_domain::{FieldCode, FieldError, Lang, says};
use hongyan_outgoing::{Failure, Target, sign};
use hongyan_store::{CHANNELS_MAX, Channel, Secret, Way};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::mail::MailBody;
use super::for_all;
use crate::access::auth::{MayAdmin, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field::{self, bad, keep, missing};
use crate::request::path::Named;

/// Longest name, in bytes.
const NAME_MAX: usize = 128;
/// Longest secret, in bytes.
const SECRET_MAX: usize = 256;
/// What stands in place of a secret.
const SET: &str = "set";
/// What is said of an address behind the wall.
const CLOSED: &str = "leads to an address that is not on the open internet: the operator may allow it in the settings (outgoing.allow)";

/// A channel to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelRequest {
    /// Its name in URLs: lower-case letters, digits, `-`, `_`.
    id: String,
    /// What people call it.
    name: String,
    /// `wecom`, `dingtalk`, `feishu`, `webhook` or `email`.
    kind: String,
    /// The robot's or receiver's URL; not for `email`.
    #[schema(value_type = Option<String>)]
    url: Option<Secret>,
    /// The mail server and the mailboxes; for `email` only.
    mail: Option<MailBody>,
    /// DingTalk's and Feishu's signing key (加签); of a webhook `whsec_…`, made if left out; of `email` the password.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
    /// `zh` (the default) or `en`.
    lang: Option<String>,
    /// true if left out.
    enabled: Option<bool>,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelChange {
    name: Option<String>,
    #[schema(value_type = Option<String>)]
    url: Option<Secret>,
    /// Of `email`: all of it anew.
    mail: Option<MailBody>,
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
    lang: Option<String>,
    enabled: Option<bool>,
}

/// A channel, without its secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertChannel)]
pub(crate) struct ChannelBody {
    id: String,
    name: String,
    #[schema(value_type = String)]
    kind: ChannelKind,
    lang: &'static str,
    enabled: bool,
    /// The host of its URL; the URL itself is never shown: it is a robot's key. Of `email` the mail server.
    host: String,
    /// Of `email`, for an admin: the server and the mailboxes.
    mail: Option<MailBody>,
    /// `set`, or the one just made, once; null: none.
    secret: Option<String>,
}

/// All channels.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertChannels)]
pub(crate) struct ChannelsBody {
    channels: Vec<ChannelBody>,
}

/// What a test came to.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelTest)]
pub(crate) struct TestBody {
    /// Whether it was taken.
    sent: bool,
    /// What was answered otherwise; or which mailboxes the mail server refused, where it took the letter for others.
    error: Option<String>,
}

/// Lists the channels.
#[utoipa::path(get, path = "/api/v1/alerts/channels", tag = "alerts",
    responses((status = 200, description = "The channels", body = ChannelsBody)))]
pub(crate) async fn list_channels(MayRead(caller): MayRead, State(app): State<App>) -> Answer {
    let channels = app.store().alert_channels().await?;
    let shown = if caller.is_admin() { ChannelBody::of } else { ChannelBody::without_people };
    answer::ok(&ChannelsBody { channels: channels.iter().map(shown).collect() })
}

/// Adds a channel.
#[utoipa::path(post, path = "/api/v1/alerts/channels", tag = "alerts", request_body = ChannelRequest,
    responses((status = 201, description = "The channel", body = ChannelBody)))]
pub(crate) async fn create_channel(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Json(asked): Json<ChannelRequest>,
) -> Answer {
    for_all(&caller)?;
    let _alone = app.changing().await;
    let channels = app.store().alert_channels().await?;
    let (channel, made) = new_channel(&app, asked, &channels).await?;
    app.store_of(&caller).put_alert_channel(channel.clone(), app.now()).await?;
    let body = ChannelBody::of(&channel);
    let secret = made.or(body.secret.clone());
    Ok(answer::json(StatusCode::CREATED, &ChannelBody { secret, ..body }))
}

async fn new_channel(
    app: &App,
    asked: ChannelRequest,
    others: &[Channel],
) -> Result<(Channel, Option<String>), Problem> {
    let mut errors = Vec::new();
    if !is_slug(&asked.id) {
        errors.push(bad("id", "has 1 to 64 lower-case letters, digits, `-` or `_`"));
    }
    if others.iter().any(|other| other.id == asked.id) {
        return Err(Problem::new(Code::AlertExists, "there is a channel of this id: change it with PATCH"));
    }
    if others.len() >= CHANNELS_MAX {
        let message = says!("there are {allowed} channels already: delete some", allowed = CHANNELS_MAX);
        errors.push(FieldError::new("id", FieldCode::TooMany, message));
    }
    let kind = ChannelKind::parse(&asked.kind);
    if kind.is_none() {
        errors.push(bad("kind", "is not wecom, dingtalk, feishu, webhook or email"));
    }
    let made = (kind == Some(ChannelKind::Webhook) && asked.secret.is_none())
        .then(|| sign::secret_text(&app.draw(rand::RngExt::random)));
    let kind = kind.unwrap_or(if asked.mail.is_some() { ChannelKind::Email } else { ChannelKind::Webhook });
    let mut channel = Channel {
        id: asked.id,
        name: asked.name,
        kind,
        lang: lang(&mut errors, asked.lang.as_deref()).unwrap_or(Lang::Zh),
        enabled: asked.enabled.unwrap_or(true),
        host: String::new(),
        way: way(&mut errors, kind, (asked.url, asked.mail)),
        secret: asked.secret.or_else(|| made.clone().map(Secret::new)),
    };
    check(app, &mut channel, errors).await?;
    Ok((channel, made))
}

/// Where a channel of this kind is, as far as it was said.
fn way(errors: &mut Vec<FieldError>, kind: ChannelKind, asked: (Option<Secret>, Option<MailBody>)) -> Way {
    let (url, mail) = asked;
    if kind == ChannelKind::Email && url.is_some() {
        errors.push(bad("url", "does not belong to the kind email: say `mail`"));
    }
    if kind != ChannelKind::Email && mail.is_some() {
        errors.push(bad("mail", "belongs to the kind email only: say `url`"));
    }
    match (kind, url, mail) {
        (ChannelKind::Email, _, Some(mail)) => Way::Mail(mail.into_way(errors)),
        (ChannelKind::Email, ..) => {
            errors.push(missing("mail"));
            Way::Url(Secret::new(""))
        }
        (_, url, _) => Way::Url(url.unwrap_or_else(|| Secret::new(""))),
    }
}

/// Changes a channel: only the keys given.
#[utoipa::path(patch, path = "/api/v1/alerts/channels/{id}", tag = "alerts", request_body = ChannelChange,
    responses((status = 200, description = "The channel", body = ChannelBody)))]
pub(crate) async fn change_channel(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
    Json(asked): Json<ChannelChange>,
) -> Answer {
    for_all(&caller)?;
    let _alone = app.changing().await;
    let mut channel = find(&app, &id).await?;
    let mut errors = Vec::new();
    channel.lang = lang(&mut errors, asked.lang.as_deref()).unwrap_or(channel.lang);
    channel.name = asked.name.unwrap_or(channel.name);
    if asked.url.is_some() || asked.mail.is_some() {
        channel.way = way(&mut errors, channel.kind, (asked.url, asked.mail));
    }
    let logs_in = !matches!(&channel.way, Way::Mail(way) if way.user.is_none());
    channel.secret = asked.secret.or(channel.secret.filter(|_| logs_in));
    channel.enabled = asked.enabled.unwrap_or(channel.enabled);
    check(&app, &mut channel, errors).await?;
    app.store_of(&caller).put_alert_channel(channel.clone(), app.now()).await?;
    answer::ok(&ChannelBody::of(&channel))
}

/// Deletes a channel.
#[utoipa::path(delete, path = "/api/v1/alerts/channels/{id}", tag = "alerts",
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete_channel(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Answer {
    for_all(&caller)?;
    match app.store_of(&caller).delete_alert_channel(&id, app.now()).await? {
        true => Ok(answer::bytes(StatusCode::NO_CONTENT, "application/json", "")),
        false => Err(unknown()),
    }
}

/// Tells a channel something now, and what came of it.
#[utoipa::path(post, path = "/api/v1/alerts/channels/{id}/test", tag = "alerts",
    responses((status = 200, description = "What it came to", body = TestBody)))]
pub(crate) async fn test_channel(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Answer {
    for_all(&caller)?;
    let channel = find(&app, &id).await?;
    let told = app.engine().test_channel(&channel).await;
    answer::ok(&TestBody { sent: told.is_ok(), error: told.unwrap_or_else(Some) })
}

async fn find(app: &App, id: &str) -> Result<Channel, Problem> {
    let channels = app.store().alert_channels().await?;
    channels.into_iter().find(|channel| channel.id == id).ok_or_else(unknown)
}

async fn check(app: &App, channel: &mut Channel, mut errors: Vec<FieldError>) -> Result<(), Problem> {
    keep(&mut errors, field::check_text("name", &channel.name, NAME_MAX));
    if channel.secret.as_ref().is_some_and(|secret| secret.expose().len() > SECRET_MAX) {
        errors.push(bad("secret", "is longer than 256 bytes"));
    }
    let is_known = !errors.iter().any(|error| error.field == "kind");
    let signs = is_known && channel.kind == ChannelKind::Webhook;
    if signs && channel.secret.as_ref().is_none_or(|secret| !is_signing(secret)) {
        errors.push(bad("secret", "is no secret of Standard Webhooks: whsec_ and base64"));
    }
    match &channel.way {
        Way::Mail(way) => {
            mail::check(app, way, channel.secret.as_ref().map(Secret::expose), &mut errors).await;
            channel.host = way.host.clone();
        }
        // What is missing is a finding already.
        Way::Url(_) if channel.kind == ChannelKind::Email => {}
        Way::Url(url) => {
            if let Some(target) = keep(&mut errors, address(app, url.expose()).await) {
                channel.host = target.host().to_owned();
            }
        }
    }
    field::none_of(errors)
}

fn is_signing(secret: &Secret) -> bool {
    sign::headers(secret.expose(), "", 0, b"").is_some()
}

/// An address that may be called, as far as can be told now.
pub(crate) async fn address(app: &App, url: &str) -> Result<Target, FieldError> {
    let target = Target::parse(url).map_err(|_| {
        bad(
            "url",
            "is no URL like https://host/path: http or https, without user and password, at most 2,048 bytes",
        )
    })?;
    match app.engine().check_address(&target).await {
        // A name that is not known yet may be so later: the call asks again.
        Ok(()) | Err(Failure::Dns(_) | Failure::Timeout(_)) => Ok(target),
        Err(_) => Err(bad("url", CLOSED)),
    }
}

fn lang(errors: &mut Vec<FieldError>, asked: Option<&str>) -> Option<Lang> {
    match asked? {
        "zh" => Some(Lang::Zh),
        "en" => Some(Lang::En),
        _ => {
            errors.push(bad("lang", "is not zh or en"));
            None
        }
    }
}

fn unknown() -> Problem {
    Problem::new(Code::UnknownAlert, "there is no channel of this id")
}

impl ChannelBody {
    fn of(channel: &Channel) -> Self {
        Self { mail: MailBody::of(channel), ..Self::without_people(channel) }
    }

    fn without_people(channel: &Channel) -> Self {
        Self {
            mail: None,
            id: channel.id.clone(),
            name: channel.name.clone(),
            kind: channel.kind,
            lang: if channel.lang == Lang::En { "en" } else { "zh" },
            enabled: channel.enabled,
            host: channel.host.clone(),
            secret: channel.secret.as_ref().map(|_| SET.to_owned()),
        }
    }
}
