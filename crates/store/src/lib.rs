//! Where messages live: SQLite, encrypted, group-committed. The only crate with SQL.
//!
//! One thread writes; what waits for it is committed together. Sealing and hashing happen on the caller's task,
//! reads on a small pool of read-only connections.

mod accept;
mod account;
mod accounts;
mod api_key;
mod api_keys;
mod attribute;
mod audit;
mod audit_log;
mod cancel;
mod claim;
mod error;
mod find;
mod hold;
mod keyring;
mod master_key;
mod message;
mod moves;
mod own;
mod personal;
mod purge;
mod readers;
mod ready;
mod reconcile;
mod record;
mod restore;
mod rotate;
mod row;
mod seal;
mod secret;
mod settle;
mod sqlite;
mod store;
mod tally;
mod templates;
#[cfg(test)]
mod tests;
mod tokens;
mod upkeep;
mod writer;

pub use account::{
    Account, AccountDraft, CallbackKeys, Changes, Paused, StoredTemplate, StoredToken, TokenSource,
};
pub use api_key::{ApiKey, KeyId, KeyText, NewKey, Scope, generate_setup_secret};
pub use audit::{Action, Actor, Deed};
pub use audit_log::{AuditFault, AuditFilter, AuditRow, AuditState};
pub use error::{Result, StoreError};
pub use master_key::MasterKey;
pub use message::{
    Acceptance, Backlog, CancelAnswer, Claim, ClaimId, Dispatch, Happening, MAX_BATCH, MessageFilter,
    MessageRecord, Moment, NewMessage, OpenClaim, Page, Ready, Receipt, Received, Settled, Settlement,
    TallyDifference, TallyRow, Unreported,
};
pub use own::Ownership;
pub use personal::{Erased, OpenReceipt, Personal};
pub use restore::{Occupied, Restore, Restored};
pub use rotate::SealStatus;
pub use secret::Secret;
pub use store::{Settings, Store};
