//! Signed short codes: `/l/{code}` names a link of a message and cannot be made up.
//!
//! The code names the message; the address it leads to is read from the message itself, so that a code can
//! never be turned into an open redirect. It holds no openid.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hongyan_domain::{AccountId, MessageId};
use subtle::ConstantTimeEq;

/// Set before what is signed, so that the key's signatures serve for nothing else.
const PURPOSE: &[u8] = b"hongyan link 1";
/// Bytes of the HMAC kept: at 72 bits, a billion guesses a second take 75,000 years.
const TAG: usize = 9;
/// Link number and message.
const FIXED: usize = 1 + 8;
/// Bytes that an account's number takes at most: seven bits each.
const MAX_ACCOUNT: usize = 9;
/// Least bytes of a key: what HMAC-SHA256 is as strong as.
const MIN_KEY: usize = 32;

/// One link of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkCode {
    /// The account, without which no row can be found; never negative.
    pub account: AccountId,
    /// The message.
    pub message: MessageId,
    /// Which of its links, from 0.
    pub link: u8,
}

/// A key for codes.
pub struct LinkKey(hmac::Key);

/// A key of fewer than 32 bytes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a key for links needs at least {MIN_KEY} bytes")]
pub struct WeakKey;

impl LinkKey {
    /// From 32 random bytes or more.
    pub fn new(bytes: &[u8]) -> Result<Self, WeakKey> {
        let strong = bytes.len() >= MIN_KEY;
        strong.then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))).ok_or(WeakKey)
    }

    fn tag(&self, body: &[u8]) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(PURPOSE);
        context.update(body);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG]);
        tag
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

impl LinkCode {
    /// Its code: 26 to 36 of `[A-Za-z0-9_-]`, 26 for the first 128 accounts.
    pub fn encode(self, key: &LinkKey) -> String {
        let mut bytes = Vec::with_capacity(FIXED + MAX_ACCOUNT + TAG);
        bytes.push(self.link);
        bytes.extend_from_slice(&self.message.raw().to_be_bytes());
        let mut account = self.account.0.unsigned_abs();
        while account > 0x7F {
            bytes.push(account as u8 | 0x80);
            account >>= 7;
        }
        bytes.push(account as u8);
        let tag = key.tag(&bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a code names, if one of the keys signed it: the present one, and for a while the one before.
    /// Whatever is wrong with a code, the answer is none.
    pub fn verify(code: &str, keys: &[&LinkKey]) -> Option<Self> {
        const LONGEST: usize = (FIXED + MAX_ACCOUNT + TAG).div_ceil(3) * 4;
        if code.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(code).ok()?;
        let (body, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        let is_signed = keys.iter().any(|key| bool::from(key.tag(body).as_slice().ct_eq(tag)));
        if is_signed { Self::read(body) } else { None }
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (&link, rest) = body.split_first()?;
        let (message, account) = rest.split_first_chunk::<8>()?;
        if account.is_empty() || account.len() > MAX_ACCOUNT {
            return None;
        }
        let account = account.iter().rev().fold(0i64, |sum, byte| sum << 7 | i64::from(byte & 0x7F));
        let message = MessageId::from_raw(i64::from_be_bytes(*message))?;
        Some(Self { account: AccountId(account), message, link })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> LinkKey {
        LinkKey::new(&[byte; 32]).unwrap()
    }

    fn code_of(account: i64, message: i64, link: u8) -> LinkCode {
        LinkCode { account: AccountId(account), message: MessageId::from_raw(message).unwrap(), link }
    }

    #[test]
    fn a_code_is_short_and_plain() {
        let code = code_of(7, i64::MAX, 0).encode(&key(1));

        assert_eq!(code.len(), 26);
        assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
    }

    #[test]
    fn a_code_of_the_former_key_still_counts_and_of_any_other_not() {
        let code = code_of(7, 42, 1).encode(&key(1));

        assert_eq!(LinkCode::verify(&code, &[&key(2), &key(1)]), Some(code_of(7, 42, 1)));
        assert_eq!(LinkCode::verify(&code, &[&key(2)]), None);
        assert_eq!(LinkCode::verify(&code, &[]), None);
    }

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(LinkKey::new(&[0; 31]).unwrap_err(), WeakKey);
    }

    proptest! {
        #[test]
        fn every_code_reads_back(account in 0..=i64::MAX, message in 0..=i64::MAX, link: u8) {
            let code = code_of(account, message, link);

            prop_assert_eq!(LinkCode::verify(&code.encode(&key(1)), &[&key(1)]), Some(code));
        }

        #[test]
        fn a_changed_code_is_none(account in 0..1000i64, message in 0..=i64::MAX, at in 0usize..26, with in "[A-Za-z0-9_-]") {
            let code = code_of(account, message, 0).encode(&key(1));
            let mut changed = code.clone();
            changed.replace_range(at..=at, &with);

            prop_assume!(changed != code);
            prop_assert_eq!(LinkCode::verify(&changed, &[&key(1)]), None);
        }

        #[test]
        fn no_text_is_a_code(text in ".{0,64}") {
            prop_assert_eq!(LinkCode::verify(&text, &[&key(1)]), None);
        }
    }
}
