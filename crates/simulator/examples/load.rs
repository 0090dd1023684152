//! How much the simulator takes: raw keep-alive connections post sends of about 400 bytes to a `stand` process.
//!
//! `load ADDRESS PID SENDS [CONNECTIONS] [receipts]` prints the rate and the CPU of that process per send, from
//! /proc. With `receipts` this process also answers them, signed and encrypted, and the clock stops at the last one.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

type Failure = Box<dyn Error + Send + Sync>;

const FOLLOWERS: usize = 10_000;

/// What is measured, and how.
struct Plan {
    address: String,
    pid: u32,
    sends: u64,
    connections: u64,
    receipts: bool,
}

impl Plan {
    fn read() -> Result<Plan, Failure> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let word =
            |index: usize| arguments.get(index).ok_or("load ADDRESS PID SENDS [CONNECTIONS] [receipts]");
        Ok(Plan {
            address: word(0)?.clone(),
            pid: word(1)?.parse()?,
            sends: word(2)?.parse()?,
            connections: word(3).map_or(Ok(64), |text| text.parse())?,
            receipts: word(4).is_ok_and(|text| text == "receipts"),
        })
    }
}

/// Receipts that came, and the sign that the last one has.
#[derive(Default)]
struct Receipts {
    came: AtomicU64,
    all: Notify,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Arc::new(Plan::read()?);
    let receipts = Arc::new(Receipts::default());
    let bodies = Arc::new(prepare(&plan, &receipts).await?);
    let (cpu_before, began) = (cpu_us(plan.pid)?, Instant::now());
    let each = plan.sends / plan.connections;
    let runs: Vec<_> = (0..plan.connections)
        .map(|number| tokio::spawn(run(Arc::clone(&plan), Arc::clone(&bodies), number * each, each)))
        .collect();
    for run in runs {
        run.await??;
    }
    let sent_after = began.elapsed().as_secs_f64();
    let sends = each * plan.connections;
    if plan.receipts {
        while receipts.came.load(Ordering::Acquire) < sends {
            receipts.all.notified().await;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu_us(plan.pid)? - cpu_before;
    println!(
        "{}",
        json!({
            "sends": sends, "connections": plan.connections, "seconds": seconds,
            "sends_per_sec": (sends as f64 / sent_after) as u64,
            "all_per_sec": (sends as f64 / seconds) as u64,
            "simulator_cpu_us_per_send": cpu as f64 / sends as f64,
            "simulator_rss_mb": rss_mb(plan.pid)?,
            "receipts": receipts.came.load(Ordering::Relaxed),
        })
    );
    Ok(())
}

/// Makes account, template and followers; answers the line and head of a send, and its bodies' openids.
struct Bodies {
    head: String,
    openids: Vec<String>,
    template_id: String,
    run: u32,
}

async fn prepare(plan: &Plan, receipts: &Arc<Receipts>) -> Result<Bodies, Failure> {
    let mut stream = TcpStream::connect(&plan.address).await?;
    let appid = "wxload";
    let mut account =
        json!({"appid": appid, "secret": "s", "daily_quota": 1_000_000_000, "minute_limit": 1_000_000_000});
    account["callback_url"] = json!("");
    if plan.receipts {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        account["callback_url"] = json!(format!("http://{}/callback", listener.local_addr()?));
        account["token"] = json!("AAAAA");
        account["aes_key"] = json!("A".repeat(43));
        tokio::spawn(answer_receipts(
            listener,
            Arc::clone(receipts),
            plan.sends / plan.connections * plan.connections,
        ));
    }
    order(&mut stream, "/_sim/accounts", &account).await?;
    let content = "订单编号{{character_string1.DATA}}\n商品名称{{thing2.DATA}}\n下单时间{{time3.DATA}}";
    let template = json!({"appid": appid, "title": "下单成功通知", "content": content});
    let template = order(&mut stream, "/_sim/templates", &template).await?;
    let followers =
        order(&mut stream, "/_sim/followers", &json!({"appid": appid, "count": FOLLOWERS})).await?;
    let ask = json!({"grant_type": "client_credential", "appid": appid, "secret": "s"});
    let token = order(&mut stream, "/cgi-bin/stable_token", &ask).await?;
    let token = token["access_token"].as_str().ok_or("no token")?;
    let openids = followers["openids"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Bodies {
        head: format!("POST /cgi-bin/message/template/send?access_token={token} HTTP/1.1\r\nHost: x\r\n"),
        openids: openids.map(str::to_owned).collect(),
        template_id: template["template_id"].as_str().ok_or("no template")?.to_owned(),
        run: std::process::id(),
    })
}

async fn order(stream: &mut TcpStream, path: &str, body: &Value) -> Result<Value, Failure> {
    let body = body.to_string();
    let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await?;
    let mut read = Vec::new();
    let body = answer(stream, &mut read).await?;
    Ok(serde_json::from_slice(&body)?)
}

/// Reads one answer and gives its body.
async fn answer(stream: &mut TcpStream, read: &mut Vec<u8>) -> Result<Vec<u8>, Failure> {
    loop {
        if let Some(head) = read.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) {
            let length = content_length(&read[..head])?;
            if read.len() >= head + length {
                let body = read[head..head + length].to_vec();
                read.drain(..head + length);
                return Ok(body);
            }
        }
        if stream.read_buf(read).await? == 0 {
            return Err("the connection was closed".into());
        }
    }
}

fn content_length(head: &[u8]) -> Result<usize, Failure> {
    const NAME: &[u8] = b"content-length: ";
    let at = head.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME));
    let digits = &head[at.ok_or("no content-length")? + NAME.len()..];
    let end = digits.iter().position(|byte| *byte == b'\r').ok_or("no end of line")?;
    Ok(std::str::from_utf8(&digits[..end])?.parse()?)
}

