//! What the rules said of a message: lines of its timeline.

use hongyan_domain::{AccountId, MessageId, Rule, Timestamp};
use rusqlite::params;

use crate::Result;
use crate::message::Heard;
use crate::sqlite::writer::Ledger;

const INSERT: &str = "
INSERT INTO verdict (account, message, at, rule, verdict, until, observed)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (account, message, at, rule) DO NOTHING";

/// Writes down what a rule said.
pub(crate) fn note(
    ledger: &Ledger<'_>,
    (account, message): (AccountId, MessageId),
    at: Timestamp,
    heard: Heard,
) -> Result<()> {
    let Some(rule) = heard.verdict.rule() else { return Ok(()) };
    ledger.conn.prepare_cached(INSERT)?.execute(params![
        account.0,
        message.raw(),
        at.ms(),
        Rule::as_str(rule),
        heard.verdict.as_str(),
        heard.verdict.until().map(Timestamp::ms),
        heard.observed,
    ])?;
    Ok(())
}
