//! The AES layer: AES-256-CBC, IV = the key's first 16 bytes, PKCS#7 to 32 bytes;
//! 16 random bytes ‖ length (u32, big endian) ‖ message ‖ appid.

use std::fmt;

use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{CallbackError, LONGEST_BODY};

/// 43 characters carry 258 bits; the last two belong to nobody and are set in many real keys.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const BLOCK: usize = 32;
const HEAD: usize = 16 + 4;

/// The message encryption key of WeChat's console. Debug does not show it.
#[derive(Clone)]
pub struct EncodingAesKey(Zeroizing<[u8; 32]>);

/// Not 43 characters of base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an EncodingAESKey has 43 characters of A-Z, a-z, 0-9")]
pub struct KeyError;

impl fmt::Debug for EncodingAesKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EncodingAesKey(…)")
    }
}

impl std::str::FromStr for EncodingAesKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl EncodingAesKey {
    /// Reads the 43 characters as the console shows them.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.len() != 43 {
            return Err(KeyError);
        }
        let bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| KeyError)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyError)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Decrypts the `Encrypt` field and checks that it was meant for `appid`.
    pub fn open(&self, encrypt: &str, appid: &str) -> Result<Vec<u8>, CallbackError> {
        if encrypt.len() > LONGEST_BODY {
            return Err(CallbackError::TooLarge);
        }
        let mut bytes = BASE64.decode(encrypt).map_err(|_| CallbackError::Decrypt)?;
        if bytes.is_empty() || bytes.len() % 16 != 0 {
            return Err(CallbackError::Decrypt);
        }
        let plain = self.decrypt(&mut bytes)?;
        let (message, meant_for) = split(unpadded(plain)?)?;
        if !bool::from(meant_for.ct_eq(appid.as_bytes())) {
            return Err(CallbackError::Appid);
        }
        Ok(message.to_vec())
    }

    /// The `Encrypt` field for a message; `random` must be fresh.
    pub fn seal(&self, message: &[u8], appid: &str, random: &[u8; 16]) -> String {
        let length = u32::try_from(message.len()).expect("a message is far shorter than 4 GiB");
        let mut plain = Vec::with_capacity(HEAD + message.len() + appid.len() + BLOCK);
        plain.extend_from_slice(random);
        plain.extend_from_slice(&length.to_be_bytes());
        plain.extend_from_slice(message);
        plain.extend_from_slice(appid.as_bytes());
        let pad = BLOCK - plain.len() % BLOCK;
        plain.resize(plain.len() + pad, u8::try_from(pad).expect("a pad is 1 to 32"));
        self.encrypt(&mut plain);
        base64::engine::general_purpose::STANDARD.encode(plain)
    }

    fn decrypt<'b>(&self, bytes: &'b mut [u8]) -> Result<&'b [u8], CallbackError> {
        let key = DecryptingKey::cbc(self.unbound()).expect("an AES-256 key is good for CBC");
        let plain =
            key.decrypt(bytes, DecryptionContext::Iv128(self.iv())).map_err(|_| CallbackError::Decrypt)?;
        Ok(plain)
    }

    fn encrypt(&self, bytes: &mut [u8]) {
        let key = EncryptingKey::cbc(self.unbound()).expect("an AES-256 key is good for CBC");
        // The fixed IV is WeChat's design; the random first block stands in for it.
        key.less_safe_encrypt(bytes, EncryptionContext::Iv128(self.iv()))
            .expect("whole blocks of a padded message");
    }

    fn unbound(&self) -> UnboundCipherKey {
        UnboundCipherKey::new(&AES_256, self.0.as_slice()).expect("32 bytes are an AES-256 key")
    }

    fn iv(&self) -> FixedLength<16> {
        let iv: &[u8; 16] = self.0.first_chunk().expect("a key has 32 bytes");
        FixedLength::from(iv)
    }
}

