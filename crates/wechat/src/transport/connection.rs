//! One HTTP/1.1 connection, driven by the very task that waits for its answer.
//!
//! hyper splits a connection into a sender and a driver. The driver is usually spawned; here it is polled in place, which
//! saves a wake-up in each direction. All progress comes from polling it with the caller's waker, so its counterparts are
//! polled with a waker that does nothing: otherwise the task would wake itself once more for each message.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::stream::Stream;
use super::{Answer, Outgoing};
use crate::error::{CallError, Garble, NoAnswer};

/// The head of an answer and one read of its body fit; WeChat's heads have some 200 bytes. (hyper allows 100 headers.)
const READ_BUFFER: usize = 32 * 1024;

type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended.
    driver: Option<Pin<Box<Driver>>>,
    pub(super) idle_since: Instant,
}

/// How an exchange broke off.
pub(super) enum Broken {
    /// Not a byte was written; here is the request again.
    Untaken(Box<Outgoing>),
    /// Bytes may have left.
    Call(CallError),
}

impl Connection {
    pub(super) async fn over(stream: Stream) -> hyper::Result<Self> {
        let (sender, driver) = http1::Builder::new()
            .writev(false)
            .max_buf_size(READ_BUFFER)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self { sender, driver: Some(Box::pin(driver)), idle_since: Instant::now() })
    }

    /// Whether an idle connection can take a request. One look, without waiting and without leaving a waker behind.
    pub(super) fn is_open(&mut self) -> bool {
        drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.is_reusable()
    }

    /// Whether the exchange just made leaves the connection good for another one.
    pub(super) fn is_reusable(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Writes the request and reads the answer, at most `limit` bytes of body.
    /// Dropping this future leaves the connection unusable; drop the connection with it.
    pub(super) async fn exchange(&mut self, request: Outgoing, limit: usize) -> Result<Answer, Broken> {
        let mut pending = pin!(self.sender.try_send_request(request));
        let response = poll_fn(|cx| {
            drive(&mut self.driver, cx);
            poll_head(&mut self.driver, pending.as_mut())
        })
        .await?;
        let status = response.status().as_u16();
        let mut collected = Collected::new(response.into_body(), limit);
        let body = poll_fn(|cx| {
            drive(&mut self.driver, cx);
            collected.poll(&mut self.driver, cx)
        })
        .await;
        Ok(Answer { status, body: body.map_err(|broken| broken.with_status(status))? })
    }
}

/// Polls the driver; drops it when it has ended, which gives an untaken request back to its sender.
fn drive(driver: &mut Option<Pin<Box<Driver>>>, cx: &mut Context<'_>) {
    if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
        *driver = None;
    }
}

fn poll_head<F>(
    driver: &mut Option<Pin<Box<Driver>>>,
    pending: Pin<&mut F>,
) -> Poll<Result<Response<Incoming>, Broken>>
where
    F: Future<Output = Result<Response<Incoming>, TrySendError<Outgoing>>>,
{
    match pending.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => Poll::Ready(Ok(response)),
        Poll::Ready(Err(mut error)) => Poll::Ready(Err(match error.take_message() {
            Some(request) => Broken::Untaken(Box::new(request)),
            None => Broken::Call(broke(error.error())),
        })),
        Poll::Pending if driver.is_none() => Poll::Ready(Err(closed())),
        Poll::Pending => Poll::Pending,
    }
}

/// A body under way.
struct Collected {
    body: Incoming,
    bytes: Gathered,
    limit: usize,
}

/// WeChat's answers come in one piece, which is then kept as it is.
enum Gathered {
    None,
    One(Bytes),
    Many(BytesMut),
}

enum BodyFault {
    TooLarge(usize),
    Broken(Broken),
}

impl BodyFault {
    fn with_status(self, status: u16) -> Broken {
        match self {
            Self::TooLarge(limit) => {
                Broken::Call(CallError::Garbled { status, garble: Garble::TooLarge { limit } })
            }
            Self::Broken(broken) => broken,
        }
    }
}

impl Collected {
    fn new(body: Incoming, limit: usize) -> Self {
        Self { body, bytes: Gathered::None, limit }
    }

    fn poll(
        &mut self,
        driver: &mut Option<Pin<Box<Driver>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Bytes, BodyFault>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.take(data)?;
                        drive(driver, cx);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(BodyFault::Broken(Broken::Call(broke(&error)))));
                }
                Poll::Ready(None) => return Poll::Ready(self.whole()),
                Poll::Pending if driver.is_none() => return Poll::Ready(Err(BodyFault::Broken(closed()))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<(), BodyFault> {
        if self.bytes.len() + data.len() > self.limit {
            return Err(BodyFault::TooLarge(self.limit));
        }
        match &mut self.bytes {
            Gathered::None => self.bytes = Gathered::One(data),
            Gathered::One(first) => {
                let mut many = BytesMut::from(&first[..]);
                many.extend_from_slice(&data);
                self.bytes = Gathered::Many(many);
            }
            Gathered::Many(many) => many.extend_from_slice(&data),
        }
        Ok(())
    }

    /// The end of the channel is the end of the body only where no announced byte is missing.
    fn whole(&mut self) -> Result<Bytes, BodyFault> {
        if self.body.size_hint().exact().is_some_and(|missing| missing > 0) {
            return Err(BodyFault::Broken(closed()));
        }
        Ok(match std::mem::replace(&mut self.bytes, Gathered::None) {
            Gathered::None => Bytes::new(),
            Gathered::One(bytes) => bytes,
            Gathered::Many(bytes) => bytes.freeze(),
        })
    }
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }
}

fn closed() -> Broken {
    Broken::Call(CallError::NoAnswer(NoAnswer::Closed))
}

fn broke(error: &hyper::Error) -> CallError {
    if error.is_parse() {
        return CallError::Garbled { status: 0, garble: Garble::NotHttp };
    }
    match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(io) => CallError::NoAnswer(NoAnswer::Broken(io::Error::from(io.kind()))),
        None => CallError::NoAnswer(NoAnswer::Closed),
    }
}

/// An outgoing request as hyper takes it.
pub(super) fn outgoing(body: Bytes) -> Outgoing {
    Request::new(Full::new(body))
}
