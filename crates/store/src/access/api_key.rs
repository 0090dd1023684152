//! The keys that callers of our API show, and the one-time secret of the first set-up.

use std::fmt;

use hongyan_domain::setting::{check_name, check_until};
use hongyan_domain::{AccountId, FieldCode, FieldError, Timestamp};
use rand::{CryptoRng, RngExt};

use crate::Secret;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: &str = "hy_";
/// Looks the row up; not secret.
const ID_LEN: usize = 8;
/// 43 digits of base62 hold 256 bits.
const SECRET_LEN: usize = 43;

/// An API key's full text, `hy_` + 8 + `_` + 43 of base62: shown once, never stored.
#[derive(Clone, Debug)]
pub struct KeyText(Secret);

impl KeyText {
    /// Draws one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut text = String::with_capacity(PREFIX.len() + ID_LEN + 1 + SECRET_LEN);
        text.push_str(PREFIX);
        push_base62(&mut text, ID_LEN, rng);
        text.push('_');
        push_base62(&mut text, SECRET_LEN, rng);
        Self(Secret::new(text))
    }

    /// Takes `text` if it has the form of a key.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let fits = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_alphanumeric());
        (fits(id, ID_LEN) && fits(secret, SECRET_LEN)).then(|| Self(Secret::new(text)))
    }

    /// The plain text, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The part that names the key; not secret.
    pub fn id(&self) -> KeyId {
        let start = PREFIX.len();
        KeyId(self.expose()[start..start + ID_LEN].to_owned())
    }
}

/// The text of a one-time set-up secret: 43 digits of base62.
pub fn generate_setup_secret(rng: &mut impl CryptoRng) -> Secret {
    let mut text = String::with_capacity(SECRET_LEN);
    push_base62(&mut text, SECRET_LEN, rng);
    Secret::new(text)
}

fn push_base62(text: &mut String, len: usize, rng: &mut impl CryptoRng) {
    for _ in 0..len {
        text.push(char::from(BASE62[rng.random_range(0..BASE62.len())]));
    }
}

/// The 8 characters that name a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// To send, trigger and cancel.
    Send,
    /// To read messages and numbers.
    Read,
    /// To change accounts, templates, keys.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Send, Self::Read, Self::Admin];

    /// The word used in tables, JSON and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// The scope that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// A key to be put in.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its text; only a keyed hash of it is stored.
    pub text: KeyText,
    /// What people call it; ≤ 256 bytes.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// For which accounts; empty: for all.
    pub accounts: Vec<AccountId>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

impl NewKey {
    /// Every field with which it is not put in at `now`, named as in the API.
    ///
    /// # Errors
    /// All findings at once; never empty.
    pub fn check(&self, now: Timestamp) -> Result<(), Vec<FieldError>> {
        let scopes = match self.scopes.is_empty() {
            true => Some(("scopes", FieldCode::Empty, "is empty: give at least one of send, read, admin")),
            false => None,
        };
        let over = self.expires_at.filter(|end| *end <= now);
        let over = over.map(|_| ("expires_at", FieldCode::TooEarly, "is over already: give a later time"));
        let faults = [scopes, over].into_iter().flatten();
        let faults = faults.map(|(field, code, message)| FieldError::new(field, code, message));
        let texts = [Some(check_name(&self.name)), self.expires_at.map(|end| check_until("expires_at", end))];
        let faults: Vec<_> = texts.into_iter().flatten().filter_map(Result::err).chain(faults).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// What names it.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// For which accounts; empty: for all.
    pub accounts: Vec<AccountId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When it was last shown, to the minute or so.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it opens anything now.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
