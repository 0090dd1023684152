//! One message as people see it: where it stands, why, and everything that happened to it.

use std::str::FromStr;

use axum::extract::State;
use hongyan_domain::{
    Category, Cause, ComplaintKind, InteractionKind, Lane, MessageId, OnUnknown, Openid, Punctuality, Rule,
    State as MessageState, Timestamp,
};
use hongyan_engine::Catalog;
use hongyan_engine::content::{Found, read_findings};
use hongyan_store::{Clicks, Happening, MessageRecord, Moment};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::take_in::MiniprogramBody;
use crate::access::auth::{Caller, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::monitor::on_time::StepsBody;
use crate::request::path::Named;

/// A message.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageBody<'a> {
    /// Its id.
    #[schema(value_type = String)]
    id: MessageId,
    /// Whose it is.
    appid: &'a str,
    /// Your own id.
    client_msg_id: Option<&'a str>,
    /// To whom; null: erased, with `data`, `url` and `miniprogram`.
    touser: Option<&'a str>,
    /// By which template.
    template_id: &'a str,
    /// The fields, as they go to WeChat.
    #[schema(value_type = Object)]
    data: Option<&'a RawValue>,
    /// Where a tap leads.
    url: Option<&'a str>,
    /// The mini-program a tap opens.
    miniprogram: Option<MiniprogramBody>,
    /// How urgent.
    #[schema(value_type = String)]
    lane: Lane,
    /// Of which scenario.
    scenario: Option<&'a str>,
    /// The variant of the scenario that its recipient got.
    variant: Option<&'a str>,
    /// Whether taps on its link are counted.
    tracked: bool,
    /// `transactional`, `service` or `marketing`.
    #[schema(value_type = String)]
    category: Category,
    /// The interaction the message itself proves.
    #[schema(value_type = Option<String>)]
    basis: Option<InteractionKind>,
    /// The reach window by which it went.
    #[schema(value_type = Option<String>)]
    reached_by: Option<InteractionKind>,
    /// Where it stands.
    #[schema(value_type = String)]
    state: MessageState,
    /// Why.
    #[schema(value_type = Option<String>)]
    cause: Option<Cause>,
    /// WeChat's number for it: 64 bits, as text.
    msgid: Option<String>,
    /// Tries that were spent.
    attempts: u32,
    /// `park` or `resend`.
    #[schema(value_type = String)]
    on_unknown: OnUnknown,
    /// When it was accepted.
    #[schema(value_type = String)]
    accepted_at: Timestamp,
    /// When it may go.
    #[schema(value_type = String)]
    due_at: Timestamp,
    /// When it should be with WeChat.
    #[schema(value_type = String)]
    deadline: Timestamp,
    /// Not after this.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    /// When WeChat took it.
    #[schema(value_type = Option<String>)]
    sent_at: Option<Timestamp>,
    /// When it became final.
    #[schema(value_type = Option<String>)]
    settled_at: Option<Timestamp>,
    /// Taps on its link, where they are counted and there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    clicks: Option<ClicksBody>,
    /// Whether it was with WeChat when it should be; only where one message is shown, and null until that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_time: Option<OnTimeBody>,
    /// Everything that happened, oldest first; only where one message is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    timeline: Vec<MomentBody<'a>>,
}

/// Taps on the link of a message.
#[derive(Serialize, ToSchema)]
#[schema(as = Clicks)]
pub(crate) struct ClicksBody {
    #[schema(value_type = String)]
    first_at: Timestamp,
    #[schema(value_type = String)]
    last_at: Timestamp,
    count: u32,
}

impl From<Clicks> for ClicksBody {
    fn from(clicks: Clicks) -> Self {
        let Clicks { first_at, last_at, count } = clicks;
        Self { first_at, last_at, count }
    }
}

/// Whether a message was on time.
#[derive(Serialize, ToSchema)]
#[schema(as = OnTime)]
pub(crate) struct OnTimeBody {
    /// `on_time`, `late` or `expired`.
    verdict: &'static str,
    /// How long after its deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    late_ms: Option<u64>,
    /// In which steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<StepsBody>,
}

