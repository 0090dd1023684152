//! The six digits of an authenticator app: RFC 6238 with SHA-1 and 30 seconds, which is what all apps speak.

use aws_lc_rs::hmac;
use hongyan_domain::Timestamp;
use rand::{CryptoRng, RngExt};

use crate::Secret;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_MS: i64 = 30_000;
/// Telephones' clocks are off by some seconds: the step before and the one after count as well.
const STEPS_OFF: [i64; 3] = [0, -1, 1];
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;

/// Draws what codes are counted from: 160 bits in base32.
pub fn generate_totp(rng: &mut impl CryptoRng) -> Secret {
    let bytes: [u8; 20] = rng.random();
    let bit = |n: usize| usize::from(bytes[n / 8] >> (7 - n % 8) & 1);
    let digit = |n: usize| (0..5).fold(0, |digit, at| digit << 1 | bit(5 * n + at));
    Secret::new((0..32).map(|n| char::from(BASE32[digit(n)])).collect::<String>())
}

/// The step whose code this is, if it is one of now. Each step may be used once: see `Store::use_totp_step`.
pub fn totp_step(secret: &Secret, code: &str, now: Timestamp) -> Option<i64> {
    let code: u32 = Some(code.trim()).filter(|code| code.len() == DIGITS)?.parse().ok()?;
    let (key, at) = (key(secret)?, now.ms().div_euclid(STEP_MS));
    STEPS_OFF.into_iter().map(|off| at + off).find(|step| self::code(&key, *step) == code)
}

fn key(secret: &Secret) -> Option<hmac::Key> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(20), 0, 0_u32);
    for digit in secret.expose().bytes() {
        let value = BASE32.iter().position(|known| *known == digit)?;
        held = held << 5 | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes))
}

fn code(key: &hmac::Key, step: i64) -> u32 {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let from = usize::from(tag[tag.len() - 1] & 0xf);
    let word = [tag[from] & 0x7f, tag[from + 1], tag[from + 2], tag[from + 3]];
    u32::from_be_bytes(word) % MODULUS
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    /// RFC 6238, appendix B: the key is `12345678901234567890`; its eight digits, cut to six.
    #[test]
    fn the_codes_of_the_rfc_are_known() {
        let secret = Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (second, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            let at = Timestamp::from_ms(second * 1_000);

            assert_eq!(totp_step(&secret, code, at), Some(second / 30), "{second}");
            assert_eq!(totp_step(&secret, code, at.plus(std::time::Duration::from_secs(90))), None);
        }
    }

    #[test]
    fn a_drawn_secret_is_32_digits_of_base32_and_what_is_no_code_opens_nothing() {
        let secret = generate_totp(&mut StdRng::seed_from_u64(1));

        assert!(secret.expose().len() == 32 && secret.expose().bytes().all(|digit| BASE32.contains(&digit)));
        for code in ["", "1", "12345x", "0000000"] {
            assert_eq!(totp_step(&secret, code, Timestamp::from_ms(0)), None);
        }
    }
}
