//! The demo's messages: into the HTTP API in batches, then watched until each is settled.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::bench::Counts;
use crate::context::Context;
use crate::demo::stage::{APPID, Stage};
use crate::http::Connection;
use crate::print;

const BATCH: usize = 100;
/// One batch more has faults in its fields: it shows what is refused before it is accepted.
const FAULTY: usize = 10;
/// A bar that moves eight times a second looks alive and costs nothing.
const LOOK_EVERY: Duration = Duration::from_millis(125);
/// Without any progress for so long, the demo has failed.
const STALLED: Duration = Duration::from_secs(60);

/// How the sending went.
pub(super) struct Sent {
    pub(super) accepted: usize,
    /// With wrong fields: told at once, all faults together.
    pub(super) refused: usize,
    /// Given twice under one client_msg_id, and recognised.
    pub(super) repeated: usize,
    /// From the first request until the last message was settled.
    pub(super) seconds: f64,
}

pub(super) async fn send(context: &Context, stage: &Stage) -> Result<Sent> {
    let mut connection = Connection::open(&stage.node.address.to_string(), Some(stage.key.expose())).await?;
    let start = Instant::now();
    let (mut accepted, total) = (0, stage.people.len());
    for from in (0..total).step_by(BATCH) {
        accepted += ids(&post(&mut connection, &batch(stage, from..total.min(from + BATCH))).await?).len();
    }
    let again = post(&mut connection, &batch(stage, 0..total.min(BATCH))).await?;
    let refused = post(&mut connection, &faulty(stage)).await?;
    let took = Duration::from_secs_f64(start.elapsed().as_secs_f64());
    context.say("demo.accepted", &[("count", &accepted), ("ms", &took.as_millis())]);
    watch(context, &mut connection, total).await?;
    Ok(Sent {
        accepted,
        refused: refused["results"].as_array().map_or(0, Vec::len) - ids(&refused).len(),
        repeated: ids(&again).len(),
        seconds: start.elapsed().as_secs_f64(),
    })
}

async fn post(connection: &mut Connection, body: &[u8]) -> Result<Value> {
    connection.post_bytes("/api/v1/messages/batch", Bytes::copy_from_slice(body)).await?.json()
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().into_iter().flatten().filter_map(|result| result["id"].as_str()).collect()
}

fn batch(stage: &Stage, numbers: std::ops::Range<usize>) -> Vec<u8> {
    let mut body = b"{\"messages\":[".to_vec();
    for (nth, n) in numbers.enumerate() {
        if nth > 0 {
            body.push(b',');
        }
        write_message(stage, n, &mut body);
    }
    body.extend_from_slice(b"]}");
    body
}

/// Payments first, campaigns last: one in ten urgent, three in ten bulk.
fn lane(n: usize) -> &'static str {
    match n % 10 {
        0 => "urgent",
        1..=6 => "normal",
        _ => "bulk",
    }
}

fn write_message(stage: &Stage, n: usize, body: &mut Vec<u8>) {
    let (openid, template_id, lane) = (&stage.people[n], &stage.template_id, lane(n));
    let (minute, yuan) = (n % 60, n % 900 + 1);
    let _ = write!(
        body,
        r#"{{"appid":"{APPID}","touser":"{openid}","template_id":"{template_id}","client_msg_id":"order-{n}-shipped","lane":"{lane}","category":"transactional","basis":"payment","url":"https://shop.example.com/orders/{n}","data":{{"thing1":{{"value":"拿铁咖啡(大杯)两份"}},"character_string2":{{"value":"HY2026{n:08}"}},"time3":{{"value":"2026-11-23 12:{minute:02}"}},"amount4":{{"value":"¥{yuan}.50"}}}}}}"#
    );
}

/// A letter where an amount belongs, a field that the template has not, and one left out.
fn faulty(stage: &Stage) -> Vec<u8> {
    let message = |n: usize| {
        let (openid, template_id) = (&stage.people[n % stage.people.len()], &stage.template_id);
        format!(
            r#"{{"appid":"{APPID}","touser":"{openid}","template_id":"{template_id}","data":{{"thing1":"咖啡","amount4":"many","thing9":"?"}}}}"#
        )
    };
    format!("{{\"messages\":[{}]}}", (0..FAULTY).map(message).collect::<Vec<_>>().join(",")).into_bytes()
}

async fn watch(context: &Context, connection: &mut Connection, total: usize) -> Result<()> {
    let bar = bar(context, total);
    let (mut seen, mut seen_at) = (0, Instant::now());
    let mut every = tokio::time::interval(LOOK_EVERY);
    loop {
        every.tick().await;
        let counts = Counts::of(&connection.get("/api/v1/stats").await?);
        let finished = counts.finished();
        bar.set_position(finished);
        let told: [(&str, &dyn std::fmt::Display); 3] = [
            ("delivered", &counts.delivered),
            ("failed", &counts.failed),
            ("waiting", &(counts.pending + counts.sent)),
        ];
        bar.set_message(context.texts.fill("demo.bar", &told));
        if finished >= total as u64 {
            bar.finish_and_clear();
            return Ok(());
        }
        if finished > seen {
            (seen, seen_at) = (finished, Instant::now());
        } else if seen_at.elapsed() > STALLED {
            bail!("nothing was settled for a minute: {counts:?}");
        }
    }
}

fn bar(context: &Context, total: usize) -> ProgressBar {
    if context.is_for_machines() || !print::is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:40.green/white.dim} {pos}/{len}  {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─");
    ProgressBar::new(total as u64).with_style(style)
}
