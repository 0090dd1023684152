//! Percent-encoding of the few words that go into a query string.

use std::fmt::Write as _;

/// Appends `text` with everything but RFC 3986's unreserved characters escaped.
pub(crate) fn encode_into(out: &mut String, text: &str) {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    // Tokens, appids and secrets have nothing else in them.
    if text.bytes().all(unreserved) {
        out.push_str(text);
        return;
    }
    for byte in text.bytes() {
        if unreserved(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Resolves `%XX`; `None` where a percent sign is not followed by two hexadecimal digits.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for text in ["", "plain-._~9", "a b&c=d%", "口令"] {
            let mut out = String::new();
            encode_into(&mut out, text);

            assert!(out.bytes().all(|b| b.is_ascii_graphic() && b != b'&'));
            assert_eq!(decode(&out).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn a_broken_escape_is_refused() {
        for bad in ["%", "%4", "%zz"] {
            assert_eq!(decode(bad), None);
        }
    }
}
