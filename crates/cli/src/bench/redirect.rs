//! `bench redirect`: how long a tap on a counted link takes, from the request to the answer that leads on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use clap::Args;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::bench::cast::Cast;
use crate::bench::children::Running;
use crate::bench::figures::{Figures, Report};
use crate::bench::load::{self, Until};
use crate::bench::repeat;
use crate::bench::stage::{Plan, Stage};
use crate::http::Connection;

/// What the links begin with; nobody asks that host.
const PUBLIC_URL: &str = "https://m.example.com";
/// A tap that counts: WeChat on a phone.
const PHONE: &str = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 MicroMessenger/8.0.50";
/// Messages of one request.
const BATCH: usize = 1_000;

#[derive(Clone, Debug, Args)]
pub(crate) struct Redirect {
    #[arg(long, default_value_t = 10_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub(super) links: usize,
    #[arg(long, default_value_t = 100_000)]
    pub(super) taps: usize,
    #[arg(long, default_value_t = 8)]
    pub(super) connections: usize,
    #[arg(long, default_value_t = 5)]
    pub(super) runs: usize,
}

pub(super) async fn run(args: &Redirect) -> Result<Report> {
    let figures = repeat(args.runs, |_| once(args)).await?;
    let Redirect { links, taps, connections, runs } = args;
    let command = format!(
        "hongyan bench redirect --links {links} --taps {taps} --connections {connections} --runs {runs} --json"
    );
    Ok(Report { command, runs: *runs, figures })
}

async fn once(args: &Redirect) -> Result<Figures> {
    let Redirect { links, taps, connections, .. } = *args;
    let plan = Plan::bare(1, links);
    let stage = Stage::set(plan).await?;
    let server = stage.serve_with(&[("HONGYAN_HTTP__PUBLIC_URL", PUBLIC_URL.to_owned())]).await?;
    let paths = Arc::new(paths(&stage, &server, links).await?);
    let (cpu, start) = (server.cpu()?, Instant::now());
    let answers = tap_all(&server, &paths, (taps, connections)).await?;
    let (took, cpu) = (start.elapsed(), server.cpu()? - cpu);
    server.stop().await?;
    let ms = |quantile| answers.value_at_quantile(quantile) as f64 / 1_000.0;
    Ok(Figures::default()
        .with("links", links as f64)
        .with("taps", taps as f64)
        .with("taps_per_sec", taps as f64 / took.as_secs_f64())
        .with("p50_ms", ms(0.5))
        .with("p99_ms", ms(0.99))
        .with("cpu_us_per_tap", cpu.as_secs_f64() * 1e6 / taps as f64))
}

/// Sends messages whose links are counted, and reads off the phones where those lead.
async fn paths(stage: &Stage, server: &Running, links: usize) -> Result<Vec<String>> {
    let mut connection = stage.connect(server).await?;
    for from in (0..links).step_by(BATCH) {
        let body = tracked(&stage.cast, from, links.min(from + BATCH));
        let reply = connection.post_bytes("/api/v1/messages/batch", body).await?;
        ensure!(reply.status == 200, "a batch was not accepted: HTTP {}", reply.status);
    }
    load::settled(&mut connection, Until::Taken, links as u64).await?;
    let mut control = stage.control().await?;
    let mut paths = Vec::with_capacity(links);
    for openid in &stage.cast.account(0).openids {
        let phone = control.get(&format!("/_sim/phone/{openid}")).await?;
        let urls = load::messages_of(&phone).filter_map(|message| message["url"].as_str());
        paths.extend(urls.filter_map(|url| url.strip_prefix(PUBLIC_URL)).map(str::to_owned));
    }
    ensure!(paths.len() == links, "{} of {links} messages came with a link of ours", paths.len());
    Ok(paths)
}

fn tracked(cast: &Cast, from: usize, to: usize) -> Bytes {
    let mut body = b"{\"messages\":[".to_vec();
    for n in from..to {
        if n > from {
            body.push(b',');
        }
        cast.write_request(n, "normal", &mut body);
        body.pop();
        body.extend_from_slice(b",\"track\":true}");
    }
    body.extend_from_slice(b"]}");
    Bytes::from(body)
}

async fn tap_all(
    server: &Running,
    paths: &Arc<Vec<String>>,
    (taps, connections): (usize, usize),
) -> Result<Histogram<u64>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let connection = Connection::open(&server.authority, None).await?.seen_as(PHONE);
        workers.spawn(work(connection, paths.clone(), (next.clone(), taps)));
    }
    let mut answers = Histogram::new(3)?;
    while let Some(done) = workers.join_next().await {
        answers.add(done??)?;
    }
    Ok(answers)
}

/// Answers the time each tap took, in microseconds.
async fn work(
    mut connection: Connection,
    paths: Arc<Vec<String>>,
    (next, taps): (Arc<AtomicUsize>, usize),
) -> Result<Histogram<u64>> {
    let mut answers = Histogram::new(3)?;
    loop {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        if nth >= taps {
            return Ok(answers);
        }
        // A step that shares no divisor with the number of links, so that neighbours do not follow one another.
        let path = paths.get(nth * 7_919 % paths.len()).context("there is a link")?;
        let start = Instant::now();
        let reply = connection.get_reply(path).await?;
        answers.record(start.elapsed().as_micros() as u64)?;
        ensure!(reply.status == 302, "a tap was answered HTTP {}", reply.status);
    }
}
