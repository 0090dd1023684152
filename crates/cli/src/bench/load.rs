//! The load: messages into the HTTP API over kept connections, and the wait until all are settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use hdrhistogram::Histogram;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::bench::cast::Cast;
use crate::bench::children::Running;
use crate::bench::stage::Stage;
use crate::http::Connection;

/// While much is still to come the counters are read so often; reading them costs the server something.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Near the end.
const LOOK_CLOSELY: Duration = Duration::from_millis(5);
/// Without any progress for so long, something is broken.
const STALLED: Duration = Duration::from_secs(60);

/// What is sent, and how.
#[derive(Clone)]
pub(super) struct Flood {
    pub(super) cast: Arc<Cast>,
    /// The numbers of the messages.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Messages in one request; 1 is one by one, by the other endpoint.
    pub(super) batch: usize,
    pub(super) connections: usize,
    pub(super) lane: &'static str,
}

/// How an accept of many messages went.
pub(super) struct Accepted {
    pub(super) took: Duration,
    /// Microseconds from request to answer.
    pub(super) answers: Histogram<u64>,
}

/// Sends all of a flood, and waits for the last answer.
pub(super) async fn flood(stage: &Stage, server: &Running, flood: &Flood) -> Result<Accepted> {
    let mut connections = Vec::with_capacity(flood.connections);
    for _ in 0..flood.connections {
        connections.push(stage.connect(server).await?);
    }
    let next = Arc::new(AtomicUsize::new(flood.from));
    let mut workers = JoinSet::new();
    let start = Instant::now();
    for connection in connections {
        workers.spawn(work(connection, flood.clone(), next.clone()));
    }
    let mut answers = Histogram::new(3)?;
    while let Some(done) = workers.join_next().await {
        answers.add(done??)?;
    }
    Ok(Accepted { took: start.elapsed(), answers })
}

async fn work(mut connection: Connection, flood: Flood, next: Arc<AtomicUsize>) -> Result<Histogram<u64>> {
    let mut answers = Histogram::new(3)?;
    loop {
        let from = next.fetch_add(flood.batch, Ordering::Relaxed);
        if from >= flood.to {
            return Ok(answers);
        }
        let to = (from + flood.batch).min(flood.to);
        let (path, body) = request(&flood, from, to);
        let start = Instant::now();
        let reply = connection.post_bytes(path, body).await?;
        answers.record(start.elapsed().as_micros() as u64)?;
        if !matches!(reply.status, 200 | 202) || has_error(&reply.body) {
            let shown = String::from_utf8_lossy(&reply.body[..reply.body.len().min(600)]).into_owned();
            bail!("a batch was not accepted: HTTP {} {shown}", reply.status);
        }
    }
}

fn request(flood: &Flood, from: usize, to: usize) -> (&'static str, Bytes) {
    let mut body = Vec::with_capacity((to - from) * 480 + 32);
    if flood.batch == 1 {
        flood.cast.write_request(from, flood.lane, &mut body);
        return ("/api/v1/messages", Bytes::from(body));
    }
    body.extend_from_slice(b"{\"messages\":[");
    for n in from..to {
        if n > from {
            body.push(b',');
        }
        flood.cast.write_request(n, flood.lane, &mut body);
    }
    body.extend_from_slice(b"]}");
    ("/api/v1/messages/batch", Bytes::from(body))
}

fn has_error(body: &[u8]) -> bool {
    body.windows(7).any(|window| window == b"\"error\"")
}

/// Where all messages stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) pending: u64,
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) suppressed: u64,
    pub(crate) unknown: u64,
    pub(crate) cancelled: u64,
}

impl Counts {
    /// As `GET /api/v1/stats` tells them.
    pub(crate) fn of(stats: &Value) -> Self {
        let total = |state: &str| stats["totals"][state].as_u64().unwrap_or(0);
        Self {
            pending: total("pending"),
            sent: total("sent"),
            delivered: total("delivered"),
            failed: total("failed"),
            suppressed: total("suppressed"),
            unknown: total("unknown"),
            cancelled: total("cancelled"),
        }
    }

    pub(crate) fn finished(self) -> u64 {
        self.delivered + self.failed + self.suppressed + self.unknown + self.cancelled
    }
}

/// What counts as settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// WeChat took it, or it is final.
    Taken,
    /// It is final.
    Final,
}

