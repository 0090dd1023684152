//! Whether a match of the automaton is the word, or two pieces of ordinary text that lie side by side.
//!
//! The automaton sees a text without its gaps, so it finds every hidden word and glues innocent neighbours too;
//! here the gaps are weighed. The rules are written out in the README.

use crate::fold::{Gap, Unit};
use crate::words::{Severity, WordCategory};

/// Longest gap of blanks and signs inside a word, in characters: longer runs are rules and dotted lines.
const MAX_GAP: u8 = 4;
/// Of symbols, with which nobody rules a line inside a word.
const MAX_NOISE: u8 = 20;

/// Whether a match is the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is ordinary text.
    No,
    /// It may be either: a person is asked, and it is never refused for this.
    Perhaps,
    /// It is.
    Yes,
}

/// Whether the units `start..end` say the word of that category.
pub(crate) fn says_word(units: &[Unit], (start, end): (usize, usize), category: WordCategory) -> Said {
    let inner = &units[start + 1..end];
    let strongest = inner.iter().map(|unit| unit.gap).max().unwrap_or_default();
    if !at_latin_boundary(units, start, end) {
        return Said::No;
    }
    if strongest == Gap::None {
        return Said::Yes;
    }
    if inner.iter().any(|unit| unit.gap_len > longest(unit.gap)) || divides_digits(&units[start..end]) {
        return Said::No;
    }
    let spread = inner.iter().all(|unit| unit.gap != Gap::None) && inner.len() >= 2;
    let word = &units[start..end];
    match strongest {
        Gap::None | Gap::Noise => Said::Yes,
        _ if spread => Said::Yes,
        Gap::Separator | Gap::Comma if is_alone(units, start, end) => Said::Yes,
        Gap::Separator => in_running_text(word, category),
        Gap::Comma if word.len() >= least(word, category) => Said::Yes,
        Gap::Stop if is_worth_hiding(word, category) && is_alone(units, start, end) => Said::Yes,
        Gap::Comma | Gap::Stop if is_worth_hiding(word, category) && has_lone(units, start, end) => {
            Said::Perhaps
        }
        Gap::Comma | Gap::Stop => Said::No,
    }
}

/// A word with a blank or sign in it and text that touches it: 出售冰 毒, and 颜色 情侣款 as well.
fn in_running_text(word: &[Unit], category: WordCategory) -> Said {
    match word.len() >= least(word, category) {
        true => Said::Yes,
        false if is_worth_hiding(word, category) => Said::Perhaps,
        false => Said::No,
    }
}

/// Whether it is a Chinese word that is cut up in order to pass.
fn is_worth_hiding(word: &[Unit], category: WordCategory) -> bool {
    category.usual_severity() == Severity::Refuse && word.iter().all(|unit| !unit.c.is_ascii())
}

/// Whether one of the word's characters is all that stands between two commas or stops: 出售冰，毒, but neither
/// 带阳台，独立卫浴 nor 2 台，独立, where the tail of one ordinary word meets the head of another.
fn has_lone(units: &[Unit], start: usize, end: usize) -> bool {
    let is_divided = |at: usize| at == 0 || units.get(at).is_none_or(|unit| unit.gap >= Gap::Comma);
    (start..end).any(|at| is_divided(at) && is_divided(at + 1))
}

fn longest(gap: Gap) -> u8 {
    if gap == Gap::Noise { MAX_NOISE } else { MAX_GAP }
}

/// Characters from which a word is long enough not to arise by chance where a blank is left out.
fn least(word: &[Unit], category: WordCategory) -> usize {
    if word.iter().all(|unit| unit.c.is_ascii()) {
        return 6;
    }
    match category {
        // These are vocabulary of honest notices too: 最高 级别 is not 最高级.
        WordCategory::AdvertisingLaw
        | WordCategory::Marketing
        | WordCategory::InducedSharing
        | WordCategory::FalseAdvertising
        | WordCategory::Custom => 4,
        // Whoever writes these has reason to hide them.
        WordCategory::Political
        | WordCategory::Pornographic
        | WordCategory::Violent
        | WordCategory::Gambling
        | WordCategory::Drugs
        | WordCategory::Fraud => 3,
    }
}

/// A Latin edge of a word must be the edge of its run: vx is not in DevX, nor 加v in 加vip.
fn at_latin_boundary(units: &[Unit], start: usize, end: usize) -> bool {
    let (first, last) = (units[start], units[end - 1]);
    let before = (first.gap == Gap::None && start > 0).then(|| units[start - 1].c);
    let after = units.get(end).filter(|unit| unit.gap == Gap::None).map(|unit| unit.c);
    let starts = !first.c.is_ascii_alphanumeric() || !before.is_some_and(|c| c.is_ascii_alphanumeric());
    let ends = match last.c {
        c if c.is_ascii_digit() => !after.is_some_and(|c| c.is_ascii_digit()),
        // What follows a contact is often its number: 加vx123.
        c if c.is_ascii() => !after.is_some_and(|c| c.is_ascii_alphabetic()),
        _ => true,
    };
    starts && ends
}

/// Digits with anything between them are two numbers.
fn divides_digits(word: &[Unit]) -> bool {
    word.windows(2)
        .any(|pair| pair[1].gap != Gap::None && pair[0].c.is_ascii_digit() && pair[1].c.is_ascii_digit())
}

/// Whether nothing touches the word on either side.
fn is_alone(units: &[Unit], start: usize, end: usize) -> bool {
    let left = start == 0 || units[start].gap != Gap::None;
    let right = units.get(end).is_none_or(|unit| unit.gap != Gap::None);
    left && right
}
