//! WeChat's 41 industries, by code, and when an account may change its two.

use std::sync::LazyLock;

use serde::Serialize;

use crate::Timestamp;

const TABLE: &str = include_str!("../data/industries.tsv");

/// One industry as WeChat numbers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Industry {
    /// 1 to 41.
    pub code: u8,
    /// 一级行业
    pub primary_zh: &'static str,
    /// 二级行业
    pub secondary_zh: &'static str,
    /// The first class in English; WeChat itself has no English names.
    pub primary_en: &'static str,
    /// The second class in English.
    pub secondary_en: &'static str,
    /// Other spellings of the second class that WeChat's answers and older documents have.
    #[serde(skip)]
    also_called: &'static str,
}

/// All industries, by code.
pub fn all() -> &'static [Industry] {
    static ALL: LazyLock<Vec<Industry>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(read).collect());
    &ALL
}

/// The industry with this code.
pub fn of_code(code: u8) -> Option<&'static Industry> {
    all().iter().find(|industry| industry.code == code)
}

/// The industry whose second class WeChat's `get_industry` calls so; no two share one.
pub fn of_second_class(name: &str) -> Option<&'static Industry> {
    all().iter().find(|industry| {
        industry.secondary_zh == name || industry.also_called.split_terminator(';').any(|other| other == name)
    })
}

/// Whether the industries may be changed now, or from when. WeChat says once a month (43100) and not whether that
/// is a calendar month: it is read so here, in Asia/Shanghai.
pub fn may_change(last_change: Option<Timestamp>, now: Timestamp) -> Result<(), Timestamp> {
    match last_change.map(Timestamp::next_month) {
        Some(from) if now < from => Err(from),
        _ => Ok(()),
    }
}

fn read(line: &'static str) -> Option<Industry> {
    let mut cells = line.split('\t');
    let mut next = || cells.next();
    Some(Industry {
        code: next()?.parse().ok()?,
        primary_zh: next()?,
        secondary_zh: next()?,
        primary_en: next()?,
        secondary_en: next()?,
        also_called: next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_forty_one_with_names_in_both_languages() {
        assert!(all().iter().map(|industry| industry.code).eq(1..=41));
        for Industry { primary_zh, secondary_zh, primary_en, secondary_en, .. } in all() {
            assert!(
                [primary_zh, secondary_zh, primary_en, secondary_en].iter().all(|name| !name.is_empty()),
                "{secondary_zh}"
            );
        }
    }

    #[test]
    fn an_industry_is_found_by_its_code_and_by_every_name_that_wechat_gives_it() {
        for industry in all() {
            assert_eq!(of_second_class(industry.secondary_zh), Some(industry));
            assert_eq!(of_code(industry.code), Some(industry));
        }
        for (name, code) in [("互联网|电子商务", 1), ("证券基金理财信托", 8), ("其他", 41)] {
            assert_eq!(of_second_class(name).map(|industry| industry.code), Some(code), "{name}");
        }
        assert_eq!((of_code(0), of_code(42), of_second_class("")), (None, None, None));
    }

    #[test]
    fn they_may_be_changed_again_when_the_next_month_begins_in_shanghai() {
        let at = |text: &str| serde_json::from_str::<Timestamp>(&format!("\"{text}\"")).unwrap();
        let last = Some(at("2026-11-30T12:00:00+08:00"));
        let december = at("2026-12-01T00:00:00+08:00");

        assert_eq!(may_change(None, december), Ok(()));
        assert_eq!(may_change(last, at("2026-11-30T23:59:59+08:00")), Err(december));
        assert_eq!(may_change(last, december), Ok(()));
    }
}
