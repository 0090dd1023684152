//! The scanner: every word of a list found in a text in one pass, however it is spelled.
//!
//! Folding and automaton run together, a character at a time; only what the automaton finds is looked at twice.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use daachorse::CharwiseDoubleArrayAhoCorasick;
use serde::Serialize;

use crate::fold::{Folding, Gap, Unit, fold, fold_word};
use crate::variants::Variants;
use crate::verify::{Said, says_word};
use crate::word_list::{MAX_LINES, MAX_WORD_CHARS, Word, WordList};
use crate::words::{Severity, WordCategory};

/// Most hits told of one text, the heaviest first: more is a wall of words, and one is enough to stop it.
pub const MAX_HITS: usize = 100;

/// Whether pinyin of the words is looked for too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pinyin {
    /// No: what is written in Latin letters in an honest notice is a name more often than not.
    #[default]
    Off,
    /// The whole word: weixin. The first reading of each character, at least 5 letters, not inside longer runs.
    Whole,
    /// And words of up to 5 characters partly in pinyin: wei信, 微xin; those of 5 with one run of it. Takes six
    /// times the memory.
    Mixed,
}

impl Pinyin {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Whole, Self::Mixed];

    /// The word used in tables and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Whole => "whole",
            Self::Mixed => "mixed",
        }
    }

    /// The one that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pinyin| pinyin.as_str() == word)
    }
}

/// Whether characters written as their parts are looked for: 微亻言.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Splits {
    /// No.
    Off,
    /// Yes, for the characters of `data/splits.tsv`.
    #[default]
    On,
}

/// What is looked for beyond the words themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Pinyin.
    pub pinyin: Pinyin,
    /// Characters as their parts.
    pub splits: Splits,
}

/// Why a list cannot be looked for.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// More words than a list may have lines.
    #[error("more than {MAX_LINES} words")]
    TooManyWords,
    /// Nothing is left of it, or one Latin letter or digit, which every text holds.
    #[error("the word {0:?} is too short: at least one character, or two letters or digits")]
    TooShort(Arc<str>),
    /// Longer than a line of a list may hold.
    #[error("the word {0:?} has more than {MAX_WORD_CHARS} characters")]
    TooLong(Arc<str>),
    /// The automaton has no room for them.
    #[error("the words do not fit the automaton: {0}")]
    Automaton(String),
}

/// A word found in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The word as the list has it, not as the text spells it.
    #[serde(serialize_with = "as_text")]
    pub word: Arc<str>,
    /// Why it is on the list.
    pub category: WordCategory,
    /// What it does: at most `Hold` where it may be two pieces of ordinary text.
    pub severity: Severity,
    /// Where it stands in the original text, in bytes.
    pub bytes: Range<usize>,
    /// The same in characters (Unicode scalar values).
    pub chars: Range<usize>,
}

fn as_text<S: serde::Serializer>(word: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word)
}

/// What a sequence of folded characters means.
struct Pattern {
    /// In folded characters.
    len: u32,
    /// The words it spells, in `Scanner::members`; none if it is only an allowed phrase.
    members: Range<u32>,
    is_allowed: bool,
}

/// A word list made ready. Immutable: to change the list, build another and swap it whole.
pub struct Scanner {
    folding: Folding,
    /// None for a list without words, which the automaton cannot hold.
    automaton: Option<CharwiseDoubleArrayAhoCorasick<u32>>,
    patterns: Vec<Pattern>,
    members: Vec<u32>,
    words: Vec<Word>,
    /// Words that are disguises themselves (薇信), by number: they are not found in the plain word (微信).
    disguised: HashSet<u32>,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scanner({} words, {} spellings)", self.words.len(), self.patterns.len())
    }
}

/// A pattern's end among the units.
struct Found {
    end: usize,
    pattern: u32,
}

/// A word of the list among the units, by its number, with what it weighs there.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Occurrence {
    severity: Severity,
    start: usize,
    end: usize,
    word: u32,
}

/// The words of each folded spelling, and whether it is an allowed phrase.
#[derive(Default)]
struct Spelling {
    words: Vec<u32>,
    is_allowed: bool,
}

