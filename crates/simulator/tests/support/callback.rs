//! A callback on loopback that checks signatures and decrypts by its own code, and answers as it is told.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const TOKEN: &str = "AAAAA";
/// 43 times `A`: 32 zero bytes.
pub(crate) const AES_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// One push as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Arrived {
    pub(crate) fn param(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.param("signature") == sha1_of(&[TOKEN, self.param("timestamp"), self.param("nonce")])
    }

    /// What `<Encrypt>` or `"Encrypt"` holds, its signature checked; with the appid behind it.
    pub(crate) fn decrypted(&self) -> (String, String) {
        let encrypt = between(&self.body, "<Encrypt><![CDATA[", "]]>")
            .or_else(|| between(&self.body, "\"Encrypt\":\"", "\""))
            .expect("an Encrypt");
        let signed = sha1_of(&[TOKEN, self.param("timestamp"), self.param("nonce"), encrypt]);
        assert_eq!((self.param("msg_signature"), self.param("encrypt_type")), (signed.as_str(), "aes"));
        let mut text = STANDARD.decode(encrypt).unwrap();
        let key = UnboundCipherKey::new(&AES_256, &[0; 32]).and_then(DecryptingKey::cbc).unwrap();
        let text = key.decrypt(&mut text, DecryptionContext::Iv128(FixedLength::from([0; 16]))).unwrap();
        let pad = usize::from(*text.last().unwrap());
        assert!((1..=32).contains(&pad) && text.len().is_multiple_of(32));
        let length = u32::from_be_bytes(text[16..20].try_into().unwrap()) as usize;
        let part = |from: usize, to: usize| String::from_utf8(text[from..to].to_vec()).unwrap();
        (part(20, 20 + length), part(20 + length, text.len() - pad))
    }
}

pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

fn sha1_of(parts: &[&str]) -> String {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
    sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The server: what came, and what it answers next (`200 success` when nothing is left).
#[derive(Clone, Default)]
pub(crate) struct Callback {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    connections: Arc<Mutex<usize>>,
}

impl Callback {
    /// Starts it; its address ends in `/callback`.
    pub(crate) async fn start() -> (Callback, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callback", listener.local_addr().unwrap());
        let callback = Callback::default();
        tokio::spawn(callback.clone().accept(listener));
        (callback, url)
    }

    pub(crate) fn answer_next(&self, status: u16, body: &str) {
        self.answers.lock().unwrap().push_back((status, body.to_owned()));
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    async fn accept(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            *self.connections.lock().unwrap() += 1;
            tokio::spawn(self.clone().serve(stream));
        }
    }

    async fn serve(self, mut stream: TcpStream) -> io::Result<()> {
        let mut read = Vec::new();
        loop {
            let head = loop {
                if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                    break end + 4;
                }
                if stream.read_buf(&mut read).await? == 0 {
                    return Ok(());
                }
            };
            let text = String::from_utf8_lossy(&read[..head]).into_owned();
            let length =
                between(&text.to_lowercase(), "content-length: ", "\r\n").map_or(0, |n| n.parse().unwrap());
            while read.len() < head + length {
                stream.read_buf(&mut read).await?;
            }
            let body = String::from_utf8(read[head..head + length].to_vec()).unwrap();
            read.drain(..head + length);
            let answer = self.take_in(&text, body);
            stream.write_all(answer.as_bytes()).await?;
        }
    }

    fn take_in(&self, head: &str, body: String) -> String {
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (_, query) = target.split_once('?').unwrap_or((target, ""));
        let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let arrived =
            Arrived { method: method.to_owned(), query: query.split('&').filter_map(pair).collect(), body };
        let echo = arrived.param("echostr").to_owned();
        self.arrived.lock().unwrap().push(arrived);
        let usual = if echo.is_empty() { "success".to_owned() } else { echo };
        let (status, body) = self.answers.lock().unwrap().pop_front().unwrap_or((200, usual));
        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }
}
