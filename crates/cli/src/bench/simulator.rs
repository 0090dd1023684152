//! `bench simulator`: how fast the stand-in itself is, so that it is known not to be what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use clap::Args;
use serde_json::json;
use tokio::task::JoinSet;

use crate::bench::cast::{self, Cast};
use crate::bench::figures::{Figures, Report};
use crate::bench::repeat;
use crate::bench::stage::{Plan, Stage};
use crate::http::Connection;

#[derive(Clone, Debug, Args)]
pub(crate) struct Bare {
    #[arg(long, default_value_t = 200_000)]
    pub(super) messages: usize,
    #[arg(long, default_value_t = 64)]
    pub(super) connections: usize,
    #[arg(long, default_value_t = 5)]
    pub(super) runs: usize,
}

pub(super) async fn run(args: &Bare) -> Result<Report> {
    let figures = repeat(args.runs, |_| once(args)).await?;
    let Bare { messages, connections, runs } = args;
    let command = format!(
        "hongyan bench simulator --messages {messages} --connections {connections} --runs {runs} --json"
    );
    Ok(Report { command, runs: *runs, figures })
}

async fn once(args: &Bare) -> Result<Figures> {
    let Bare { messages, connections, .. } = *args;
    let plan = Plan::bare(1, messages);
    let stage = Stage::set(plan).await?;
    let account = stage.cast.account(0);
    let body = json!({ "grant_type": "client_credential", "appid": account.appid, "secret": account.secret.expose() });
    let token = stage.control().await?.post("/cgi-bin/stable_token", &body).await?;
    let token = token["access_token"].as_str().context("no access_token")?;
    let path: Arc<str> = format!("/cgi-bin/message/template/send?access_token={token}").into();
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    let (cpu, start) = (stage.simulator.cpu()?, Instant::now());
    for _ in 0..connections {
        let connection = stage.control().await?;
        workers.spawn(work(connection, stage.cast.clone(), (path.clone(), next.clone(), messages)));
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    let seconds = start.elapsed().as_secs_f64();
    let cpu = stage.simulator.cpu()? - cpu;
    Ok(Figures::default()
        .with("messages", messages as f64)
        .with("seconds", seconds)
        .with("rate_per_sec", messages as f64 / seconds)
        .with("cpu_us_per_message", cpu.as_secs_f64() * 1e6 / messages as f64))
}

async fn work(
    mut connection: Connection,
    cast: Arc<Cast>,
    what: (Arc<str>, Arc<AtomicUsize>, usize),
) -> Result<()> {
    let (path, next, messages) = what;
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= messages {
            return Ok(());
        }
        let reply = connection.post_bytes(&path, body(&cast, n)).await?;
        if !reply.body.starts_with(br#"{"errcode":0,"#) {
            bail!("the simulator refused: {}", String::from_utf8_lossy(&reply.body));
        }
    }
}

fn body(cast: &Cast, n: usize) -> Bytes {
    let (openid, template_id) = (cast.openid(n), &cast.account(n).template_id);
    let mut body =
        format!(r#"{{"touser":"{openid}","template_id":"{template_id}","client_msg_id":"bare-{n}","data":"#)
            .into_bytes();
    cast::write_data(n, &mut body);
    body.push(b'}');
    Bytes::from(body)
}
