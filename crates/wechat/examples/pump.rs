//! A bare loop over [`Client::send_template`]: how many sends a second, and what each costs this process.
//!
//! `bare` as a fifth word sends the same bytes over one hyper connection a loop instead: what the client itself costs is the difference.
//!
//! `cargo run --release -p hongyan-wechat --example pump -- BASE [IN_FLIGHT] [MESSAGES] [THREADS] [bare]`,
//! for example `http://127.0.0.1:9090 64 500000 2`, against anything that answers a POST as WeChat does (see `stand_in`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hongyan_wechat::{CallError, Client, Settings, TemplateMessage};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::value::RawValue;

/// Linux counts CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let base = arguments.next().ok_or("which base?")?;
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse::<u64>());
    let (in_flight, messages, threads) = (number(64)?, number(500_000)?, number(2)?);
    let bare = arguments.next().is_some_and(|word| word == "bare");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::try_from(threads)?)
        .enable_all()
        .build()?;
    let way = if bare {
        Way::Bare(base.trim_start_matches("http://").to_owned())
    } else {
        Way::Client(Client::new(Settings { api_bases: vec![base], ..Settings::default() })?)
    };
    runtime.block_on(pump(&way, in_flight, messages))
}

enum Way {
    Client(Client),
    /// `host:port`
    Bare(String),
}

async fn pump(way: &Way, in_flight: u64, messages: u64) -> Result<(), Box<dyn std::error::Error>> {
    let next = Arc::new(AtomicU64::new(0));
    let (began, cpu_before) = (Instant::now(), cpu());
    let loops: Vec<_> = (0..in_flight)
        .map(|_| match way {
            Way::Client(client) => tokio::spawn(send_until(client.clone(), Arc::clone(&next), messages)),
            Way::Bare(address) => tokio::spawn(send_bare(address.clone(), Arc::clone(&next), messages)),
        })
        .collect();
    let mut failed = 0;
    for one in loops {
        failed += one.await?;
    }
    let (wall, spent) = (began.elapsed(), cpu() - cpu_before);
    #[expect(clippy::cast_precision_loss, reason = "a count of messages is far below 2^52")]
    let count = messages as f64;
    println!(
        "{messages} messages, {in_flight} in flight, {failed} failed: {:.0}/s, {:.2} µs of CPU each",
        count / wall.as_secs_f64(),
        spent.as_secs_f64() * 1e6 / count
    );
    Ok(())
}

async fn send_until(client: Client, next: Arc<AtomicU64>, messages: u64) -> u64 {
    let text = r#"{"character_string1":{"value":"A123"},"thing2":{"value":"拿铁（大杯）"},"time3":{"value":"2024年1月2日 12:00"}}"#;
    let data = RawValue::from_string(text.to_owned()).expect("it is JSON");
    let mut failed = 0;
    loop {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        if nth >= messages {
            return failed;
        }
        if let Err(error) = send(&client, nth, &data).await {
            failed += 1;
            if failed == 1 {
                eprintln!("{error}");
            }
        }
    }
}

async fn send(client: &Client, nth: u64, data: &RawValue) -> Result<(), CallError> {
    let client_msg_id = format!("m{nth:025}");
    let message = TemplateMessage {
        touser: "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
        template_id: "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY",
        url: Some("https://example.com/order/1"),
        miniprogram: None,
        client_msg_id: &client_msg_id,
        data,
    };
    client.send_template("86_ACCESS-TOKEN", &message).await.map(drop)
}

/// One hyper connection, its driver spawned as in hyper's own examples; the body is made once.
async fn send_bare(address: String, next: Arc<AtomicU64>, messages: u64) -> u64 {
    let tcp = tokio::net::TcpStream::connect(&address).await.expect("the stand-in listens");
    tcp.set_nodelay(true).expect("it is TCP");
    let (mut sender, driver) =
        hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.expect("nothing is sent yet");
    tokio::spawn(driver);
    let body =
        bytes::Bytes::from(format!(r#"{{"touser":"o","client_msg_id":"m","data":"{}"}}"#, "x".repeat(330)));
    let mut failed = 0;
    while next.fetch_add(1, Ordering::Relaxed) < messages {
        let request = http::Request::post("/cgi-bin/message/template/send?access_token=86_ACCESS-TOKEN")
            .header(http::header::HOST, &address)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(body.clone()))
            .expect("it is a request");
        let answer = match sender.send_request(request).await {
            Ok(response) => response.into_body().collect().await,
            Err(error) => Err(error),
        };
        failed += u64::from(answer.is_err());
    }
    failed
}

/// User and system time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
    Duration::from_secs_f64(ticks / TICKS_PER_SECOND)
}
