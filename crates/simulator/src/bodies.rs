//! The JSON that the control side takes. Unknown keys are errors; what is left out stays as it is.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::settings::{Escapes, Latency, ReceiptPlan, Share};

/// `POST /_sim/accounts`: makes an account, or changes the fields given of one that is there.
///
/// It has no `Debug`: it holds secrets.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountBody {
    /// The account.
    pub appid: String,
    /// Needed the first time. A new one replaces the old; live tokens go on.
    pub secret: Option<String>,
    /// `service` unless said.
    pub kind: Option<Kind>,
    /// Where pushes go: `http://…`. An empty string ends them.
    pub callback_url: Option<String>,
    /// The token that signs pushes: 3 to 32 letters and digits.
    pub token: Option<String>,
    /// EncodingAESKey, 43 characters. With it pushes are in safe mode unless `push_mode` says otherwise.
    pub aes_key: Option<String>,
    /// How pushes are wrapped.
    pub push_mode: Option<PushMode>,
    /// How pushes are written.
    pub push_format: Option<PushFormat>,
    /// Who may call. Null, and a new account without it: anyone; an empty list: nobody.
    #[serde(deserialize_with = "given")]
    pub ip_allow_list: Option<Option<Vec<IpAddr>>>,
    /// Sends a day (Asia/Shanghai); 45009 beyond.
    pub daily_quota: Option<u64>,
    /// Sends a minute; 45011 beyond. WeChat shows 4,200,000.
    pub minute_limit: Option<u64>,
    /// Sends a minute to one openid; 43117 beyond. None unless said: WeChat publishes no number.
    pub openid_minute_limit: Option<u64>,
    /// Whether the same content to the same openid within 60 s is refused (40241). Refused unless said.
    pub same_content: Option<SameContent>,
    /// Whether `\uXXXX` escapes are refused (40033).
    pub escapes: Option<Escapes>,
    /// Whether the account may use template messages; 48001 when not.
    pub permission: Option<Permission>,
    /// Life of a fresh token in seconds.
    pub token_seconds: Option<u32>,
    /// The `gh_…` id in pushes. Made from the appid unless said.
    pub original_id: Option<String>,
    /// The mini programs linked to the account; another one in a send is 40013. Absent: any.
    pub miniprograms: Option<Vec<String>>,
}

/// Tells `null` from nothing.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What sort of account it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 服务号: 1,000,000 sends a day.
    #[default]
    Service,
    /// 订阅号: 100,000 sends a day. WeChat gives template messages to verified service accounts only; here they
    /// are allowed unless `permission` is `unauthorized`.
    Subscription,
    /// 测试号: 100,000 sends a day, 200 token fetches, field limits not enforced.
    Test,
}

/// Whether the account may use template messages.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// It may.
    #[default]
    Authorized,
    /// Every template call answers 48001.
    Unauthorized,
}

/// What the same content to the same openid within 60 s comes to, when the `client_msg_id` is another.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SameContent {
    /// 40241.
    #[default]
    Refuse,
    /// It is delivered.
    Allow,
}

/// How pushes are wrapped.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PushMode {
    /// 明文: as it is.
    Plain,
    /// 兼容: plain and encrypted fields side by side.
    Compatible,
    /// 安全: encrypted only.
    Safe,
}

/// How pushes are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PushFormat {
    /// XML with CDATA.
    #[default]
    Xml,
    /// JSON, numbers as strings.
    Json,
}

/// `POST /_sim/templates`: gives an account a template, or changes the one named by `template_id`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TemplateBody {
    /// The account.
    pub appid: String,
    /// The title on the phone.
    pub title: String,
    /// `{{first.DATA}}\n订单号：{{keyword1.DATA}}` (legacy) or `订单编号{{character_string1.DATA}}` (category).
    pub content: String,
    /// A chosen id; otherwise one is made, 43 characters.
    pub template_id: Option<String>,
    /// `banned` makes every send with it 43116.
    pub state: Option<TemplateState>,
}

/// Whether a template may be used.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateState {
    /// It may.
    #[default]
    Usable,
    /// Restricted by the platform: 43116.
    Banned,
}

/// `POST /_sim/followers`: makes followers, or sets the state of those named.
///
/// Openids are made in a fixed order from the seed and the appid, so a second call goes on where the first ended.
/// Of the `count`, the last are `user_blocked`, then `unfollowed`, then `blacklisted`; the others get `status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FollowersBody {
    /// The account.
    pub appid: String,
    /// How many to make; at most 1,000,000 a call.
    pub count: u32,
    /// Openids to make or change instead; at most 64 bytes each.
    pub openids: Vec<String>,
    /// What they are.
    pub status: FollowerStatus,
    /// So many of `count` have switched the account's messages off.
    pub user_blocked: u32,
    /// So many of `count` do not follow any more.
    pub unfollowed: u32,
    /// So many of `count` are on the account's blacklist.
    pub blacklisted: u32,
}

