//! Short names for long strings, so that ten million sends fit into memory: SipHash of the parts, lengths included.

use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

/// 96 bits: among ten million sends the odds of one false match are 1 in 10^15.
pub(crate) type Key96 = [u32; 3];

/// 64 bits of the parts.
pub(crate) fn of(parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// 96 bits of the parts: two hashes with different beginnings.
pub(crate) fn wide_of(parts: &[&str]) -> Key96 {
    let mut first = DefaultHasher::new();
    0u8.hash(&mut first);
    parts.hash(&mut first);
    let mut second = DefaultHasher::new();
    1u8.hash(&mut second);
    parts.hash(&mut second);
    let (first, second) = (first.finish(), second.finish());
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
    use super::*;

    #[test]
    fn parts_are_told_apart_by_where_they_end() {
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(wide_of(&["ab", "c"]), wide_of(&["a", "bc"]));
        assert_eq!(wide_of(&["ab", "c"]), wide_of(&["ab", "c"]));
    }
}