impl From<Punctuality> for OnTimeBody {
    fn from(told: Punctuality) -> Self {
        let (late_ms, steps) = match told {
            Punctuality::Late(lateness) => (Some(lateness.late_ms), Some(StepsBody::of(&lateness))),
            Punctuality::OnTime | Punctuality::Expired => (None, None),
        };
        Self { verdict: told.as_str(), late_ms, steps }
    }
}

/// One thing that happened to a message.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Moment)]
pub(crate) struct MomentBody<'a> {
    /// When.
    #[schema(value_type = String)]
    at: Option<Timestamp>,
    /// `accepted`, `resends`, `merged`, `withdrawn`, `judged`, `asked`, `approved`, `rejected`, `claimed`, `clicked`,
    /// `dispatched`, `reported`, `blocked`, `complained`, `settled` or `resent`.
    what: &'static str,
    /// Of content that went to its person once more: the other message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    message: Option<MessageId>,
    /// Of a trigger that was merged into the message: the caller's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_msg_id: Option<&'a str>,
    /// Of a trigger that was merged into the message: its params.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    params: Option<&'a RawValue>,
    /// Of a judgement: the rule that spoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    rule: Option<Rule>,
    /// Of a judgement: `hold` or `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a str>,
    /// Of a judgement: until when it holds, or from when on it would not refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// Of a judgement: the rule is observed only, and the message went all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<bool>,
    /// Of a question to a person: the words that were found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    findings: Option<Vec<Found>>,
    /// Of a tap on the link: how many there were in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    /// Of a message that was taken back: the event that did it. Of a decision: who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    /// Of a decision: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// Of a dispatch: `sent`, `refused`, `retry`, `pause` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    /// Of a dispatch: WeChat's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    errcode: Option<i64>,
    /// Of a dispatch: WeChat's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    errmsg: Option<&'a str>,
    /// Of a dispatch: what the error code means.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Text>,
    /// Of a dispatch: what to do about the error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<Text>,
    /// Of a dispatch: WeChat's request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    rid: Option<&'a str>,
    /// Of a dispatch: WeChat's number for the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    msgid: Option<String>,
    /// Of a dispatch: when its claim was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    claimed_at: Option<Timestamp>,
    /// Of a dispatch: how long WeChat took.
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u32>,
    /// Of a report: what WeChat reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Of a report nobody has documented: as WeChat spelled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    /// Of a block by WeChat's platform: when the message was sent, by WeChat's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    blocked_at: Option<Timestamp>,
    /// Of a complaint: of what.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    kind: Option<ComplaintKind>,
    /// Of a settlement: the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    state: Option<MessageState>,
    /// Of a settlement: the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    cause: Option<Cause>,
}