/// What a person is to the account, and what a message to them comes to.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowerStatus {
    /// Delivered; the receipt says `success`.
    #[default]
    Following,
    /// Accepted; the receipt says `failed:user block`.
    UserBlocked,
    /// Accepted; the receipt says `failed: system failed`.
    SystemFailed,
    /// Accepted; the receipt says `failed:freq limit`.
    FreqLimited,
    /// 43004.
    Unfollowed,
    /// 43019.
    Blacklisted,
}

/// `POST /_sim/events`: a person does something, and the account's callback hears of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventBody {
    /// The account.
    pub appid: String,
    /// Who does it.
    pub openid: String,
    /// What they do.
    pub kind: EventKind,
    /// The menu key, scene or URL; a usual one unless said.
    #[serde(default)]
    pub key: Option<String>,
    /// What they write, for `text`.
    #[serde(default)]
    pub text: Option<String>,
    /// The push is a forgery; nothing happens to the person.
    #[serde(default)]
    pub forged: Option<Forgery>,
}

/// What is wrong with a forged push, which a callback must not take.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// It is signed with another token.
    Signature,
    /// Inside the ciphertext stands another account's appid (npm `wechat` 2.1.0 does not look).
    Appid,
}

/// What a person does.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Follows: `subscribe`.
    Follow,
    /// Stops following: `unsubscribe`.
    Unfollow,
    /// Clicks a menu key: `CLICK`.
    Click,
    /// Opens a menu link: `VIEW`.
    View,
    /// Scans the account's code: `SCAN`, or `subscribe` with `qrscene_…` when not following yet.
    Scan,
    /// Pays in the account's shop: `merchant_order`, the one payment that WeChat pushes to an account.
    Pay,
    /// Writes: an ordinary text message.
    Text,
}

/// `POST /_sim/faults`: what goes wrong from now on, for one account or (without `appid`) for all.
/// Each call replaces what the last one set for the same scope; `{}` clears every scope.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct FaultsBody {
    /// One account; all when absent.
    pub appid: Option<String>,
    /// The call that fails: `/cgi-bin/message/template/send` unless said, `*` for all of WeChat's.
    pub path: Option<String>,
    /// Answers that are refusals, tried in this order.
    pub errcodes: Vec<ErrcodeFault>,
    /// How long calls take, in place of the setting.
    pub latency: Option<Latency>,
    /// The connection is dropped before the call took place.
    pub drop_before: Share,
    /// The connection is dropped after the call took place: it was sent, and nobody is told.
    pub drop_after: Share,
    /// HTTP 502 with a page of HTML, before the call took place.
    pub bad_gateway: Share,
    /// HTTP 200 with something that is no JSON, after the call took place.
    pub garbage: Share,
    /// Sends are held for review: 40252, delivered later.
    pub review: Option<ReviewFault>,
    /// Sends that are accepted and that the platform stops then: they reach no phone, their receipt says
    /// `failed: system failed`, and queryblocktmplmsg tells them.
    pub blocked: Share,
    /// What becomes of receipts, in place of the setting.
    pub receipts: Option<ReceiptPlan>,
    /// Ends every live token at once: 40001.
    pub token_revoked: bool,
    /// The day's sends are used up as long as this is set: 45009.
    pub quota_used_up: bool,
    /// What openapi/quota/get says in place of the day's limit: 0 and -1 have been seen where it is not known.
    pub quota_told: Option<i64>,
}

/// A refusal in place of an answer.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ErrcodeFault {
    /// The code, `-1` for one.
    pub errcode: i32,
    /// To this share of calls; 1 unless said.
    #[serde(default = "certain")]
    pub rate: f64,
    /// At most so many times.
    #[serde(default)]
    pub next: Option<u64>,
    /// Another call than the fault's own `path`.
    #[serde(default)]
    pub path: Option<String>,
    /// The call takes place first: a send reaches its phone, and its caller is told the code all the same.
    #[serde(default)]
    pub after: bool,
}

fn certain() -> f64 {
    1.0
}

/// Sends held for review.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ReviewFault {
    /// To this share of sends; 1 unless said.
    #[serde(default = "certain")]
    pub rate: f64,
    /// At most so many times.
    #[serde(default)]
    pub next: Option<u64>,
    /// How long after the send it is let through and delivered.
    #[serde(default)]
    pub release_after_ms: u32,
}
