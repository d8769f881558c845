//! Which WebSocket connections there are, and how each of them is told to close.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The registry: every connection is in it, from before its upgrade is answered until it is closed.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Mutex<Map>>);

#[derive(Debug, Default)]
struct Map {
    next: u64,
    /// `None` for those that have been told.
    senders: HashMap<u64, Option<oneshot::Sender<Instant>>>,
    draining: bool,
    /// Who waits for the end of this channel: nothing is ever sent on it.
    all_gone: Option<mpsc::Sender<()>>,
}

impl Connections {
    /// Registers a connection. `None` once the drain has begun.
    pub fn register(&self) -> Option<Connection> {
        let mut map = self.lock();
        if map.draining {
            return None;
        }
        let (sender, told) = oneshot::channel();
        let number = map.next;
        map.next += 1;
        map.senders.insert(number, Some(sender));
        Some(Connection { connections: self.clone(), number, told: Mutex::new(Some(told)) })
    }

    /// How many connections there are now.
    pub fn open(&self) -> usize {
        self.lock().senders.len()
    }

    /// Tells all connections to close, lets no other in, and waits until all are gone.
    ///
    /// If the future is dropped, the drain goes on, and nobody waits for it.
    pub async fn drain(&self) {
        let (sender, mut all_gone) = mpsc::channel(1);
        {
            let mut map = self.lock();
            map.draining = true;
            map.all_gone = (!map.senders.is_empty()).then_some(sender);
            let now = Instant::now();
            for sender in map.senders.values_mut().filter_map(Option::take) {
                // Whoever does not listen any more is about to leave.
                let _ = sender.send(now);
            }
        }
        let _ = all_gone.recv().await;
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection. It leaves the registry when this is dropped, and so it leaves in every case.
#[derive(Debug)]
pub struct Connection {
    connections: Connections,
    number: u64,
    told: Mutex<Option<oneshot::Receiver<Instant>>>,
}

impl Connection {
    /// Waits until the connection is told to close, and says since when. To be asked once.
    pub async fn draining(&self) -> Instant {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).take();
        told.expect("asked once").await.expect("the sender is in the map as long as this is")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut map = self.connections.lock();
        map.senders.remove(&self.number);
        if map.senders.is_empty() {
            map.all_gone = None;
        }
    }
}
