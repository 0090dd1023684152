//! WeChat's error codes: what each means, what class it is of, and what an operator does about it.
//!
//! 639 codes from the official tables of the API, from official pages of single calls, from SDKs' tables and, marked so in their
//! meaning, from developers' reports. Where sources disagree the official meaning stands: 43002 is "require POST", 45009 is a
//! *daily* quota, 41028 belongs to an API that is gone.

mod class;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use self::class::Class;

/// code, class, errmsg, zh, en: one code a line, ascending.
const CODES: &str = include_str!("../../tables/errcodes.tsv");

/// key (a class or a code), zh, en.
const ADVICE: &str = include_str!("../../tables/advice.tsv");

static TABLE: LazyLock<Vec<Errcode>> = LazyLock::new(|| {
    let advice: Vec<Advice> = lines(ADVICE).map(Advice::read).collect();
    lines(CODES).map(|line| Errcode::read(line, &advice)).collect()
});

/// One error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errcode {
    /// As WeChat answers it.
    pub code: i64,
    /// What a sender can do about it.
    pub class: Class,
    /// WeChat's own words, typing errors included; empty where they are not known.
    pub errmsg: &'static str,
    /// The meaning in Chinese.
    pub zh: &'static str,
    /// The meaning in English.
    pub en: &'static str,
    /// What it means for the operator, what happens by itself, what to do: in Chinese.
    pub advice_zh: &'static str,
    /// The same in English.
    pub advice_en: &'static str,
}

/// The row of a code. A binary search over 639 rows.
pub fn lookup(code: i64) -> Option<&'static Errcode> {
    TABLE.binary_search_by_key(&code, |row| row.code).ok().map(|at| &TABLE[at])
}

/// The class of a code; [`Class::Unknown`] for one that is in no table.
pub fn class(code: i64) -> Class {
    lookup(code).map_or(Class::Unknown, |row| row.class)
}

/// All rows, by code.
pub fn all() -> &'static [Errcode] {
    &TABLE
}

struct Advice {
    key: &'static str,
    zh: &'static str,
    en: &'static str,
}

impl Advice {
    fn read(line: &'static str) -> Self {
        let [key, zh, en] = columns(line);
        Self { key, zh, en }
    }
}

impl Errcode {
    fn read(line: &'static str, advice: &[Advice]) -> Self {
        let [code, class, errmsg, zh, en] = columns(line);
        let own = |key: &str| advice.iter().find(|advice| advice.key == key);
        let advice = own(code).or_else(|| own(class)).expect("each class has advice, as the tests prove");
        Self {
            code: code.parse().expect("codes are numbers, as the tests prove"),
            class: Class::named(class).expect("classes are of the closed set, as the tests prove"),
            errmsg,
            zh,
            en,
            advice_zh: advice.zh,
            advice_en: advice.en,
        }
    }
}

/// The lines after the headings.
fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().skip(1)
}

fn columns<const N: usize>(line: &'static str) -> [&'static str; N] {
    let mut columns = line.split('\t');
    std::array::from_fn(|_| columns.next().expect("each line has all columns, as the tests prove"))
}
