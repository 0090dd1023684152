//! The two promises of the starter list: hostile spellings are caught, honest notices pass.
#![expect(clippy::unwrap_used, reason = "the exception for tests does not cover the functions they share")]

use std::sync::LazyLock;

use hongyan_content::{Options, Pinyin, Scanner, Splits, Verdict, WordList, check};
use hongyan_domain::Category;
use hongyan_domain::preview::shown;

const HOSTILE: &str = include_str!("data/hostile.tsv");
const ORDINARY: &str = include_str!("data/ordinary.txt");
/// Written when the list stood as it does, and never used to mend it.
const HOSTILE_HELD_OUT: &str = include_str!("data/hostile_held_out.tsv");
const ORDINARY_HELD_OUT: &str = include_str!("data/ordinary_held_out.txt");

static PLAIN: LazyLock<Scanner> = LazyLock::new(|| starter(Options::default()));
static MIXED: LazyLock<Scanner> =
    LazyLock::new(|| starter(Options { pinyin: Pinyin::Mixed, splits: Splits::On }));

fn starter(options: Options) -> Scanner {
    Scanner::build(&WordList::starter(), options).unwrap()
}

/// A spelling with its `\u{…}`, `\r` and `\n` turned into the characters that they name.
fn unescaped(spelling: &str) -> String {
    let spelling = spelling.replace("\\r", "\r").replace("\\n", "\n");
    let mut parts = spelling.split("\\u{");
    let mut text = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        text.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32).unwrap());
        text.push_str(rest);
    }
    text
}

fn spellings(corpus: &'static str) -> Vec<(&'static str, String)> {
    corpus
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(word, text)| (word, unescaped(text)))
        .collect()
}

fn is_caught(scanner: &Scanner, word: &str, text: &str) -> bool {
    scanner.scan(text).iter().any(|hit| &*hit.word == word)
}

/// Notices that would not simply go.
fn alarms(scanner: &Scanner, notices: &str) -> Vec<String> {
    let stopped = notices.lines().filter_map(|line| {
        let verdict = check(scanner, &[("", line)], "订单通知", Category::Service);
        let words: Vec<_> = verdict.findings.iter().map(|finding| &*finding.hit.word).collect();
        (verdict.verdict != Verdict::Pass).then(|| format!("{words:?} in {line}"))
    });
    stopped.collect()
}

#[test]
fn a_hundred_hostile_spellings_of_twenty_words_are_all_caught() {
    let spellings = spellings(HOSTILE);
    let mut words: Vec<_> = spellings.iter().map(|(word, _)| word).collect();
    words.dedup();

    let missed: Vec<_> = spellings.iter().filter(|(word, text)| !is_caught(&MIXED, word, text)).collect();

    assert_eq!((spellings.len(), words.len()), (100, 20));
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn without_pinyin_only_spellings_in_pinyin_are_missed() {
    let missed = spellings(HOSTILE).into_iter().filter(|(word, text)| !is_caught(&PLAIN, word, text));

    for (word, text) in missed {
        let latin = text.chars().filter(char::is_ascii_lowercase).count();
        assert!(latin >= 2, "{word}: {text}");
    }
}

#[test]
fn every_word_of_the_starter_list_is_found_with_things_between_its_characters() {
    for word in &WordList::starter().words {
        for between in ["", "*", "\u{200b}", "★"] {
            let divided: Vec<String> = word.text.chars().map(String::from).collect();
            // Digits with anything visible between them are two numbers.
            let digits = word.text.chars().any(|c| c.is_ascii_digit()) && between != "\u{200b}";
            let text = if digits { word.text.to_string() } else { divided.join(between) };
            // A sign at the end belongs to the word and leaves no letter to be found.
            let end = text.trim_end_matches(['%', '\u{200b}']).len();

            let hits = PLAIN.scan(&text);

            assert!(hits.iter().any(|hit| hit.category == word.category && hit.bytes == (0..end)), "{text}");
        }
    }
}

#[test]
fn of_a_thousand_honest_notices_at_most_ten_are_stopped() {
    assert_eq!(ORDINARY.lines().count(), 1000);
    for scanner in [&*PLAIN, &*MIXED] {
        let alarms = alarms(scanner, ORDINARY);

        assert!(alarms.len() <= 10, "{} alarms\n{}", alarms.len(), alarms.join("\n"));
    }
}

#[test]
fn of_spellings_that_the_list_was_not_mended_by_most_are_caught() {
    let stopped = |text: &str| {
        check(&MIXED, &[("", &shown(text))], "订单通知", Category::Service).verdict != Verdict::Pass
    };
    let spellings = spellings(HOSTILE_HELD_OUT);

    let missed: Vec<_> = spellings.iter().filter(|(_, text)| !stopped(text)).collect();

    assert_eq!(spellings.len(), 60);
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn of_notices_that_the_list_was_not_mended_by_few_are_stopped() {
    let alarms = alarms(&MIXED, ORDINARY_HELD_OUT);

    assert_eq!(ORDINARY_HELD_OUT.lines().count(), 197);
    assert!(alarms.len() <= 1, "{} alarms\n{}", alarms.len(), alarms.join("\n"));
}

#[test]
fn an_allowed_payment_leaves_no_way_to_ask_for_a_contact() {
    let verdict = |text| check(&PLAIN, &[("备注", text)], "订单通知", Category::Service).verdict;

    for text in ["请加微信支付定金", "请增加微信支付押金", "添加微信支付尾款"] {
        assert_eq!(verdict(text), Verdict::Refuse, "{text}");
    }
    for text in ["本店已增加微信支付方式", "您已成功添加微信支付方式", "微信支付已开通"]
    {
        assert_eq!(verdict(text), Verdict::Pass, "{text}");
    }
}

#[test]
fn a_coupon_in_a_service_notice_is_held_and_one_that_was_used_is_not() {
    let verdict = |text| check(&PLAIN, &[("备注", text)], "订单通知", Category::Service).verdict;

    assert_eq!(verdict("送您一张优惠券，快来领取"), Verdict::Hold);
    assert_eq!(verdict("优惠券抵扣5.00元"), Verdict::Pass);
}
