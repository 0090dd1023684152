//! What the steps between acceptance and end take and give: claims, settlements, receipts.

use std::sync::Arc;

use hongyan_domain::policy::Policies;
use hongyan_domain::{
    AccountId, Category, Content, DeliveryStatus, InteractionKind, Lane, MessageId, Openid, Standing, State,
    Taken, Timestamp, Transition,
};

use crate::{Marks, PersonIndex, Worded};

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
    /// The same, where it was looked up.
    pub recipient: Option<PersonIndex>,
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
    /// It is in no queue of the store: whoever lets go of it has to put it down there.
    pub in_memory: bool,
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
    /// The one before it in the same claim, whose access_token WeChat refused.
    pub refused: Option<Box<Dispatch>>,
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
