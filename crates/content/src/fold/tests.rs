use proptest::prelude::*;
use std::sync::LazyLock;

use super::*;

static FOLDING: LazyLock<Folding> = LazyLock::new(Folding::new);

fn folded(text: &str) -> String {
    fold_word(&FOLDING, text)
}

#[test]
fn every_disguise_of_a_character_is_undone() {
    let cases = [
        ("ＡＢＣ１２３", "abc123"),
        ("加Ｖ信", "加v信"),
        ("Ⓥ信 ⓥ信 🅥信 🅅信 𝐯信 𝓥信 ⅴ信 Ⅴ信 ∨信 √信 ᴠ信 ν信", &"v信".repeat(12)),
        ("①②❸➃➄", "12345"),
        ("優惠券領取", "优惠券领取"),
        ("轉發到朋友圈", "转发到朋友圈"),
        ("薇信徽伈", "微信微信"),
        ("＋ ➕ +", "加加加"),
        ("微\u{200b}信\u{fe0f}\u{200d}\u{2060}\u{ad}群", "微信群"),
        ("微\u{301}信\u{20dd}", "微信"),
        ("éÀü", "eau"),
        ("ㄅ㈱㊣", "ㄅ株正"),
        ("⻢⼭", "马山"),
        ("微*信~群_主", "微信群主"),
        ("ⅹⅼ×", "xix"),
        ("ΑΒС", "abc"),
        ("艹", "草"),
        ("𠮷", "𠮷"),
    ];

    for (text, expected) in cases {
        assert_eq!(folded(text), expected, "{text}");
    }
}

#[test]
fn digits_are_letters_only_between_letters() {
    let cases = [
        ("w3ix1n", "weixin"),
        ("b0nus", "bonus"),
        ("20 元 100", "20元100"),
        ("a1", "a1"),
        ("1a", "1a"),
        ("v10", "v10"),
        ("a 0 b", "a0b"),
        ("a0\u{200b}b", "aob"),
    ];

    for (text, expected) in cases {
        assert_eq!(folded(text), expected, "{text}");
    }
}

#[test]
fn gaps_are_told_by_the_strongest_character_in_them() {
    let gap = |text: &str| {
        let mut last = None;
        fold(&FOLDING, text, |unit| last = Some((unit.gap, unit.gap_len)));
        last.unwrap()
    };
    let cases = [
        ("微信", (Gap::None, 0)),
        ("微\u{200b}信", (Gap::None, 0)),
        ("微*信", (Gap::Noise, 1)),
        ("微😀信", (Gap::Noise, 1)),
        ("微 信", (Gap::Separator, 1)),
        ("微\u{3000}，信", (Gap::Comma, 2)),
        ("微*。*信", (Gap::Stop, 3)),
        ("微\n信", (Gap::Stop, 1)),
    ];

    for (text, expected) in cases {
        assert_eq!(gap(text), expected, "{text:?}");
    }
}

#[test]
fn folding_what_is_folded_changes_nothing() {
    let all = (0..0x11_0000).filter_map(char::from_u32);

    for c in all {
        let once = folded(&c.to_string());
        assert_eq!(folded(&once), once, "{c:?}");
    }
}

#[test]
fn every_traditional_character_of_the_table_meets_its_simplified_one() {
    for (from, to) in pairs(TRADITIONAL) {
        assert_eq!(folded(&from.to_string()), folded(&to.to_string()), "{from} {to}");
    }
}

proptest! {
    #[test]
    fn every_unit_points_at_the_character_it_came_from(text in "\\PC{0,40}|[加微信 *＊①ⓥ轉發\u{200b}aB0.。]{0,40}") {
        let mut last = 0;
        let mut units = Vec::new();
        fold(&FOLDING, &text, |unit| units.push(unit));

        for unit in units {
            let original = text[unit.at..].chars().next().unwrap();
            prop_assert_eq!(usize::from(unit.len), original.len_utf8());
            prop_assert!(unit.at >= last);
            last = unit.at;
            let alone = folded(&original.to_string());
            let is_leet = original.to_digit(36).is_some_and(|digit| digit < 10) || alone.chars().any(|c| c.is_ascii_digit());
            prop_assert!(alone.contains(unit.c) || is_leet, "{:?} became {:?}", original, unit.c);
        }
    }
}
