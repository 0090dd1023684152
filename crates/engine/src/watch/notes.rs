//! Tells channels what is queued for them, a little at a time, with back-off; and tests a channel.

use std::sync::Arc;
use std::time::Duration;

use hongyan_domain::alert::ChannelKind;
use hongyan_domain::{Lang, Timestamp};
use hongyan_outgoing::robot::{self, Robot, Words};
use hongyan_outgoing::{Outgoing, Target, sign};
use hongyan_store::{Channel, Note, NoteWords, StoreError, Told};
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
    let channels = shared.store.alert_channels().await?;
    let mut served: Vec<&str> = Vec::new();
    for note in &due {
        if served.contains(&&*note.new.channel) {
            continue;
        }
        served.push(&note.new.channel);
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
        Ok(()) => Told::Sent,
        Err(error) => {
            tracing::warn!(channel = channel.id, error, "a channel could not be told");
            match WAITS.get(note.attempts as usize) {
                Some(wait) => Told::Again { at: now.plus(*wait), error },
                None => Told::Failed { error },
            }
        }
    }
}

/// Tells a channel something now; what went wrong otherwise.
pub(crate) async fn call(
    outgoing: &Outgoing,
    channel: &Channel,
    words: &NoteWords,
    (id, now): (&str, Timestamp),
) -> Result<(), String> {
    let robot = match channel.kind {
        ChannelKind::WeCom => Robot::WeCom,
        ChannelKind::DingTalk => Robot::DingTalk,
        ChannelKind::Feishu => Robot::Feishu,
        ChannelKind::Webhook => return call_webhook(outgoing, channel, words, (id, now)).await,
    };
    let label = if channel.lang == Lang::En { "Open the console" } else { "打开控制台" };
    let link = words.link.as_deref().map(|href| (label, href));
    let said = Words { title: &words.title, lines: &words.lines, link };
    let secret = channel.secret.as_ref().map(hongyan_store::Secret::expose);
    let request = robot::request(robot, channel.url.expose(), secret, &said, now.ms());
    let (target, body) = request.map_err(|error| error.to_string())?;
    let reply = outgoing.post(&target, &[], body).await.map_err(|error| error.to_string())?;
    robot::judge(robot, &reply)
}

async fn call_webhook(
    outgoing: &Outgoing,
    channel: &Channel,
    words: &NoteWords,
    (id, now): (&str, Timestamp),
) -> Result<(), String> {
    let target = Target::parse(channel.url.expose()).map_err(|error| error.to_string())?;
    let body = json!({ "type": "alert", "timestamp": now, "data": words }).to_string();
    let signed = channel.secret.as_ref();
    let headers =
        signed.and_then(|secret| sign::headers(secret.expose(), id, now.ms() / 1_000, body.as_bytes()));
    let headers = headers.unwrap_or_default();
    let reply = outgoing.post(&target, &headers, body.into()).await.map_err(|error| error.to_string())?;
    if (200..300).contains(&reply.status) { Ok(()) } else { Err(format!("HTTP {}", reply.status)) }
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
