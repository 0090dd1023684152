//! All chance of the simulator: one SplitMix64 sequence from one seed, drawn without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// A sequence of random numbers that several threads may draw from: the n-th draw is the same in every run.
pub(crate) struct Chance(AtomicU64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(AtomicU64::new(seed))
    }

    pub(crate) fn draw(&self) -> u64 {
        mix(self.0.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA))
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&self, low: u32, high: u32) -> u32 {
        if low >= high {
            return low;
        }
        let span = u64::from(high - low) + 1;
        low + u32::try_from(self.draw() % span).unwrap_or(0)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// `length` characters of `[A-Za-z0-9_-]` that follow from `seed` alone.
pub(crate) fn spell(seed: u64, length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut word = String::with_capacity(length);
    let mut state = seed;
    while word.len() < length {
        state = state.wrapping_add(GAMMA);
        let mut bits = mix(state);
        for _ in 0..10.min(length - word.len()) {
            word.push(char::from(ALPHABET[(bits & 63) as usize]));
            bits >>= 6;
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (one, two) = (Chance::new(7), Chance::new(7));

        assert_eq!((one.draw(), one.draw()), (two.draw(), two.draw()));
        assert_ne!(Chance::new(7).draw(), Chance::new(8).draw());
    }

    #[test]
    fn a_number_between_two_reaches_both_ends_and_no_further() {
        let chance = Chance::new(1);

        let drawn: Vec<u32> = (0..200).map(|_| chance.between(3, 5)).collect();

        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&5)));
    }
}
