//! What a scanner promises for any list and any text.
#![expect(clippy::unwrap_used, reason = "the exception for tests does not cover the functions they share")]

use std::sync::LazyLock;

use hongyan_content::{BuildError, Options, Pinyin, Scanner, Splits, WordList};
use proptest::prelude::*;

const ORDINARY: &str = include_str!("data/ordinary.txt");

static STARTER: LazyLock<Scanner> = LazyLock::new(|| {
    Scanner::build(&WordList::starter(), Options { pinyin: Pinyin::Mixed, splits: Splits::On }).unwrap()
});

static ONE_WORD: LazyLock<Scanner> = LazyLock::new(|| scanner("傻缺客服,custom"));

fn scanner(list: &str) -> Scanner {
    Scanner::build(&WordList::parse(list).unwrap(), Options::default()).unwrap()
}

fn found(list: &str, text: &str) -> Vec<String> {
    scanner(list).scan(text).into_iter().map(|hit| text[hit.bytes].to_owned()).collect()
}

#[test]
fn a_hit_shows_the_word_and_its_place_in_the_original_text() {
    let hits = scanner("微信,fraud").scan("请加薇\u{200b}*訫哦");

    let hit = &hits[0];
    assert_eq!((&*hit.word, hit.chars.clone(), hit.bytes.clone()), ("微信", 2..6, 6..16));
}

#[test]
fn gaps_are_skipped_where_the_word_is_meant_and_not_where_two_words_meet() {
    let list = "最高级,advertising_law\n红包,marketing\n加微信,fraud\n全国最低价,advertising_law\nvx,custom\n64,custom\n加v,fraud\nweixin,custom";
    let cases = [
        ("最*高*级", true),
        ("最 高 级", true),
        ("最，高，级", true),
        ("最。高。级", true),
        ("最*高级", true),
        ("最高 级别", false),
        ("最高。级别", false),
        ("说 最高 级 呀", true),
        ("说最高 级 呀", false),
        ("最*****高*级", true),
        ("最*********************高*级", false),
        ("最-----高-级", false),
        ("红 包", true),
        ("送 红 包 了", true),
        ("颜色红 包邮", false),
        ("颜色：红/包邮", false),
        ("红。包", false),
        ("请加 微信", true),
        ("全国 最低价", true),
        ("全国。最低价", false),
        ("vx123", true),
        ("DevX", false),
        ("1vx", false),
        ("VX-5", true),
        ("vxy", false),
        ("6 4", false),
        ("6*4", false),
        ("164", false),
        ("64元", true),
        ("加vip", false),
        ("加V123", true),
        ("wei xin", true),
        ("w e i x i n", true),
        ("myweixin", false),
    ];

    let scanner = scanner(list);
    for (text, expected) in cases {
        let hits = scanner.scan(text);
        assert_eq!(!hits.is_empty(), expected, "{text}: {hits:?}");
    }
}

#[test]
fn a_short_word_worth_hiding_is_held_where_a_sign_parts_it_in_running_text() {
    let list = "冰毒,drugs\n洗钱,fraud,note\n红包,marketing\n加v,fraud";
    let cases = [
        ("出售冰毒", Some("refuse")),
        ("出售冰*毒", Some("refuse")),
        ("【冰 毒】", Some("refuse")),
        ("出售冰 毒", Some("hold")),
        ("出售冰.毒", Some("hold")),
        ("出售冰/毒现货", Some("hold")),
        ("出售冰，毒", Some("hold")),
        ("代办洗 钱", Some("note")),
        ("冰。毒", Some("refuse")),
        ("出售冰。毒", Some("hold")),
        ("要毒。冰，毒。现货", Some("refuse")),
        ("存储冰，毒素检测", None),
        ("3 冰，毒素检测", None),
        ("全场冰。毒物实验", None),
        ("代管洗，钱包找回", None),
        ("颜色红 包邮", None),
        ("请加 v5手环", None),
    ];

    let scanner = scanner(list);
    for (text, expected) in cases {
        let hits = scanner.scan(text);
        assert_eq!(hits.first().map(|hit| hit.severity.as_str()), expected, "{text}: {hits:?}");
    }
}

#[test]
fn an_allowed_phrase_covers_the_words_inside_it_and_no_others() {
    let list = "国家级,advertising_law\n国家级开发区,allow";

    assert_eq!(found(list, "国家级开发区"), [""; 0]);
    assert_eq!(found(list, "國家級開發區，国家级"), ["国家级"]);
    assert_eq!(found(list, "国家级*开发区"), ["国家级"]);
    assert_eq!(found(list, "国家级开发"), ["国家级"]);
}

#[test]
fn a_listed_disguise_is_not_found_in_the_plain_word() {
    let list = "薇信,fraud\n優惠券,marketing";

    assert_eq!(found(list, "薇信、徽*信，微信支付，优惠券"), ["薇信", "徽*信", "优惠券"]);
}

