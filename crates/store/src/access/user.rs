//! People who use the console: what they are called, what they may do, where they are logged in.

use std::fmt;
use std::time::Duration;

use hongyan_domain::{AccountId, FieldCode, FieldError, Timestamp, says};
use rand::{CryptoRng, RngExt};

use crate::{PasswordHash, Scope, Secret};

/// Longest name: an e-mail address fits.
const NAME_MAX: usize = 64;
/// 256 bits.
const TOKEN_BYTES: usize = 32;
const TOKEN_DIGITS: usize = 2 * TOKEN_BYTES;
/// A browser that asks for nothing so long is logged out: the next morning begins with a login.
const IDLE_MAX: Duration = Duration::from_secs(12 * 3600);
/// Nobody stays logged in longer, however busy.
const LASTS_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// To look.
    Viewer,
    /// And the daily work: to send, trigger, cancel, pause and resume.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them, each with all the one before it may.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word used in tables, JSON and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether it holds what a key of this scope may do.
    pub fn holds(self, scope: Scope) -> bool {
        match scope {
            Scope::Read => true,
            Scope::Send => self >= Self::Operator,
            Scope::Admin => self == Self::Admin,
        }
    }
}

/// Checks what a user logs in by: small letters, digits and `. _ - @`, the first a letter or digit.
pub fn check_user_name(name: &str) -> Result<(), FieldError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-@".contains(&byte);
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if first && (2..=NAME_MAX).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    let message = says!(
        "is not a user name: 2 to {max} small letters, digits and . _ - @, a letter or digit first",
        max = NAME_MAX
    );
    Err(FieldError::new("name", FieldCode::BadFormat, message))
}

/// A user to be put in.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// What they log in by.
    pub name: String,
    /// Of their password.
    pub password: PasswordHash,
    /// What they may do.
    pub role: Role,
    /// The accounts they may see; empty: all.
    pub accounts: Vec<AccountId>,
    /// `zh` or `en`; `None`: as their browser asks.
    pub language: Option<String>,
}

/// A user as they are kept.
#[derive(Clone, Debug)]
pub struct User {
    /// What they log in by.
    pub name: String,
    /// Of their password.
    pub password: PasswordHash,
    /// What they may do.
    pub role: Role,
    /// The accounts they may see; empty: all.
    pub accounts: Vec<AccountId>,
    /// What their telephone counts codes from, if they use a second factor.
    pub totp: Option<Secret>,
    /// `zh` or `en`.
    pub language: Option<String>,
    /// Since when they may not log in.
    pub disabled_at: Option<Timestamp>,
    /// When they were made.
    pub created_at: Timestamp,
    /// When they last logged in.
    pub last_login_at: Option<Timestamp>,
}

/// What is to change of a user; `None`: nothing.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Another password. All other sessions end.
    pub password: Option<PasswordHash>,
    /// Another role.
    pub role: Option<Role>,
    /// Other accounts.
    pub accounts: Option<Vec<AccountId>>,
    /// Whether they may not log in. All sessions end.
    pub disabled: Option<bool>,
    /// A second factor, or none any more.
    pub totp: Option<Option<Secret>>,
    /// Another language.
    pub language: Option<String>,
    /// The session that goes on when others end: that of whoever changes it.
    pub keep: Option<SessionId>,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAnswer {
    /// It is done.
    Done,
    /// Nobody has this name.
    NotFound,
    /// They are the only admin who can still log in: nobody could make another.
    LastAdmin,
}

/// What a browser shows to be taken for its user: 64 hexadecimal digits, kept as a keyed hash only.
#[derive(Clone, Debug)]
pub struct SessionToken(Secret);

impl SessionToken {
    /// Draws one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let bytes: [u8; TOKEN_BYTES] = rng.random();
        Self(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
    }

    /// Takes `text` if it has the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == TOKEN_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(Secret::new(text)))
    }

    /// The plain text, for the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Names a session; opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub String);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a user is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names it.
    pub id: SessionId,
    /// Whose.
    pub user: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_seen_at: Timestamp,
    /// From where.
    pub address: String,
    /// The browser, shortened.
    pub agent: String,
}

impl Session {
    /// Until when it lasts at most.
    pub fn ends_at(&self) -> Timestamp {
        self.created_at.plus(LASTS_MAX).min(self.last_seen_at.plus(IDLE_MAX))
    }
}
