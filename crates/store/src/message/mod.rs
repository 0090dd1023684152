//! Messages: what goes in and comes out about them; looked up, shown with their timeline, removed when their time is over.

pub(crate) mod find;
pub(crate) mod purge;
pub(crate) mod record;
pub(crate) mod waiting;

use std::sync::Arc;

use hongyan_domain::on_time::Punctuality;
use hongyan_domain::policy::Policies;
use hongyan_domain::{
    AccountId, Category, Cause, ComplaintKind, Content, DeliveryStatus, InteractionKind, Lane, MessageId,
    OnUnknown, Openid, Rule, Standing, State, Taken, Timestamp, Transition, Verdict, Wording,
};

use crate::numbers::clicks::Clicks;
use crate::path::approvals::{Asking, Decided};

/// The most rows one call may bring: what the writer does in about 30 ms.
pub const MAX_BATCH: usize = 4096;

/// A message on its way in.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Whose it is.
    pub account: AccountId,
    /// Its id, drawn by the caller.
    pub id: MessageId,
    /// The caller's own id, unique in the account for as long as the row is kept; ≤ 128 bytes.
    pub client_msg_id: Option<String>,
    /// To whom.
    pub openid: Openid,
    /// By which template.
    pub template_id: Arc<str>,
    /// With what in it.
    pub content: Content,
    /// How urgent.
    pub lane: Lane,
    /// The scenario's name.
    pub scenario: Option<Arc<str>>,
    /// What kind of word it is.
    pub category: Category,
    /// The interaction that the message itself proves; it is recorded with the message.
    pub basis: Option<InteractionKind>,
    /// What the rules said when it was accepted, where that was not plainly `send`.
    pub verdicts: Vec<Heard>,
    /// When it was accepted: now.
    pub accepted_at: Timestamp,
    /// Not before this. More than a minute ahead of `accepted_at`, it is *scheduled*.
    pub due_at: Timestamp,
    /// When it should be with WeChat.
    pub deadline_at: Timestamp,
    /// Not after this; `None`: rather late than never.
    pub expires_at: Option<Timestamp>,
    /// What to do when it may have been delivered and WeChat has forgotten it.
    pub on_unknown: OnUnknown,
    /// What stays with it besides.
    pub marks: Marks,
    /// It waits for a person, and is due when it expires.
    pub asking: Option<Box<Asking>>,
    /// What ties it to other triggers; `None` for nearly all.
    pub ties: Option<Box<Ties>>,
    /// All that its caller said besides the person, as it was said: a repeat under the same `client_msg_id` says the same
    /// again, whatever is made of it by then.
    pub given: String,
}

/// What a caller says under an id of its own, maybe again.
#[derive(Clone)]
pub struct Repeat {
    /// Whose.
    pub account: AccountId,
    /// The caller's own id.
    pub client_msg_id: String,
    /// To whom.
    pub openid: Openid,
    /// All else, as in [`NewMessage::given`].
    pub given: String,
}

/// What stays with a message from its acceptance on, besides what it says and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The version of the word list that its words were held against; `APPROVED`: a person's word stands; `None`: nobody
    /// looked.
    pub words: Option<i64>,
    /// The wording of an A/B test that its recipient gets.
    pub variant: Option<Arc<str>>,
    /// Its link goes through us, so that a tap on it is counted.
    pub tracked: bool,
}

/// What a word list says of a message's words, where that is not plainly `send`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worded {
    /// What.
    pub wording: Wording,
    /// The same for the same words in the same template.
    pub alike: String,
    /// JSON: words of the list and places.
    pub findings: String,
}

/// What ties a message to triggers before and after it.
#[derive(Clone, Debug, Default)]
pub struct Ties {
    /// It is made of all triggers of a window.
    pub gather: Option<Gather>,
    /// Events about the same thing take it back.
    pub subject: Option<Subject>,
}

/// A trigger that becomes part of a message.
#[derive(Clone)]
pub struct Gather {
    /// What belongs together, of one person and scenario; empty: everything.
    pub by: String,
    /// Triggers before this go into the same message.
    pub until: Timestamp,
    /// Into which message.
    pub joining: Joining,
    /// This trigger's params: a JSON object.
    pub params: String,
    /// Those of all triggers of the message, the first one first: a JSON array.
    pub items: String,
}

/// Params may be personal.
impl std::fmt::Debug for Gather {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gather")
            .field("until", &self.until)
            .field("joining", &self.joining)
            .finish_non_exhaustive()
    }
}

/// Into which message a trigger goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// Into a new one: no window was open.
    Opens,
    /// Into the one whose id the new message has, which had so many triggers when it was read.
    Joins {
        /// So many.
        had: usize,
    },
    /// Into a new one though a window is open: together they cannot be said.
    Apart,
}

