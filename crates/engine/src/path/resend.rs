//! Step: accept, of what a final message said: its content as a request of its own, to the same person.

use std::borrow::Cow;

use hongyan_store::{MessageRecord, NewMessage, Ties};
use serde_json::value::RawValue;

use crate::path::accept::{GivenMiniprogram, Request};

impl<'a> Request<'a> {
    /// Asks for what `before` said to be sent once more, now, under the rules as they are now. It has the patience of its
    /// lane. It proves no interaction: whatever the first one proved was recorded with it, and did not happen again.
    /// `None`: there is nothing to send, since the data of the person were erased.
    pub fn again(before: &'a MessageRecord, appid: &'a str, client_msg_id: &'a str) -> Option<Self> {
        let (openid, content) = (before.openid.as_ref()?, before.content.as_ref()?);
        let data: &RawValue = serde_json::from_str(&content.data).ok()?;
        Some(Self {
            appid: Some(Cow::Borrowed(appid)),
            touser: Cow::Borrowed(openid.expose()),
            template_id: Cow::Borrowed(&before.template_id),
            data: Some(data),
            url: content.url.as_deref().map(Cow::Borrowed),
            miniprogram: content
                .miniprogram
                .as_ref()
                .map(|page| GivenMiniprogram { appid: page.appid.clone(), pagepath: page.pagepath.clone() }),
            client_msg_id: Some(Cow::Borrowed(client_msg_id)),
            lane: Some(before.lane),
            category: Some(before.category),
            on_unknown: Some(before.standing.on_unknown),
            track: before.marks.tracked.then_some(true),
            resends: Some(before),
            ..Self::default()
        })
    }
}

/// What a message has from the one whose content it is, besides what its request says.
pub(crate) fn shape(before: &MessageRecord, message: &mut NewMessage) {
    message.scenario = before.scenario.clone();
    message.marks.variant = before.marks.variant.clone();
    message.ties = Some(Box::new(Ties { resends: Some(before.id), ..Ties::default() }));
    // Two messages of one scenario to one person differ by what they say, which is not asked of a scenario's.
    message.given.push_str(&before.id.to_string());
}
