//! Where messages live: SQLite, encrypted, group-committed. The only crate with SQL.
//!
//! One thread writes; what waits for it is committed together. Sealing and hashing happen on the caller's task,
//! reads on a small pool of read-only connections.
//!
//! `path` is the path of a message, a file a step; `message` what one looks like from outside. Around it: `people` and
//! their data, `account` with what stands by it, `access` (who may call), `compliance`, `watch` (who is told), `numbers`
//! and `series` (what is counted), `audit`. Below it: `seal` (what is encrypted, and the keys) and `sqlite` (the file,
//! its one writer, its readers).

mod access;
mod account;
mod audit;
mod compliance;
mod error;
mod message;
mod numbers;
mod path;
mod people;
mod seal;
mod series;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;
mod watch;

pub use access::api_key::{ApiKey, KeyId, KeyText, NewKey, Scope, generate_setup_secret};
pub use access::api_keys::KeyRing;
pub use access::password::{PasswordHash, Salt, check_password};
pub use access::totp::{generate_totp, totp_step};
pub use access::user::{
    NewUser, Role, Session, SessionId, SessionToken, User, UserAnswer, UserChange, check_user_name,
};
pub use access::users::Visitor;
pub use account::applications::{ApplicationFilter, ApplicationMove, ApplicationRecord, ApplicationStep};
pub use account::library::Grants;
pub use account::policies::PolicyChange;
pub use account::scenarios::StoredScenario;
pub use account::words::{NewWordList, WordListVersion};
pub use account::{
    Account, AccountDraft, CallbackKeys, Changes, NoticeKind, Paused, StoredTemplate, StoredToken,
    TemplateHistory, TemplateNotice, TokenSource,
};
pub use audit::log::{AuditFault, AuditFilter, AuditRow, AuditState};
pub use audit::{Action, Actor, Deed};
pub use compliance::{
    About, BlockedDraft, BlockedFilter, BlockedMessage, BlockedRead, BlockedWritten, Brake, BrakeDraft,
    Braked, Brakes, Complained, Complaint, ComplianceBefore, Counts, JudgedRow, NewComplaint, Report,
    RiskRow, SentRow, WOKEN_AFTER,
};
pub use error::{Result, StoreError};
pub use message::waiting::Head;
pub use message::{
    Acceptance, Backlog, CancelAnswer, Claim, ClaimId, Claimed, Dispatch, Gather, Happening, Heard, Joining,
    MAX_BATCH, Marks, MessageFilter, MessageRecord, Moment, NewMessage, OpenClaim, Page, Ready, Receipt,
    Received, Repeat, Settled, Settlement, Subject, TallyDifference, TallyRow, Ties, Unreported, Worded,
    Written,
};
pub use numbers::clicks::{ClickRow, Clicked, Clicks};
pub use numbers::on_time::{OnTimeCounts, OnTimeRow};
pub use path::approvals::{APPROVED, Approval, Asking, Decided, DecisionAnswer, Decisions};
pub use path::gather::{GATHERED_MAX, OpenWindow, WindowAsked};
pub use path::own::Ownership;
pub use path::shelve::Shelf;
pub use path::withdraw::Withdrawal;
pub use people::depart::Parting;
pub use people::personal::{Erased, OpenReceipt, Personal};
pub use people::recipients::{
    About as SuppressedFor, Interaction, PeopleReached, PersonIndex, Sign, Suppressed, Which,
};
pub use seal::master_key::MasterKey;
pub use seal::rotate::SealStatus;
pub use seal::secret::Secret;
pub use series::{Refusal, SeriesQuery, SeriesRow, Whose};
pub use sqlite::restore::{Occupied, Restore, Restored};
pub use store::{Settings, Store};
pub use watch::alerts::{AlertKey, RULES_MAX};
pub use watch::channels::{CHANNELS_MAX, Channel, MailWay, Way};
pub use watch::deliveries::Delivery;
pub use watch::notes::{NewNote, Note, NoteWords, Told};
pub use watch::settled_log::{SettledEvent, SettledRow};
pub use watch::webhooks::{Progress, WEBHOOKS_MAX, Webhook, WebhookOpen};
