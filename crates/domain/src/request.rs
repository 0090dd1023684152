//! Checks of what stands around the data in a send request. Pure: the time is passed in.

use std::time::Duration;

use crate::FieldCode::{BadCharacter, BadFormat, Empty, Missing, TooEarly, TooLate, TooLong};
use crate::message::Miniprogram;
use crate::{Appid, FieldError, Timestamp, says};

/// Longest url in bytes; WeChat documents none, browsers and proxies stop not far above.
pub const URL_MAX: usize = 2 * 1024;
/// Longest pagepath in bytes; WeChat documents none.
pub const PAGEPATH_MAX: usize = 1024;
/// Longest `client_msg_id` of a caller, in characters.
pub const CLIENT_MSG_ID_MAX: usize = 64;
/// A shorter openid is none of WeChat's, which have 28 characters, and would be found in any text.
const NAMING_MIN: usize = 8;
/// Characters of an openid of WeChat's, and of its end that is drawn for each person.
const OPENID_LEN: usize = 28;
const OPENID_DRAWN: usize = 20;
/// How far ahead a message may be planned: templates and consent do not outlive a season.
pub const SEND_AT_MAX_AHEAD: Duration = Duration::from_secs(90 * 86_400);

/// Checks where a tap leads: http or https with a host, at most 2 KiB, no blanks, no control characters.
pub fn check_url(url: &str) -> Result<(), FieldError> {
    check_web_address("url", url)
}

/// Checks a web address of any field as [`check_url`] does.
pub fn check_web_address(field: &'static str, url: &str) -> Result<(), FieldError> {
    let fault = |code, message: &'static str| Err(FieldError::new(field, code, message));
    if url.len() > URL_MAX {
        return Err(too_long(field, url.len(), URL_MAX));
    }
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return fault(BadCharacter, "has a blank or a control character: write it percent-encoded");
    }
    match host_and_rest(url).map(|rest| rest.split(['/', '?', '#']).next().unwrap_or("")) {
        Some(host) if !host.is_empty() => Ok(()),
        _ => fault(BadFormat, "is not a web address: it has to begin with http:// or https:// and a host"),
    }
}

fn host_and_rest(url: &str) -> Option<&str> {
    ["http://", "https://"].into_iter().find_map(|scheme| {
        let head = url.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then(|| &url[scheme.len()..])
    })
}

/// Checks a mini-program. Many clients send `{"appid":"","pagepath":""}` for none: that is none.
pub fn check_miniprogram(given: Miniprogram) -> Result<Option<Miniprogram>, Vec<FieldError>> {
    let pagepath = given.pagepath.filter(|pagepath| !pagepath.is_empty());
    if given.appid.is_empty() && pagepath.is_none() {
        return Ok(None);
    }
    let faults: Vec<_> =
        appid_fault(&given.appid).into_iter().chain(pagepath.as_deref().and_then(pagepath_fault)).collect();
    if faults.is_empty() { Ok(Some(Miniprogram { appid: given.appid, pagepath })) } else { Err(faults) }
}

fn appid_fault(appid: &str) -> Option<FieldError> {
    let fault = |code, message| Some(FieldError::new("miniprogram.appid", code, message));
    if appid.is_empty() {
        return fault(Missing, "is missing: a pagepath needs the appid of its mini-program");
    }
    match Appid::new(appid) {
        Ok(_) => None,
        Err(_) => fault(BadFormat, "is not an appid: 1 to 64 of A-Z a-z 0-9 _ - are allowed"),
    }
}

fn pagepath_fault(pagepath: &str) -> Option<FieldError> {
    const FIELD: &str = "miniprogram.pagepath";
    if pagepath.len() > PAGEPATH_MAX {
        return Some(too_long(FIELD, pagepath.len(), PAGEPATH_MAX));
    }
    let message = "has a control character: remove it";
    pagepath.chars().any(char::is_control).then(|| FieldError::new(FIELD, BadCharacter, message))
}

