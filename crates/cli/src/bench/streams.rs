//! Open pages of the console: connections that are told once a second how everything stands, and read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The streams; they end with this.
pub(super) struct Streams {
    _readers: JoinSet<()>,
    told: Arc<AtomicU64>,
    count: u64,
}

impl Streams {
    /// Opens so many at `host:port`.
    pub(super) async fn open(authority: &str, key: &str, count: usize) -> Result<Self> {
        let (mut readers, told) = (JoinSet::new(), Arc::new(AtomicU64::new(0)));
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {key}\r\nAccept: text/event-stream\r\n\r\n"
        );
        for _ in 0..count {
            let mut stream = TcpStream::connect(authority).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut head = [0; 12];
            stream.read_exact(&mut head).await?;
            ensure!(&head == b"HTTP/1.1 200", "a stream was answered {}", String::from_utf8_lossy(&head));
            readers.spawn(read(stream, told.clone()));
        }
        Ok(Self { _readers: readers, told, count: count as u64 })
    }

    /// Fails if the pages were not told anything: then nothing was measured.
    pub(super) fn check(&self) -> Result<()> {
        let (told, count) = (self.told.load(Ordering::Relaxed), self.count);
        ensure!(told >= count, "{count} pages were told {told} times");
        Ok(())
    }
}

/// Counts what comes. A page's reader would do more: that is the browser's machine, not this one.
async fn read(mut stream: TcpStream, told: Arc<AtomicU64>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let events = buffer[..read].windows(6).filter(|window| *window == b"event:").count();
        told.fetch_add(events as u64, Ordering::Relaxed);
    }
}
