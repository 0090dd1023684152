//! What became of the demo's messages, read back message by message through the HTTP API.

use std::collections::BTreeMap;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::Value;

use crate::bench::{messages_of, millis_between};
use crate::context::Context;
use crate::demo::stage::Stage;
use crate::demo::traffic::Sent;
use crate::http::Connection;

/// The object of `--json`.
#[derive(Default, Serialize)]
pub(super) struct Outcome {
    messages: u64,
    delivered: u64,
    failed: u64,
    suppressed: u64,
    unknown: u64,
    seconds: f64,
    rate_per_sec: f64,
    /// Messages that were with WeChat, or settled without it, by their deadline.
    on_time: u64,
    /// Took more than one try.
    retried: u64,
    /// Given twice under one client_msg_id, and taken once.
    repeated: u64,
    /// Refused before they were accepted; not among `messages`.
    refused: u64,
    /// Messages that reached a phone twice.
    duplicates: u64,
    pace_per_sec: usize,
    /// Milliseconds from accept to receipt.
    p50_ms: u64,
    p99_ms: u64,
    /// Milliseconds from accept to receipt of what is urgent.
    urgent_p99_ms: u64,
    /// Messages by state and cause.
    causes: BTreeMap<String, u64>,
    receipts: u64,
    token_fetches: u64,
}

/// What is gathered message by message.
struct Gathered {
    counts: BTreeMap<String, u64>,
    causes: BTreeMap<String, u64>,
    on_time: u64,
    retried: u64,
    waits: Histogram<u64>,
    urgent: Histogram<u64>,
}

impl Outcome {
    pub(super) async fn read(stage: &Stage, sent: Sent) -> Result<Self> {
        let gathered = gather(stage).await?;
        let phones = stage.simulator.stats();
        let count = |state: &str| gathered.counts.get(state).copied().unwrap_or(0);
        let ms = |waits: &Histogram<u64>, quantile| waits.value_at_quantile(quantile);
        let places = |value: f64| (value * 100.0).round() / 100.0;
        Ok(Self {
            messages: sent.accepted as u64,
            delivered: count("delivered"),
            failed: count("failed"),
            suppressed: count("suppressed"),
            unknown: count("unknown"),
            seconds: places(sent.seconds),
            rate_per_sec: places(sent.accepted as f64 / sent.seconds),
            on_time: gathered.on_time,
            retried: gathered.retried,
            repeated: sent.repeated as u64,
            refused: sent.refused as u64,
            duplicates: phones.duplicates,
            pace_per_sec: stage.pace,
            p50_ms: ms(&gathered.waits, 0.5),
            p99_ms: ms(&gathered.waits, 0.99),
            urgent_p99_ms: ms(&gathered.urgent, 0.99),
            causes: gathered.causes,
            receipts: phones.receipts_answered,
            token_fetches: phones.token_fetches,
        })
    }

    pub(super) fn print(&self, context: &Context) {
        if context.is_for_machines() {
            return;
        }
        let share = |count: u64| format!("{:.1} %", 100.0 * count as f64 / self.messages.max(1) as f64);
        let said = |key: &str| context.texts.get(&format!("demo.{key}")).to_owned();
        let row = |key: &str, count: u64| vec![said(key), count.to_string(), share(count)];
        let mut rows = vec![row("row_accepted", self.messages)];
        let mut causes: Vec<_> = self.causes.iter().collect();
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        rows.extend(causes.into_iter().map(|(cause, count)| {
            let words = context.texts.find(&format!("cause.{cause}")).unwrap_or(cause);
            vec![format!("  {words}"), count.to_string(), share(*count)]
        }));
        rows.push(row("row_retried", self.retried));
        rows.push(row("row_on_time", self.on_time));
        rows.push(vec![said("row_repeated"), self.repeated.to_string(), String::new()]);
        rows.push(vec![said("row_refused"), self.refused.to_string(), String::new()]);
        rows.push(vec![said("row_duplicates"), self.duplicates.to_string(), String::new()]);
        context.table(&["became", "count", "share"], rows);
        self.print_times(context);
    }

    fn print_times(&self, context: &Context) {
        let seconds = format!("{:.1}", self.seconds);
        let rate = format!("{:.0}", self.rate_per_sec);
        let values: [(&str, &dyn std::fmt::Display); 6] = [
            ("seconds", &seconds),
            ("rate", &rate),
            ("pace", &self.pace_per_sec),
            ("p50", &self.p50_ms),
            ("p99", &self.p99_ms),
            ("urgent", &self.urgent_p99_ms),
        ];
        context.say("demo.times", &values);
    }
}

async fn gather(stage: &Stage) -> Result<Gathered> {
    let mut connection = Connection::open(&stage.node.address.to_string(), Some(stage.key.expose())).await?;
    let mut gathered = Gathered::new()?;
    let mut path = "/api/v1/messages?limit=500".to_owned();
    loop {
        let page = connection.get(&path).await?;
        messages_of(&page).try_for_each(|message| gathered.take(message))?;
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/messages?limit=500&cursor={cursor}"),
            None => return Ok(gathered),
        }
    }
}

impl Gathered {
    fn new() -> Result<Self> {
        Ok(Self {
            counts: BTreeMap::new(),
            causes: BTreeMap::new(),
            on_time: 0,
            retried: 0,
            waits: Histogram::new(3)?,
            urgent: Histogram::new(3)?,
        })
    }

    fn take(&mut self, message: &Value) -> Result<()> {
        let state = message["state"].as_str().unwrap_or_default();
        let cause = message["cause"].as_str();
        *self.counts.entry(state.to_owned()).or_default() += 1;
        *self.causes.entry(cause.unwrap_or(state).to_owned()).or_default() += 1;
        self.retried += u64::from(message["attempts"].as_u64().unwrap_or(0) > 1);
        let answered =
            if message["sent_at"].is_null() { &message["settled_at"] } else { &message["sent_at"] };
        self.on_time += u64::from(millis_between(answered, &message["deadline"]).is_some());
        if state == "delivered"
            && let Some(ms) = millis_between(&message["accepted_at"], &message["settled_at"])
        {
            self.waits.record(ms)?;
            if message["lane"] == "urgent" {
                self.urgent.record(ms)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn gathered(messages: &[Value]) -> Gathered {
        let mut gathered = Gathered::new().unwrap();
        messages.iter().for_each(|message| gathered.take(message).unwrap());
        gathered
    }

    #[test]
    fn the_json_has_the_fields_of_the_contract() {
        let shown = serde_json::to_value(Outcome::default()).unwrap();

        for field in
            ["messages", "delivered", "failed", "suppressed", "unknown", "seconds", "rate_per_sec", "on_time"]
        {
            assert!(shown[field].is_number(), "{field}");
        }
    }

    #[test]
    fn a_message_is_on_time_when_its_answer_came_by_its_deadline() {
        let message = |sent_at: &str| {
            json!({ "state": "delivered", "cause": null, "attempts": 2, "lane": "urgent",
                "accepted_at": "2026-11-23T12:00:00Z", "deadline": "2026-11-23T12:01:00Z",
                "sent_at": sent_at, "settled_at": "2026-11-23T12:05:00Z" })
        };

        let two = gathered(&[message("2026-11-23T12:00:59Z"), message("2026-11-23T12:01:01Z")]);

        assert_eq!((two.on_time, two.retried, two.counts["delivered"]), (1, 2, 2));
        assert_eq!(two.urgent.len(), 2);
    }
}