/// Checks a caller's `client_msg_id` of a message to `touser`: 1 to 64 printable ASCII characters, which do not name
/// the person. It is kept and searched in plain text, and openids are not.
pub fn check_client_msg_id(client_msg_id: &str, touser: &str) -> Result<(), FieldError> {
    const FIELD: &str = "client_msg_id";
    if client_msg_id.is_empty() {
        return Err(FieldError::new(FIELD, Empty, "is empty: leave it out, or give 1 to 64 characters"));
    }
    if client_msg_id.len() > CLIENT_MSG_ID_MAX {
        return Err(too_long(FIELD, client_msg_id.len(), CLIENT_MSG_ID_MAX));
    }
    if !client_msg_id.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        let message = "has a character that is not printable ASCII: use letters, digits and symbols";
        return Err(FieldError::new(FIELD, BadCharacter, message));
    }
    if touser.len() >= NAMING_MIN && client_msg_id.contains(touser) {
        let message = "holds the recipient's openid, and this is kept in plain text: give another";
        return Err(FieldError::new(FIELD, BadFormat, message));
    }
    if holds_openid(client_msg_id) {
        let message = "holds what looks like an openid (28 characters, o first, large and small letters), and this is kept in \
                       plain text: give another";
        return Err(FieldError::new(FIELD, BadFormat, message));
    }
    Ok(())
}

/// Whether a word of `text` has the shape of an openid, whoever's: 28 characters of base64url, `o` first. The end is
/// drawn, so that it has large and small letters but for one in 50,000; ids of callers that begin with an o, like
/// `order-2026112300000000000017`, hardly ever have both.
pub fn holds_openid(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split(|c| !is_part(c)).any(|word| {
        let drawn = word.as_bytes().iter().skip(OPENID_LEN - OPENID_DRAWN);
        word.len() == OPENID_LEN
            && word.starts_with('o')
            && drawn.clone().any(u8::is_ascii_uppercase)
            && drawn.clone().any(u8::is_ascii_lowercase)
    })
}

/// When a message shall go and when it is worthless, as the caller said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Not before this; one that is past means at once.
    pub send_at: Option<Timestamp>,
    /// Not after this.
    pub expires_at: Option<Timestamp>,
}

impl Timing {
    /// When the message falls due.
    pub fn due_at(self, now: Timestamp) -> Timestamp {
        self.send_at.map_or(now, |send_at| send_at.max(now))
    }
}

