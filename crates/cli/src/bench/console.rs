//! `bench console`: what an operator waits for with millions of finished messages in the store, through the same API that
//! the console's pages ask; and what open pages cost the sender.

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use clap::builder::RangedU64ValueParser;
use hdrhistogram::Histogram;
use hongyan_domain::Timestamp;

use crate::bench::cast::Cast;
use crate::bench::children::Running;
use crate::bench::figures::{Figures, Report};
use crate::bench::finished::{
    ERRCODE, Finished, Mix, OLD_SCENARIO, OLD_TEMPLATE, SCENARIO, client_msg_id, msgid,
};
use crate::bench::load::{self, Flood, Until};
use crate::bench::repeat;
use crate::bench::stage::{Plan, Stage};
use crate::bench::streams::Streams;
use crate::http::Connection;
use crate::message::escaped;

/// A page of the list of messages.
const LIST: &str = "/api/v1/messages?limit=50";
/// Spreads the calls over the store; prime, so that no two of them look for the same.
const STRIDE: usize = 7_919_777;

#[derive(Clone, Debug, Args)]
pub(crate) struct Console {
    #[arg(long, default_value_t = 10_000_000, value_parser = RangedU64ValueParser::<usize>::new().range(10_000..))]
    pub(super) rows: usize,
    #[arg(long, default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(20..))]
    pub(super) calls: usize,
    #[arg(long, default_value_t = 500, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(super) streams: usize,
    #[arg(long, default_value_t = 100_000)]
    pub(super) messages: usize,
    #[arg(long, default_value_t = 3)]
    pub(super) runs: usize,
}

/// What is looked for, and how the figures are called.
struct Search {
    p50: &'static str,
    p99: &'static str,
    finds: Finds,
    /// The conditions of call after call: given the number of a message somewhere in the store.
    query: fn(&Scene<'_>, usize) -> String,
}

/// What has to come of it, so that nothing is measured that finds nothing by mistake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finds {
    Something,
    Nothing,
}

struct Scene<'a> {
    cast: &'a Cast,
    begin: Timestamp,
    finished: Finished,
}

macro_rules! search {
    ($name:literal, $finds:ident, $query:expr) => {
        Search {
            p50: concat!("search_", $name, "_p50_ms"),
            p99: concat!("search_", $name, "_p99_ms"),
            finds: Finds::$finds,
            query: $query,
        }
    };
}

const SEARCHES: &[Search] = &[
    search!("newest", Something, |_, _| String::new()),
    search!("openid", Something, |scene, n| format!("&touser={}", scene.cast.openid(n))),
    search!("client_msg_id", Something, |_, n| format!("&client_msg_id={}", client_msg_id(n))),
    // One in a thousand failed and has no number.
    search!("msgid", Something, |_, n| format!("&msgid={}", msgid(n - n % 1_000))),
    search!("template", Something, |scene, n| format!("&template_id={}", scene.cast.account(n).template_id)),
    search!("template_of_old", Something, |_, _| format!("&template_id={OLD_TEMPLATE}")),
    search!("scenario", Something, |_, _| format!("&scenario={SCENARIO}")),
    search!("scenario_of_old", Something, |_, _| format!("&scenario={OLD_SCENARIO}")),
    search!("errcode", Something, |_, _| format!("&errcode={ERRCODE}")),
    search!("failed", Something, |_, _| "&state=failed".to_owned()),
    search!("delivered", Something, |_, _| "&state=delivered".to_owned()),
    search!("pending", Nothing, |_, _| "&state=pending".to_owned()),
    search!("sent", Nothing, |_, _| "&state=sent".to_owned()),
    search!("time", Something, |scene, n| scene.hour_of(n)),
    search!("person_and_time", Something, |scene, n| format!(
        "&touser={}{}",
        scene.cast.openid(n),
        scene.hour_of(n)
    )),
];

impl Scene<'_> {
    /// From half an hour before message `n` to half an hour after.
    fn hour_of(&self, n: usize) -> String {
        let half = std::time::Duration::from_secs(1_800);
        let at = self.finished.at(self.begin, n);
        let time = |at: Timestamp| escaped(&at.to_string());
        format!("&since={}&until={}", time(at.minus(half)), time(at.plus(half)))
    }
}

