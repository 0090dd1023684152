//! The end-to-end tests in one binary: linking the whole system once for each file would cost minutes.

#![expect(clippy::unwrap_used, reason = "what these tests share fails them by a panic")]

mod accounts;
mod alerts;
mod bounds;
mod chaos;
mod commands;
mod compliance;
mod content;
mod doubt;
mod idempotency;
mod limits;
mod mail;
mod monitoring;
mod path;
mod process;
mod receipts;
mod recovery;
mod refusals;
mod resend;
mod rules;
mod scenarios;
mod scheduling;
mod series;
mod site;
mod sso;
mod standstill;
mod templates;
mod tokens;
mod traces;
mod triggers;
mod upkeep;
mod validation;
mod ways;
mod webhooks;
