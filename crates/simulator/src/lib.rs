//! WeChat as this machine's stand-in: tokens, templates, sends, quotas, review, faults, latency and receipts,
//! after WeChat's own documents and nothing else. It shares no type with the client on purpose: two independent
//! readings, checked against each other over the wire. It must never be the bottleneck, nor wait by a clock that
//! a test holds in its hand.

mod account;
mod bodies;
mod chance;
mod clock;
mod control;
mod control_http;
mod counters;
mod errcode;
mod exchange;
mod faults;
mod fields;
mod fingerprint;
mod industry;
mod journal;
mod line;
mod outbox;
mod phone;
mod pump;
mod push_request;
mod push_text;
mod quota;
mod quota_calls;
mod receipts;
mod reports;
mod rids;
mod seal;
mod seen;
mod send;
mod send_body;
mod serve;
mod settings;
mod simulator;
mod template;
mod template_calls;
mod token_calls;
mod tokens;
mod wire;
mod world;

pub use bodies::{
    AccountBody, ErrcodeFault, EventBody, EventKind, FaultsBody, FollowerStatus, FollowersBody, Forgery,
    Kind, Permission, PushFormat, PushMode, ReviewFault, SameContent, TemplateBody, TemplateState,
};
pub use clock::Clock;
pub use control::{Control, ControlError};
pub use exchange::{Answer, Ending, Request};
pub use reports::{Fate, LedgerEntry, LedgerQuery, PhoneMessage, PhoneMiniprogram, Stats};
pub use settings::{Escapes, Latency, MsgidForm, ReceiptPlan, RepeatAnswer, Settings, Share};
pub use simulator::Simulator;