pub(super) async fn run(args: &Console) -> Result<Report> {
    let Console { rows, calls, streams, messages, runs } = *args;
    let plan = Plan::bare(1, messages);
    let stage = Stage::set(plan).await?;
    let (finished, begin, filled) = (Finished { rows, mix: Mix::Mixed }, Finished::begin(), Instant::now());
    finished.put(&stage.store().await?, &stage.cast).await?;
    let filled = filled.elapsed();
    let server = stage.serve().await?;
    let mut connection = stage.connect(&server).await?;
    load::tokens_here(&mut connection, &stage.cast).await?;
    let scene = Scene { cast: &stage.cast, begin, finished };
    let mut figures = Figures::default().with("rows", rows as f64).with("fill_seconds", filled.as_secs_f64());
    look(&mut connection, &scene, calls, &mut figures).await?;
    let (stage, server) = (&stage, &server);
    let rates = repeat(runs, |_| pair(stage, server, (messages, streams))).await?;
    figures.extend(rates);
    let command = format!(
        "hongyan bench console --rows {rows} --calls {calls} --streams {streams} --messages {messages} --runs {runs} --json"
    );
    Ok(Report { command, runs, figures })
}

/// The overview, then every kind of search, each so often.
async fn look(
    connection: &mut Connection,
    scene: &Scene<'_>,
    calls: usize,
    figures: &mut Figures,
) -> Result<()> {
    let ms = |times: &Histogram<u64>, quantile| times.value_at_quantile(quantile) as f64 / 1_000.0;
    let mut times = Histogram::<u64>::new(3)?;
    for _ in 0..calls {
        let start = Instant::now();
        connection.get("/api/v1/overview").await?;
        times.record(start.elapsed().as_micros() as u64)?;
    }
    figures.add("overview_p50_ms", ms(&times, 0.5));
    figures.add("overview_p99_ms", ms(&times, 0.99));
    for search in SEARCHES {
        times.reset();
        for call in 1..=calls {
            let n = call * STRIDE % scene.finished.rows;
            let path = format!("{LIST}{}", (search.query)(scene, n));
            times.record(found(connection, &path, search.finds).await?)?;
        }
        figures.add(search.p50, ms(&times, 0.5));
        figures.add(search.p99, ms(&times, 0.99));
    }
    Ok(())
}

/// Microseconds until the first message is there, or it is sure that there is none: page after page, as a person turns them.
async fn found(connection: &mut Connection, path: &str, finds: Finds) -> Result<u64> {
    let (start, mut next) = (Instant::now(), path.to_owned());
    let found = loop {
        let page = connection.get(&next).await?;
        let found = load::messages_of(&page).next().is_some();
        match page["next_cursor"].as_str() {
            Some(cursor) if !found => next = format!("{path}&cursor={cursor}"),
            _ => break found,
        }
    };
    let took = start.elapsed().as_micros() as u64;
    ensure!(found == (finds == Finds::Something), "{path} found something: {found}");
    Ok(took)
}

/// The sender's rate without and with open pages, one after the other, so that what else the machine does falls on both.
async fn pair(stage: &Stage, server: &Running, (messages, streams): (usize, usize)) -> Result<Figures> {
    let without = rate(stage, server, messages).await?;
    let open = Streams::open(&server.authority, stage.key(), streams).await?;
    let with = rate(stage, server, messages).await?;
    open.check()?;
    Ok(Figures::default()
        .with("messages", messages as f64)
        .with("streams", streams as f64)
        .with("rate_per_sec_without_streams", without)
        .with("rate_per_sec_with_streams", with)
        .with("streams_ratio", with / without))
}

async fn rate(stage: &Stage, server: &Running, messages: usize) -> Result<f64> {
    let mut connection = stage.connect(server).await?;
    let before = load::counts(&mut connection).await?;
    let wanted = before.sent + before.finished() + messages as u64;
    let (from, to) = (0, messages);
    let flood = Flood { cast: stage.cast.clone(), from, to, batch: 1_000, connections: 4, lane: "normal" };
    let start = Instant::now();
    load::flood(stage, server, &flood).await?;
    load::settled(&mut connection, Until::Taken, wanted).await?;
    Ok(messages as f64 / start.elapsed().as_secs_f64())
}
