//! A scenario: a business reason to write, with all that follows from it. What the API takes and gives, as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use hongyan_domain::{Category, InteractionKind, Lane, OnUnknown};
use serde::{Deserialize, Serialize};

use crate::{Name, duration};

/// A business reason to write to a person: which template, filled how, when, and what if it is late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What programs call it.
    pub name: Name,
    /// What people call it: 支付成功.
    pub title: String,
    /// What kind of word it is to the person.
    pub category: Category,
    /// The template that it fills; absent in a draft, where the template is another for every account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
    /// For each field of the template a text with expressions over the params: `{{ amount | yuan }}`.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// What a trigger gives.
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
    /// Where a tap leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// When it goes.
    #[serde(default)]
    pub timing: Timing,
    /// How long after it is due it is late.
    #[serde(default = "default_tolerance", with = "duration")]
    pub tolerance: Duration,
    /// What becomes of a late one.
    #[serde(default)]
    pub when_late: WhenLate,
    /// How long after it is due it is worthless and no longer goes, late or not.
    #[serde(default, with = "duration::option", skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<Duration>,
    /// How urgent it is.
    #[serde(default = "default_lane")]
    pub lane: Lane,
    /// What to do when nobody knows whether it was delivered.
    #[serde(default = "default_on_unknown")]
    pub on_unknown: OnUnknown,
    /// The interaction that the trigger itself proves: an order that is paid is a payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<InteractionKind>,
    /// Scenarios whose trigger with the same subject takes back what of this one still waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cancelled_by: Vec<Name>,
    /// The param that names the thing it is about: the order, the appointment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The param, of type time, that tells when it happened: counted from where a trigger gives no `occurred_at`. One given
    /// to the minute counts from the beginning of that minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_param: Option<String>,
    /// Whether several triggers become one message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Merge>,
    /// A trigger for something older than this is refused: it would go out as news.
    #[serde(default = "default_max_age", with = "duration")]
    pub max_age: Duration,
    /// How many of these one person gets.
    #[serde(default)]
    pub caps: Caps,
    /// Whether taps on its link are counted for each recipient.
    #[serde(default = "default_track_clicks")]
    pub track_clicks: bool,
    /// Wordings that are compared (A/B); each person always gets the same one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// A service message may wait a little: the house default.
fn default_tolerance() -> Duration {
    Duration::from_secs(5 * 60)
}

/// Older than a day is history, not news.
fn default_max_age() -> Duration {
    Duration::from_secs(86_400)
}

fn default_lane() -> Lane {
    Lane::Normal
}

fn default_on_unknown() -> OnUnknown {
    OnUnknown::Park
}

fn default_track_clicks() -> bool {
    true
}

/// What a trigger gives under one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ParamKind,
    /// Whether a trigger without it is refused.
    #[serde(default)]
    pub required: bool,
    /// One that is possible: a text, a number or a bool. The scenario is checked and shown with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<serde_json::Value>,
}

/// The kinds of param.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// Any text.
    Text,
    /// Digits, perhaps a sign, perhaps decimals. A whole one can be computed with.
    Number,
    /// An exact amount with at most two decimals: `88`, `"88.00"`. Whether it is yuan or fen, the filter says.
    Money,
    /// RFC 3339, or `2026-11-23 12:00[:05]` in Beijing.
    Time,
    /// 3 to 20 digits, perhaps with `+ - ( ) *` and blanks.
    Phone,
    /// `true` or `false`.
    Bool,
}

impl ParamKind {
    /// The word of the JSON form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Money => "money",
            Self::Time => "time",
            Self::Phone => "phone",
            Self::Bool => "bool",
        }
    }
}

/// Where a tap leads. With both, the mini-program goes first and the url serves clients that cannot open it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// A web address: `https://shop.example/orders/{{ order_no }}`. Values are percent-encoded; scheme and host are
    /// written out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A page of a mini-program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miniprogram: Option<MiniprogramLink>,
    /// The marks that tell a site, or a mini-program's page, where its visitor comes from: `{}` for ours. Without it the
    /// link goes as it is. Kept here, added where links are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utm: Option<Utm>,
}

/// A page of a mini-program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MiniprogramLink {
    /// Its appid.
    pub appid: String,
    /// The page: `pages/order?id={{ order_no }}`. Values are percent-encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagepath: Option<String>,
}

/// UTM parameters; what is absent is ours: `wechat`, `template_message`, the scenario's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Utm {
    /// The site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// The effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// What tells apart within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// When a message goes. JSON: `{"at":"once"}`, `{"within":"10m"}` or `{"before":{"param":"appointment_at","by":"1h"}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "TimingForm", from = "TimingForm")]
pub enum Timing {
    /// As soon as it happened.
    #[default]
    Once,
    /// Within so long after it happened: it may go at once, and is due at the end.
    Within(Duration),
    /// Ahead of the time that a param names.
    Before {
        /// The param, of type time.
        param: String,
        /// How long ahead.
        by: Duration,
    },
}

/// How a timing is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum TimingForm {
    At(At),
    Within(#[serde(with = "duration")] Duration),
    Before(Before),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    Once,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    param: String,
    #[serde(with = "duration")]
    by: Duration,
}

impl From<Timing> for TimingForm {
    fn from(timing: Timing) -> Self {
        match timing {
            Timing::Once => Self::At(At::Once),
            Timing::Within(duration) => Self::Within(duration),
            Timing::Before { param, by } => Self::Before(Before { param, by }),
        }
    }
}

impl From<TimingForm> for Timing {
    fn from(form: TimingForm) -> Self {
        match form {
            TimingForm::At(At::Once) => Self::Once,
            TimingForm::Within(duration) => Self::Within(duration),
            TimingForm::Before(Before { param, by }) => Self::Before { param, by },
        }
    }
}

/// What becomes of a message that is late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenLate {
    /// It goes, and counts as late.
    #[default]
    Send,
    /// It no longer goes: `failed: expired`.
    Drop,
}

/// Several triggers become one message, which sees `items` (the params of each) and `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// Those that come within so long after the first.
    #[serde(with = "duration")]
    pub within: Duration,
    /// Those about the same thing, or all to one person.
    pub by: MergeBy,
}

/// Which triggers belong together. Always of one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeBy {
    /// With the same subject.
    Subject,
    /// All.
    Recipient,
}

/// How many messages of a scenario one person gets; absent means no cap of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// In a day of Asia/Shanghai.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// In a week of Asia/Shanghai.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_week: Option<u32>,
}

/// One wording of an A/B test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// What it is called.
    pub name: Name,
    /// Its share of the people, against the other weights.
    pub weight: u32,
    /// Fields that are worded otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// A link in place of the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}
