//! Whether somebody who writes to the account wants no more messages.

/// A longer text is about something else, though the word is in it: a question, a quotation, a story.
const SHORT: usize = 12;
/// Before the word these turn it round: 不退订, 别退订, 没投诉, 取消退订.
const NOT: [&str; 6] = ["不", "别", "没", "勿", "未", "取消"];

/// Whether `text` is an opt-out by one of `words`.
///
/// A word of letters has to be the whole text (TD, not "ltd"); a Chinese one may stand in a short text (我要退订), but not
/// in one that asks (怎么退订?) or says the opposite.
pub fn opts_out(text: &str, words: &[String]) -> bool {
    let text = folded(text);
    words.iter().map(|word| folded(word)).filter(|word| !word.is_empty()).any(|word| says(&text, &word))
}

fn says(text: &str, word: &str) -> bool {
    if text == word {
        return true;
    }
    let is_short = text.chars().count() <= SHORT;
    if word.is_ascii() || !is_short || text.ends_with(['吗', '么', '呢']) || is_question(text) {
        return false;
    }
    let before = text.find(word).map(|at| &text[..at]);
    before.is_some_and(|before| !NOT.iter().any(|not| before.ends_with(not)))
}

fn is_question(text: &str) -> bool {
    ["怎么", "如何", "怎样", "为什么"].iter().any(|asks| text.contains(asks))
}

/// Upper case, half width, without blanks and marks: ＴＤ。 is TD.
fn folded(text: &str) -> String {
    let half = |c: char| match u32::from(c) {
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(c),
        _ => c,
    };
    text.chars().map(half).filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opt_out_is_told_from_a_text_with_the_word_in_it() {
        let words = ["退订", "TD", "投诉"].map(str::to_owned);
        let cases = [
            ("退订", true),
            (" 退订！", true),
            ("TD", true),
            ("td", true),
            ("ＴＤ。", true),
            ("T D", true),
            ("我要退订", true),
            ("我要投诉你们", true),
            ("回TD", false),
            ("ltd", false),
            ("怎么退订", false),
            ("可以退订吗", false),
            ("不退订", false),
            ("取消退订", false),
            ("昨天我的邻居说他已经退订了一份报纸", false),
            ("你好", false),
            ("", false),
            ("！！", false),
        ];

        for (text, expected) in cases {
            assert_eq!(opts_out(text, &words), expected, "{text}");
        }
        assert!(!opts_out("退订", &[]) && !opts_out("", &["!".to_owned()]));
    }
}
