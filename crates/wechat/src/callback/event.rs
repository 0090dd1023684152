//! What WeChat tells: one enum, read from XML or JSON alike. Event names keep WeChat's exact case.

use std::fmt;

use super::CallbackError;
use super::tree::Node;
use crate::openid::Openid;

/// One callback: who told it, about whom, when, and what.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// The account's original id (`gh_…`).
    pub to_user: String,
    /// Of whom it tells.
    pub openid: Openid,
    /// Unix seconds.
    pub created_at_s: i64,
    /// What happened.
    pub event: Event,
}

/// What happened. Debug shows the name only, for most fields are personal data.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A template message was delivered, or was not.
    TemplateSendJobFinish {
        /// The recipient.
        openid: Openid,
        /// Unix seconds.
        created_at_s: i64,
        /// That of the send's answer; 0 has been seen and is none.
        msgid: Option<u64>,
        /// What became of it.
        status: DeliveryStatus,
    },
    /// Someone follows the account.
    Subscribe {
        /// The scene of the QR code, where it was by one, without `qrscene_`.
        scene: Option<String>,
    },
    /// Someone follows no more; their data should be deleted.
    Unsubscribe,
    /// A follower scanned a QR code with a scene.
    Scan {
        /// Its scene.
        scene: String,
    },
    /// A menu button was pressed.
    Click {
        /// Its key.
        key: String,
    },
    /// A menu button led to a page.
    View {
        /// Its URL.
        url: String,
    },
    /// A menu button led to a mini program.
    ViewMiniprogram {
        /// Its page.
        page: String,
    },
    /// Where someone is, on entering the conversation or every 5 s.
    Location(Coordinates),
    /// Someone wrote to the account.
    Message {
        /// `text`, `image`, `voice`, `video`, `shortvideo`, `location`, `link`, and whatever comes.
        kind: String,
        /// What a text message says.
        content: Option<String>,
        /// Not unique by itself: together with the openid.
        msgid: Option<u64>,
    },
    /// Someone answered a dialogue that asks for consent to notices.
    SubscriptionPopup(Vec<SubscriptionChoice>),
    /// Someone took consent back in the settings.
    SubscriptionChange(Vec<SubscriptionChoice>),
    /// A subscription notice was delivered, or was not.
    SubscriptionSent(Vec<SubscriptionSent>),
    /// Someone changed their personal data: delete the old.
    UserInfoModified(Revocation),
    /// Someone took an authorization back: delete what it covered.
    UserAuthorizationRevoke(Revocation),
    /// Someone closed their WeChat account: delete everything.
    UserAuthorizationCancellation(Revocation),
    /// An event this crate has no type for.
    Other {
        /// Its name, at most 64 characters.
        event: String,
    },
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TemplateSendJobFinish { msgid, status, .. } => formatter
                .debug_struct("TemplateSendJobFinish")
                .field("msgid", msgid)
                .field("status", status)
                .finish_non_exhaustive(),
            other => formatter.write_str(other.name()),
        }
    }
}

/// What became of a template message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// `success`
    Success,
    /// `failed:user block`: the person switched off this account's messages.
    UserBlock,
    /// `failed: system failed`, with a blank: any other failure.
    SystemFailed,
    /// `failed:freq limit`: undocumented, seen live; too many to this person.
    FreqLimit,
    /// Something else, at most 64 characters; to be counted as a failure.
    Other(String),
}

/// Where someone is; Debug does not show it.
#[derive(Clone, Copy, PartialEq)]
pub struct Coordinates {
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
}

impl fmt::Debug for Coordinates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Coordinates(…)")
    }
}

/// A person's answer for one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionChoice {
    /// Of the subscription library, not of the template messages.
    pub template_id: String,
    /// Yes or no.
    pub choice: Choice,
    /// 1: a page; 2: an article; 0: a mini program.
    pub popup_scene: Option<u32>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `accept`
    Accept,
    /// `reject`, and whatever is not `accept`.
    Reject,
}

/// What became of one subscription notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionSent {
    /// Of the subscription library.
    pub template_id: String,
    /// The notice.
    pub msgid: Option<u64>,
    /// 0 for success.
    pub error_code: i64,
    /// In words.
    pub status: String,
}

/// Whose data is to be deleted. Debug shows the extent only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Of whom.
    pub openid: Openid,
    /// Under which mini program or account.
    pub appid: Option<String>,
    /// What: 201 address, 202 invoice, 203 card, 204 microphone, 205 name and picture, 206 place, 207 image or video.
    pub revoke_info: Option<String>,
}

impl Event {
    /// WeChat's name of it; `message` for what people write.
    pub fn name(&self) -> &str {
        match self {
            Self::TemplateSendJobFinish { .. } => "TEMPLATESENDJOBFINISH",
            Self::Subscribe { .. } => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Scan { .. } => "SCAN",
            Self::Click { .. } => "CLICK",
            Self::View { .. } => "VIEW",
            Self::ViewMiniprogram { .. } => "view_miniprogram",
            Self::Location(_) => "LOCATION",
            Self::Message { .. } => "message",
            Self::SubscriptionPopup(_) => "subscribe_msg_popup_event",
            Self::SubscriptionChange(_) => "subscribe_msg_change_event",
            Self::SubscriptionSent(_) => "subscribe_msg_sent_event",
            Self::UserInfoModified(_) => "user_info_modified",
            Self::UserAuthorizationRevoke(_) => "user_authorization_revoke",
            Self::UserAuthorizationCancellation(_) => "user_authorization_cancellation",
            Self::Other { event } => event,
        }
    }
}

