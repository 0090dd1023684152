//! JSON text with its letters as they are: `\\uXXXX` is undone where JSON does not need it.

/// Rewrites valid JSON text; `None` where an escape is half a surrogate pair, which is no letter.
pub(crate) fn letters(json: &str) -> Option<String> {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let (letter, length) = match escape.as_bytes().get(1) {
            Some(b'u') => letter_of(escape)?,
            _ => (None, 2),
        };
        match letter {
            Some(letter) => out.push(letter),
            None => out.push_str(escape.get(..length)?),
        }
        rest = escape.get(length..)?;
    }
    out.push_str(rest);
    Some(out)
}

/// The letter an escape stands for and the escape's length; no letter where JSON wants it escaped.
fn letter_of(escape: &str) -> Option<(Option<char>, usize)> {
    let first = unit(escape)?;
    if let Some(letter) = char::from_u32(first) {
        let needed = letter < ' ' || letter == '"' || letter == '\\';
        return Some((if needed { None } else { Some(letter) }, 6));
    }
    let second = unit(escape.get(6..)?)?;
    let mut pair = char::decode_utf16([u16::try_from(first).ok()?, u16::try_from(second).ok()?]);
    Some((Some(pair.next()?.ok()?), 12))
}

/// The number of a leading `\\uXXXX`.
fn unit(escape: &str) -> Option<u32> {
    u32::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_come_out_and_what_json_needs_stays() {
        let cases = [
            (r#""\u4e2d\u6587""#, "\"中文\""),
            (r#""\ud83d\ude00""#, "\"😀\""),
            (r#""\u0022\u005c\u000a\n\\""#, r#""\u0022\u005c\u000a\n\\""#),
            (r#""\\u4e2d""#, r#""\\u4e2d""#),
            ("[1e400]", "[1e400]"),
        ];

        for (given, expected) in cases {
            assert_eq!(letters(given).as_deref(), Some(expected));
        }
    }

    #[test]
    fn half_a_pair_is_no_letter() {
        for bad in
            [r#""\ud800""#, r#""\ude00\ud83d""#, r#""\ud83dx""#, r#""\ud83d\n12345""#, r#""\ud83d\u0041""#]
        {
            assert_eq!(letters(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_meaning_of_any_text_stays(text in any::<String>()) {
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let given = format!("\"{escaped}\"");

            let rewritten = letters(&given).unwrap();

            prop_assert_eq!(serde_json::from_str::<String>(&rewritten).unwrap(), text);
        }
    }
}
