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
mod attribute;
mod audit;
mod audit_log;
mod cancel;
mod checkpoint;
mod claim;
mod error;
mod find;
mod hold;
mod keyring;
mod library;
mod master_key;
mod message;
mod moves;
mod own;
mod personal;
mod policies;
mod purge;
mod queue;
mod readers;
mod ready;
mod recipients;
mod reconcile;
mod record;
mod restore;
mod rotate;
mod row;
mod scenarios;
mod seal;
mod secret;
mod series;
mod settle;
mod sqlite;
mod store;
mod tally;
mod templates;
#[cfg(test)]
mod tests;
mod tokens;
mod upkeep;
mod verdicts;
mod waiting;
mod webhooks;
mod writer;

pub use account::{
    Account, AccountDraft, CallbackKeys, Changes, NoticeKind, Paused, StoredTemplate, StoredToken,
    TemplateHistory, TemplateNotice, TokenSource,
};
pub use alerts::{AlertKey, CHANNELS_MAX, Channel, NewNote, Note, NoteWords, RULES_MAX, Told};
pub use api_key::{ApiKey, KeyId, KeyText, NewKey, Scope, generate_setup_secret};
pub use api_keys::KeyRing;
pub use applications::{ApplicationFilter, ApplicationMove, ApplicationRecord, ApplicationStep};
pub use audit::{Action, Actor, Deed};
pub use audit_log::{AuditFault, AuditFilter, AuditRow, AuditState};
pub use error::{Result, StoreError};
pub use library::Grants;
pub use master_key::MasterKey;
pub use message::{
    Acceptance, Backlog, CancelAnswer, Claim, ClaimId, Claimed, Dispatch, Happening, Heard, MAX_BATCH,
    MessageFilter, MessageRecord, Moment, NewMessage, OpenClaim, Page, Ready, Receipt, Received, Settled,
    Settlement, TallyDifference, TallyRow, Unreported, Written,
};
pub use own::Ownership;
pub use personal::{Erased, OpenReceipt, Personal};
pub use policies::PolicyChange;
pub use recipients::{Interaction, Sign, Suppressed};
pub use restore::{Occupied, Restore, Restored};
pub use rotate::SealStatus;
pub use scenarios::StoredScenario;
pub use secret::Secret;
pub use series::{Refusal, SeriesQuery, SeriesRow, Whose};
pub use store::{Settings, Store};
pub use waiting::Head;
pub use webhooks::{Delivery, Progress, SettledEvent, SettledRow, WEBHOOKS_MAX, Webhook, WebhookOpen};
