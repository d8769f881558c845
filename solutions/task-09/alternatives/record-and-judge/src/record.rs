//! What came on a connection, and when.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncReadExt as _;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::http::{Read, read};

/// More than this is not kept, and is no response.
const MOST: usize = 64 << 20;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The other side has closed it.
    Closed,
    /// It was reset, or broke otherwise.
    Reset,
}

/// The record of a connection. Somebody else may still write on.
#[derive(Clone)]
pub struct Record {
    content: Arc<Mutex<Content>>,
    changed: watch::Receiver<()>,
}

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    /// How many bytes there were at each moment.
    arrivals: Vec<(Instant, usize)>,
    end: Option<(Instant, End)>,
}

impl Record {
    /// Writes down what comes from now on, as long as the connection is open. It is not closed from here.
    pub fn of(mut stream: OwnedReadHalf) -> Self {
        let (tell, changed) = watch::channel(());
        let record = Self { content: Arc::default(), changed };
        let content = record.content.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let came = stream.read(&mut buffer).await;
                let goes_on = locked(&content).write(came, &buffer);
                if tell.send(()).is_err() || !goes_on {
                    return;
                }
            }
        });
        record
    }

    /// The response whose bytes begin here, and the moment of its last one, if it is decided by now.
    pub fn response(&self, from: usize) -> Option<(Instant, Read)> {
        let content = locked(&self.content);
        let read = read(&content.bytes[from..], content.end.map(|(_, end)| end))?;
        let last = match &read {
            Ok(response) if !response.until_closed => from + response.size,
            _ => usize::MAX,
        };
        let arrived = content.arrivals.iter().find(|(_, bytes)| *bytes >= last);
        let at = arrived.map(|(at, _)| *at).or(content.end.map(|(at, _)| at));
        Some((at.unwrap_or_else(Instant::now), read))
    }

    /// How many bytes have come.
    pub fn received(&self) -> usize {
        locked(&self.content).bytes.len()
    }

    /// Whether the connection can still be used.
    pub fn is_open(&self) -> bool {
        locked(&self.content).end.is_none()
    }

    /// Waits until the response whose bytes begin here is decided.
    ///
    /// Cancel safe.
    pub async fn decided(&mut self, from: usize) -> (Instant, Read) {
        loop {
            self.changed.borrow_and_update();
            if let Some(decided) = self.response(from) {
                return decided;
            }
            // Who writes has gone only after the end, and by then it is decided.
            if self.changed.changed().await.is_err() && self.response(from).is_none() {
                std::future::pending().await
            }
        }
    }
}

impl Content {
    fn write(&mut self, came: io::Result<usize>, buffer: &[u8]) -> bool {
        let now = Instant::now();
        match came {
            Ok(count @ 1..) if self.bytes.len() < MOST => {
                self.bytes.extend_from_slice(&buffer[..count]);
                self.arrivals.push((now, self.bytes.len()));
                return true;
            }
            Ok(_) => self.end = Some((now, End::Closed)),
            Err(_) => self.end = Some((now, End::Reset)),
        }
        false
    }
}

fn locked(content: &Mutex<Content>) -> MutexGuard<'_, Content> {
    content.lock().unwrap_or_else(PoisonError::into_inner)
}
