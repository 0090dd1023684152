//! A text as the characters that words are made of, each with the way back to where it came from.

use super::{Folded, Folding, Gap, leet};

/// One folded character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Byte offset of the original character.
    pub(crate) at: usize,
    /// What it folds to.
    pub(crate) c: char,
    /// Bytes of the original character.
    pub(crate) len: u8,
    /// The strongest divide between it and the unit before.
    pub(crate) gap: Gap,
    /// Characters in that gap; 255 means 255 or more.
    pub(crate) gap_len: u8,
}

/// Folds `text` in one pass, a unit at a time.
#[inline]
pub(crate) fn fold(folding: &Folding, text: &str, mut sink: impl FnMut(Unit)) {
    let (mut gap, mut gap_len) = (Gap::None, 0u8);
    let mut before = '\0';
    for (at, original) in text.char_indices() {
        let len = original.len_utf8() as u8;
        let mut push = |c: char, gap: Gap, gap_len: u8| sink(Unit { at, c, len, gap, gap_len });
        match folding.get(original) {
            Folded::Letter(mut c) => {
                if c.is_ascii_digit() && gap == Gap::None && before.is_ascii_lowercase() {
                    c = disguised(folding, c, &text[at + original.len_utf8()..]);
                }
                push(c, gap, gap_len);
                before = c;
            }
            Folded::Letters(several) => {
                for &c in several {
                    push(c, gap, gap_len);
                    (gap, gap_len) = (Gap::None, 0);
                    before = c;
                }
            }
            Folded::Dropped => continue,
            Folded::Gap(kind) => {
                gap = gap.max(kind);
                gap_len = gap_len.saturating_add(1);
                continue;
            }
        }
        (gap, gap_len) = (Gap::None, 0);
    }
}

/// The letter that a digit after a letter stands for, if a letter follows too; else the digit.
#[cold]
fn disguised(folding: &Folding, digit: char, rest: &str) -> char {
    let next = rest.chars().map(|c| folding.get(c)).find(|folded| *folded != Folded::Dropped);
    match (leet(digit), next) {
        (Some(letter), Some(Folded::Letter(after))) if after.is_ascii_lowercase() => letter,
        _ => digit,
    }
}

/// A word or phrase as its folded characters.
pub(crate) fn fold_word(folding: &Folding, word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    fold(folding, word, |unit| folded.push(unit.c));
    folded
}
