//! A message on its way in, and what becomes of it there.

use std::sync::Arc;

use hongyan_domain::{
    AccountId, Category, Content, InteractionKind, Lane, MessageId, OnUnknown, Openid, Standing, State,
    Timestamp, Transition, Verdict, Wording,
};

use crate::path::approvals::Asking;
use crate::{PersonIndex, Ready};

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
    /// The same, where it was looked up.
    pub recipient: Option<PersonIndex>,
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
    /// The owner of the store holds it in memory until it is settled: it is in no queue of the store before
    /// `Store::put_down`, or the next owner. It has no effect where this process does not own the store.
    pub in_memory: bool,
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

/// What ties a message to triggers and messages before and after it.
#[derive(Clone, Debug, Default)]
pub struct Ties {
    /// It is made of all triggers of a window.
    pub gather: Option<Gather>,
    /// Events about the same thing take it back.
    pub subject: Option<Subject>,
    /// A person asked for this message's content to go once more.
    pub resends: Option<MessageId>,
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
            recipient: self.recipient,
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
            in_memory: self.in_memory,
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