impl Scanner {
    /// Builds the automaton: about a second for 200,000 words, so not once a message. A word on the list twice is
    /// taken once, with its heavier severity. Errors name the word.
    pub fn build(list: &WordList, options: Options) -> Result<Self, BuildError> {
        if list.words.len() > MAX_LINES || list.allow.len() > MAX_LINES {
            return Err(BuildError::TooManyWords);
        }
        let folding = Folding::new();
        let words = distinct(&list.words);
        let spellings = spellings(&folding, &words, &list.allow, options)?;
        let is_disguised = |word: &Word| word.text.chars().any(|c| folding.is_stand_in(c));
        let disguised = (0u32..).zip(&words).filter(|(_, word)| is_disguised(word)).map(|(n, _)| n).collect();
        let mut scanner =
            Self { folding, automaton: None, patterns: Vec::new(), members: Vec::new(), words, disguised };
        scanner.automaton = scanner.take(spellings)?;
        Ok(scanner)
    }

    /// All words of the list in `text`, by place; of hits within one another of the same category the longest. At most [`MAX_HITS`].
    pub fn scan(&self, text: &str) -> Vec<Hit> {
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let mut units: Vec<Unit> = Vec::with_capacity(text.len() / 2);
        let mut found = Vec::new();
        let mut stepper = automaton.find_overlapping_stepper();
        fold(&self.folding, text, |unit| {
            units.push(unit);
            stepper.consume(unit.c);
            found.extend(stepper.matches().map(|hit| Found { end: units.len(), pattern: hit.value() }));
        });
        if found.is_empty() { Vec::new() } else { self.hits(text, &units, &found) }
    }

    /// Words on the list, each once.
    pub fn word_count(&self) -> usize {
        self.words.len()
    }

    /// Bytes on the heap, the words' own text apart.
    pub fn heap_bytes(&self) -> usize {
        self.folding.heap_bytes()
            + self.automaton.as_ref().map_or(0, CharwiseDoubleArrayAhoCorasick::heap_bytes)
            + self.patterns.capacity() * size_of::<Pattern>()
            + self.members.capacity() * size_of::<u32>()
            + self.words.capacity() * size_of::<Word>()
    }

    /// Lays the spellings out and builds the automaton over them.
    fn take(
        &mut self,
        spellings: HashMap<String, Spelling>,
    ) -> Result<Option<CharwiseDoubleArrayAhoCorasick<u32>>, BuildError> {
        if spellings.is_empty() {
            return Ok(None);
        }
        let mut sorted: Vec<_> = spellings.into_iter().collect();
        sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (text, spelling) in &sorted {
            let first = self.members.len() as u32;
            self.members.extend(&spelling.words);
            self.patterns.push(Pattern {
                len: text.chars().count() as u32,
                members: first..self.members.len() as u32,
                is_allowed: spelling.is_allowed,
            });
        }
        let values = sorted.iter().zip(0u32..).map(|((text, _), number)| (text, number));
        let automaton = CharwiseDoubleArrayAhoCorasick::with_values(values);
        automaton.map(Some).map_err(|cause| BuildError::Automaton(cause.to_string()))
    }

    fn hits(&self, text: &str, units: &[Unit], found: &[Found]) -> Vec<Hit> {
        let allowed = self.allowed_until(units, found);
        let mut places: Vec<Occurrence> = Vec::new();
        for found in found {
            let pattern = &self.patterns[found.pattern as usize];
            let start = found.end - pattern.len as usize;
            if allowed[start] >= found.end {
                continue;
            }
            for &word in &self.members[pattern.members.start as usize..pattern.members.end as usize] {
                let Word { category, severity, .. } = self.words[word as usize];
                let severity = match says_word(units, (start, found.end), category) {
                    Said::No => continue,
                    Said::Perhaps => severity.min(Severity::Hold),
                    Said::Yes => severity,
                };
                if self.is_meant(text, &units[start..found.end], word) {
                    places.push(Occurrence { severity, start, end: found.end, word });
                }
            }
        }
        let places = self.most_telling(places);
        places.into_iter().map(|place| self.hit(text, &units[place.start..place.end], place)).collect()
    }

