use std::collections::BTreeSet;

use super::*;

#[test]
fn there_are_639_codes_each_once_and_in_order() {
    assert_eq!(all().len(), 639);
    assert!(all().windows(2).all(|pair| pair[0].code < pair[1].code));
}

#[test]
fn every_line_of_both_tables_has_its_columns() {
    assert!(lines(CODES).all(|line| line.split('\t').count() == 5));
    assert!(lines(ADVICE).all(|line| line.split('\t').count() == 3));
}

#[test]
fn every_code_has_meaning_and_advice_in_both_languages() {
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));

    for row in all() {
        assert!(chinese(row.zh) && chinese(row.advice_zh), "{row:?}");
        assert!(row.en.ends_with('.') && !chinese(row.en), "{row:?}");
        assert!(row.advice_en.ends_with('.') && !chinese(row.advice_en), "{row:?}");
    }
}

#[test]
fn every_class_has_advice_and_is_used() {
    let keys: Vec<&str> = lines(ADVICE).map(|line| Advice::read(line).key).collect();
    let used: BTreeSet<Class> = all().iter().map(|row| row.class).collect();

    assert!(Class::ALL.iter().all(|class| keys.contains(&class.name()) && used.contains(class)));
}

#[test]
fn every_advice_belongs_to_a_class_or_a_code_and_is_given_once() {
    let keys: Vec<&str> = lines(ADVICE).map(|line| Advice::read(line).key).collect();

    let known =
        |key: &str| Class::named(key).is_some() || key.parse().is_ok_and(|code| lookup(code).is_some());
    assert!(keys.iter().all(|key| known(key)));
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
}

#[test]
fn class_names_are_read_back() {
    assert!(Class::ALL.iter().all(|class| Class::named(class.name()) == Some(*class)));
    assert_eq!(Class::named("banana"), None);
}

#[test]
fn codes_met_on_the_way_of_a_message_have_their_class() {
    let cases = [
        (0, Class::Ok),
        (-1, Class::RetrySoon),
        (40001, Class::RefreshToken),
        (40014, Class::RefreshToken),
        (42001, Class::RefreshToken),
        (41001, Class::RefreshToken),
        (45011, Class::RateLimit),
        (45009, Class::DailyQuota),
        (40164, Class::IpNotAllowed),
        (89501, Class::IpNotAllowed),
        (89503, Class::IpNotAllowed),
        (89506, Class::IpNotAllowed),
        (89507, Class::IpNotAllowed),
        (40013, Class::BadAccount),
        (40125, Class::BadAccount),
        (40243, Class::BadAccount),
        (48001, Class::BadAccount),
        (48004, Class::BadAccount),
        (50002, Class::BadAccount),
        (50007, Class::BadAccount),
        (40036, Class::BadTemplate),
        (40037, Class::BadTemplate),
        (43116, Class::BadTemplate),
        (40008, Class::BadRequest),
        (40039, Class::BadRequest),
        (40165, Class::BadRequest),
        (47001, Class::BadRequest),
        (47003, Class::BadRequest),
        (40249, Class::Content),
        (40003, Class::UserUnreachable),
        (43004, Class::UserUnreachable),
        (43019, Class::UserUnreachable),
        (43101, Class::UserUnreachable),
        (43117, Class::UserLimited),
        (40252, Class::HeldForReview),
        (40241, Class::Duplicate),
        (45065, Class::Duplicate),
        (44007, Class::Duplicate),
        (43002, Class::Method),
        (41028, Class::Gone),
        (123_456, Class::Unknown),
    ];

    for (code, expected) in cases {
        assert_eq!(class(code), expected, "{code}");
    }
}

#[test]
fn the_official_meaning_wins_over_house_rules() {
    let row = |code| lookup(code).unwrap();

    assert!(row(43002).en.contains("must be a POST") && row(43002).zh.contains("POST"));
    assert!(row(45009).en.contains("day's quota") && row(45009).zh.contains("日调用额度"));
    assert!(row(45009).advice_en.contains("midnight") && row(45009).advice_en.contains("spends no attempt"));
    assert!(row(41028).advice_en.contains("2020-01-10"));
    assert!(row(40252).advice_en.contains("Do not send it again"));
}

#[test]
fn a_code_in_no_table_has_no_row() {
    assert_eq!(lookup(123_456), None);
    assert_eq!(lookup(i64::MIN), None);
}
