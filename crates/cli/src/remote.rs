//! Calls of a running server that print what it answers.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use hyper::Method;
use serde_json::Value;

use crate::context::Context;
use crate::door::{Reach, understood};
use crate::message::{escaped, text};
use crate::print;

/// A call: what, where, and in what form the body is.
pub(crate) type Call<'a> = (Method, &'a str, &'static str);

/// Calls the server and understands its JSON; nothing, where it answers nothing.
pub(crate) async fn call(
    context: &Context,
    reach: &Reach,
    call: Call<'_>,
    body: impl Into<Bytes>,
) -> Result<Value> {
    let mut connection = reach.door(context)?.connect().await?;
    let reply = connection.call(call.0, call.1, call.2, body.into()).await?;
    if reply.status == 204 {
        return Ok(Value::Null);
    }
    understood(context, &reply)
}

/// GETs.
pub(crate) async fn get(context: &Context, reach: &Reach, path: &str) -> Result<Value> {
    call(context, reach, (Method::GET, path, JSON), Bytes::new()).await
}

/// The form of most bodies.
pub(crate) const JSON: &str = "application/json";

/// `path`, asked about this account.
pub(crate) fn of_account(path: &str, appid: Option<&str>) -> String {
    appid.map_or_else(|| path.to_owned(), |appid| format!("{path}?appid={}", escaped(appid)))
}

/// For machines as it came, for people over lines.
pub(crate) fn show(context: &Context, value: &Value) {
    if context.is_for_machines() {
        print::json(value);
    } else {
        print::line(&serde_json::to_string_pretty(value).unwrap_or_default());
    }
}

/// For machines as it came, for people the rows under `list` as a table, or the text `none`: a column is a path of keys
/// with dots between.
pub(crate) fn table(context: &Context, value: &Value, (list, columns): (&str, &[(&str, &str)]), none: &str) {
    if context.is_for_machines() {
        return print::json(value);
    }
    let cell = |row: &Value, path: &str| {
        let pointer = format!("/{}", path.replace('.', "/"));
        row.pointer(&pointer).map(text).unwrap_or_default()
    };
    let rows = value[list].as_array().into_iter().flatten();
    let rows = rows.map(|row| columns.iter().map(|(_, path)| cell(row, path)).collect());
    let heads: Vec<_> = columns.iter().map(|(head, _)| *head).collect();
    context.table_or(none, &heads, rows.collect());
}

/// A file, or standard input for `-`.
pub(crate) fn file(path: &str) -> Result<Vec<u8>> {
    if path == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(path).with_context(|| path.to_owned())
}

/// The form of a file, by its name.
pub(crate) fn form(path: &str) -> &'static str {
    let ends = |end: &str| path.to_ascii_lowercase().ends_with(end);
    if ends(".ndjson") || ends(".jsonl") {
        "application/x-ndjson"
    } else if ends(".json") {
        JSON
    } else {
        "text/csv"
    }
}
