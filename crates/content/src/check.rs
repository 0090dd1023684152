//! The check of one message: what its words come to, given what kind of message it is.
//!
//! Rendered values are checked, not the template. Each value is looked at by itself, as each stands on a line of its own.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{Context, SHA256};
use hongyan_domain::Category;
use serde::Serialize;

use crate::scanner::{Hit, Scanner};
use crate::words::{Severity, WordCategory};

/// Findings told of one message: a list for a person to read.
const MAX_FINDINGS: usize = 200;

/// What the check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may go; notes may still be shown.
    Pass,
    /// A person is asked.
    Hold,
    /// It does not go.
    Refuse,
}

/// The verdict and what led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentVerdict {
    /// The heaviest of the findings.
    pub verdict: Verdict,
    /// By place: title first, then field by field. At most 200; the verdict counts all.
    pub findings: Vec<Finding>,
}

/// One word at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// The word; its offsets are within that place.
    pub hit: Hit,
    /// What it comes to in a message of this kind.
    pub verdict: Verdict,
}

/// A part of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The card's title.
    Title,
    /// The label of the field of that number, counted from 0.
    Label(usize),
    /// The value of the field of that number, counted from 0.
    Value(usize),
}

/// Checks a message as it will be shown: its title and its `(label, value)` lines.
pub fn check(
    scanner: &Scanner,
    rendered: &[(&str, &str)],
    title: &str,
    category: Category,
) -> ContentVerdict {
    let lines = rendered
        .iter()
        .enumerate()
        .flat_map(|(index, &(label, value))| [(Place::Label(index), label), (Place::Value(index), value)]);
    let mut findings = Vec::new();
    let mut verdict = Verdict::Pass;
    for (place, text) in std::iter::once((Place::Title, title)).chain(lines) {
        for hit in scanner.scan(text) {
            let finding = Finding { place, verdict: weigh(hit.category, hit.severity, category), hit };
            verdict = verdict.max(finding.verdict);
            if findings.len() < MAX_FINDINGS {
                findings.push(finding);
            }
        }
    }
    ContentVerdict { verdict, findings }
}

impl ContentVerdict {
    /// The same for messages of a template that hold the same words: what is said of one can be said of all.
    pub fn alike(&self, template_id: &str) -> String {
        let stopped = self.findings.iter().filter(|finding| finding.verdict != Verdict::Pass);
        let words: BTreeSet<&str> = stopped.map(|finding| &*finding.hit.word).collect();
        let mut context = Context::new(&SHA256);
        for part in std::iter::once(template_id).chain(words) {
            context.update(part.as_bytes());
            context.update(b"\0");
        }
        let hash = context.finish();
        hash.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What a word of that kind and weight comes to in a message of that category.
fn weigh(word: WordCategory, severity: Severity, message: Category) -> Verdict {
    let listed = match severity {
        Severity::Note => Verdict::Pass,
        Severity::Hold => Verdict::Hold,
        Severity::Refuse => Verdict::Refuse,
    };
    match (word, message) {
        // Marketing may speak of coupons; whether it may be sent at all is for the policy to say.
        (WordCategory::Marketing, Category::Marketing) => Verdict::Pass,
        // 运营规范 3.9 knows no exception for these two. A list may be stricter, never laxer.
        (WordCategory::InducedSharing | WordCategory::FalseAdvertising, _) => listed.max(Verdict::Hold),
        _ => listed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanner::Options;
    use crate::word_list::WordList;

    fn scanner() -> Scanner {
        let list = "特价,marketing,note\n优惠券,marketing,hold\n满减,marketing,refuse\n转发朋友圈,induced_sharing,note\n\
                    包治百病,false_advertising\n最佳,advertising_law,note\n加微信,fraud\n暗号,custom,hold";
        Scanner::build(&WordList::parse(list).unwrap(), Options::default()).unwrap()
    }

    #[test]
    fn the_verdict_follows_the_word_its_severity_and_the_kind_of_message() {
        use Category::{Marketing, Service, Transactional};
        use Verdict::{Hold, Pass, Refuse};
        let cases = [
            ("您的订单已发货", [Pass, Pass, Pass]),
            ("特价机票已出票", [Pass, Pass, Pass]),
            ("送您优惠券", [Hold, Hold, Pass]),
            ("全场满减", [Refuse, Refuse, Pass]),
            ("转发朋友圈有礼", [Hold, Hold, Hold]),
            ("包治百病", [Hold, Hold, Hold]),
            ("最佳体验", [Pass, Pass, Pass]),
            ("请加微信", [Refuse, Refuse, Refuse]),
            ("暗号在此", [Hold, Hold, Hold]),
        ];
        let scanner = scanner();

        for (text, expected) in cases {
            let got = [Transactional, Service, Marketing]
                .map(|category| check(&scanner, &[("备注", text)], "订单通知", category).verdict);

            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn findings_name_the_place_and_the_heaviest_decides() {
        let rendered = [("最佳门店", "暗号"), ("备注", "请加微信")];

        let verdict = check(&scanner(), &rendered, "优惠券到账", Category::Service);

        let places: Vec<_> = verdict.findings.iter().map(|f| (f.place, &*f.hit.word, f.verdict)).collect();
        assert_eq!(
            places,
            [
                (Place::Title, "优惠券", Verdict::Hold),
                (Place::Label(0), "最佳", Verdict::Pass),
                (Place::Value(0), "暗号", Verdict::Hold),
                (Place::Value(1), "加微信", Verdict::Refuse),
            ]
        );
        assert_eq!(verdict.verdict, Verdict::Refuse);
        assert_eq!(verdict.findings[3].hit.chars, 1..4);
    }

    #[test]
    fn two_lines_are_never_read_as_one_word() {
        let verdict = check(&scanner(), &[("a", "请加"), ("b", "微信")], "", Category::Service);

        assert_eq!(verdict, ContentVerdict { verdict: Verdict::Pass, findings: vec![] });
    }

    #[test]
    fn the_verdict_counts_even_what_is_not_listed_any_more() {
        let many = "最佳 ".repeat(120);
        let rendered = [("", many.as_str()), ("", many.as_str()), ("", "加微信")];

        let verdict = check(&scanner(), &rendered, "", Category::Service);

        assert_eq!((verdict.findings.len(), verdict.verdict), (200, Verdict::Refuse));
    }
}
