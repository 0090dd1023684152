//! What WeChat's `errmsg` holds besides words: the rid, the caller's address, the offending field.
//! Decisions are made on `errcode` alone; this is for the operator's eyes.

use std::net::IpAddr;

/// Longer than any errmsg seen live (about 200 characters), short enough for a log line.
const LONGEST: usize = 256;

/// Openids have 28 characters, template ids 43, tokens over 100; words of messages stay under 24.
const LONGEST_WORD: usize = 24;

/// Splits off the ` rid: 8hex-8hex-8hex` at the end, then bounds and masks the rest.
pub(crate) fn split_rid(errmsg: &str) -> (String, Option<String>) {
    let (words, rid) =
        errmsg.rsplit_once("rid:").map_or((errmsg, None), |(words, tail)| match rid_of(tail) {
            Some(rid) => (words, Some(rid.to_owned())),
            None => (errmsg, None),
        });
    (masked(words.trim_end()), rid)
}

fn rid_of(tail: &str) -> Option<&str> {
    let rid = tail.trim();
    let shaped = (8..=64).contains(&rid.len()) && rid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    shaped.then_some(rid)
}

fn masked(words: &str) -> String {
    let mut out = String::with_capacity(words.len().min(LONGEST));
    let mut rest = words;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c: char| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(length);
        out.push_str(if is_word(first) && run.len() >= LONGEST_WORD { "***" } else { run });
        rest = tail;
    }
    match out.char_indices().nth(LONGEST) {
        Some((at, _)) => out[..at].to_owned(),
        None => out,
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// The address WeChat saw the call come from, out of the text of 40164 and its kin:
/// `invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist`. It is what the operator must allow.
pub fn callers_ip(errmsg: &str) -> Option<&str> {
    errmsg
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(|word| word.trim_matches(|c: char| !(c.is_ascii_hexdigit() || c == ':')))
        .find(|word| word.len() >= 3 && word.parse::<IpAddr>().is_ok())
}

/// The template field WeChat objects to, out of the text of 47003:
/// `argument invalid! data.thing1.value invalid` → `thing1`.
pub fn offending_field(errmsg: &str) -> Option<&str> {
    let (_, tail) = errmsg.split_once("data.")?;
    let length = tail.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(tail.len());
    (1..=64).contains(&length).then(|| &tail[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rid_leaves_the_text() {
        let (words, rid) = split_rid("invalid openid rid: 61725984-6126f6f9-040f19c4");

        assert_eq!((words.as_str(), rid.as_deref()), ("invalid openid", Some("61725984-6126f6f9-040f19c4")));
    }

    #[test]
    fn a_text_without_a_rid_stays_whole() {
        for text in ["invalid openid", "hint: [dLTTea0566vr46!]", "rid: ???", ""] {
            assert_eq!(split_rid(text), (text.to_owned(), None));
        }
    }

    #[test]
    fn openids_are_masked_and_the_length_is_bounded() {
        let (words, _) = split_rid("user o9AgO5Kd5ggOC-bXrbNODIiE3bGY said 不行");
        let (long, _) = split_rid(&"忙 ".repeat(1000));

        assert_eq!(words, "user *** said 不行");
        assert_eq!(long.chars().count(), LONGEST);
    }

    #[test]
    fn the_callers_address_is_found() {
        let live = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist";
        let six = "invalid ip 2001:db8::7, not in whitelist";

        assert_eq!(callers_ip(live), Some("203.0.113.7"));
        assert_eq!(callers_ip(six), Some("2001:db8::7"));
        assert_eq!(callers_ip("not in whitelist"), None);
    }

    #[test]
    fn the_offending_field_is_found() {
        assert_eq!(offending_field("argument invalid! data.thing1.value invalid"), Some("thing1"));
        assert_eq!(offending_field("argument invalid! data.time3.value is emtpy"), Some("time3"));
        assert_eq!(offending_field("argument invalid!"), None);
        assert_eq!(offending_field("data. nothing"), None);
    }
}
