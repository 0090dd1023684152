//! `message`: one message, many, or one taken back, as the running server tells it.

use anyhow::Result;
use bytes::Bytes;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use crate::context::Context;
use crate::door::{Reach, told_by_wechat, understood};
use crate::exit::Code;
use crate::{print, remote};

#[derive(Debug, Subcommand)]
pub(crate) enum Message {
    Show(One),
    List(Box<List>),
    Cancel(One),
    Resend(Resend),
}

/// A message by its id, or by the caller's own.
#[derive(Debug, Args)]
pub(crate) struct One {
    #[arg(value_name = "ID")]
    message: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Resend {
    #[command(flatten)]
    one: One,
    #[arg(long)]
    appid: Option<String>,
    #[arg(long)]
    client_msg_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long)]
    state: Option<String>,
    #[arg(long)]
    cause: Option<String>,
    #[arg(long, value_name = "OPENID")]
    touser: Option<String>,
    #[arg(long)]
    client_msg_id: Option<String>,
    #[arg(long)]
    template_id: Option<String>,
    #[arg(long)]
    errcode: Option<String>,
    #[arg(long, value_name = "RFC3339")]
    since: Option<String>,
    #[arg(long, value_name = "RFC3339")]
    until: Option<String>,
    #[arg(long)]
    cursor: Option<String>,
    #[arg(long, default_value = "50")]
    limit: String,
    #[command(flatten)]
    reach: Reach,
}

pub(crate) async fn run(context: &Context, message: Message) -> Result<Code> {
    match message {
        Message::Show(one) => show_one(context, &one).await,
        Message::List(list) => list_some(context, &list).await,
        Message::Cancel(one) => cancel(context, &one).await,
        Message::Resend(resend) => send_again(context, &resend).await,
    }
}

async fn show_one(context: &Context, one: &One) -> Result<Code> {
    let id = id_of(context, one).await?;
    let mut connection = one.reach.door(context)?.connect().await?;
    let reply = connection.get_reply(&format!("/api/v1/messages/{id}")).await?;
    show(context, &understood(context, &reply)?);
    Ok(Code::Done)
}

async fn cancel(context: &Context, one: &One) -> Result<Code> {
    let id = id_of(context, one).await?;
    let mut connection = one.reach.door(context)?.connect().await?;
    let reply = connection.post_bytes(&format!("/api/v1/messages/{id}/cancel"), Bytes::new()).await?;
    show(context, &understood(context, &reply)?);
    Ok(Code::Done)
}

/// The server knows a caller's own id too.
async fn send_again(context: &Context, resend: &Resend) -> Result<Code> {
    let Resend { one, appid, client_msg_id } = resend;
    let body = json!({ "appid": appid, "client_msg_id": client_msg_id }).to_string();
    let path = format!("/api/v1/messages/{}/resend", escaped(&one.message));
    let accepted = remote::call(context, &one.reach, (Method::POST, &path, remote::JSON), body).await?;
    if context.is_for_machines() {
        print::json(&accepted);
    }
    context.say("say.resent", &[("id", &text(&accepted["id"])), ("before", &one.message)]);
    Ok(Code::Done)
}

/// What is no `msg_…` is the caller's own id.
async fn id_of(context: &Context, one: &One) -> Result<String> {
    let named = &one.message;
    if named.starts_with("msg_") {
        return Ok(escaped(named));
    }
    let mut connection = one.reach.door(context)?.connect().await?;
    let path = format!("/api/v1/messages?client_msg_id={}", escaped(named));
    let page = understood(context, &connection.get_reply(&path).await?)?;
    match page["messages"][0]["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(context.not_found("say.no_message", named).into()),
    }
}

async fn list_some(context: &Context, list: &List) -> Result<Code> {
    let mut connection = list.reach.door(context)?.connect().await?;
    let page = understood(context, &connection.get_reply(&list.path()).await?)?;
    if context.is_for_machines() {
        print::json(&page);
        return Ok(Code::Done);
    }
    let messages = page["messages"].as_array().into_iter().flatten();
    context.table_or(
        "say.no_messages",
        &["id", "client_msg_id", "state", "cause", "attempts", "accepted_at"],
        messages.map(|message| row(context, message)).collect(),
    );
    if let Some(cursor) = page["next_cursor"].as_str() {
        context.say("say.more_messages", &[("cursor", &cursor)]);
    }
    Ok(Code::Done)
}

