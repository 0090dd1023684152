//! Checks of what an account and a key are made of. Pure. The store asks them before it writes, so that they hold for
//! whoever puts something in: the API, the command line, a demo.

use crate::FieldCode::{BadFormat, ControlCharacter, Empty, TooLate, TooLong};
use crate::{FieldError, Timestamp, says};

/// Longest name of an account or a key, in bytes.
pub const NAME_MAX: usize = 256;
/// Longest reason for a pause, in bytes.
pub const REASON_MAX: usize = 512;
/// AppSecrets have 32 characters; a bound for whatever else stands in.
const SECRET_MAX: usize = 256;
/// Proxies: an address with user and password.
const PROXY_MAX: usize = 1_024;

type Checked = Result<(), FieldError>;

fn bad(field: &'static str, message: &'static str) -> Checked {
    Err(FieldError::new(field, BadFormat, message))
}

/// Checks what people call a thing.
pub fn check_name(name: &str) -> Checked {
    check_text("name", name, NAME_MAX)
}

/// Checks a line of text: not blank, bounded, no control characters.
pub fn check_text(field: &'static str, text: &str, max: usize) -> Checked {
    if text.trim().is_empty() {
        return Err(FieldError::new(field, Empty, "is empty: write something"));
    }
    if text.len() > max {
        let message = says!("has {given} bytes: at most {max} are allowed", given = text.len(), max);
        return Err(FieldError::new(field, TooLong, message));
    }
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(field, ControlCharacter, "has a control character: remove it"));
    }
    Ok(())
}

/// Checks an instant that somebody plans for.
pub fn check_until(field: &'static str, until: Timestamp) -> Checked {
    if (Timestamp::FIRST..=Timestamp::LAST).contains(&until) {
        return Ok(());
    }
    let message = "lies outside the years 1970 to 9999: give an earlier time, or none for always";
    Err(FieldError::new(field, TooLate, message))
}

/// Checks the appid of a new account. WeChat's are `wx` and 16 hex digits; those of a simulator are any small letters,
/// digits and `_` after it. What begins otherwise is a secret, a name or an original id (`gh_…`) in the wrong place.
pub fn check_appid(appid: &str) -> Checked {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    match appid.strip_prefix("wx") {
        Some(rest) if !rest.is_empty() && rest.bytes().all(plain) => Ok(()),
        _ => bad(
            "appid",
            "is not the appid of an official account: wx and small letters or digits, like wx5823bf96d3bd56c7",
        ),
    }
}

/// Checks an AppSecret: printable ASCII on one line.
pub fn check_secret(secret: &str) -> Checked {
    if (1..=SECRET_MAX).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    bad("secret", "is not an AppSecret: 32 letters and digits, from WeChat's console")
}

/// Checks the Token of a callback.
pub fn check_callback_token(token: &str) -> Checked {
    if (3..=32).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    bad("callback.token", "is not a Token of WeChat's console: 3 to 32 letters and digits")
}

/// Checks an EncodingAESKey: 43 characters of base64, which are 256 bits whatever they are.
pub fn check_aes_key(key: &str) -> Checked {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    if key.len() == 43 && key.bytes().all(is_base64) {
        return Ok(());
    }
    bad("callback.aes_key", "is not an EncodingAESKey: 43 letters and digits, from WeChat's console")
}

/// Checks the proxy of an account. It may hold a password: the fault does not repeat it.
pub fn check_proxy(proxy: &str) -> Checked {
    let place = proxy.strip_prefix("http://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let fits = place.and_then(|place| {
        let (user, place) = place.rsplit_once('@').unwrap_or(("", place));
        let (host, port) = place.rsplit_once(':')?;
        Some(is_user(user) && is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
    });
    if proxy.len() <= PROXY_MAX && fits == Some(true) {
        return Ok(());
    }
    bad(
        "proxy",
        "is not a proxy: want http://[user:password@]host:port, with what is special percent-encoded",
    )
}

