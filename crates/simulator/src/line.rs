//! One kept HTTP/1.1 connection to a callback host.

use std::io;

use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// An answer to a push is a word; a reply to a message may be an article. More is no answer.
const ANSWER_AT_MOST: usize = 65_536;

/// A connection, made when it is first needed, and anew when the host has closed it.
#[derive(Default)]
pub(crate) struct Line(Option<SendRequest<Full<Bytes>>>);

impl Line {
    /// Sends the request and reads the whole answer. After an error the line must not be used again.
    pub(crate) async fn exchange(
        &mut self,
        authority: &str,
        request: Request<Full<Bytes>>,
    ) -> io::Result<(StatusCode, Bytes)> {
        let sender = self.ready(authority).await?;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let (head, mut body) = answer.into_parts();
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(io::Error::other)?;
            read.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            if read.len() > ANSWER_AT_MOST {
                return Err(io::Error::other("the answer is too long"));
            }
        }
        Ok((head.status, read.freeze()))
    }

    async fn ready(&mut self, authority: &str) -> io::Result<&mut SendRequest<Full<Bytes>>> {
        let usable = match &mut self.0 {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            self.0 = Some(connect(authority).await?);
        }
        self.0.as_mut().ok_or_else(|| io::Error::other("not connected"))
    }
}

async fn connect(authority: &str) -> io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // It ends by itself when the line is dropped or the host closes.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}
