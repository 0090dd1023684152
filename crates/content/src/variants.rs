//! Further spellings of a word that folding a character at a time cannot undo: characters written as their
//! parts (微亻言), pinyin (weixin) and both mixed with characters (wei信).

use std::collections::HashMap;

use pinyin::ToPinyin;

use crate::scanner::{Options, Pinyin, Splits};

const SPLITS: &str = include_str!("../data/splits.tsv");
/// Shorter spellings are syllables of other words and of names.
const MIN_PINYIN_LETTERS: usize = 5;
/// A word of n characters has 2ⁿ − 2 mixed spellings; longer ones are written with one run of pinyin.
const ANY_MIXTURE: usize = 4;
/// Longest word with a run of pinyin: n characters have about n² / 2 runs, and memory pays for them all.
const ONE_RUN: usize = 5;

/// Makes the spellings of one word after another.
pub(crate) struct Variants {
    parts: HashMap<char, &'static str>,
    options: Options,
}

impl Variants {
    pub(crate) fn new(options: Options) -> Self {
        let lines = SPLITS.lines().filter_map(|line| line.split_once('\t'));
        let parts = lines.filter_map(|(whole, parts)| Some((whole.chars().next()?, parts))).collect();
        Self { parts, options }
    }

    /// The spellings of `word` (folded) besides itself; not folded.
    pub(crate) fn of(&self, word: &str) -> Vec<String> {
        let mut spellings = Vec::new();
        if self.options.splits == Splits::On {
            self.push_split(word, &mut spellings);
        }
        if self.options.pinyin != Pinyin::Off {
            push_pinyin(word, self.options.pinyin, &mut spellings);
        }
        spellings
    }

    /// Each character that has parts alone, and all of them together.
    fn push_split(&self, word: &str, spellings: &mut Vec<String>) {
        let splittable: Vec<usize> =
            word.chars().enumerate().filter(|(_, c)| self.parts.contains_key(c)).map(|(i, _)| i).collect();
        // One character as its parts is too short to be told from ordinary text.
        if word.chars().nth(1).is_none() || splittable.is_empty() {
            return;
        }
        let written = |is_split: &dyn Fn(usize) -> bool| -> String {
            let mut text = String::new();
            for (index, c) in word.chars().enumerate() {
                match self.parts.get(&c) {
                    Some(parts) if is_split(index) => text.push_str(parts),
                    _ => text.push(c),
                }
            }
            text
        };
        spellings.extend(splittable.iter().map(|&only| written(&|index| index == only)));
        if splittable.len() > 1 {
            spellings.push(written(&|_| true));
        }
    }
}

fn push_pinyin(word: &str, how: Pinyin, spellings: &mut Vec<String>) {
    let Some(syllables) = word.to_pinyin().map(|c| c.map(pinyin::Pinyin::plain)).collect::<Option<Vec<_>>>()
    else {
        return;
    };
    if syllables.len() < 2 {
        return;
    }
    let whole = syllables.concat();
    if whole.len() >= MIN_PINYIN_LETTERS {
        spellings.push(whole);
    }
    if how == Pinyin::Mixed && syllables.len() <= ONE_RUN {
        let is_mixed = |chosen: &u32| syllables.len() <= ANY_MIXTURE || is_one_run(*chosen);
        let choices = (1..(1u32 << syllables.len()) - 1).filter(is_mixed);
        spellings.extend(choices.map(|chosen| mixed(word, &syllables, chosen)));
    }
}

/// Whether the chosen characters lie side by side.
fn is_one_run(chosen: u32) -> bool {
    let run = chosen >> chosen.trailing_zeros();
    run & (run + 1) == 0
}

/// The word with the chosen characters, a bit for each, written as their syllables.
fn mixed(word: &str, syllables: &[&str], chosen: u32) -> String {
    let mut text = String::new();
    for (index, (c, syllable)) in word.chars().zip(syllables).enumerate() {
        if chosen >> index & 1 == 1 { text.push_str(syllable) } else { text.push(c) }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spellings(word: &str, pinyin: Pinyin, splits: Splits) -> Vec<String> {
        Variants::new(Options { pinyin, splits }).of(word)
    }

    #[test]
    fn splits_replace_each_character_alone_and_all_together() {
        assert_eq!(spellings("加群", Pinyin::Off, Splits::On), ["力口群", "加君羊", "力口君羊"]);
        assert_eq!(spellings("群", Pinyin::Off, Splits::On), [""; 0]);
    }

    #[test]
    fn pinyin_is_written_whole_or_mixed_by_choice_and_never_for_mixed_words() {
        assert_eq!(spellings("微信", Pinyin::Off, Splits::Off), [""; 0]);
        assert_eq!(spellings("微信", Pinyin::Whole, Splits::Off), ["weixin"]);
        assert_eq!(spellings("微信", Pinyin::Mixed, Splits::Off), ["weixin", "wei信", "微xin"]);
        assert_eq!(spellings("v信", Pinyin::Mixed, Splits::Off), [""; 0]);
    }

    #[test]
    fn a_longer_word_has_one_run_of_pinyin() {
        let spellings = spellings("转发朋友圈", Pinyin::Mixed, Splits::Off);

        let expected =
            ["zhuanfapengyouquan", "zhuan发朋友圈", "转fa朋友圈", "zhuanfa朋友圈", "转发朋youquan"];
        assert!(
            expected.iter().all(|text| spellings.iter().any(|spelling| spelling == text)),
            "{spellings:?}"
        );
        assert_eq!(spellings.len(), 15);
    }

    #[test]
    fn too_short_pinyin_is_not_looked_for() {
        assert_eq!(spellings("赌博", Pinyin::Whole, Splits::Off), [""; 0]);
    }
}
