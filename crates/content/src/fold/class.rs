//! What stands between words: classes of gaps, and what is not seen at all.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::KIND_SHIFT;

/// What lies between two characters of a word; the later is the stronger divide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gap {
    /// Nothing.
    #[default]
    None,
    /// Symbols that never divide words in earnest: `*`, `~`, `_`, emoji (which WeChat drops anyway).
    Noise,
    /// Blanks, dashes, slashes, dots, brackets: they divide words in earnest more often than not.
    Separator,
    /// Commas and colons: the words beside one belong to two parts of a sentence.
    Comma,
    /// The end of a sentence or a line.
    Stop,
}

impl Gap {
    pub(super) fn pack(self) -> u32 {
        self as u32
    }

    pub(super) fn unpack(entry: u32) -> Self {
        match entry & !(u32::MAX << KIND_SHIFT) {
            1 => Self::Noise,
            2 => Self::Separator,
            3 => Self::Comma,
            _ => Self::Stop,
        }
    }
}

/// Dashes, slashes, dots and brackets, half width and full.
const SEPARATORS: &str =
    "-‐‑‒–—―－/／\\＼|｜·・•.．'\"‘’“”()（）[]［］【】{}｛｝《》〈〉「」『』〔〕&＆<>＜＞";
/// Commas and colons, half width and full.
const COMMAS: &str = ",，、:：";
/// What ends a sentence.
const STOPS: &str = "。！？；!?;｡…\n\r";

/// The gap that `c` makes; none if words are made of it.
pub(super) fn gap_of(c: char) -> Option<Gap> {
    if STOPS.contains(c) || matches!(c, '\u{2028}' | '\u{2029}') {
        return Some(Gap::Stop);
    }
    if COMMAS.contains(c) {
        return Some(Gap::Comma);
    }
    // U+2800 and U+3164 are letters by name and blanks to the eye.
    if c.is_whitespace() || SEPARATORS.contains(c) || matches!(c, '\u{2800}' | '\u{3164}') {
        return Some(Gap::Separator);
    }
    // Circled and squared letters are symbols by class; the table folds them to what they show.
    let shows_letters = c.is_alphanumeric() || std::iter::once(c).nfkd().any(char::is_alphanumeric);
    (!shows_letters && !is_combining_mark(c)).then_some(Gap::Noise)
}

/// Characters without any shape: zero-width blanks and joiners, direction marks, fillers, variation selectors,
/// tags, controls.
pub(super) fn unseen() -> impl Iterator<Item = char> {
    const RANGES: [(u32, u32); 17] = [
        (0x00, 0x08),
        (0x0E, 0x1F),
        (0x7F, 0x84),
        (0x86, 0x9F),
        (0xAD, 0xAD),
        (0x34F, 0x34F),
        (0x61C, 0x61C),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xE_0000, 0xE_01EF),
    ];
    RANGES.into_iter().flat_map(|(first, last)| first..=last).filter_map(char::from_u32)
}
