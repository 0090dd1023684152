//! Signature and encryption of pushes, as WeChat does them (official message-push page, WXBizMsgCrypt).

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

/// 43 characters carry 258 bits for 256: WeChat takes keys whose last two bits are set, so must we.
const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// WeChat pads to 32 bytes, not to AES's own 16.
const PAD_TO: usize = 32;

/// `hex(sha1(sorted parts))`: `signature` of [token, timestamp, nonce], `msg_signature` with Encrypt as a fourth.
pub(crate) fn signature<const N: usize>(mut parts: [&str; N]) -> String {
    parts.sort_unstable();
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
    let mut hex = String::with_capacity(40);
    for byte in sum.as_ref() {
        for half in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    hex
}

/// The key of one account's pushes.
pub(crate) struct Seal {
    key: EncryptingKey,
    iv: [u8; 16],
}

impl Seal {
    /// # Errors
    /// A sentence about an EncodingAESKey that is none.
    pub(crate) fn new(encoding_aes_key: &str) -> Result<Seal, &'static str> {
        const WRONG: &str = "aes_key: an EncodingAESKey is 43 characters of [A-Za-z0-9]";
        let key = KEY_BASE64.decode(encoding_aes_key).map_err(|_| WRONG)?;
        let iv = key.first_chunk::<16>().copied().filter(|_| key.len() == 32).ok_or(WRONG)?;
        let key = UnboundCipherKey::new(&AES_256, &key).and_then(EncryptingKey::cbc).map_err(|_| WRONG)?;
        Ok(Seal { key, iv })
    }

    /// `Encrypt`: base64 of 16 random bytes, the length, the message and the appid, padded and encrypted.
    pub(crate) fn encrypt(&self, appid: &str, random: [u8; 16], message: &str) -> String {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut text = Vec::with_capacity(16 + 4 + message.len() + appid.len() + PAD_TO);
        text.extend_from_slice(&random);
        text.extend_from_slice(&length.to_be_bytes());
        text.extend_from_slice(message.as_bytes());
        text.extend_from_slice(appid.as_bytes());
        let pad = PAD_TO - text.len() % PAD_TO;
        text.resize(text.len() + pad, pad as u8);
        self.key
            .less_safe_encrypt(&mut text, EncryptionContext::Iv128(FixedLength::from(self.iv)))
            .expect("the text is a whole number of blocks");
        STANDARD.encode(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPID: &str = "wxba5fad812f8e6fb9";

    #[test]
    fn the_signatures_of_the_official_page_come_out() {
        let plain = signature(["AAAAA", "1714036504", "1514711492"]);
        let second = signature(["AAAAA", "1714037059", "486452656"]);

        assert_eq!(plain, "f464b24fc39322e44b38aa78f5edd27bd1441696");
        assert_eq!(second, "899cf89e464efb63f54ddac96b0a0a235f53aa78");
    }

    #[test]
    fn the_encrypted_push_of_the_official_page_comes_out() {
        let message = "{\"ToUserName\":\"gh_97417a04a28d\",\"FromUserName\":\"o9AgO5Kd5ggOC-bXrbNODIiE3bGY\",\
                       \"CreateTime\":1714112445,\"MsgType\":\"event\",\"Event\":\"debug_demo\",\
                       \"debug_str\":\"hello world\"}";
        let seal = Seal::new(&"A".repeat(43)).unwrap();

        let encrypt = seal.encrypt(APPID, *b"a8eedb185eb2fecf", message);

        let golden = include_str!("../../wechat/golden/envelope.json");
        assert_eq!(
            golden.trim(),
            format!("{{\"ToUserName\":\"gh_97417a04a28d\",\"Encrypt\":\"{encrypt}\"}}")
        );
        let signed = signature(["AAAAA", "1714112445", "415670741", &encrypt]);
        assert_eq!(signed, "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3");
    }

    #[test]
    fn the_encrypted_reply_of_the_official_page_comes_out() {
        let seal = Seal::new(&"A".repeat(43)).unwrap();

        let encrypt = seal.encrypt(APPID, *b"707722b803182950", r#"{"demo_resp":"good luck"}"#);

        assert!(include_str!("../../wechat/golden/reply.json").contains(&encrypt));
        let signed = signature(["AAAAA", "1713424427", "415670741", &encrypt]);
        assert_eq!(signed, "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1");
    }

    #[test]
    fn keys_with_any_trailing_bits_are_taken_and_other_lengths_are_not() {
        assert!(Seal::new("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C").is_ok());
        for tail in ["A", "B", "C", "D"] {
            assert!(Seal::new(&format!("{}{tail}", "A".repeat(42))).is_ok(), "{tail}");
        }
        for wrong in [String::new(), "A".repeat(42), "A".repeat(44), "!".repeat(43)] {
            assert!(Seal::new(&wrong).is_err(), "{wrong}");
        }
    }
}
