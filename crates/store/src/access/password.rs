//! Passwords, as argon2id hashes. Making and checking one takes about 20 ms and 19 MiB: never on a task's thread.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use argon2::password_hash::{Output, ParamsString, PasswordHash as Phc, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use hongyan_domain::{FieldCode, FieldError, says};
use rand::{CryptoRng, RngExt};

use crate::{Result, Secret, StoreError};

/// Shorter ones are guessed offline in days; nothing else is demanded (NIST SP 800-63B).
const CHARS_MIN: usize = 10;
/// A bound for what is hashed.
const BYTES_MAX: usize = 256;
/// What OWASP recommends for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What stands before the hash of who somebody is at an identity provider; no PHC string begins so.
const SUBJECT: &str = "oidc:";

/// The hash of a password in PHC form. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub(crate) String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The salt of one password.
pub struct Salt([u8; 16]);

impl Salt {
    /// Draws one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(rng.random())
    }
}

/// Checks a password that somebody chooses.
pub fn check_password(password: &str, name: &str) -> std::result::Result<(), FieldError> {
    let fault = |code, message| Err(FieldError::new("password", code, message));
    if password.chars().count() < CHARS_MIN {
        return fault(FieldCode::BadFormat, says!("is too short: {min} characters or more", min = CHARS_MIN));
    }
    if password.len() > BYTES_MAX {
        let message =
            says!("has {given} bytes: at most {max} are allowed", given = password.len(), max = BYTES_MAX);
        return fault(FieldCode::TooLong, message);
    }
    if password.eq_ignore_ascii_case(name) {
        return fault(FieldCode::BadFormat, "is the user's name: choose another".into());
    }
    Ok(())
}

impl PasswordHash {
    /// Hashes a password. Blocks.
    pub fn of(password: &Secret, salt: &Salt) -> Result<Self> {
        let failed = |error: argon2::password_hash::Error| StoreError::Invalid(error.to_string());
        let (argon2, text) = (argon2id(params()), SaltString::encode_b64(&salt.0).map_err(failed)?);
        let hash = Phc {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(argon2.params()).map_err(failed)?,
            salt: Some(text.as_salt()),
            hash: Some(digest(&argon2, password.expose().as_bytes(), &salt.0).map_err(failed)?),
        };
        Ok(Self(hash.to_string()))
    }

    /// Whether it is this password's. Blocks.
    pub fn fits(&self, password: &Secret) -> bool {
        let shown = &password.expose().as_bytes()[..password.expose().len().min(BYTES_MAX)];
        let Ok(kept) = Phc::new(&self.0) else { return false };
        let (Ok(params), Some(salt), Some(hash)) = (Params::try_from(&kept), kept.salt, kept.hash) else {
            return false;
        };
        let mut buffer = [0; 64];
        let Ok(salt) = salt.decode_b64(&mut buffer) else { return false };
        // `Output` is compared in constant time.
        digest(&argon2id(params), shown, salt).is_ok_and(|made| made == hash)
    }

    /// In place of one, for somebody whom an identity provider vouches for: who they are there. No password fits it.
    pub fn of_subject(issuer: &str, subject: &str) -> Self {
        let mut whole = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        // An issuer is a URL: it has no zero in it.
        for part in [issuer.trim_end_matches('/').as_bytes(), b"\0", subject.as_bytes()] {
            whole.update(part);
        }
        let hex: String = whole.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{SUBJECT}{hex}"))
    }

    /// Whether it stands for somebody whom an identity provider vouches for.
    pub fn is_of_subject(&self) -> bool {
        self.0.starts_with(SUBJECT)
    }

    /// The hash of no password: what an unknown user's is compared with, in the same time.
    pub fn of_nobody() -> Self {
        // m, t and p as above; salt and hash are zeros, which nothing hashes to.
        Self(format!(
            "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        ))
    }
}

fn params() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the numbers above are within bounds")
}

fn argon2id(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The memory of hashings that are over, for the next ones. Allocated and freed by ever other threads, 19 MiB each stay
/// with the allocator, and a burst of logins is a gigabyte. There are as many as hashings at once: callers bound that.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

fn digest(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
) -> std::result::Result<Output, argon2::password_hash::Error> {
    let free = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut memory = free().pop().unwrap_or_default();
    memory.resize(argon2.params().block_count(), Block::default());
    let made = Output::init_with(Params::DEFAULT_OUTPUT_LEN, |out| {
        Ok(argon2.hash_password_into_with_memory(password, salt, out, &mut memory)?)
    });
    free().push(memory);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_and_no_other() {
        let hash = PasswordHash::of(&Secret::new("correct horse"), &Salt([7; 16])).unwrap();

        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(hash.fits(&Secret::new("correct horse")));
        assert!(!hash.fits(&Secret::new("correct horses")));
        assert!(!PasswordHash::of_nobody().fits(&Secret::new("")));
    }

    #[test]
    fn a_password_that_is_short_long_or_the_name_is_not_taken() {
        let code = |password: &str| check_password(password, "zhang.wei.9").map_err(|fault| fault.code);

        assert_eq!(code("short"), Err(FieldCode::BadFormat));
        assert_eq!(code(&"x".repeat(257)), Err(FieldCode::TooLong));
        assert_eq!(code("Zhang.Wei.9"), Err(FieldCode::BadFormat));
        assert_eq!(code("一二三四五六七八九十"), Ok(()));
    }
}