/// Checks that a message is not planned too far ahead and does not expire before it is due.
pub fn check_timing(timing: Timing, now: Timestamp) -> Result<(), Vec<FieldError>> {
    let mut faults = Vec::new();
    if timing.send_at.is_some_and(|send_at| send_at > now.plus(SEND_AT_MAX_AHEAD)) {
        let message = "is more than 90 days ahead: give an earlier time, or plan it later";
        faults.push(FieldError::new("send_at", TooLate, message));
    }
    if timing.expires_at.is_some_and(|expires_at| expires_at <= timing.due_at(now)) {
        let due = timing.due_at(now);
        let message =
            says!("is not after {due}, when the message falls due: give a later time or leave it out", due);
        faults.push(FieldError::new("expires_at", TooEarly, message));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn too_long(field: &'static str, given: usize, allowed: usize) -> FieldError {
    FieldError::new(field, TooLong, says!("has {given} bytes: at most {allowed} are allowed", given, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FieldCode;

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

    fn hours(hours: i64) -> Timestamp {
        Timestamp::from_ms(NOW.ms() + hours * 3_600_000)
    }

    #[test]
    fn a_url_is_a_web_address_of_bounded_length() {
        for url in ["https://a.cn", "HTTP://a.cn/x?y=中#z", "http://10.0.0.1:8080/", "https://[::1]/"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        let long = format!("https://a.cn/{}", "x".repeat(URL_MAX));
        let cases = [
            ("", BadFormat),
            ("a.cn", BadFormat),
            ("ftp://a.cn", BadFormat),
            ("javascript:alert(1)", BadFormat),
            ("https://", BadFormat),
            ("https:///x", BadFormat),
            ("https://?a", BadFormat),
            ("中https://a", BadFormat),
            ("https://a.cn/ x", BadCharacter),
            ("https://a.cn/\n", BadCharacter),
            ("https://a\0", BadCharacter),
            (&long, TooLong),
        ];
        for (url, code) in cases {
            assert_eq!(check_url(url).map_err(|fault| fault.code), Err(code), "{url}");
        }
    }

    fn miniprogram(appid: &str, pagepath: Option<&str>) -> Result<bool, Vec<(String, FieldCode)>> {
        let given = Miniprogram { appid: appid.to_owned(), pagepath: pagepath.map(str::to_owned) };
        let named =
            |faults: Vec<FieldError>| faults.into_iter().map(|f| (f.field.into_owned(), f.code)).collect();
        check_miniprogram(given).map(|taken| taken.is_some()).map_err(named)
    }

    #[test]
    fn an_empty_mini_program_is_none_and_a_half_one_is_refused() {
        let fault = |field: &str, code| (format!("miniprogram.{field}"), code);

        assert_eq!(miniprogram("", None), Ok(false));
        assert_eq!(miniprogram("", Some("")), Ok(false));
        assert_eq!(miniprogram("wx1", Some("pages/order?id=1")), Ok(true));
        assert_eq!(miniprogram("", Some("pages/a")), Err(vec![fault("appid", Missing)]));
        let long = "x".repeat(1025);
        let both = vec![fault("appid", BadFormat), fault("pagepath", TooLong)];
        assert_eq!(miniprogram("wx 1", Some(&long)), Err(both));
        assert_eq!(miniprogram("wx1", Some("a\0")), Err(vec![fault("pagepath", BadCharacter)]));
    }

    #[test]
    fn a_client_msg_id_is_short_printable_ascii() {
        let (longest, longer) = ("x".repeat(64), "x".repeat(65));
        for id in ["a", "order-1 paid!", &longest] {
            assert_eq!(check_client_msg_id(id, "oABCDEFGH"), Ok(()), "{id}");
        }
        for (id, code) in [("", Empty), (&*longer, TooLong), ("订单", BadCharacter), ("a\n", BadCharacter)]
        {
            let checked = check_client_msg_id(id, "oABCDEFGH");
            assert_eq!(checked.map_err(|fault| fault.code), Err(code), "{id}");
        }
    }

    #[test]
    fn a_client_msg_id_does_not_name_the_person() {
        let of = |id, touser| check_client_msg_id(id, touser).map_err(|fault| fault.code);

        assert_eq!(of("order-1-oABCDEFGH", "oABCDEFGH"), Err(BadFormat));
        assert_eq!(of("order-1-oABCDEFGH", "oXYZDEFGH"), Ok(()));
        assert_eq!(of("order-1", "o"), Ok(()), "a stub of an openid is in every text");
    }

    #[test]
    fn a_client_msg_id_names_no_other_person_either() {
        let of = |id: &str| check_client_msg_id(id, "oABCDEFGH").map_err(|fault| fault.code);

        for id in [
            "o6_bmjrPTlm6_2sgVt7hMZOPfL2M",
            "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
            "pay:o6_bmjrPTlm6_2sgVt7hMZOPfL2M/1",
        ] {
            assert_eq!(of(id), Err(BadFormat), "{id}");
        }
        let ids = [
            "order-2026112300000000000017",
            "order_0190b6e0_9c1d_7aaa_beef",
            "o-01JD9ZK3V8T5Q2W7X4Y6A1B0CDE",
            "O6_bmjrPTlm6_2sgVt7hMZOPfL2M",
            "o6_bmjrPTlm6_2sgVt7hMZOPfL2Mx",
        ];
        for id in ids {
            assert_eq!(of(id), Ok(()), "{id}");
        }
    }

    #[test]
    fn a_message_expires_after_it_is_due_and_is_not_planned_too_far_ahead() {
        let day = 24;
        let cases = [
            (None, None, vec![]),
            (Some(hours(90 * day)), None, vec![]),
            (Some(hours(90 * day + 1)), None, vec![TooLate]),
            (Some(hours(-5)), Some(hours(1)), vec![]),
            (None, Some(NOW), vec![TooEarly]),
            (Some(hours(2)), Some(hours(1)), vec![TooEarly]),
            (Some(hours(91 * day)), Some(hours(1)), vec![TooLate, TooEarly]),
        ];
        for (send_at, expires_at, codes) in cases {
            let faults = check_timing(Timing { send_at, expires_at }, NOW).err().unwrap_or_default();
            assert_eq!(faults.into_iter().map(|fault| fault.code).collect::<Vec<_>>(), codes, "{send_at:?}");
        }
    }
}
