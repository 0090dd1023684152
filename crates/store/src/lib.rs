//! Where messages live: SQLite, encrypted, group-committed. The only crate with SQL.
//!
//! One thread writes; what waits for it is committed together. Sealing and hashing happen on the caller's task,
//! reads on a small pool of read-only connections.

mod account;
mod api_key;
mod error;
mod master_key;
mod message;
mod secret;
mod store;

pub use account::{
    Account, AccountDraft, CallbackKeys, Changes, Paused, StoredTemplate, StoredToken, TokenSource,
};
pub use api_key::{ApiKey, KeyId, KeyText, NewKey, Scope, generate_setup_secret};
pub use error::{Result, StoreError};
pub use master_key::MasterKey;
pub use message::{
    Acceptance, Backlog, CancelAnswer, Claim, ClaimId, Dispatch, Happening, MessageFilter, MessageRecord,
    Moment, NewMessage, OpenClaim, Page, Ready, Receipt, Received, Settled, Settlement, TallyDifference,
    TallyRow, Unreported,
};
pub use secret::Secret;
pub use store::{Ownership, Settings, Store};
