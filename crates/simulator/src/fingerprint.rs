//! Short names for long strings, so that ten million sends fit into memory: multiply-and-fold hashing in the manner
//! of wyhash, each part with its length. Not against an adversary: the callers are the simulator's own users.

use std::hash::{BuildHasherDefault, Hasher};

/// 96 bits: among ten million sends the odds of one false match are 1 in 10^15.
pub(crate) type Key96 = [u32; 3];

const SECRETS: [u64; 4] =
    [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3];

/// A name in the making, part by part.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn new(seed: u64) -> Fingerprint {
        Fingerprint(seed ^ SECRETS[0])
    }

    pub(crate) fn part(self, part: &str) -> Fingerprint {
        let mut sum = fold(self.0 ^ SECRETS[1], part.len() as u64 ^ SECRETS[2]);
        let (pairs, rest) = part.as_bytes().as_chunks::<16>();
        for pair in pairs {
            sum = fold_pair(sum, pair);
        }
        if !rest.is_empty() {
            let mut last = [0; 16];
            last[..rest.len()].copy_from_slice(rest);
            sum = fold_pair(sum, &last);
        }
        Fingerprint(sum)
    }

    pub(crate) fn finish(self) -> u64 {
        fold(self.0 ^ SECRETS[3], SECRETS[1])
    }
}

fn fold_pair(sum: u64, pair: &[u8; 16]) -> u64 {
    let both = u128::from_le_bytes(*pair);
    fold(both as u64 ^ SECRETS[1], (both >> 64) as u64 ^ sum)
}

fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// 64 bits of the parts.
pub(crate) fn of(parts: &[&str]) -> u64 {
    parts.iter().fold(Fingerprint::new(0), |sum, part| sum.part(part)).finish()
}

/// 96 bits of the parts: two names with different seeds.
pub(crate) fn wide_of(parts: &[&str]) -> Key96 {
    let first = of(parts);
    let second = parts.iter().fold(Fingerprint::new(SECRETS[2]), |sum, part| sum.part(part)).finish();
    [first as u32, (first >> 32) as u32, second as u32]
}

/// The map's hash of a key that is a hash already: the key itself.
pub(crate) type Identity = BuildHasherDefault<IdentityHasher>;

/// Puts the words of a key side by side; the last two make the hash.
#[derive(Default)]
pub(crate) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for word in bytes.chunks_exact(4) {
            self.write_u32(u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        }
    }

    fn write_u32(&mut self, word: u32) {
        self.0 = (self.0 << 32) ^ (self.0 >> 32) ^ u64::from(word);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 ^= word;
    }

    fn write_usize(&mut self, _length: usize) {}
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn parts_are_told_apart_by_where_they_end() {
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(wide_of(&["ab", "c"]), wide_of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a\0"]));
        assert_eq!(wide_of(&["ab", "c"]), wide_of(&["ab", "c"]));
    }

    #[test]
    fn names_of_numbered_messages_are_all_different_in_every_third_of_their_bits() {
        let keys: Vec<Key96> = (0..20_000).map(|n| wide_of(&["wx", "o1", &format!("order-{n}")])).collect();

        for word in 0..3 {
            let distinct: HashSet<u32> = keys.iter().map(|key| key[word]).collect();
            assert!(distinct.len() > 19_990, "{} of 20000 in word {word}", distinct.len());
        }
        let shards: HashSet<u32> = keys.iter().map(|key| key[0] % 64).collect();
        assert_eq!(shards.len(), 64);
    }
}
