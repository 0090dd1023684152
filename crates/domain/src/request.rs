//! Checks of what stands around the data in a send request. Pure: the time is passed in.

use std::time::Duration;

use crate::FieldCode::{BadCharacter, BadFormat, Empty, Missing, TooEarly, TooLate, TooLong};
use crate::message::Miniprogram;
use crate::{Appid, FieldError, Timestamp};

/// Longest url in bytes; WeChat documents none, browsers and proxies stop not far above.
pub const URL_MAX: usize = 2 * 1024;
/// Longest pagepath in bytes; WeChat documents none.
pub const PAGEPATH_MAX: usize = 1024;
/// Longest client_msg_id of a caller, in characters.
pub const CLIENT_MSG_ID_MAX: usize = 64;
/// How far ahead a message may be planned: templates and consent do not outlive a season.
pub const SEND_AT_MAX_AHEAD: Duration = Duration::from_secs(90 * 86_400);

/// Checks where a tap leads: http or https with a host, at most 2 KiB, no blanks, no control characters.
pub fn check_url(url: &str) -> Result<(), FieldError> {
    let fault = |code, message: &str| Err(FieldError::new("url", code, message));
    if url.len() > URL_MAX {
        return Err(too_long("url", url.len(), URL_MAX));
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

/// Checks a caller's client_msg_id: 1 to 64 printable ASCII characters.
pub fn check_client_msg_id(client_msg_id: &str) -> Result<(), FieldError> {
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
    Ok(())
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
        let message = "is more than 90 days ahead: plan it later, or sooner";
        faults.push(FieldError::new("send_at", TooLate, message));
    }
    if timing.expires_at.is_some_and(|expires_at| expires_at <= timing.due_at(now)) {
        let due = timing.due_at(now);
        let message =
            format!("is not after {due}, when the message falls due: give a later time or leave it out");
        faults.push(FieldError::new("expires_at", TooEarly, message));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn too_long(field: &'static str, given: usize, allowed: usize) -> FieldError {
    FieldError::new(field, TooLong, format!("has {given} bytes: at most {allowed} are allowed"))
}