/// What a message is about.
#[derive(Clone)]
pub struct Subject {
    /// The order, the appointment.
    pub name: String,
    /// The events that take it back.
    pub cancelled_by: Vec<String>,
    /// When it happened, as the caller said.
    pub occurred_at: Option<Timestamp>,
}

/// A subject may name a person.
impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("cancelled_by", &self.cancelled_by).finish_non_exhaustive()
    }
}

impl NewMessage {
    /// What its caller said, if under an id of its own.
    pub fn repeat(&self) -> Option<Repeat> {
        let client_msg_id = self.client_msg_id.clone()?;
        let (account, openid, given) = (self.account, self.openid.clone(), self.given.clone());
        Some(Repeat { account, client_msg_id, openid, given })
    }

    /// The trigger that it is part of a message by.
    pub fn gather(&self) -> Option<&Gather> {
        self.ties.as_ref()?.gather.as_ref()
    }

    /// Whether it waits for other triggers to join it.
    pub fn gathers(&self) -> bool {
        self.gather().is_some_and(|gather| gather.until > self.accepted_at)
    }

    /// The message as the dispatch needs it, once it is on disk.
    pub fn ready(&self) -> Ready {
        let on_unknown = self.on_unknown;
        Ready {
            account: self.account,
            id: self.id,
            openid: self.openid.clone(),
            template_id: self.template_id.clone(),
            content: self.content.clone(),
            lane: self.lane,
            due_at: self.due_at,
            deadline_at: self.deadline_at,
            expires_at: self.expires_at,
            standing: Standing { state: State::Pending, attempts: 0, doubt_since: None, on_unknown },
            accepted_at: self.accepted_at,
            category: self.category,
            scenario: self.scenario.clone(),
            basis: self.basis,
            taken: None,
            marks: self.marks.clone(),
            worded: None,
        }
    }
}

/// What a rule said of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What.
    pub verdict: Verdict,
    /// The rule is only observed: the message goes all the same.
    pub observed: bool,
}

/// What became of one message of an accept, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It is on disk.
    New,
    /// The same message under this `client_msg_id` was there already.
    Same {
        /// The first one's id.
        id: MessageId,
        /// Where it stands (`pending` while it is claimed).
        state: State,
        /// Not before this.
        due_at: Timestamp,
        /// When it should be with WeChat.
        deadline_at: Timestamp,
    },
    /// Another message is under this `client_msg_id`.
    Conflict {
        /// That one's id.
        id: MessageId,
    },
    /// It is on disk as one more trigger of the message whose id it had.
    Joined {
        /// Not before this.
        due_at: Timestamp,
        /// When it should be with WeChat.
        deadline_at: Timestamp,
        /// Triggers of the message now.
        count: usize,
    },
    /// The window it was to join has changed since it was read; nothing is written of it. Read it again.
    Moved,
    /// It is on disk, and an event that came before had taken it back.
    Withdrawn(Transition),
}

/// A claim's number: unique in its account, never used again. Draw it like a message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimId(pub i64);

/// The durable intent to send a batch: one row.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whose messages.
    pub account: AccountId,
    /// Its number.
    pub id: ClaimId,
    /// When: now.
    pub at: Timestamp,
    /// Which; at most `MAX_BATCH`. What has `taken` already is not judged again.
    pub messages: &'a [Ready],
    /// The rules they are judged by.
    pub policies: &'a Policies,
}

/// What became of one message of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is claimed and must be sent; this was taken from its recipient.
    Go(Option<Taken>),
    /// It is not pending any more (taken back, or settled by a receipt): it must NOT be sent.
    Stale,
    /// A rule held or ended it: it must NOT be sent now.
    Moved(Transition),
}

/// A claim that was found open: its process ended before the answers were settled.
#[derive(Clone, Debug)]
pub struct OpenClaim {
    /// Whose messages.
    pub account: AccountId,
    /// Its number.
    pub claim: ClaimId,
    /// When it was made.
    pub at: Timestamp,
    /// Those of its messages that it still holds: pending, and not answered under this claim. Their
    /// `standing.state` is `claimed`. Settle them (`Event::Lost`) and close the claim.
    pub messages: Vec<Ready>,
}