fn is_user(user: &str) -> bool {
    let encoded = |part: &str| part.len() >= 2 && part.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    user.bytes().all(|byte| byte.is_ascii_graphic()) && user.split('%').skip(1).all(encoded)
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !host.is_empty() && host.bytes().all(plain)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FieldCode;

    fn code(checked: Checked) -> Option<FieldCode> {
        checked.err().map(|error| error.code)
    }

    #[test]
    fn an_appid_begins_with_wx_and_goes_on_in_small_letters_and_digits() {
        for appid in ["wx5823bf96d3bd56c7", "wx1", "wx_other", "wx5d0demo26hongyan"] {
            assert_eq!(check_appid(appid), Ok(()), "{appid}");
        }
        for appid in
            ["nonsense", "", "wx", "WX5823bf96d3bd56c7", "wx5823BF96d3bd56c7", "gh_3bd56c7", "wx 1", "wx-1"]
        {
            assert_eq!(code(check_appid(appid)), Some(BadFormat), "{appid}");
        }
    }

    #[test]
    fn a_name_is_one_line_that_says_something() {
        let (longest, longer) = ("x".repeat(256), "x".repeat(257));
        for (name, fault) in [
            ("咖啡馆", None),
            (&*longest, None),
            (&*longer, Some(TooLong)),
            (" ", Some(Empty)),
            ("", Some(Empty)),
            ("\n\u{1b}[31m", Some(ControlCharacter)),
            ("a\0", Some(ControlCharacter)),
        ] {
            assert_eq!(code(check_name(name)), fault, "{name:?}");
        }
    }

    #[test]
    fn a_secret_is_on_one_line_and_is_not_repeated() {
        assert_eq!(check_secret(r#"a"\b"#), Ok(()));
        for secret in ["", "AAAA\nBBBB", "a b", "a\0", "秘密", &"x".repeat(257)] {
            let fault = check_secret(secret).unwrap_err();
            assert_eq!(fault.field, "secret");
            assert!(secret.is_empty() || !fault.to_string().contains(secret), "{fault}");
        }
    }

    #[test]
    fn the_keys_of_a_callback_are_as_wechats_console_shows_them() {
        for token in ["abc", "AAAAA", &"x".repeat(32)] {
            assert_eq!(check_callback_token(token), Ok(()), "{token}");
        }
        for token in ["", "ab", "a-b-c", "令牌令牌", "abc\n", &"x".repeat(33)] {
            assert_eq!(code(check_callback_token(token)), Some(BadFormat), "{token}");
        }
        assert_eq!(check_aes_key(&"A".repeat(43)), Ok(()));
        for key in ["", &"A".repeat(42), &"A".repeat(44), &"=".repeat(43), &"\n".repeat(43)] {
            assert_eq!(code(check_aes_key(key)), Some(BadFormat), "{key}");
        }
    }

    #[test]
    fn a_proxy_is_an_http_address_with_a_port_and_its_password_is_not_repeated() {
        for proxy in
            ["http://p:1", "http://me:p%40ss@10.0.0.1:3128", "http://[::1]:3128/", "http://a@b@c.d:65535"]
        {
            assert_eq!(check_proxy(proxy), Ok(()), "{proxy}");
        }
        for proxy in [
            "",
            "socks5://u:secret@x:1",
            "https://u:secret@h:1",
            "http://u:secret@h",
            "http://u:secret@h:0",
            "http://u:secret@h:65536",
            "http://u:secret@:1",
            "http://u:secret%@h:1",
            "http://u:secret@h:1/path",
            "http://u:secret @h:1",
            "http://u:secret@[::x]:1",
            "http://u:secret\n@h:1",
        ] {
            let fault = check_proxy(proxy).expect_err(proxy);
            assert!(!fault.to_string().contains("secret"), "{fault}");
        }
    }

    #[test]
    fn nothing_is_planned_for_after_the_year_9999() {
        assert_eq!(check_until("until", Timestamp::LAST), Ok(()));
        for ms in [-1, Timestamp::LAST.ms() + 1, i64::MAX] {
            assert_eq!(code(check_until("until", Timestamp::from_ms(ms))), Some(TooLate), "{ms}");
        }
    }
}
