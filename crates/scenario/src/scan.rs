//! Finds in an expression the words whose meaning is fixed, so that a wrong one is named when the scenario is saved
//! and not when the first message fails. What is missed here is still refused when it is worked out.

/// A word and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) role: Role,
    pub(crate) name: &'a str,
    /// Where it begins, in bytes.
    pub(crate) at: usize,
}

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `| yuan`
    Filter,
    /// `is defined`
    Test,
    /// `{% if`
    Statement,
    /// `name(`: nothing can be called.
    Call,
}

/// Whether the text has anything to work out.
pub(crate) fn is_constant(source: &str) -> bool {
    first_code(source).is_none()
}

/// Where the first expression, statement or comment begins.
pub(crate) fn first_code(source: &str) -> Option<usize> {
    ["{{", "{%", "{#"].into_iter().filter_map(|open| source.find(open)).min()
}

/// The words with a role, in order.
pub(crate) fn words(source: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = first_code(&source[from..]).map(|at| from + at) {
        let inside = open + 2;
        from = match &source[open..inside] {
            "{#" => source[inside..].find("#}").map_or(source.len(), |at| inside + at + 2),
            "{%" => code(source, inside, Before::Opening, &mut found),
            _ => code(source, inside, Before::Other, &mut found),
        };
    }
    found
}

/// What stood before a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Opening,
    Pipe,
    Is,
    Other,
}

/// Looks through one piece of code; where it ends.
fn code<'a>(source: &'a str, from: usize, opening: Before, found: &mut Vec<Word<'a>>) -> usize {
    let bytes = source.as_bytes();
    let (mut at, mut before) = (from, opening);
    while at < bytes.len() {
        match bytes[at] {
            b'}' | b'%' if bytes.get(at + 1) == Some(&b'}') => return at + 2,
            quote @ (b'"' | b'\'') => {
                at = after_quote(bytes, at + 1, quote);
                before = Before::Other;
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let end = word_end(bytes, at);
                let name = &source[at..end];
                before = word(Word { role: Role::Call, name, at }, before, next_is_call(bytes, end), found);
                at = end;
            }
            byte => {
                before = match byte {
                    b'|' => Before::Pipe,
                    b'-' | b'+' if before == Before::Opening => before,
                    _ if byte.is_ascii_whitespace() => before,
                    _ => Before::Other,
                };
                at += 1;
            }
        }
    }
    at
}

fn word<'a>(word: Word<'a>, before: Before, called: bool, found: &mut Vec<Word<'a>>) -> Before {
    let role = match (before, word.name) {
        (Before::Opening, _) => Some(Role::Statement),
        (Before::Pipe, _) => Some(Role::Filter),
        (Before::Is, "not") => return Before::Is,
        (Before::Is, _) => Some(Role::Test),
        (Before::Other, "is") => return Before::Is,
        // `if (a)` and `not (a)` call nothing.
        (Before::Other, "if" | "else" | "and" | "or" | "not" | "in") => None,
        (Before::Other, _) => called.then_some(Role::Call),
    };
    found.extend(role.map(|role| Word { role, ..word }));
    Before::Other
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    let len = bytes[from..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    from + len
}

fn next_is_call(bytes: &[u8], from: usize) -> bool {
    bytes[from..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'(')
}

fn after_quote(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn roles(source: &str) -> Vec<(Role, &str)> {
        words(source).into_iter().map(|word| (word.role, word.name)).collect()
    }

    #[test]
    fn words_are_told_by_what_stands_before_them() {
        let cases = [
            ("{{ a | yuan }}", vec![(Role::Filter, "yuan")]),
            ("{{a|shorten(20)|upper}}", vec![(Role::Filter, "shorten"), (Role::Filter, "upper")]),
            ("{{ 'x' if a is not defined else b }}", vec![(Role::Test, "defined")]),
            ("{%- if (a) %}{% endif %}", vec![(Role::Statement, "if"), (Role::Statement, "endif")]),
            ("{{ a.upper() }}{{ range (3) }}", vec![(Role::Call, "upper"), (Role::Call, "range")]),
            ("{{ '| no }} is x(' }}{# | no #}| no", vec![]),
            ("{{ 'it\\'s | no' | yes }}", vec![(Role::Filter, "yes")]),
            ("{{ 1 if not (a) else (b) }}", vec![]),
        ];

        for (source, expected) in cases {
            assert_eq!(roles(source), expected, "{source}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_scanned(source in "[{}%#|.()'\"\\\\ a-z中]{0,60}") {
            for word in words(&source) {
                prop_assert!(source[word.at..].starts_with(word.name));
            }
        }
    }
}