impl Until {
    fn count(self, counts: Counts) -> u64 {
        match self {
            Self::Taken => counts.sent + counts.finished(),
            Self::Final => counts.finished(),
        }
    }
}

/// The counters of a server.
pub(super) async fn counts(connection: &mut Connection) -> Result<Counts> {
    Ok(Counts::of(&connection.get("/api/v1/stats").await?))
}

/// Waits until every account has its access_token, which a server fetches ahead of the first message. The bare loop
/// has its own before its clock starts, too.
pub(super) async fn tokens_here(connection: &mut Connection, cast: &Cast) -> Result<()> {
    let began = Instant::now();
    for account in &cast.accounts {
        let path = format!("/api/v1/accounts/{}", account.appid);
        while connection.get(&path).await?["live"]["token"]["state"] != "valid" {
            if began.elapsed() > STALLED {
                bail!("no access_token for {} within a minute", account.appid);
            }
            tokio::time::sleep(LOOK_CLOSELY).await;
        }
    }
    Ok(())
}

/// Waits until `wanted` messages in all are settled.
pub(super) async fn settled(connection: &mut Connection, until: Until, wanted: u64) -> Result<Counts> {
    let (mut seen, mut seen_at) = (0, Instant::now());
    loop {
        let counts = counts(connection).await?;
        let settled = until.count(counts);
        if settled >= wanted {
            return Ok(counts);
        }
        let gained = settled.saturating_sub(seen);
        if gained > 0 || seen == 0 {
            tokio::time::sleep(pause(gained, wanted - settled, seen_at.elapsed())).await;
            (seen, seen_at) = (settled, Instant::now());
        } else if seen_at.elapsed() > STALLED {
            bail!("nothing was settled for a minute: {counts:?}, {wanted} wanted");
        } else {
            tokio::time::sleep(LOOK_CLOSELY).await;
        }
    }
}

/// Half of what the rest will take at the speed just seen, within bounds.
fn pause(gained: u64, rest: u64, took: Duration) -> Duration {
    let guess = took.as_secs_f64() * rest as f64 / gained.max(1) as f64 / 2.0;
    Duration::from_secs_f64(guess.min(1.0)).clamp(LOOK_CLOSELY, LOOK_EVERY)
}

/// Milliseconds from accept to settled of every message a server keeps, read page by page.
pub(super) async fn waits(connection: &mut Connection, until: Until) -> Result<Histogram<u64>> {
    let end = match until {
        Until::Taken => "sent_at",
        Until::Final => "settled_at",
    };
    let mut waits = Histogram::new(3)?;
    let mut path = "/api/v1/messages?limit=500".to_owned();
    loop {
        let page = connection.get(&path).await?;
        for message in messages_of(&page) {
            if let Some(ms) = millis_between(&message["accepted_at"], &message[end]) {
                waits.record(ms)?;
            }
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/messages?limit=500&cursor={cursor}"),
            None => return Ok(waits),
        }
    }
}

/// The messages of a page.
pub(crate) fn messages_of(page: &Value) -> impl Iterator<Item = &Value> {
    page["messages"].as_array().into_iter().flatten()
}

/// Whole milliseconds from one RFC 3339 time to another.
pub(crate) fn millis_between(from: &Value, to: &Value) -> Option<u64> {
    let ms = |value: &Value| Some(value.as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond());
    u64::try_from(ms(to)? - ms(from)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_counts_as_settled_when_taken_or_when_final() {
        let stats =
            json!({ "totals": { "pending": 5, "sent": 3, "delivered": 2, "failed": 1, "unknown": 0 } });
        let counts = Counts::of(&stats);

        assert_eq!((Until::Taken.count(counts), Until::Final.count(counts)), (6, 3));
    }

    #[test]
    fn the_counters_are_read_more_often_near_the_end() {
        let second = Duration::from_secs(1);

        assert_eq!(pause(10, 1_000_000, second), LOOK_EVERY);
        assert_eq!(pause(20_000, 10, second), LOOK_CLOSELY);
    }

    #[test]
    fn a_wait_is_told_in_milliseconds() {
        let (from, to) = (json!("2026-11-23T12:00:00Z"), json!("2026-11-23T12:00:01.25Z"));

        assert_eq!(millis_between(&from, &to), Some(1250));
        assert_eq!(millis_between(&from, &json!(null)), None);
    }
}