#[test]
fn of_words_inside_one_another_the_longest_of_a_category_is_told() {
    assert_eq!(found("红包,marketing\n抢红包,marketing", "快抢红包"), ["抢红包"]);
    assert_eq!(found("红包,marketing\n抢红包,fraud", "快抢红包"), ["抢红包", "红包"]);
    assert_eq!(found("红包,marketing\n抢红包,marketing", "抢红包红包"), ["抢红包", "红包"]);
}

#[test]
fn a_heavier_word_is_told_even_inside_a_lighter_one() {
    let list = "红包,marketing,refuse\n抢红包,marketing,note";

    assert_eq!(found(list, "快抢红包"), ["抢红包", "红包"]);
}

#[test]
fn a_word_listed_twice_weighs_as_its_heavier_line() {
    let scanner = scanner("红包,marketing,note\n红包,marketing,refuse");

    let hits = scanner.scan("红包");

    assert_eq!((scanner.word_count(), hits.len(), hits[0].severity.as_str()), (1, 1, "refuse"));
}

#[test]
fn hits_are_bounded_and_the_heaviest_stay() {
    let list = "特价,marketing,note\n冰毒,drugs,refuse";
    let text = format!("{}冰毒", "特价".repeat(1000));

    let hits = scanner(list).scan(&text);

    assert_eq!((hits.len(), &*hits[99].word), (100, "冰毒"));
}

#[test]
fn a_list_without_words_finds_nothing() {
    assert_eq!(scanner("").scan("冰毒"), []);
    assert_eq!(scanner("微信支付,allow").scan("微信支付"), []);
}

#[test]
fn words_of_which_nothing_is_left_are_named() {
    for word in ["***", "a", "7", " \u{200b} ."] {
        let list = WordList::parse(&format!("{word},custom"));

        let error = list.map(|list| Scanner::build(&list, Options::default()));

        assert!(matches!(error, Ok(Err(BuildError::TooShort(named))) if word.contains(&*named)), "{word:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_scanned_and_every_hit_lies_on_its_characters(
        text in "\\PC{0,80}|[加微信红包vx 转发朋友圈*，。\u{200b}ⓥ➕＊轉發0-9a-z@]{0,80}"
    ) {
        for hit in STARTER.scan(&text) {
            prop_assert!(text.is_char_boundary(hit.bytes.start) && text.is_char_boundary(hit.bytes.end));
            let before = text[..hit.bytes.start].chars().count();
            prop_assert_eq!(hit.chars, before..before + text[hit.bytes].chars().count());
        }
    }

    #[test]
    fn a_word_put_anywhere_into_an_honest_notice_is_found(line in 0usize..1000, at in 0usize..60, word in 0usize..600) {
        let list = WordList::starter();
        let word = &list.words[word % list.words.len()];
        let notice: Vec<char> = ORDINARY.lines().nth(line).unwrap().chars().collect();
        let at = at % (notice.len() + 1);
        let (before, after): (String, String) = (notice[..at].iter().collect(), notice[at..].iter().collect());
        // Latin edges of a word need a divide, and what surrounds a word may make an allowed phrase of it.
        let text = format!("{before}。{}。{after}", word.text);

        let hits = STARTER.scan(&text);

        let start = before.len() + "。".len();
        let place = start..start + word.text.len();
        let covers = |hit: &hongyan_content::Hit| {
            hit.category == word.category && hit.bytes.start <= place.start && place.end <= hit.bytes.end
        };
        prop_assert!(hits.iter().any(covers), "{} not in {text}: {hits:?}", word.text);
    }

    #[test]
    fn a_chinese_word_put_anywhere_without_a_divide_is_found(line in 0usize..1000, at in 0usize..60) {
        let notice: Vec<char> = ORDINARY.lines().nth(line).unwrap().chars().collect();
        let at = at % (notice.len() + 1);
        let (before, after): (String, String) = (notice[..at].iter().collect(), notice[at..].iter().collect());

        let hits = ONE_WORD.scan(&format!("{before}傻缺客服{after}"));

        let starts: Vec<_> = hits.iter().map(|hit| hit.bytes.start).collect();
        prop_assert_eq!(starts, [before.len()]);
    }

    #[test]
    fn a_word_is_found_under_every_disguise_of_its_characters(choices in proptest::collection::vec(0usize..4, 5)) {
        let forms = [["转", "轉", "转*", "转\u{200b}"], ["发", "發", "发😀", "发~"], ["朋", "朋_", "朋\u{fe0f}", "朋*#"],
            ["友", "友^", "友\u{ad}", "友%"], ["圈", "圈", "圈", "圈"]];
        let text: String = forms.iter().zip(choices).map(|(forms, choice)| forms[choice]).collect();

        let hits = STARTER.scan(&text);

        prop_assert!(hits.iter().any(|hit| &*hit.word == "转发朋友圈"), "{text}: {hits:?}");
    }
}