/// Reads the common head and what follows it.
pub(super) fn read(node: &Node) -> Result<Push, CallbackError> {
    let openid = Openid::from(node.required("FromUserName")?);
    let created_at_s = node.number("CreateTime")?.ok_or(CallbackError::Missing("CreateTime"))?;
    let event = match node.required("MsgType")? {
        "event" => read_event(node, &openid, created_at_s)?,
        kind => Event::Message { kind: bounded(kind), content: node.owned("Content"), msgid: msgid(node)? },
    };
    Ok(Push { to_user: node.required("ToUserName")?.to_owned(), openid, created_at_s, event })
}

fn read_event(node: &Node, openid: &Openid, created_at_s: i64) -> Result<Event, CallbackError> {
    let key = || node.required("EventKey").map(str::to_owned);
    Ok(match node.required("Event")? {
        "TEMPLATESENDJOBFINISH" => Event::TemplateSendJobFinish {
            openid: openid.clone(),
            created_at_s,
            msgid: msgid(node)?,
            status: DeliveryStatus::read(node.required("Status")?),
        },
        "subscribe" => Event::Subscribe { scene: node.text("EventKey").map(scene_of) },
        "unsubscribe" => Event::Unsubscribe,
        "SCAN" => Event::Scan { scene: key()? },
        "CLICK" => Event::Click { key: key()? },
        "VIEW" => Event::View { url: key()? },
        "view_miniprogram" => Event::ViewMiniprogram { page: key()? },
        "LOCATION" => Event::Location(coordinates(node)?),
        "subscribe_msg_popup_event" => Event::SubscriptionPopup(choices(node)?),
        "subscribe_msg_change_event" => Event::SubscriptionChange(choices(node)?),
        "subscribe_msg_sent_event" => {
            Event::SubscriptionSent(entries(node).map(sent).collect::<Result<_, _>>()?)
        }
        "user_info_modified" => Event::UserInfoModified(revocation(node, openid)),
        "user_authorization_revoke" => Event::UserAuthorizationRevoke(revocation(node, openid)),
        "user_authorization_cancellation" => Event::UserAuthorizationCancellation(revocation(node, openid)),
        other => Event::Other { event: bounded(other) },
    })
}

impl DeliveryStatus {
    fn read(text: &str) -> Self {
        let cause = text.strip_prefix("failed:").map(str::trim);
        match (text, cause) {
            ("success", _) => Self::Success,
            (_, Some("user block")) => Self::UserBlock,
            (_, Some("system failed")) => Self::SystemFailed,
            (_, Some("freq limit")) => Self::FreqLimit,
            _ => Self::Other(bounded(text)),
        }
    }
}

/// `MsgID` in events, `MsgId` in messages and in JSON.
fn msgid(node: &Node) -> Result<Option<u64>, CallbackError> {
    let id = match node.number("MsgID")? {
        Some(id) => Some(id),
        None => node.number("MsgId")?,
    };
    Ok(id.filter(|id| *id != 0))
}

fn scene_of(key: &str) -> String {
    key.strip_prefix("qrscene_").unwrap_or(key).to_owned()
}

fn coordinates(node: &Node) -> Result<Coordinates, CallbackError> {
    Ok(Coordinates {
        latitude: node.number("Latitude")?.ok_or(CallbackError::Missing("Latitude"))?,
        longitude: node.number("Longitude")?.ok_or(CallbackError::Missing("Longitude"))?,
    })
}

/// The wrapper's entries; an official sample of the change event has the popup's wrapper, and JSON has none.
fn entries(node: &Node) -> impl Iterator<Item = &Node> {
    const WRAPPERS: [&str; 3] =
        ["SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent"];
    WRAPPERS.iter().find_map(|wrapper| node.field(wrapper)).unwrap_or(node).list("List")
}

fn choices(node: &Node) -> Result<Vec<SubscriptionChoice>, CallbackError> {
    entries(node)
        .map(|entry| {
            let accepted = entry.required("SubscribeStatusString")? == "accept";
            Ok(SubscriptionChoice {
                template_id: entry.required("TemplateId")?.to_owned(),
                choice: if accepted { Choice::Accept } else { Choice::Reject },
                popup_scene: entry.number("PopupScene")?,
            })
        })
        .collect()
}

fn sent(entry: &Node) -> Result<SubscriptionSent, CallbackError> {
    Ok(SubscriptionSent {
        template_id: entry.required("TemplateId")?.to_owned(),
        msgid: msgid(entry)?,
        error_code: entry.number("ErrorCode")?.ok_or(CallbackError::Missing("ErrorCode"))?,
        status: bounded(entry.text("ErrorStatus").unwrap_or_default()),
    })
}

fn revocation(node: &Node, openid: &Openid) -> Revocation {
    Revocation {
        openid: node.text("OpenID").map_or_else(|| openid.clone(), Openid::from),
        appid: node.owned("AppID"),
        revoke_info: node.owned("RevokeInfo"),
    }
}

/// Names and statuses are short; what is not is cut to 64 characters.
fn bounded(text: &str) -> String {
    text.chars().take(64).collect()
}
