//! A stream that knows what came, and how it ended.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What is known of a stream. Clones know the same.
#[derive(Clone, Default)]
pub struct Count {
    bytes: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
}

impl Count {
    /// How many bytes have come.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }

    /// Whether it has ended otherwise than with a close: it was reset.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }
}

/// A stream, and who counts along.
pub struct Counted {
    stream: TcpStream,
    count: Count,
}

impl Counted {
    /// Counts from now on.
    pub fn new(stream: TcpStream) -> (Self, Count) {
        let count = Count::default();
        (Self { stream, count: count.clone() }, count)
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.count.bytes.fetch_add(buffer.filled().len() - before, Ordering::SeqCst);
        if let Poll::Ready(Err(_)) = &read {
            self.count.broken.store(true, Ordering::SeqCst);
        }
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