impl List {
    fn path(&self) -> String {
        let given = [
            ("appid", &self.appid),
            ("state", &self.state),
            ("cause", &self.cause),
            ("touser", &self.touser),
            ("client_msg_id", &self.client_msg_id),
            ("template_id", &self.template_id),
            ("errcode", &self.errcode),
            ("since", &self.since),
            ("until", &self.until),
            ("cursor", &self.cursor),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let asked = given.map(|(name, value)| format!("&{name}={}", escaped(value))).collect::<String>();
        format!("/api/v1/messages?limit={}{asked}", escaped(&self.limit))
    }
}

/// `text` where a part of a URL stands.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn row(context: &Context, message: &Value) -> Vec<String> {
    vec![
        text(&message["id"]),
        text(&message["client_msg_id"]),
        worded(context, "state", &message["state"]),
        worded(context, "cause", &message["cause"]),
        text(&message["attempts"]),
        text(&message["accepted_at"]),
    ]
}

/// One message with everything that happened to it, and what to do about what went wrong.
pub(crate) fn show(context: &Context, message: &Value) {
    if context.is_for_machines() {
        return print::json(message);
    }
    let (id, msgid) = (text(&message["id"]), text(&message["msgid"]));
    let (state, cause) =
        (worded(context, "state", &message["state"]), worded(context, "cause", &message["cause"]));
    context.say("say.message", &[("id", &id), ("state", &state), ("cause", &cause), ("msgid", &msgid)]);
    let moments: Vec<_> = message["timeline"].as_array().into_iter().flatten().collect();
    context
        .table(&["at", "what", "detail"], moments.iter().map(|moment| moment_row(context, moment)).collect());
    if let Some(last) = moments.iter().rev().find(|moment| moment["meaning"].is_object()) {
        print::line(&told_by_wechat(context, last));
    }
}

/// The time, the word, and whatever else the moment carries.
fn moment_row(context: &Context, moment: &Value) -> Vec<String> {
    let rest = moment.as_object().into_iter().flatten();
    let apart = ["at", "what", "meaning", "advice"];
    let rest = rest.filter(|(key, value)| !apart.contains(&key.as_str()) && !value.is_null());
    let rest: Vec<_> = rest.map(|(key, value)| told(context, key, value)).collect();
    vec![text(&moment["at"]), worded(context, "what", &moment["what"]), rest.join(", ")]
}

/// A name and its value; words of ours in the reader's language.
fn told(context: &Context, name: &str, value: &Value) -> String {
    let key = format!("detail.{name}");
    let shown = match name {
        "state" | "cause" | "outcome" => worded(context, name, value),
        _ => text(value),
    };
    format!("{} {shown}", context.texts.find(&key).unwrap_or(name))
}

/// A word of ours in the reader's language, if there is one for it.
pub(crate) fn worded(context: &Context, section: &str, value: &Value) -> String {
    let word = text(value);
    context.texts.find(&format!("{section}.{word}")).map_or(word.clone(), str::to_owned)
}

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_cause_has_its_words_in_both_languages() {
        use crate::lang::{Lang, Texts};
        use hongyan_domain::{Cause, State};

        for texts in [Texts::new(Lang::En), Texts::new(Lang::Zh)] {
            let states = State::ALL.iter().map(|state| format!("state.{}", state.as_str()));
            let causes = Cause::ALL.iter().map(|cause| format!("cause.{}", cause.as_str()));
            let missing: Vec<_> = states.chain(causes).filter(|key| texts.find(key).is_none()).collect();
            assert_eq!(missing, Vec::<String>::new(), "{:?}", texts.lang);
        }
    }

    #[test]
    fn a_caller_s_own_id_fits_into_a_url_whatever_it_holds() {
        assert_eq!(escaped("order-1 paid/中&x=1"), "order-1%20paid%2F%E4%B8%AD%26x%3D1");
    }
}
