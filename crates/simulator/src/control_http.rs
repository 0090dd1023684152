//! `/_sim/*`: the control side as JSON over HTTP.

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::control::{Control, ControlError};
use crate::exchange::{Answer, Request};
use crate::reports::LedgerQuery;

/// Where the control side begins.
pub(crate) const PREFIX: &str = "/_sim/";

/// What a path under [`PREFIX`] takes.
const PATHS: &str = "stats, accounts, templates, followers, events, faults, verify, phone/{openid}, ledger";

/// Answers a control call.
pub(crate) fn answer(control: &Control<'_>, request: &Request<'_>) -> Answer {
    let path = request.path.strip_prefix(PREFIX).unwrap_or_default();
    let is_read = matches!(path, "stats" | "ledger") || path.starts_with("phone/");
    let is_write = matches!(path, "accounts" | "templates" | "followers" | "events" | "faults");
    if !is_read && !is_write {
        return error(StatusCode::NOT_FOUND, "not_found", &format!("there is {PATHS}"));
    }
    let method = if is_read { Method::GET } else { Method::POST };
    if *request.method != method {
        return error(
            StatusCode::METHOD_NOT_ALLOWED,
            "wrong_method",
            &format!("/_sim/{path} takes {method}"),
        );
    }
    let answered =
        if is_read { Ok(read(control, path, request)) } else { write(control, path, request.body) };
    result(answered)
}

pub(crate) fn result(answered: Result<Value, ControlError>) -> Answer {
    match answered {
        Ok(value) => Answer::control(StatusCode::OK, value.to_string()),
        Err(wrong) => error(StatusCode::BAD_REQUEST, "invalid", &wrong.to_string()),
    }
}

fn read(control: &Control<'_>, path: &str, request: &Request<'_>) -> Value {
    match path.strip_prefix("phone/") {
        Some(openid) => json!({ "openid": openid, "messages": control.phone(openid) }),
        None if path == "stats" => json!(control.stats()),
        None => {
            let owned = |name: &str| request.param(name).map(std::borrow::Cow::into_owned);
            let query = LedgerQuery {
                appid: owned("appid"),
                client_msg_id: owned("client_msg_id"),
                openid: owned("openid"),
                limit: request.param("limit").and_then(|limit| limit.parse().ok()),
            };
            json!({ "entries": control.ledger(&query) })
        }
    }
}

fn write(control: &Control<'_>, path: &str, body: &[u8]) -> Result<Value, ControlError> {
    match path {
        "accounts" => control.put_account(&parsed(body)?).map(|()| json!({})),
        "templates" => control.put_template(&parsed(body)?).map(|id| json!({ "template_id": id })),
        "followers" => control.put_followers(&parsed(body)?).map(|openids| json!({ "openids": openids })),
        "events" => control.event(&parsed(body)?).map(|()| json!({})),
        _ => control.set_faults(&parsed(body)?).map(|()| json!({})),
    }
}

pub(crate) fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(|wrong| ControlError::Invalid(format!("body: {wrong}")))
}

fn error(status: StatusCode, code: &str, message: &str) -> Answer {
    Answer::control(status, json!({ "error": { "code": code, "message": message } }).to_string())
}
