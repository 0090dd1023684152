//! A connection that is not closed in the face of a caller who still writes. Closing with bytes unread makes
//! the system reset the connection, and a reset takes away the answer (413, 401, 415) before the caller reads it.
//! So at the end what still comes is read and discarded, within bounds. And a caller that does not read its answer is
//! not waited for without end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// A caller has so long to read its answer and close. It holds up a stop and a place among the connections, so
/// it is short; on a local network it is enough for hundreds of MiB.
const LINGER: Duration = Duration::from_secs(2);
/// An answer of which the caller takes nothing for so long is given up: it holds memory and a place. As long as a
/// request may take.
const UNREAD: Duration = Duration::from_secs(30);
/// So much is discarded at once.
const SCRATCH: usize = 8 * 1024;

/// A stream that lingers when it is shut down, until the caller closes or a bound is met.
pub(crate) struct Lingering {
    stream: TcpStream,
    /// Bytes that may still be discarded.
    left: usize,
    until: Option<Pin<Box<Sleep>>>,
    /// Until when a caller may leave its answer unread; none while it reads.
    unread_until: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    /// Discards at most `most` bytes in the end.
    pub(crate) fn new(stream: TcpStream, most: usize) -> Self {
        Self { stream, left: most, until: None, unread_until: None }
    }

    /// What a write came to, or that it waits for too long.
    fn watched(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.unread_until = None;
            return written;
        }
        let until = self.unread_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(UNREAD)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ready when the caller has closed, or has sent more than is discarded.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; SCRATCH];
        while self.left > 0 {
            let mut read = ReadBuf::new(&mut scratch);
            // A broken connection is a closed one.
            let closed = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)).is_err();
            let got = read.filled().len();
            if closed || got == 0 {
                break;
            }
            self.left = self.left.saturating_sub(got);
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watched(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says first that nothing more will be written: that is what a caller waits for.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.until.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.until = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        let late = self.until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready());
        if late { Poll::Ready(Ok(())) } else { self.poll_discard(cx).map(Ok) }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
