//! Passwords, as argon2id hashes. Making and checking one takes about 20 ms and 19 MiB: never on a task's thread.

use std::fmt;

use argon2::password_hash::{PasswordHash as Phc, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
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
        let salt = SaltString::encode_b64(&salt.0).map_err(failed)?;
        let hash = argon2id().hash_password(password.expose().as_bytes(), &salt).map_err(failed)?;
        Ok(Self(hash.to_string()))
    }

    /// Whether it is this password's. Blocks.
    pub fn fits(&self, password: &Secret) -> bool {
        let shown = &password.expose().as_bytes()[..password.expose().len().min(BYTES_MAX)];
        Phc::new(&self.0).is_ok_and(|kept| argon2id().verify_password(shown, &kept).is_ok())
    }

    /// The hash of no password: what an unknown user's is compared with, in the same time.
    pub fn of_nobody() -> Self {
        // m, t and p as above; salt and hash are zeros, which nothing hashes to.
        Self(format!(
            "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        ))
    }
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the numbers above are within bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
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
