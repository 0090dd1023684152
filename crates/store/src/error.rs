//! The one error of this crate.

use hongyan_domain::AccountId;

/// What every function here answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why the store could not do its job. None of these carries an openid, a secret or a row's content.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written and the same call may be made again: disk full, read-only, busy, or the writer is gone.
    /// An accept answers 503.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A commit failed in a way that leaves open what is on disk (fsync, I/O error): what was asked may be done after
    /// all. The store refuses everything from now on; the process has to end (`Store::stopped`) and recover on its
    /// next start.
    #[error("the store has stopped after a failed write and must be reopened: {0}")]
    Broken(String),
    /// `store.url` names no store that this build has.
    #[error("store.url `{0}` is not understood: sqlite:PATH is allowed")]
    Url(String),
    /// The master key is not the one that this database was written with.
    #[error(
        "the master key does not belong to this database: use the one it was made with, or restore it from its backup"
    )]
    WrongKey,
    /// The master key's text or file is not usable.
    #[error("the master key is not usable: {0}")]
    BadKey(String),
    /// Another process dispatches from this database.
    #[error("another process already sends from this database (it holds {0}); stop it first")]
    Owned(String),
    /// The database file has hard links.
    #[error(
        "the database file {0} has more than one name (hard links): remove the others, copy it with `hongyan backup`"
    )]
    Linked(String),
    /// A claim was made by a process that no longer owns the database.
    #[error("this process does not own the database any more: epoch {held}, the database is at {current}")]
    Fenced {
        /// The epoch this process holds; 0 if it never owned.
        held: i64,
        /// The epoch in the database.
        current: i64,
    },
    /// A newer Hongyan has written this database.
    #[error("this database has schema version {found}, this program knows {known}: use the newer program")]
    Newer {
        /// The version found.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The SQLite inside is too old to be trusted with commits (a WAL race was mended in 3.51.3).
    #[error("SQLite {0} is too old: 3.51.3 or newer is required")]
    OldSqlite(String),
    /// No account has this number.
    #[error("no account has the number {}", .0.0)]
    NoAccount(AccountId),
    /// There is a newer data key than the one this was sealed with. Given again, it is sealed with that.
    #[error("the data key of account {} was changed at the same moment: give it again", .0.0)]
    StaleKey(AccountId),
    /// What was given cannot be stored: over a limit, or two things under one name.
    #[error("{0}")]
    Invalid(String),
    /// Fields of what was given cannot be stored: all of them.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fields(Vec<hongyan_domain::FieldError>),
    /// What is stored cannot be read back: a changed or damaged row, or a key that is missing.
    #[error("a stored value cannot be read: {0}")]
    Corrupt(String),
    /// Any other answer of the database: a defect here.
    #[error("the database refused a statement: {0}")]
    Database(String),
}

impl StoreError {
    /// The same error once more: a commit that fails answers every command in it.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Unavailable(reason) => Self::Unavailable(reason.clone()),
            Self::Broken(reason) => Self::Broken(reason.clone()),
            Self::Corrupt(reason) => Self::Corrupt(reason.clone()),
            other => Self::Database(other.to_string()),
        }
    }
}
