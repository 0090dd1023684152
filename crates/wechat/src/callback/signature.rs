//! WeChat's signatures: the SHA-1 of the parts, sorted and joined, in lower-case hexadecimal.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use subtle::ConstantTimeEq as _;

pub(super) fn sign(parts: &[&str]) -> String {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, sorted.concat().as_bytes());
    sum.as_ref().iter().fold(String::with_capacity(40), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Compares in constant time.
pub(super) fn holds(signature: &str, parts: &[&str]) -> bool {
    sign(parts).as_bytes().ct_eq(signature.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_examples_hold() {
        assert!(holds("f464b24fc39322e44b38aa78f5edd27bd1441696", &["AAAAA", "1714036504", "1514711492"]));
        assert!(holds("899cf89e464efb63f54ddac96b0a0a235f53aa78", &["AAAAA", "1714037059", "486452656"]));
    }

    #[test]
    fn another_token_time_or_length_does_not_hold() {
        let good = "f464b24fc39322e44b38aa78f5edd27bd1441696";

        assert!(!holds(good, &["AAAAB", "1714036504", "1514711492"]));
        assert!(!holds(good, &["AAAAA", "1714036505", "1514711492"]));
        assert!(!holds(&good[..39], &["AAAAA", "1714036504", "1514711492"]));
        assert!(!holds("", &["AAAAA", "1714036504", "1514711492"]));
    }
}
