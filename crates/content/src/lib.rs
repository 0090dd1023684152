//! Words about words: what a message must not say, how it could be said better, where its links lead and
//! whether they are followed.
//!
//! Everything here is a value or a pure function: no async, no I/O, no clock, no randomness.
//! A caller builds one [`Scanner`] per word list, keeps it behind an `Arc` and swaps it whole.

pub mod advise;
pub mod check;
mod fold;
pub mod industry;
pub mod links;
pub mod scanner;
pub mod trial;
mod variants;
mod verify;
pub mod word_list;
pub mod words;

pub use advise::{Advice, AdviceCode, Draft, DraftField, advise};
pub use check::{ContentVerdict, Finding, Place, Verdict, check};
pub use industry::Industry;
pub use scanner::{BuildError, Hit, Options, Pinyin, Scanner, Splits};
pub use trial::{Answer, Comparison, Interval, Sample, compare, wilson};
pub use word_list::{Word, WordList, WordListError};
pub use words::{Severity, WordCategory};

/// The README's example holds.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