fn unpadded(plain: &[u8]) -> Result<&[u8], CallbackError> {
    let pad = usize::from(*plain.last().ok_or(CallbackError::Decrypt)?);
    if !(1..=BLOCK).contains(&pad) || pad > plain.len() {
        return Err(CallbackError::Decrypt);
    }
    let (rest, padding) = plain.split_at(plain.len() - pad);
    if padding.iter().all(|byte| usize::from(*byte) == pad) { Ok(rest) } else { Err(CallbackError::Decrypt) }
}

fn split(plain: &[u8]) -> Result<(&[u8], &[u8]), CallbackError> {
    let (_, rest) = plain.split_at_checked(16).ok_or(CallbackError::Decrypt)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(CallbackError::Decrypt)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| CallbackError::Decrypt)?;
    rest.split_at_checked(length).ok_or(CallbackError::Decrypt)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WECOM_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";

    #[test]
    fn the_echo_of_the_official_wecom_demo_is_opened() {
        let key = EncodingAesKey::parse(WECOM_KEY).unwrap();
        let echo = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==";

        assert_eq!(key.open(echo, "wx5823bf96d3bd56c7").unwrap(), b"1616140317555161061");
        assert_eq!(key.open(echo, "wx5823bf96d3bd56c8"), Err(CallbackError::Appid));
    }

    #[test]
    fn keys_with_any_trailing_bits_are_the_same_key() {
        let sealed = EncodingAesKey::parse(&"A".repeat(43)).unwrap().seal(b"m", "wx", &[7; 16]);

        for last in ["A", "B", "C", "D"] {
            let key = EncodingAesKey::parse(&format!("{}{last}", "A".repeat(42))).unwrap();
            assert_eq!(key.open(&sealed, "wx").unwrap(), b"m");
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for bad in ["", &"A".repeat(42), &"A".repeat(44), &"!".repeat(43), &"口".repeat(43)] {
            assert!(EncodingAesKey::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", EncodingAesKey::parse(WECOM_KEY).unwrap()), "EncodingAesKey(…)");
    }

    #[test]
    fn every_byte_of_the_padding_counts() {
        let mut padded = vec![b'x'; 32];
        padded.extend_from_slice(&[5; 32]);
        assert_eq!(unpadded(&padded).unwrap().len(), 59);

        for (at, byte) in [(60, 4), (63, 0), (63, 33)] {
            let mut bad = padded.clone();
            bad[at] = byte;
            assert_eq!(unpadded(&bad), Err(CallbackError::Decrypt));
        }
    }

    #[test]
    fn what_is_not_whole_blocks_is_refused() {
        let key = EncodingAesKey::parse(WECOM_KEY).unwrap();

        for bad in ["", "AAAA", "***", &"A".repeat(70_000)] {
            assert!(key.open(bad, "wx").is_err());
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened(message in proptest::collection::vec(any::<u8>(), 0..200), random: [u8; 16], bytes: [u8; 32]) {
            let key = EncodingAesKey(Zeroizing::new(bytes));

            let sealed = key.seal(&message, "wxba5fad812f8e6fb9", &random);

            prop_assert_eq!(key.open(&sealed, "wxba5fad812f8e6fb9").unwrap(), message);
        }

        #[test]
        fn a_changed_last_block_never_passes_unnoticed_for_the_same_message(message in ".{0,80}", flip in 1u8..) {
            let key = EncodingAesKey::parse(WECOM_KEY).unwrap();
            let sealed = key.seal(message.as_bytes(), "wxba5fad812f8e6fb9", &[1; 16]);
            let mut bytes = BASE64.decode(&sealed).unwrap();
            *bytes.last_mut().unwrap() ^= flip;

            let opened = key.open(&base64::engine::general_purpose::STANDARD.encode(bytes), "wxba5fad812f8e6fb9");

            prop_assert!(opened.is_err());
        }

        #[test]
        fn any_text_is_opened_or_refused_without_a_panic(text in ".{0,300}") {
            let key = EncodingAesKey::parse(WECOM_KEY).unwrap();

            prop_assert!(key.open(&text, "wx").is_err());
        }
    }
}
