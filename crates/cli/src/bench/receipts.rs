//! `bench receipts`: WeChat's callbacks, signed and encrypted, as fast as they are answered, while messages are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use clap::Args;
use hdrhistogram::Histogram;
use hongyan_wechat::SecretString;
use hongyan_wechat::callback::{EncodingAesKey, Endpoint, Keys, Mode, Stamp};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::bench::children::Running;
use crate::bench::figures::{Figures, Report};
use crate::bench::load::{self, Flood, Until};
use crate::bench::repeat;
use crate::bench::stage::{AES_KEY, CALLBACK_TOKEN, Plan, Reports, Stage};
use crate::http::Connection;
use crate::local;

#[derive(Clone, Debug, Args)]
pub(crate) struct Receipts {
    #[arg(long, default_value_t = 50_000)]
    pub(super) messages: usize,
    #[arg(long, default_value_t = 64)]
    pub(super) connections: usize,
    #[arg(long, default_value_t = 5)]
    pub(super) runs: usize,
}

/// One push as WeChat would make it.
struct Push {
    path: String,
    body: Bytes,
}

pub(super) async fn run(args: &Receipts) -> Result<Report> {
    let figures = repeat(args.runs, |_| once(args)).await?;
    let Receipts { messages, connections, runs } = args;
    let command = format!(
        "hongyan bench receipts --messages {messages} --connections {connections} --runs {runs} --json"
    );
    Ok(Report { command, runs: *runs, figures })
}

async fn once(args: &Receipts) -> Result<Figures> {
    let Receipts { messages, connections, .. } = *args;
    let plan = Plan { reports: Reports::ByHand, ..Plan::bare(1, 2 * messages) };
    let stage = Stage::set(plan).await?;
    let server = stage.serve().await?;
    let mut connection = stage.connect(&server).await?;
    let (from, to) = (0, messages);
    let first = Flood { cast: stage.cast.clone(), from, to, batch: 1_000, connections: 4, lane: "normal" };
    load::flood(&stage, &server, &first).await?;
    load::settled(&mut connection, Until::Taken, messages as u64).await?;
    let pushes = Arc::new(pushes(&mut connection, &stage.cast.account(0).appid).await?);
    ensure!(pushes.len() == messages, "{} of {messages} sent messages have a msgid", pushes.len());

    let second = Flood { from: messages, to: 2 * messages, ..first };
    let (cpu, start) = (server.cpu()?, Instant::now());
    let push_all = async {
        let answers = push_all(&server, &pushes, connections).await?;
        anyhow::Ok((answers, start.elapsed()))
    };
    let (flooded, pushed) = tokio::join!(load::flood(&stage, &server, &second), push_all);
    flooded?;
    let (answers, took) = pushed?;
    let counts = load::settled(&mut connection, Until::Taken, 2 * messages as u64).await?;
    ensure!(
        counts.delivered == messages as u64,
        "{} of {messages} receipts settled a message",
        counts.delivered
    );
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), server.cpu()? - cpu);
    drop(connection);
    server.stop().await?;
    let ms = |quantile| answers.value_at_quantile(quantile) as f64 / 1_000.0;
    Ok(Figures::default()
        .with("receipts", messages as f64)
        .with("receipts_per_sec", messages as f64 / took.as_secs_f64())
        .with("p50_ms", ms(0.5))
        .with("p99_ms", ms(0.99))
        .with("sends_meanwhile", messages as f64)
        .with("sends_per_sec", messages as f64 / seconds)
        .with("cpu_us_per_pair", cpu.as_secs_f64() * 1e6 / messages as f64))
}

/// The push for every message that WeChat took.
async fn pushes(connection: &mut Connection, appid: &str) -> Result<Vec<Push>> {
    let current = EncodingAesKey::parse(AES_KEY)?;
    let mode = Mode::Safe(Keys { current, previous: None });
    let endpoint = Endpoint::new(appid, SecretString::from(CALLBACK_TOKEN), mode);
    let timestamp_s = local::now().ms() / 1_000;
    let mut pushes = Vec::new();
    let mut path = "/api/v1/messages?limit=500".to_owned();
    loop {
        let page = connection.get(&path).await?;
        for message in load::messages_of(&page) {
            pushes.push(push(&endpoint, appid, message, timestamp_s)?);
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/messages?limit=500&cursor={cursor}"),
            None => return Ok(pushes),
        }
    }
}

fn push(endpoint: &Endpoint, appid: &str, message: &Value, timestamp_s: i64) -> Result<Push> {
    let msgid = message["msgid"].as_str().context("a sent message has a msgid")?;
    let openid = message["touser"].as_str().context("a message has a recipient")?;
    let event = format!(
        "<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>\
         <CreateTime>{timestamp_s}</CreateTime><MsgType><![CDATA[event]]></MsgType>\
         <Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>{msgid}</MsgID><Status><![CDATA[success]]></Status></xml>"
    );
    // The same bytes for all: how they are drawn costs the receiver nothing.
    let stamp = Stamp { random: *b"hongyanbenchmark", timestamp_s, nonce: "486452656" };
    let sealed = endpoint.seal_reply(&event, &stamp)?;
    let signature = &sealed.msg_signature;
    let path = format!(
        "/callback/{appid}?signature={signature}&timestamp={timestamp_s}&nonce=486452656&openid={openid}\
         &encrypt_type=aes&msg_signature={signature}"
    );
    let body = format!(
        "<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><Encrypt><![CDATA[{}]]></Encrypt></xml>",
        sealed.encrypt
    );
    Ok(Push { path, body: Bytes::from(body) })
}

async fn push_all(server: &Running, pushes: &Arc<Vec<Push>>, connections: usize) -> Result<Histogram<u64>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let connection = Connection::open(&server.authority, None).await?;
        workers.spawn(work(connection, pushes.clone(), next.clone()));
    }
    let mut answers = Histogram::new(3)?;
    while let Some(done) = workers.join_next().await {
        answers.add(done??)?;
    }
    Ok(answers)
}

/// Answers the time each push took, in microseconds.
async fn work(
    mut connection: Connection,
    pushes: Arc<Vec<Push>>,
    next: Arc<AtomicUsize>,
) -> Result<Histogram<u64>> {
    let mut answers = Histogram::new(3)?;
    while let Some(push) = pushes.get(next.fetch_add(1, Ordering::Relaxed)) {
        let start = Instant::now();
        let reply = connection.post_bytes(&push.path, push.body.clone()).await?;
        answers.record(start.elapsed().as_micros() as u64)?;
        if reply.status != 200 || &*reply.body != b"success" {
            bail!("a receipt was answered {} {}", reply.status, String::from_utf8_lossy(&reply.body));
        }
    }
    Ok(answers)
}
