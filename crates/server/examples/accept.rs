//! What taking messages and receipts in costs: batches of 1,000 in process; single messages and receipts (plain
//! mode) over 64 connections on the same machine, the client's own cost included. `cargo run --release -p hongyan-server --example accept`

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use axum::body::Body;
use hongyan_domain::{AccountKind, Appid};
use hongyan_engine::accept::Request;
use hongyan_engine::{Clock, Engine, Metrics};
use hongyan_server::{App, Parts, Settings, router, serve};
use hongyan_store::{
    AccountDraft, CallbackKeys, KeyText, MasterKey, NewKey, Paused, Scope, Secret, Store, StoredTemplate,
    TokenSource,
};
use http_body_util::BodyExt;
use prometheus_client::registry::Registry;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const BATCHES: usize = 50;
const CONNECTIONS: usize = 64;
const SINGLES: usize = 800;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let (app, key) = app(&folder.path().join("bench.db")).await?;
    for _ in 0..3 {
        engine_alone(&app).await?;
        batches(&app, &key).await?;
        over_connections(&app, "single messages", &|n, at| send(&key, n * SINGLES + at), "HTTP/1.1 202")
            .await?;
        over_connections(&app, "receipts", &|n, at| receipt(n * SINGLES + at), "HTTP/1.1 200").await?;
    }
    Ok(())
}

async fn app(path: &std::path::Path) -> Outcome<(App, String)> {
    let mut rng = StdRng::seed_from_u64(1);
    let clock = Clock::System;
    let settings =
        hongyan_store::Settings::new(format!("sqlite:{}", path.display()), MasterKey::generate(&mut rng));
    let store = Store::open(settings, clock.now()).await?;
    // Paused: what is measured is the way in.
    let draft = AccountDraft {
        appid: Appid::new("wx1")?,
        name: "bench".to_owned(),
        kind: AccountKind::Service,
        verified: true,
        secret: Secret::new("s"),
        callback: Some(CallbackKeys { token: Secret::new("TOKEN"), aes_key: None, previous_aes_key: None }),
        limits: None,
        proxy: None,
        token_source: TokenSource::Stable,
        paused: Some(Paused { until: None, reason: "a measurement".to_owned() }),
    };
    let account = store.put_account(draft, clock.now()).await?;
    let template = StoredTemplate {
        template_id: "TEMPLATE".to_owned(),
        title: "下单成功通知".to_owned(),
        content: "商品：{{thing1.DATA}}\n时间：{{time2.DATA}}\n金额：{{amount3.DATA}}".to_owned(),
        example: String::new(),
        primary_industry: String::new(),
        deputy_industry: String::new(),
    };
    store.sync_templates(account.id, vec![template], clock.now()).await?;
    let text = KeyText::generate(&mut rng);
    let new = NewKey {
        text: text.clone(),
        name: "k".into(),
        scopes: Scope::ALL.into(),
        accounts: vec![],
        expires_at: None,
    };
    store.put_key(new, clock.now()).await?;
    let wechat =
        hongyan_wechat::Settings { api_bases: vec!["http://127.0.0.1:9".to_owned()], ..Default::default() };
    let (client, mut registry) = (hongyan_wechat::Client::new(wechat)?, Registry::default());
    let metrics = Metrics::register(&mut registry);
    let settings = hongyan_engine::Settings::default();
    let engine = Engine::start(hongyan_engine::Parts { store, client, clock, metrics, settings }).await?;
    Ok((App::new(Parts { engine, registry, rng, settings: Settings::default() }), text.expose().to_owned()))
}

fn message(n: usize) -> String {
    format!(
        r#"{{"touser":"o6_bmjrPTlm6_2sgVt7hMZOPfL{n:05}","template_id":"TEMPLATE","data":{{"thing1":{{"value":"拿铁咖啡大杯"}},"time2":{{"value":"2026-11-23 12:00"}},"amount3":{{"value":"¥25.00"}}}},"url":"https://example.com/order/{n}"}}"#
    )
}

