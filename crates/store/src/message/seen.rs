//! Messages as people see them: one with its timeline, many by a filter, all by counters.

use std::sync::Arc;

use hongyan_domain::on_time::Punctuality;
use hongyan_domain::{
    AccountId, Category, Cause, ComplaintKind, Content, DeliveryStatus, InteractionKind, Lane, MessageId,
    Openid, Rule, Standing, State, Timestamp,
};

use crate::Marks;
use crate::numbers::clicks::Clicks;
use crate::path::approvals::Decided;

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
    /// Its content went to its person once more, as another message.
    Resent {
        /// That one.
        again: MessageId,
    },
    /// It was made of another message's content.
    Resends {
        /// That one's.
        message: MessageId,
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
    /// That WeChat gave this number.
    pub msgid: Option<u64>,
    /// By this template.
    pub template_id: Option<String>,
    /// Of this scenario.
    pub scenario: Option<String>,
    /// In this lane.
    pub lane: Option<Lane>,
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