    /// A word that is a disguise is meant only where the text is disguised too.
    fn is_meant(&self, text: &str, units: &[Unit], word: u32) -> bool {
        let is_stand_in =
            |unit: &Unit| text[unit.at..].chars().next().is_some_and(|c| self.folding.is_stand_in(c));
        !self.disguised.contains(&word) || units.iter().any(is_stand_in)
    }

    /// For each unit, how far the allowed phrases reach that begin at it or before it. A phrase with gaps in it
    /// allows nothing, or it would be a way around the list.
    fn allowed_until(&self, units: &[Unit], found: &[Found]) -> Vec<usize> {
        let mut until = vec![0; units.len()];
        for found in found {
            let pattern = &self.patterns[found.pattern as usize];
            let start = found.end - pattern.len as usize;
            if pattern.is_allowed && units[start + 1..found.end].iter().all(|unit| unit.gap == Gap::None) {
                until[start] = until[start].max(found.end);
            }
        }
        let mut reach = 0;
        for end in &mut until {
            reach = reach.max(*end);
            *end = reach;
        }
        until
    }

    /// The heaviest and longest up to `MAX_HITS`, none inside another of its category, in order of place.
    fn most_telling(&self, mut places: Vec<Occurrence>) -> Vec<Occurrence> {
        places.sort_unstable_by_key(|&Occurrence { severity, start, end, word }| {
            (std::cmp::Reverse(severity), std::cmp::Reverse(end - start), start, word)
        });
        places.dedup();
        places.truncate(MAX_HITS);
        let category = |place: &Occurrence| self.words[place.word as usize].category;
        let mut kept: Vec<Occurrence> = Vec::new();
        for place in places {
            let is_inside = |other: &Occurrence| {
                other.start <= place.start && place.end <= other.end && category(other) == category(&place)
            };
            if !kept.iter().any(is_inside) {
                kept.push(place);
            }
        }
        kept.sort_unstable_by_key(|place| (place.start, place.end, place.word));
        kept
    }

    fn hit(&self, text: &str, units: &[Unit], Occurrence { severity, word, .. }: Occurrence) -> Hit {
        let Word { text: word, category, .. } = self.words[word as usize].clone();
        let (first, last) = (units[0], units[units.len() - 1]);
        let bytes = first.at..last.at + usize::from(last.len);
        let before = text[..bytes.start].chars().count();
        let chars = before..before + text[bytes.clone()].chars().count();
        Hit { word, category, severity, bytes, chars }
    }
}

/// Each word of a category once, with its heaviest severity.
fn distinct(words: &[Word]) -> Vec<Word> {
    let mut places: HashMap<(&str, WordCategory), usize> = HashMap::with_capacity(words.len());
    let mut kept: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        let place = *places.entry((&word.text, word.category)).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(known) => known.severity = known.severity.max(word.severity),
            None => kept.push(word.clone()),
        }
    }
    kept
}

fn spellings(
    folding: &Folding,
    words: &[Word],
    allow: &[String],
    options: Options,
) -> Result<HashMap<String, Spelling>, BuildError> {
    let variants = Variants::new(options);
    let mut spellings: HashMap<String, Spelling> = HashMap::with_capacity(words.len() * 2);
    for (word, number) in words.iter().zip(0u32..) {
        let folded = checked(folding, &word.text)?;
        for variant in variants.of(&folded) {
            add(&mut spellings, fold_word(folding, &variant), number);
        }
        add(&mut spellings, folded, number);
    }
    for phrase in allow {
        let folded = checked(folding, &Arc::from(phrase.as_str()))?;
        spellings.entry(folded).or_default().is_allowed = true;
    }
    Ok(spellings)
}

fn add(spellings: &mut HashMap<String, Spelling>, text: String, word: u32) {
    let words = &mut spellings.entry(text).or_default().words;
    if words.last() != Some(&word) {
        words.push(word);
    }
}

fn checked(folding: &Folding, word: &Arc<str>) -> Result<String, BuildError> {
    let folded = fold_word(folding, word);
    if word.chars().count() > MAX_WORD_CHARS {
        return Err(BuildError::TooLong(word.clone()));
    }
    let is_short = folded.is_empty() || folded.len() == 1;
    if is_short { Err(BuildError::TooShort(word.clone())) } else { Ok(folded) }
}