async fn engine_alone(app: &App) -> Outcome<()> {
    let texts: Vec<_> = (0..1_000).map(message).collect();
    let (began, cpu) = (Instant::now(), cpu());
    for _ in 0..BATCHES {
        let requests: Vec<Request<'_>> =
            texts.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>()?;
        app.engine().accept(&requests).await?;
    }
    report("engine.accept and parsing alone", BATCHES * 1_000, began, cpu);
    Ok(())
}

async fn batches(app: &App, key: &str) -> Outcome<()> {
    let router = router(app.clone());
    let messages: Vec<_> = (0..1_000).map(message).collect();
    let body = bytes::Bytes::from(format!("{{\"messages\":[{}]}}", messages.join(",")));
    let (began, cpu) = (Instant::now(), cpu());
    for _ in 0..BATCHES {
        let request = http::Request::post("/api/v1/messages/batch")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {key}"))
            .body(Body::from(body.clone()))?;
        let answer = router.clone().oneshot(request).await?.into_body().collect().await?.to_bytes();
        assert!(answer.len() > 100_000, "{}", String::from_utf8_lossy(&answer));
    }
    report("batches of 1,000 by the router", BATCHES * 1_000, began, cpu);
    Ok(())
}

/// Sends all requests, each connection one after another.
async fn over_connections(
    app: &App,
    what: &str,
    request: &dyn Fn(usize, usize) -> String,
    good: &'static str,
) -> Outcome<()> {
    let (listener, stop) = (TcpListener::bind("127.0.0.1:0").await?, CancellationToken::new());
    let address = listener.local_addr()?;
    let server = tokio::spawn(serve(app.clone(), listener, stop.clone()));
    let requests: Vec<Vec<String>> =
        (0..CONNECTIONS).map(|n| (0..SINGLES).map(|at| request(n, at)).collect()).collect();
    let (began, cpu) = (Instant::now(), cpu());
    let callers: Vec<_> = requests.into_iter().map(|all| tokio::spawn(caller(address, all, good))).collect();
    let mut took = Vec::new();
    for caller in callers {
        took.extend(caller.await??);
    }
    report(&format!("{what} over {CONNECTIONS} connections"), CONNECTIONS * SINGLES, began, cpu);
    took.sort_unstable();
    println!("  p50 {:?}, p99 {:?}", took[took.len() / 2], took[took.len() * 99 / 100]);
    stop.cancel();
    server.await??;
    Ok(())
}

fn send(key: &str, n: usize) -> String {
    let body = message(n);
    let length = body.len();
    format!(
        "POST /api/v1/messages HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer {key}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

fn receipt(n: usize) -> String {
    let now_s = Clock::System.now().ms() / 1_000;
    let mut signed = ["TOKEN".to_owned(), now_s.to_string(), "n".to_owned()];
    signed.sort_unstable();
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, signed.concat().as_bytes());
    let signature: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let msgid = now_s.unsigned_abs() * 1_000_000 + n as u64;
    let body = format!(
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>o{n}</FromUserName><CreateTime>{now_s}</CreateTime>\
         <MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event><MsgID>{msgid}</MsgID><Status>success</Status></xml>"
    );
    let length = body.len();
    format!(
        "POST /callback/wx1?signature={signature}&timestamp={now_s}&nonce=n HTTP/1.1\r\nhost: x\r\n\
         content-type: text/xml\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

async fn caller(address: std::net::SocketAddr, requests: Vec<String>, good: &str) -> Outcome<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut took, mut answer) = (Vec::with_capacity(requests.len()), [0; 4_096]);
    for request in requests {
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let got = stream.read(&mut answer).await?;
        assert!(answer[..got].starts_with(good.as_bytes()), "{}", String::from_utf8_lossy(&answer[..got]));
        took.push(began.elapsed());
    }
    Ok(took)
}

/// Processor time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn report(what: &str, messages: usize, began: Instant, cpu_before: Duration) {
    let (took, cpu) = (began.elapsed(), cpu() - cpu_before);
    let rate = messages as f64 / took.as_secs_f64();
    let each = cpu.as_secs_f64() * 1e6 / messages as f64;
    println!("{what}: {rate:.0}/s, {each:.1} µs of CPU a message");
}
