//! The body of a request to send.

use std::borrow::Cow;
use std::fmt;

use hongyan_domain::validate::Overflow;
use hongyan_domain::{Category, InteractionKind, Lane, OnUnknown, Timestamp};
use hongyan_store::MessageRecord;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A request to send: WeChat's own send body and a little more. Borrowed from the bytes it came in. It holds
/// personal data, which `Debug` does not show.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request<'a> {
    /// The account; may be left out where there is only one.
    #[serde(borrow)]
    pub appid: Option<Cow<'a, str>>,
    /// The recipient's openid.
    #[serde(borrow)]
    pub touser: Cow<'a, str>,
    /// The full template id.
    #[serde(borrow)]
    pub template_id: Cow<'a, str>,
    /// The fields, `{"thing1":{"value":"…"}}` or `{"thing1":"…"}`.
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    /// Where a tap leads.
    #[serde(borrow)]
    pub url: Option<Cow<'a, str>>,
    /// The mini-program a tap opens.
    pub miniprogram: Option<GivenMiniprogram>,
    /// The caller's own id, for idempotency.
    #[serde(borrow)]
    pub client_msg_id: Option<Cow<'a, str>>,
    /// `urgent`, `normal` (the default) or `bulk`.
    pub lane: Option<Lane>,
    /// Not before this.
    pub send_at: Option<Timestamp>,
    /// Not after this.
    pub expires_at: Option<Timestamp>,
    /// What kind of word it is to the person.
    pub category: Option<Category>,
    /// The interaction that the message itself proves.
    pub basis: Option<InteractionKind>,
    /// `park` (the default) or `resend`.
    pub on_unknown: Option<OnUnknown>,
    /// The scenario, in place of template and data.
    #[serde(borrow)]
    pub scenario: Option<Cow<'a, str>>,
    /// What the scenario's expressions are worked out with: `{"order_no":"…"}`.
    #[serde(borrow)]
    pub params: Option<&'a RawValue>,
    /// When it happened, of a scenario; now, if left out.
    pub occurred_at: Option<Timestamp>,
    /// Of a text that is too long: `error` (the default) or `shorten`.
    pub overflow: Option<Overflow>,
    /// Whether taps on the link are counted; left out: as the scenario says, and not without one.
    pub track: Option<bool>,
    /// Check only, and show what the phone will show.
    pub dry_run: bool,
    /// WeChat's old field; ignored since 2023, taken so that an old body can be pasted.
    #[serde(borrow)]
    pub topcolor: Option<&'a RawValue>,
    /// As `topcolor`.
    #[serde(borrow)]
    pub color: Option<&'a RawValue>,
    /// The message whose content this is, where a person asked for it once more; no caller's body holds it.
    #[serde(skip)]
    pub resends: Option<&'a MessageRecord>,
}

/// A mini-program as callers write it; `path` is WeChat's old name of `pagepath`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GivenMiniprogram {
    /// Its appid.
    pub appid: String,
    /// Its page.
    #[serde(alias = "path")]
    pub pagepath: Option<String>,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("template_id", &self.template_id).finish_non_exhaustive()
    }
}
