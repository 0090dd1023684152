//! The least that answers a send as WeChat does: `cargo run --release -p hongyan-wechat --example stand_in -- 127.0.0.1:9090`.
//! It looks for the end of each request and counts; it checks nothing.

use std::error::Error;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const BODY: &str = r#"{"errcode":0,"errmsg":"ok","msgid":3557254367693750277}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9090".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        tokio::spawn(answer_all(tcp));
    }
}

async fn answer_all(mut tcp: TcpStream) -> std::io::Result<()> {
    let length = BODY.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{BODY}"
    );
    let mut buffer = Vec::with_capacity(16 * 1024);
    while tcp.read_buf(&mut buffer).await? > 0 {
        if whole(&buffer) {
            buffer.clear();
            tcp.write_all(answer.as_bytes()).await?;
        }
    }
    Ok(())
}

/// Whether head and body are there; the head says how long the body is.
fn whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    request.len() >= head + 4 + length.and_then(|length| length.parse().ok()).unwrap_or(0)
}
