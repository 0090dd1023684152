//! Text as people and WeChat see it: characters counted, emoji found, runs of digits and letters.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

/// The characters of `text` as people count them: a letter with its accents is one, a family emoji is one.
pub(crate) fn characters(text: &str) -> impl Iterator<Item = &str> {
    text.graphemes(true)
}

/// How many characters `text` has, as people count them.
pub(crate) fn count(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    if text.chars().all(stands_alone) { text.chars().count() } else { characters(text).count() }
}

/// Characters that never join with a neighbour: ASCII, Han, full-width forms, common Chinese punctuation.
fn stands_alone(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{2010}'..='\u{2027}' | '\u{3001}'..='\u{3029}' | '\u{3400}'..='\u{9fff}' | '\u{ff01}'..='\u{ff9d}' | '¥')
}

/// Whether `text` may hold an emoji; cheap.
pub(crate) fn has_emoji(text: &str) -> bool {
    !text.is_ascii() && !text.chars().all(stands_alone) && characters(text).any(is_emoji)
}

/// What the phone shows of a value: emoji and line breaks are taken out (since 2023-05-04), and what they parted stands
/// side by side. Whoever judges what a person reads has to read this.
pub fn shown(value: &str) -> Cow<'_, str> {
    if !value.contains(is_line_break) && !has_emoji(value) {
        return Cow::Borrowed(value);
    }
    let characters = characters(value).filter(|cluster| !is_emoji(cluster));
    characters.flat_map(str::chars).filter(|c| !is_line_break(*c)).collect()
}

/// Whether a character (a whole cluster) is shown as an emoji: by its nature, by the emoji selector, or as a
/// keycap. Text symbols such as ★ and ¥ are not, nor a letter or ideograph to which somebody gave the selector.
pub(crate) fn is_emoji(cluster: &str) -> bool {
    let Some(first) = cluster.chars().next() else { return false };
    let selected = cluster.contains(['\u{fe0f}', '\u{20e3}']);
    let is_letter = first.is_alphabetic() && !matches!(first, 'ℹ' | 'Ⓜ');
    selected && !is_letter || is_emoji_by_nature(first)
}

/// Unicode's `Emoji_Presentation`, in order; above U+1F300 the blocks in which nearly all are.
const EMOJI: &[(char, char)] = &[
    ('\u{231a}', '\u{231b}'),
    ('\u{23e9}', '\u{23ec}'),
    ('\u{23f0}', '\u{23f0}'),
    ('\u{23f3}', '\u{23f3}'),
    ('\u{25fd}', '\u{25fe}'),
    ('\u{2614}', '\u{2615}'),
    ('\u{2648}', '\u{2653}'),
    ('\u{267f}', '\u{267f}'),
    ('\u{2693}', '\u{2693}'),
    ('\u{26a1}', '\u{26a1}'),
    ('\u{26aa}', '\u{26ab}'),
    ('\u{26bd}', '\u{26be}'),
    ('\u{26c4}', '\u{26c5}'),
    ('\u{26ce}', '\u{26ce}'),
    ('\u{26d4}', '\u{26d4}'),
    ('\u{26ea}', '\u{26ea}'),
    ('\u{26f2}', '\u{26f3}'),
    ('\u{26f5}', '\u{26f5}'),
    ('\u{26fa}', '\u{26fa}'),
    ('\u{26fd}', '\u{26fd}'),
    ('\u{2705}', '\u{2705}'),
    ('\u{270a}', '\u{270b}'),
    ('\u{2728}', '\u{2728}'),
    ('\u{274c}', '\u{274c}'),
    ('\u{274e}', '\u{274e}'),
    ('\u{2753}', '\u{2755}'),
    ('\u{2757}', '\u{2757}'),
    ('\u{2795}', '\u{2797}'),
    ('\u{27b0}', '\u{27b0}'),
    ('\u{27bf}', '\u{27bf}'),
    ('\u{2b1b}', '\u{2b1c}'),
    ('\u{2b50}', '\u{2b50}'),
    ('\u{2b55}', '\u{2b55}'),
    ('\u{1f004}', '\u{1f004}'),
    ('\u{1f0cf}', '\u{1f0cf}'),
    ('\u{1f18e}', '\u{1f18e}'),
    ('\u{1f191}', '\u{1f19a}'),
    ('\u{1f1e6}', '\u{1f1ff}'),
    ('\u{1f201}', '\u{1f201}'),
    ('\u{1f21a}', '\u{1f21a}'),
    ('\u{1f22f}', '\u{1f22f}'),
    ('\u{1f232}', '\u{1f236}'),
    ('\u{1f238}', '\u{1f23a}'),
    ('\u{1f250}', '\u{1f251}'),
    ('\u{1f300}', '\u{1faff}'),
];

fn is_emoji_by_nature(c: char) -> bool {
    c >= '\u{231a}' && EMOJI.iter().any(|&(first, last)| (first..=last).contains(&c))
}

/// The units by which WeChat cuts a value of a legacy template: a character, or a whole run of ASCII digits
/// and letters (seen by developers, not documented).
pub(crate) fn legacy_units(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let run = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let len = if run > 0 { run } else { characters(rest).next()?.len() };
        let (unit, after) = rest.split_at(len);
        rest = after;
        (!unit.is_empty()).then_some(unit)
    })
}

/// Whether `c` is a Chinese character (a Han ideograph).
pub(crate) fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '〇' | '々')
}

/// Whether `c` is one of the line breaks that the phone does not show.
pub(crate) fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_as_people_count_them() {
        let cases = [
            ("", 0),
            ("abc", 3),
            ("您的订单", 4),
            ("（金额：￥12.50）", 11),
            ("e\u{301}", 1),
            ("👨‍👩‍👧", 1),
            ("が", 1),
        ];

        for (text, characters) in cases {
            assert_eq!(count(text), characters, "{text}");
        }
    }

    #[test]
    fn emoji_are_told_from_text_symbols() {
        for emoji in ["😀", "🎉", "⭐", "❤️", "1️⃣", "🇨🇳", "👍🏽", "👨‍👩‍👧", "⏰", "✅"]
        {
            assert!(has_emoji(&format!("好{emoji}")), "{emoji}");
        }
        for text in ["★", "❤", "¥", "©", "→", "①", "㎡", "℃", "好，的！", "１２", "ｶﾞ"]
        {
            assert!(!has_emoji(text), "{text}");
        }
    }

    #[test]
    fn what_is_taken_out_leaves_its_neighbours_side_by_side() {
        let cases = [
            ("冰😀😀😀😀😀毒", "冰毒"),
            ("冰👨‍👩‍👧👨‍👩‍👧毒", "冰毒"),
            ("加微\n信", "加微信"),
            ("加微\r\n❤️\u{2028}信", "加微信"),
            ("冰★毒", "冰★毒"),
            ("冰\u{fe0f}毒", "冰\u{fe0f}毒"),
            ("plain\r\ntext", "plaintext"),
        ];

        for (value, expected) in cases {
            assert_eq!(shown(value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_run_of_digits_and_letters_is_one_unit() {
        let units: Vec<_> = legacy_units("订单A123-45b号").collect();

        assert_eq!(units, ["订", "单", "A123", "-", "45b", "号"]);
    }
}
