//! Where messages live: SQLite, encrypted, group-committed. The only crate with SQL.
//!
//! One thread writes; what waits for it is committed together. Sealing and hashing happen on the caller's task,
//! reads on a small pool of read-only connections.

mod accept;
mod account;
mod accounts;
mod alerts;
mod api_key;
mod api_keys;
mod applications;
mod approvals;
mod attribute;
mod audit;
mod audit_log;
mod broken;
mod cancel;
mod checkpoint;
mod claim;
mod clicks;
mod compliance;
mod damaged;
mod depart;
mod error;
mod find;
mod gather;
mod hold;
mod keyring;
mod library;
mod master_key;
mod message;
mod moves;
mod on_time;
mod own;
mod password;
mod personal;
mod policies;
mod purge;
mod queue;
mod readers;
mod ready;
mod recipients;
mod reconcile;
mod record;
mod resend;
mod restore;
mod rotate;
mod row;
mod scenarios;
mod seal;
mod secret;
mod series;
mod settle;
mod shelve;
mod sqlite;
mod store;
mod tally;
mod templates;
#[cfg(test)]
mod tests;
mod tokens;
mod totp;
mod upkeep;
mod user;
mod users;
mod verdicts;
mod waiting;
mod webhooks;
mod withdraw;
mod words;
mod writer;

pub use account::{
    Account, AccountDraft, CallbackKeys, Changes, NoticeKind, Paused, StoredTemplate, StoredToken,
    TemplateHistory, TemplateNotice, TokenSource,
};
pub use alerts::{AlertKey, CHANNELS_MAX, Channel, NewNote, Note, NoteWords, RULES_MAX, Told};
pub use api_key::{ApiKey, KeyId, KeyText, NewKey, Scope, generate_setup_secret};
pub use api_keys::KeyRing;
pub use applications::{ApplicationFilter, ApplicationMove, ApplicationRecord, ApplicationStep};
pub use approvals::{APPROVED, Approval, Asking, Decided, DecisionAnswer, Decisions};
pub use audit::{Action, Actor, Deed};
pub use audit_log::{AuditFault, AuditFilter, AuditRow, AuditState};
pub use clicks::{ClickRow, Clicked, Clicks};
pub use compliance::{
    About, BlockedDraft, BlockedFilter, BlockedMessage, BlockedRead, BlockedWritten, Brake, BrakeDraft,
    Braked, Brakes, Complained, Complaint, ComplianceBefore, Counts, JudgedRow, NewComplaint, Report,
    RiskRow, SentRow,
};
pub use depart::Parting;
pub use error::{Result, StoreError};
pub use gather::{GATHERED_MAX, OpenWindow, WindowAsked};
pub use library::Grants;
pub use master_key::MasterKey;
pub use message::{
    Acceptance, Backlog, CancelAnswer, Claim, ClaimId, Claimed, Dispatch, Gather, Happening, Heard, Joining,
    MAX_BATCH, Marks, MessageFilter, MessageRecord, Moment, NewMessage, OpenClaim, Page, Ready, Receipt,
    Received, Settled, Settlement, Subject, TallyDifference, TallyRow, Ties, Unreported, Worded, Written,
};
pub use on_time::{OnTimeCounts, OnTimeRow};
pub use own::Ownership;
pub use password::{PasswordHash, Salt, check_password};
pub use personal::{Erased, OpenReceipt, Personal};
pub use policies::PolicyChange;
pub use recipients::{Interaction, PeopleReached, Sign, Suppressed};
pub use restore::{Occupied, Restore, Restored};
pub use rotate::SealStatus;
pub use scenarios::StoredScenario;
pub use secret::Secret;
pub use series::{Refusal, SeriesQuery, SeriesRow, Whose};
pub use store::{Settings, Store};
pub use totp::{generate_totp, totp_step};
pub use user::{
    NewUser, Role, Session, SessionId, SessionToken, User, UserAnswer, UserChange, check_user_name,
};
pub use users::Visitor;
pub use waiting::Head;
pub use webhooks::{Delivery, Progress, SettledEvent, SettledRow, WEBHOOKS_MAX, Webhook, WebhookOpen};
pub use withdraw::Withdrawal;
pub use words::{NewWordList, WordListVersion};