async fn run(plan: Arc<Plan>, bodies: Arc<Bodies>, from: u64, count: u64) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(&plan.address).await?;
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(1_024);
    for number in from..from + count {
        let openid = &bodies.openids[number as usize % bodies.openids.len()];
        let (template_id, run) = (&bodies.template_id, bodies.run);
        let body = format!(
            "{{\"touser\":\"{openid}\",\"template_id\":\"{template_id}\",\"url\":\"https://example.com/order/{number}\",\
             \"client_msg_id\":\"load-{run}-{number}\",\"data\":{{\"character_string1\":{{\"value\":\"A{run}-{number}\"}},\
             \"thing2\":{{\"value\":\"拿铁（大杯），少冰，外带\"}},\"time3\":{{\"value\":\"2024年1月2日 12:00\"}}}}}}"
        );
        let request = format!("{}Content-Length: {}\r\n\r\n{body}", bodies.head, body.len());
        stream.write_all(request.as_bytes()).await?;
        let body = answer(&mut stream, &mut read).await?;
        if !body.starts_with(b"{\"errcode\":0,") {
            return Err(String::from_utf8_lossy(&body).into());
        }
    }
    Ok(())
}

async fn answer_receipts(listener: TcpListener, receipts: Arc<Receipts>, expected: u64) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer_line(stream, Arc::clone(&receipts), expected));
    }
}

async fn answer_line(mut stream: TcpStream, receipts: Arc<Receipts>, expected: u64) -> Result<(), Failure> {
    let mut read = Vec::with_capacity(4_096);
    stream.set_nodelay(true)?;
    loop {
        let body = answer(&mut stream, &mut read).await?;
        if !body.starts_with(b"<xml><ToUserName>") {
            return Err("that is no receipt".into());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nsuccess").await?;
        if receipts.came.fetch_add(1, Ordering::AcqRel) + 1 >= expected {
            receipts.all.notify_one();
        }
    }
}

/// User and system time of a process in microseconds; the kernel counts in hundredths of a second.
fn cpu_us(pid: u32) -> Result<u64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).ok_or("stat is short").map(|text| text.parse::<u64>());
    Ok((ticks(11)?? + ticks(12)??) * 10_000)
}

fn rss_mb(pid: u32) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? / 1_024)
}
