//! Folding: what a character amounts to once width, script, case, accents and look-alikes are set aside.
//!
//! A paged table over all of Unicode, built once per scanner and then one look-up a character. Word and text
//! go through the same table, so a folding that is odd to the eye (薇 is 微) does no harm by itself.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

mod class;
mod units;

pub(crate) use class::Gap;
pub(crate) use units::{Unit, fold, fold_word};

const TRADITIONAL: &str = include_str!("../data/traditional.tsv");
const HOMOGRAPHS: &str = include_str!("../data/homographs.tsv");

/// Characters a page holds.
const PAGE: usize = 256;
/// Pages of all code points, U+0000 to U+10FFFF.
const PAGES: usize = 0x11_0000 / PAGE;
/// A packed entry's kind stands above the 21 bits of a code point.
const KIND_SHIFT: u32 = 24;
const PAYLOAD: u32 = (1 << KIND_SHIFT) - 1;
const LETTER: u32 = 1;
const LETTERS: u32 = 2;
const DROPPED: u32 = 3;
const GAP: u32 = 4;

/// Parts of Unicode in which a character may fold to another. What lies outside is itself, unless
/// `traditional.tsv` or `homographs.tsv` names it: the ideographs have no compatibility forms.
const FOLDING: [std::ops::Range<u32>; 4] = [0..0x3400, 0xA000..0xAC00, 0xD7A4..0x2_0000, 0x2_F800..0x2_FA20];

/// What one character is to the scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folded<'a> {
    /// A character that words are made of.
    Letter(char),
    /// Several of them: ㈱ is 株 between brackets.
    Letters(&'a [char]),
    /// Unseen: it leaves no trace, not even a gap.
    Dropped,
    /// Something that stands between words, or between the characters of a hidden one.
    Gap(Gap),
}

/// The table.
pub(crate) struct Folding {
    index: Box<[u16]>,
    pages: Vec<[u32; PAGE]>,
    several: Vec<Box<[char]>>,
    stand_ins: HashSet<char>,
}

impl Folding {
    /// Builds it: about 120,000 characters are looked at.
    pub(crate) fn new() -> Self {
        // Page 0 is "everything is itself": entry 0.
        let mut folding = Self {
            index: vec![0; PAGES].into(),
            pages: vec![[0; PAGE]],
            several: Vec::new(),
            stand_ins: pairs(HOMOGRAPHS).map(|(from, _)| from).filter(|c| is_ideograph(*c)).collect(),
        };
        let same = single_characters();
        for c in FOLDING.into_iter().flatten().filter_map(char::from_u32) {
            let entry = folding.entry_of(c, &same);
            folding.set(c, entry);
        }
        for &c in same.keys() {
            let entry = folding.entry_of(c, &same);
            folding.set(c, entry);
        }
        for c in class::unseen() {
            folding.set(c, DROPPED << KIND_SHIFT);
        }
        folding
    }

    /// What `c` is.
    #[inline]
    pub(crate) fn get(&self, c: char) -> Folded<'_> {
        let code = c as u32;
        let page = self.index[code as usize / PAGE];
        let entry = self.pages[page as usize][code as usize % PAGE];
        match entry >> KIND_SHIFT {
            0 => Folded::Letter(c),
            LETTER => Folded::Letter(char::from_u32(entry & PAYLOAD).unwrap_or(c)),
            LETTERS => Folded::Letters(&self.several[(entry & PAYLOAD) as usize]),
            GAP => Folded::Gap(Gap::unpack(entry)),
            _ => Folded::Dropped,
        }
    }

    /// Whether `c` is an ideograph that stands in for another: 薇 for 微.
    pub(crate) fn is_stand_in(&self, c: char) -> bool {
        self.stand_ins.contains(&c)
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.index) + self.pages.len() * PAGE * 4 + self.several.len() * 24
    }

    fn set(&mut self, c: char, entry: u32) {
        let code = c as usize;
        let page = code / PAGE;
        if self.index[page] == 0 {
            if entry == 0 {
                return;
            }
            self.pages.push([0; PAGE]);
            // At most 4,352 pages, so the number fits.
            self.index[page] = (self.pages.len() - 1) as u16;
        }
        self.pages[self.index[page] as usize][code % PAGE] = entry;
    }

    fn entry_of(&mut self, c: char, same: &HashMap<char, char>) -> u32 {
        if let Some(&to) = same.get(&c) {
            return pack_letter(c, to);
        }
        if let Some(gap) = class::gap_of(c) {
            return GAP << KIND_SHIFT | gap.pack();
        }
        if is_combining_mark(c) {
            return DROPPED << KIND_SHIFT;
        }
        let parts: Vec<char> = plain_letters(c, same).collect();
        match *parts.as_slice() {
            [one] => pack_letter(c, one),
            [] => GAP << KIND_SHIFT | Gap::Noise.pack(),
            _ => {
                self.several.push(parts.into());
                LETTERS << KIND_SHIFT | (self.several.len() - 1) as u32
            }
        }
    }
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{2FDF}' | '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}')
}

fn pack_letter(from: char, to: char) -> u32 {
    if from == to { 0 } else { LETTER << KIND_SHIFT | to as u32 }
}

/// Compatibility forms, accents and case undone, then single characters replaced; brackets and the like left out.
fn plain_letters<'a>(c: char, same: &'a HashMap<char, char>) -> impl Iterator<Item = char> + 'a {
    std::iter::once(c)
        .nfkd()
        .flat_map(char::to_lowercase)
        .filter(|part| !is_combining_mark(*part))
        .map(|part| same.get(&part).copied().unwrap_or(part))
        .filter(|part| class::gap_of(*part).is_none())
}

/// Traditional → simplified and look-alike → plain, chained so that one step does it all.
fn single_characters() -> HashMap<char, char> {
    let step: HashMap<char, char> = pairs(TRADITIONAL).chain(pairs(HOMOGRAPHS)).collect();
    // ⺅ is 亻, which is 人: no chain of the tables is longer, and a test folds every character twice.
    let end = |c: char| {
        let next = |c| step.get(&c).copied().unwrap_or(c);
        next(next(next(c)))
    };
    step.keys().map(|&from| (from, end(from))).collect()
}

/// `from<TAB>to` lines, where `from` may hold several characters that each become `to`.
fn pairs(table: &str) -> impl Iterator<Item = (char, char)> + '_ {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).flat_map(|(from, to)| {
        let to = to.chars().next();
        from.chars().filter_map(move |c| Some((c, to?)))
    })
}

/// What a digit stands for between two Latin letters, where nobody writes digits in earnest: we1x1n.
#[inline]
pub(crate) fn leet(digit: char) -> Option<char> {
    match digit {
        '0' => Some('o'),
        // l folds to i as well, so 1 serves for both.
        '1' => Some('i'),
        '3' => Some('e'),
        '4' => Some('a'),
        '5' => Some('s'),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
