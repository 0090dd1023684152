//! The simulator as a process of its own, for `load` to measure: `stand 127.0.0.1:9090`.

use hongyan_simulator::{Settings, Simulator};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9090".to_owned());
    let listener = TcpListener::bind(&listen).await?;
    println!("{} {}", listener.local_addr()?, std::process::id());
    let simulator = Simulator::new(Settings { callback_connections: 64, ..Settings::default() });
    simulator.serve(listener, CancellationToken::new()).await
}
