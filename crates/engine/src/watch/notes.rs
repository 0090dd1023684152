//! Tells channels what is queued for them, a little at a time, with back-off; and tests a channel.

use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::alert::{ChannelKind, MailTls};
use hongyan_domain::{Lang, Timestamp};
use hongyan_outgoing::mail::{self, Encryption};
use hongyan_outgoing::robot::{self, Robot, Words};
use hongyan_outgoing::{Outgoing, Target, sign};
use hongyan_store::{Channel, MailWay, Note, NoteWords, Secret, StoreError, Told, Way};
use serde_json::json;

use crate::{EngineError, Shared};

/// One note a channel so often: WeCom and DingTalk take twenty a minute.
pub(crate) const TELL_EVERY: Duration = Duration::from_secs(4);
/// Notes looked at in one round.
const ROUND: usize = 100;
/// The waits between tries; after the last the note is given up: an alert of yesterday helps nobody.
const WAITS: [Duration; 5] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
];

/// Tells each channel the first of what waits for it.
pub(crate) async fn tell(shared: Arc<Shared>, now: Timestamp) {
    if let Err(error) = tell_all(&shared, now).await {
        tracing::error!(%error, "alerts could not be told");
        shared.metrics.store_failures.inc();
    }
}

async fn tell_all(shared: &Shared, now: Timestamp) -> Result<(), EngineError> {
    let due = shared.store.due_notes(now, ROUND).await?;
    if due.is_empty() {
        return Ok(());
    }
    let mut served: Vec<&str> = Vec::new();
    for note in &due {
        if served.contains(&&*note.new.channel) {
            continue;
        }
        served.push(&note.new.channel);
        // Before every note anew: the one before may have taken a quarter of a minute.
        let channels = shared.store.alert_channels().await?;
        let channel = channels.iter().find(|channel| channel.id == note.new.channel && channel.enabled);
        let told = match channel {
            Some(channel) => tell_one(shared, channel, note, now).await,
            None => Told::Failed { error: "the channel is gone or switched off".to_owned() },
        };
        shared.store.note_told(note.new.key.account, note.id, told, now).await?;
    }
    Ok(())
}

async fn tell_one(shared: &Shared, channel: &Channel, note: &Note, now: Timestamp) -> Told {
    let id = format!("note_{}", note.id);
    match call(&shared.outgoing, channel, &note.new.words, (&id, now)).await {
        Ok(remark) => {
            if let Some(remark) = remark {
                tracing::warn!(channel = channel.id, remark, "a channel told not all of its people");
            }
            Told::Sent
        }
        Err(error) => {
            tracing::warn!(channel = channel.id, error, "a channel could not be told");
            match WAITS.get(note.attempts as usize) {
                Some(wait) => Told::Again { at: now.plus(*wait), error },
                None => Told::Failed { error },
            }
        }
    }
}

/// Tells a channel something now: with a remark where not all of its people were reached; what went wrong otherwise.
pub(crate) async fn call(
    outgoing: &Outgoing,
    channel: &Channel,
    words: &NoteWords,
    (id, now): (&str, Timestamp),
) -> Result<Option<String>, String> {
    let url = match &channel.way {
        Way::Mail(way) => return call_mail(outgoing, (channel, way), words, (id, now)).await,
        Way::Url(url) => url.expose(),
    };
    let robot = match channel.kind {
        ChannelKind::WeCom => Robot::WeCom,
        ChannelKind::DingTalk => Robot::DingTalk,
        ChannelKind::Feishu => Robot::Feishu,
        ChannelKind::Webhook | ChannelKind::Email => {
            return call_webhook(outgoing, (channel, url), words, (id, now)).await;
        }
    };
    let link = words.link.as_deref().map(|href| (link_label(channel.lang), href));
    let said = Words { title: &words.title, lines: &words.lines, link };
    let secret = channel.secret.as_ref().map(Secret::expose);
    let request = robot::request(robot, url, secret, &said, now.ms());
    let (target, body) = request.map_err(|error| error.to_string())?;
    let reply = outgoing.post(&target, &[], body).await.map_err(|error| error.to_string())?;
    robot::judge(robot, &reply).map(|()| None)
}

fn link_label(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "打开控制台",
        Lang::En => "Open the console",
    }
}

async fn call_webhook(
    outgoing: &Outgoing,
    (channel, url): (&Channel, &str),
    words: &NoteWords,
    (id, now): (&str, Timestamp),
) -> Result<Option<String>, String> {
    let target = Target::parse(url).map_err(|error| error.to_string())?;
    let body = json!({ "type": "alert", "timestamp": now, "data": words }).to_string();
    let signed = channel.secret.as_ref();
    let headers =
        signed.and_then(|secret| sign::headers(secret.expose(), id, now.ms() / 1_000, body.as_bytes()));
    let headers = headers.unwrap_or_default();
    let reply = outgoing.post(&target, &headers, body.into()).await.map_err(|error| error.to_string())?;
    if (200..300).contains(&reply.status) { Ok(None) } else { Err(format!("HTTP {}", reply.status)) }
}

async fn call_mail(
    outgoing: &Outgoing,
    (channel, way): (&Channel, &MailWay),
    words: &NoteWords,
    (id, now): (&str, Timestamp),
) -> Result<Option<String>, String> {
    let encryption = match way.tls {
        MailTls::Implicit => Encryption::Implicit,
        MailTls::StartTls => Encryption::StartTls,
        MailTls::None => Encryption::None,
    };
    let password = channel.secret.as_ref().map(Secret::expose);
    let server = mail::Server {
        host: &way.host,
        port: way.port,
        encryption,
        login: way.user.as_deref().zip(password),
    };
    let mut text = words.lines.join("\n");
    if let Some(link) = &words.link {
        text.push_str(&format!("\n\n{}: {link}", link_label(channel.lang)));
    }
    let (id, subject) = (format!("{id}.{}@hongyan", channel.id), words.title.as_str());
    let letter =
        mail::Letter { from: &way.from, to: &way.to, subject, text: &text, id: &id, at_ms: now.ms() };
    let refused = outgoing.mail(&server, &letter).await.map_err(|error| error.to_string())?;
    Ok((refused > 0).then(|| format!("{} refused {refused} of {} mailboxes", way.host, way.to.len())))
}

/// What a test says.
pub(crate) fn test_words(lang: Lang, link: Option<&str>) -> NoteWords {
    let (title, line) = match lang {
        Lang::Zh => ("鸿雁测试通知", "收到这条消息，说明告警通道可用。"),
        Lang::En => ("Hongyan test", "If you read this, alerts reach you."),
    };
    NoteWords { title: title.to_owned(), lines: vec![line.to_owned()], link: link.map(str::to_owned) }
}

/// Removes notes that are older than this.
pub(crate) const KEEP: Duration = Duration::from_secs(30 * 86_400);

/// Removes what was told long ago.
pub(crate) async fn tidy(shared: &Shared, now: Timestamp) -> Result<(), StoreError> {
    shared.store.purge_notes(now.minus(KEEP)).await
}