/// A pending message, as the dispatch needs it.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub id: MessageId,
    /// To whom.
    pub openid: Openid,
    /// By which template.
    pub template_id: Arc<str>,
    /// With what in it.
    pub content: Content,
    /// How urgent.
    pub lane: Lane,
    /// Not before this; still ahead for a retry that waits.
    pub due_at: Timestamp,
    /// When it should be with WeChat.
    pub deadline_at: Timestamp,
    /// Not after this.
    pub expires_at: Option<Timestamp>,
    /// Where it stands.
    pub standing: Standing,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// What kind of word it is.
    pub category: Category,
    /// The scenario's name.
    pub scenario: Option<Arc<str>>,
    /// The interaction that the message itself proves.
    pub basis: Option<InteractionKind>,
    /// What is taken for it from its recipient: by its claim, or by an earlier try whose answer never came.
    pub taken: Option<Taken>,
    /// What stays with it besides.
    pub marks: Marks,
    /// What a word list newer than its acceptance says of its words; the claim judges by it.
    pub worded: Option<Box<Worded>>,
}

/// An account and lane that hold pending messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backlog {
    /// Whose.
    pub account: AccountId,
    /// In which lane.
    pub lane: Lane,
}

/// What is to be written of one message: where it stood, where it stands, and the try that moved it.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub message: MessageId,
    /// Where the caller believes it stands; `claimed` counts as `pending`. State and attempts guard the write.
    pub from: Standing,
    /// What `decide` made of it.
    pub to: Transition,
    /// The claim under which it was tried; with it a dispatch is recorded once only.
    pub claim: Option<ClaimId>,
    /// When the answer came: now.
    pub at: Timestamp,
    /// The try, if there was one.
    pub dispatch: Option<Dispatch>,
    /// What its claim took; given back where `to` says that nothing reached the person.
    pub taken: Option<Taken>,
}

/// One try to hand a message to WeChat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// When its claim was committed.
    pub claimed_at: Timestamp,
    /// `Outcome::as_str`.
    pub outcome: &'static str,
    /// WeChat's errcode.
    pub errcode: Option<i64>,
    /// WeChat's errmsg, cut to 512 bytes.
    pub errmsg: Option<String>,
    /// WeChat's request id, for their support.
    pub rid: Option<String>,
    /// WeChat's number for the message.
    pub msgid: Option<u64>,
    /// From first byte out to last byte in, or to giving up.
    pub took_ms: u32,
    /// Of a late message: how long its account had stood still while it waited.
    pub paused_ms: Option<u32>,
}

/// What became of a batch of settlements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// One answer a settlement, in the order given.
    pub settled: Vec<Settled>,
    /// Other messages that these answers let a waiting receipt close: where they went.
    pub besides: Vec<Transition>,
}

/// What became of one settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Written. The transition is where the message stands now: a receipt that came before the answer turns `sent`
    /// into `delivered` at once; a `sent` that comes after all beats `unknown`.
    Applied(Transition),
    /// The message stood elsewhere. The dispatch is recorded all the same; the state is as it was.
    Stale {
        /// Where it stands.
        state: State,
    },
}

/// WeChat's report of a message (TEMPLATESENDJOBFINISH).
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Whose.
    pub account: AccountId,
    /// `FromUserName`.
    pub openid: Openid,
    /// `MsgID`; `None` where WeChat says 0.
    pub msgid: Option<u64>,
    /// `Status`, understood.
    pub status: DeliveryStatus,
    /// `Status` as WeChat spelled it; kept, sealed, for `DeliveryStatus::Other` only, cut to 256 bytes.
    pub raw: String,
    /// `CreateTime`: whole seconds of WeChat's clock.
    pub created_at: Timestamp,
    /// Now.
    pub received_at: Timestamp,
}

/// What became of one receipt, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It settled a message.
    Matched {
        /// Which.
        message: MessageId,
        /// When that was accepted.
        accepted_at: Timestamp,
        /// Where it stands now.
        to: Transition,
    },
    /// No message is known by it yet. It is kept open until an answer names it.
    Early,
    /// It was here before; nothing changed.
    Doubled,
}

/// A message that WeChat took and has not reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreported {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub message: MessageId,
    /// Where it stands.
    pub standing: Standing,
    /// When WeChat took it.
    pub sent_at: Timestamp,
}

/// What a cancel came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It will not be sent.
    Cancelled(Transition),
    /// It stands where nothing can be taken back any more.
    TooLate {
        /// Where.
        state: State,
    },
    /// There is no such message in this account.
    NotFound,
}

