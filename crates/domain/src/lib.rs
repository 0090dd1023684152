//! The words of Hongyan and its decisions.
//!
//! Everything here is a value or a pure function: no async, no I/O, no clock, no randomness.
//! What the other crates do, they do by carrying out what this one answers.

pub mod account;
pub mod alert;
pub mod application;
pub mod approval;
pub mod chart;
pub mod data;
mod date_time;
pub mod decide;
pub mod field_error;
mod field_rule;
pub mod id;
pub mod industry;
pub mod judge;
pub mod message;
pub mod on_time;
mod opt_out;
pub mod outcome;
pub mod pace;
pub mod policy;
pub mod preview;
pub mod recipient;
pub mod request;
pub mod risk;
pub mod sentence;
pub mod series;
pub mod setting;
pub mod template;
mod text;
pub mod time;
pub mod validate;

pub use account::{AccountKind, Limits, TemplateRight};
pub use application::{Application, ApplicationId, ApplicationState};
pub use data::Data;
pub use decide::{Event, LONGEST_CALL, MAX_ATTEMPTS, RESEND_WINDOW, Standing, Transition, decide};
pub use field_error::{FieldCode, FieldError};
pub use id::{AccountId, Appid, MessageId, Openid};
pub use judge::{Asked, Judgement, Verdict, Wording, braked, judge, judge_worded};
pub use message::{Category, Cause, Content, InteractionKind, Lane, Miniprogram, OnUnknown, State};
pub use on_time::{Lateness, Punctuality};
pub use opt_out::opts_out;
pub use outcome::{DeliveryStatus, Outcome, SentAs};
pub use pace::{Budget, Pace, Shares};
pub use policy::{Mode, Policy, Rule};
pub use preview::{Preview, Tap, preview};
pub use recipient::{Reason, Recipient, Source, Suppression, Taken};
pub use request::Timing;
pub use risk::{ComplaintKind, Risk, Signal, Signals};
pub use sentence::{Lang, Sentence};
pub use series::{Measure, SeriesKey, Step};
pub use template::{Family, Field, FieldKind, Template};
pub use time::Timestamp;
pub use validate::{FieldRules, Filled, Overflow, TypeLimits, fill};