/// Shows one message with its timeline: every decision in order, with its reason.
#[utoipa::path(get, path = "/api/v1/messages/{id}", tag = "messages",
    responses((status = 200, description = "The message", body = MessageBody<'_>)))]
pub(crate) async fn show(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Answer {
    let record = record(&app, &caller, &id).await?;
    answer::ok(&MessageBody::of(&record, &app.engine().catalog()))
}

/// The message that a path means by its id or by the caller's own.
pub(super) async fn meant(
    app: &App,
    caller: &Caller,
    appid: Option<&str>,
    id: &str,
) -> Result<MessageRecord, Problem> {
    if id.parse::<MessageId>().is_ok() {
        return record(app, caller, id).await;
    }
    let account = app.account_or_only(caller, appid)?;
    app.store().by_client_msg_id(account.id(), id).await?.ok_or_else(unknown)
}

async fn record(app: &App, caller: &Caller, id: &str) -> Result<MessageRecord, Problem> {
    let id = MessageId::from_str(id).map_err(|_| unknown())?;
    let record = app.store().message(id).await?.filter(|record| caller.may_touch(record.account));
    record.ok_or_else(unknown)
}

pub(super) fn unknown() -> Problem {
    let detail = "no message has this id; by your own id: GET /api/v1/messages?client_msg_id=…";
    Problem::new(Code::UnknownMessage, detail)
}

impl<'a> MessageBody<'a> {
    /// The message as the API shows it.
    pub(crate) fn of(record: &'a MessageRecord, catalog: &'a Catalog) -> Self {
        let content = record.content.as_ref();
        let miniprogram = content
            .and_then(|content| content.miniprogram.as_ref())
            .map(|given| MiniprogramBody { appid: given.appid.clone(), pagepath: given.pagepath.clone() });
        Self {
            id: record.id,
            appid: catalog.by_id(record.account).map_or("", |account| account.appid().as_str()),
            client_msg_id: record.client_msg_id.as_deref(),
            touser: record.openid.as_ref().map(Openid::expose),
            template_id: &record.template_id,
            data: content.and_then(|content| serde_json::from_str(&content.data).ok()),
            url: content.and_then(|content| content.url.as_deref()),
            miniprogram,
            lane: record.lane,
            scenario: record.scenario.as_deref(),
            variant: record.marks.variant.as_deref(),
            tracked: record.marks.tracked,
            category: record.category,
            basis: record.basis,
            reached_by: record.reached_by,
            state: record.standing.state,
            cause: record.cause,
            msgid: record.msgid.map(|msgid| msgid.to_string()),
            attempts: u32::from(record.standing.attempts),
            on_unknown: record.standing.on_unknown,
            accepted_at: record.accepted_at,
            due_at: record.due_at,
            deadline: record.deadline_at,
            expires_at: record.expires_at,
            sent_at: record.sent_at,
            settled_at: record.settled_at,
            clicks: record.clicks.map(ClicksBody::from),
            on_time: record.on_time.map(OnTimeBody::from),
            timeline: record.timeline.iter().map(MomentBody::of).collect(),
        }
    }
}

impl<'a> MomentBody<'a> {
    fn of(moment: &'a Moment) -> Self {
        let body = Self { at: Some(moment.at), ..Self::default() };
        match &moment.what {
            Happening::Accepted => Self { what: "accepted", ..body },
            Happening::Judged { rule, verdict, until, observed } => Self {
                what: "judged",
                rule: Some(*rule),
                verdict: Some(verdict),
                until: *until,
                observed: observed.then_some(true),
                ..body
            },
            Happening::Asked { findings } => {
                Self { what: "asked", findings: Some(read_findings(findings)), ..body }
            }
            Happening::Decided { state, decided } => {
                Self { what: state.as_str(), by: Some(&decided.by), reason: Some(&decided.reason), ..body }
            }
            Happening::Merged { client_msg_id, params } => Self {
                what: "merged",
                client_msg_id: client_msg_id.as_deref(),
                params: params.as_deref().and_then(|params| serde_json::from_str(params).ok()),
                ..body
            },
            Happening::Withdrawn { by } => Self { what: "withdrawn", by: Some(by), ..body },
            Happening::Resent { again } => Self { what: "resent", message: Some(*again), ..body },
            Happening::Resends { message } => Self { what: "resends", message: Some(*message), ..body },
            Happening::Claimed => Self { what: "claimed", ..body },
            Happening::Dispatched { outcome, errcode, errmsg, rid, msgid, claimed_at, took_ms } => Self {
                what: "dispatched",
                outcome: Some(outcome),
                errcode: *errcode,
                errmsg: errmsg.as_deref(),
                meaning: errcode.filter(|code| *code != 0).and_then(Text::meaning),
                advice: errcode.filter(|code| *code != 0).and_then(Text::advice),
                rid: rid.as_deref(),
                msgid: msgid.map(|msgid| msgid.to_string()),
                claimed_at: Some(*claimed_at),
                took_ms: Some(*took_ms),
                ..body
            },
            Happening::Reported { status, raw } => {
                Self { what: "reported", status: Some(status.as_str()), raw: raw.as_deref(), ..body }
            }
            Happening::Clicked(clicks) => Self { what: "clicked", count: Some(clicks.count), ..body },
            Happening::Blocked { blocked_at } => {
                Self { what: "blocked", blocked_at: Some(*blocked_at), ..body }
            }
            Happening::Complained { kind } => Self { what: "complained", kind: Some(*kind), ..body },
            Happening::Settled { state, cause } => {
                Self { what: "settled", state: Some(*state), cause: *cause, ..body }
            }
        }
    }
}
