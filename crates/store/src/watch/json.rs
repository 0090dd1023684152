//! What is kept as JSON of alerts and webhooks.

use rusqlite::Row;
use serde::Serialize;

use crate::{Result, StoreError};

pub(crate) fn parse<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    serde_json::from_str(text).map_err(corrupt)
}

pub(crate) fn written(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Invalid(error.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err gives it away")]
pub(crate) fn corrupt(error: serde_json::Error) -> StoreError {
    // Where it is wrong, not what it says: it may be a secret.
    StoreError::Corrupt(format!("JSON of alerts or webhooks, column {}", error.column()))
}
