//! Word lists as operators keep them: one word a line, `word,category[,severity]`.
//!
//! `#` begins a comment line, tabs and the full-width comma part columns too, a cell may stand in double quotes.
//! `phrase,allow` names a phrase inside which no word counts. Category and severity in English or Chinese.

use std::sync::Arc;

use crate::words::{Severity, WordCategory};

/// Longest word or phrase in characters; a sentence is not a word, and a hit must fit a screen.
pub const MAX_WORD_CHARS: usize = 32;
/// Most lines of one list: more than twice the 200,000 words that are promised to be fast.
pub const MAX_LINES: usize = 500_000;
/// Faults told at once; nobody mends more in one go.
const MAX_FAULTS: usize = 100;

/// One word and why it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As the operator wrote it; folding happens when the scanner is built.
    pub text: Arc<str>,
    /// Why it is on the list.
    pub category: WordCategory,
    /// What it does.
    pub severity: Severity,
}

/// The words to look for, and the phrases that hold them harmlessly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordList {
    /// In the order of the file.
    pub words: Vec<Word>,
    /// A word counts for nothing where one of these covers it whole: 国家级 in 国家级开发区.
    pub allow: Vec<String>,
}

/// The lines that could not be read, the first 100 of them.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("word list: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct WordListError(pub Vec<LineError>);

/// One line that could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {fault}")]
pub struct LineError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: LineFault,
}

/// What can be wrong with a line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LineFault {
    /// Nothing before the first comma.
    #[error("has no word")]
    NoWord,
    /// The second column is missing.
    #[error("has no category")]
    NoCategory,
    /// The second column is not a category.
    #[error("{0:?} is not a category")]
    UnknownCategory(String),
    /// The third column is not a severity.
    #[error("{0:?} is not a severity: refuse, hold or note")]
    UnknownSeverity(String),
    /// A fourth column.
    #[error("has more than three columns")]
    TooManyColumns,
    /// A nul byte or another control character but the tab.
    #[error("has a control character")]
    ControlCharacter,
    /// More than `MAX_WORD_CHARS` characters.
    #[error("the word has more than {MAX_WORD_CHARS} characters")]
    TooLong,
    /// More than `MAX_LINES` lines.
    #[error("the list has more than {MAX_LINES} lines")]
    TooManyLines,
}

/// One line that says something.
enum Entry {
    Word(Word),
    Allow(String),
}

impl WordList {
    /// Reads a list. Errors: all lines at fault (the first 100), each with its number; then nothing is taken.
    pub fn parse(text: &str) -> Result<Self, WordListError> {
        let mut list = Self::default();
        let mut faults = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let read = if index < MAX_LINES { read_line(line) } else { Err(LineFault::TooManyLines) };
            match read {
                Ok(Some(Entry::Word(word))) => list.words.push(word),
                Ok(Some(Entry::Allow(phrase))) => list.allow.push(phrase),
                Ok(None) => {}
                Err(fault) => faults.push(LineError { line: index + 1, fault }),
            }
            if faults.len() == MAX_FAULTS || index >= MAX_LINES {
                break;
            }
        }
        if faults.is_empty() { Ok(list) } else { Err(WordListError(faults)) }
    }

    /// Our own few hundred words by category, as a file: a start, for each operator to add to.
    pub const STARTER: &str = include_str!("../data/starter.csv");

    /// The same, read.
    pub fn starter() -> Self {
        Self::parse(Self::STARTER).expect("the shipped list is read by a test")
    }

    /// Both lists as one; the scanner takes a word once that stands in both.
    pub fn merge(mut self, other: Self) -> Self {
        self.words.extend(other.words);
        self.allow.extend(other.allow);
        self
    }
}

fn read_line(line: &str) -> Result<Option<Entry>, LineFault> {
    let line = line.trim();
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err(LineFault::ControlCharacter);
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let mut cells = line.split([',', '，', '\t']).map(|cell| cell.trim().trim_matches('"').trim());
    let text = cells.next().filter(|text| !text.is_empty()).ok_or(LineFault::NoWord)?;
    if text.chars().count() > MAX_WORD_CHARS {
        return Err(LineFault::TooLong);
    }
    let category = cells.next().filter(|cell| !cell.is_empty()).ok_or(LineFault::NoCategory)?;
    let severity = cells.next().filter(|cell| !cell.is_empty());
    if cells.any(|cell| !cell.is_empty()) {
        return Err(LineFault::TooManyColumns);
    }
    match category {
        "allow" | "放行" => Ok(Some(Entry::Allow(text.to_owned()))),
        _ => read_word(text, category, severity).map(|word| Some(Entry::Word(word))),
    }
}

fn read_word(text: &str, category: &str, severity: Option<&str>) -> Result<Word, LineFault> {
    let category =
        WordCategory::parse(category).ok_or_else(|| LineFault::UnknownCategory(category.to_owned()))?;
    let severity = match severity {
        None => category.usual_severity(),
        Some(word) => Severity::parse(word).ok_or_else(|| LineFault::UnknownSeverity(word.to_owned()))?,
    };
    Ok(Word { text: text.into(), category, severity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_written_with_commas_tabs_quotes_comments_and_in_chinese() {
        let text = "\u{feff}# ours\n\n加微信,fraud,refuse\n\"红包\"\t营销\t待审\n最佳，广告法\n国家级开发区,allow\r\n";

        let list = WordList::parse(text).unwrap();

        let read: Vec<_> =
            list.words.iter().map(|w| (&*w.text, w.category.as_str(), w.severity.as_str())).collect();
        assert_eq!(
            read,
            [
                ("加微信", "fraud", "refuse"),
                ("红包", "marketing", "hold"),
                ("最佳", "advertising_law", "hold")
            ]
        );
        assert_eq!(list.allow, ["国家级开发区"]);
    }

    #[test]
    fn every_fault_names_its_line() {
        let long = "长".repeat(33);
        let cases = [
            (",fraud".to_owned(), "line 2: has no word"),
            ("红包".to_owned(), "line 2: has no category"),
            ("红包,money".to_owned(), "line 2: \"money\" is not a category"),
            ("红包,marketing,bad".to_owned(), "line 2: \"bad\" is not a severity: refuse, hold or note"),
            ("红包,marketing,hold,x".to_owned(), "line 2: has more than three columns"),
            ("红\0包,custom".to_owned(), "line 2: has a control character"),
            ("# a\u{1b}[31m comment".to_owned(), "line 2: has a control character"),
            (format!("{long},custom"), "line 2: the word has more than 32 characters"),
        ];

        for (line, expected) in cases {
            let error = WordList::parse(&format!("# head\n{line}\n")).unwrap_err();

            assert_eq!(error.0[0].to_string(), expected);
        }
    }

    #[test]
    fn all_lines_at_fault_are_told_at_once_up_to_a_hundred() {
        let error = WordList::parse(&"红包\n".repeat(150)).unwrap_err();

        assert_eq!(error.0.len(), 100);
        assert_eq!(error.0[99].line, 100);
    }

    #[test]
    fn the_starter_list_is_readable_has_every_kind_and_no_word_twice() {
        let list = WordList::starter();

        for category in WordCategory::ALL {
            let count = list.words.iter().filter(|word| word.category == category).count();
            assert!(category == WordCategory::Custom || count >= 15, "{category:?} has {count}");
        }
        let mut texts: Vec<_> = list.words.iter().map(|word| &word.text).collect();
        let all = texts.len();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), all);
    }
}
