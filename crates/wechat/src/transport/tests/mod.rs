//! The transport against a server of a few lines that misbehaves on order.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::error::Garble;

mod exchange;
mod routes;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// What the server does with one request.
#[derive(Clone, Copy)]
enum Does {
    /// Writes this and keeps the connection.
    Says(&'static str),
    /// Writes this and closes.
    SaysAndCloses(&'static str),
    /// Never answers.
    Waits,
}

/// One entry for each connection, in the order they come: what it does with its requests.
async fn server(connections: Vec<Vec<Does>>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut served = Vec::new();
        for connection in connections {
            let (tcp, _) = listener.accept().await.unwrap();
            served.push(tokio::spawn(serve(tcp, connection)));
        }
        let mut heads = Vec::new();
        for one in served {
            heads.extend(one.await.unwrap());
        }
        heads
    });
    (address, task)
}

/// Returns the requests it read, each whole.
async fn serve(mut tcp: TcpStream, does: Vec<Does>) -> Vec<String> {
    let mut requests = Vec::new();
    for one in does {
        let Some(request) = read_request(&mut tcp).await else { return requests };
        requests.push(request);
        match one {
            Does::Says(text) => tcp.write_all(text.as_bytes()).await.unwrap(),
            Does::SaysAndCloses(text) => {
                tcp.write_all(text.as_bytes()).await.unwrap();
                return requests;
            }
            Does::Waits => {
                let _ = tcp.read_u8().await;
                return requests;
            }
        }
    }
    // The client closes; a server that closed first would race with it.
    let _ = tcp.read_u8().await;
    requests
}

async fn read_request(tcp: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut byte = [0; 1];
    while !text.ends_with("\r\n\r\n") {
        tcp.read_exact(&mut byte).await.ok()?;
        text.push(char::from(byte[0]));
    }
    let length = text.to_lowercase().split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok();
    let mut body = vec![0; length.unwrap_or(0)];
    tcp.read_exact(&mut body).await.ok()?;
    Some(text + &String::from_utf8(body).unwrap())
}

fn settings(bases: &[SocketAddr]) -> Settings {
    Settings { api_bases: bases.iter().map(|base| format!("http://{base}")).collect(), ..Settings::default() }
}

fn transport(bases: &[SocketAddr]) -> Transport {
    Transport::new(&settings(bases)).unwrap()
}

fn post() -> Call<'static> {
    Call { path: "/send?access_token=t", body: Some(Bytes::from_static(b"{\"a\":1}")), limit: 1024 }
}

/// A port that refuses: it was bound a moment ago.
async fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn outcome_of(does: Does) -> Result<Answer, CallError> {
    let (address, _server) = server(vec![vec![does]]).await;
    transport(&[address]).call(&post()).await
}

fn kind(outcome: &Result<Answer, CallError>) -> &'static str {
    match outcome {
        Ok(_) => "answer",
        Err(CallError::NotSent(_)) => "not sent",
        Err(CallError::NoAnswer(_)) => "no answer",
        Err(CallError::Garbled { .. }) => "garbled",
        Err(CallError::Errcode { .. }) => "errcode",
    }
}

fn proxied(settings: &Settings, proxy: Proxy) -> Transport {
    Transport::new(settings).unwrap().through(settings, proxy).unwrap()
}