/// A message as people see it.
#[derive(Clone, Debug)]
pub struct MessageRecord {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub id: MessageId,
    /// The caller's own id.
    pub client_msg_id: Option<String>,
    /// To whom; `None`: erased.
    pub openid: Option<Openid>,
    /// By which template.
    pub template_id: Arc<str>,
    /// With what in it; `None`: erased.
    pub content: Option<Content>,
    /// How urgent.
    pub lane: Lane,
    /// The scenario's name.
    pub scenario: Option<Arc<str>>,
    /// What kind of word it is.
    pub category: Category,
    /// The interaction that the message itself proves.
    pub basis: Option<InteractionKind>,
    /// The window by which it went.
    pub reached_by: Option<InteractionKind>,
    /// Where it stands; `claimed` while an open claim holds it.
    pub standing: Standing,
    /// Why.
    pub cause: Option<Cause>,
    /// WeChat's number for it.
    pub msgid: Option<u64>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Not before this.
    pub due_at: Timestamp,
    /// When it should be with WeChat.
    pub deadline_at: Timestamp,
    /// Not after this.
    pub expires_at: Option<Timestamp>,
    /// When WeChat took it.
    pub sent_at: Option<Timestamp>,
    /// When it became final.
    pub settled_at: Option<Timestamp>,
    /// What stays with it besides.
    pub marks: Marks,
    /// Taps on its link.
    pub clicks: Option<Clicks>,
    /// Whether it was with WeChat when it should be; `None`: not yet known, and in a page of many.
    pub on_time: Option<Punctuality>,
    /// All that happened, oldest first; empty in a page of many.
    pub timeline: Vec<Moment>,
}

/// One thing that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// The things that happen to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It was committed.
    Accepted,
    /// A rule had something to say.
    Judged {
        /// Which.
        rule: Rule,
        /// `hold` or `refuse`.
        verdict: String,
        /// Until when, or from when on it would not be refused.
        until: Option<Timestamp>,
        /// It was written down only.
        observed: bool,
    },
    /// It waits for a person.
    Asked {
        /// JSON: what was found.
        findings: String,
    },
    /// A person decided.
    Decided {
        /// What.
        state: hongyan_domain::approval::ApprovalState,
        /// Who and why.
        decided: Decided,
    },
    /// One of the triggers that it is made of came.
    Merged {
        /// The caller's own id of the trigger.
        client_msg_id: Option<String>,
        /// Its params: a JSON object; `None`: erased.
        params: Option<String>,
    },
    /// An event took it back.
    Withdrawn {
        /// The event's name.
        by: String,
    },
    /// An open claim holds it.
    Claimed,
    /// A try came back.
    Dispatched {
        /// The outcome's word.
        outcome: String,
        /// WeChat's errcode.
        errcode: Option<i64>,
        /// WeChat's errmsg.
        errmsg: Option<String>,
        /// WeChat's request id.
        rid: Option<String>,
        /// WeChat's number for the message.
        msgid: Option<u64>,
        /// When the claim of this try was committed.
        claimed_at: Timestamp,
        /// How long it took.
        took_ms: u32,
    },
    /// WeChat reported.
    Reported {
        /// What.
        status: DeliveryStatus,
        /// As WeChat spelled it, for a status nobody has documented.
        raw: Option<String>,
    },
    /// Its link was followed, for the first time.
    Clicked(Clicks),
    /// WeChat told that the platform stopped it.
    Blocked {
        /// When it was sent, by WeChat's clock.
        blocked_at: Timestamp,
    },
    /// Somebody complained of it.
    Complained {
        /// Of what.
        kind: ComplaintKind,
    },
    /// It became final.
    Settled {
        /// In which state.
        state: State,
        /// Why.
        cause: Option<Cause>,
    },
}

/// Which messages are wanted. All given conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Of this account; `None`: of all, account by account.
    pub account: Option<AccountId>,
    /// In this state.
    pub state: Option<State>,
    /// For this cause.
    pub cause: Option<Cause>,
    /// To this person.
    pub openid: Option<Openid>,
    /// Under this id of the caller's.
    pub client_msg_id: Option<String>,
    /// By this template.
    pub template_id: Option<String>,
    /// Of this scenario.
    pub scenario: Option<String>,
    /// With a dispatch that WeChat answered so.
    pub errcode: Option<i64>,
    /// Accepted at this time or later.
    pub since: Option<Timestamp>,
    /// Accepted before this time.
    pub until: Option<Timestamp>,
}

/// Some of many, and where to go on.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Newest first within an account. May be fewer than the limit, even none, while `next_cursor` is there: a call
    /// looks at a bounded number of rows.
    pub items: Vec<T>,
    /// Give it back to go on; `None`: that was all.
    pub next_cursor: Option<String>,
}

/// One counter: messages accepted on a day and where they stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TallyRow {
    /// Whose.
    pub account: AccountId,
    /// The day (Asia/Shanghai) of acceptance, as `Timestamp::day`.
    pub day: i64,
    /// Where they stand; a claimed message counts as `pending`.
    pub state: State,
    /// Why; always `None` for `pending`.
    pub cause: Option<Cause>,
    /// How many.
    pub count: i64,
}

/// A counter that does not equal the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallyDifference {
    /// What the counter is of.
    pub row: String,
    /// What the counter says.
    pub counted: i64,
    /// What the rows say.
    pub found: i64,
}
