//! Which WebSocket connections there are, and whether they are to close.

use tokio::sync::watch;
use tokio::time::Instant;

/// The registry: every connection is in it, from before its upgrade is answered until it is closed.
#[derive(Clone, Debug, Default)]
pub struct Connections(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    open: usize,
    /// Since when all are to close. With the count in one place: no connection comes in between.
    draining: Option<Instant>,
}

impl Connections {
    /// Registers a connection. `None` once the drain has begun.
    pub fn register(&self) -> Option<Connection> {
        let mut registered = false;
        self.0.send_if_modified(|state| {
            registered = state.draining.is_none();
            state.open += usize::from(registered);
            // Nobody waits for that. To wake all others with each one that comes is a square.
            false
        });
        registered.then(|| Connection(self.clone()))
    }

    /// How many connections there are now.
    pub fn open(&self) -> usize {
        self.0.borrow().open
    }

    /// Tells all connections to close, lets no other in, and waits until all are gone.
    ///
    /// If the future is dropped, the drain goes on, and nobody waits for it.
    pub async fn drain(&self) {
        self.0.send_modify(|state| state.draining = Some(Instant::now()));
        let _ = self.0.subscribe().wait_for(|state| state.open == 0).await;
    }
}

/// One connection. It leaves the registry when this is dropped, and so it leaves in every case.
#[derive(Debug)]
pub struct Connection(Connections);

impl Connection {
    /// Waits until the connection is to close, and says since when.
    ///
    /// Cancel safe: it stays so.
    pub async fn draining(&self) -> Instant {
        let mut state = self.0.0.subscribe();
        let state = state.wait_for(|state| state.draining.is_some()).await;
        state.ok().and_then(|state| state.draining).expect("the sender is ours, and there was a moment")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.0.send_if_modified(|state| {
            state.open -= 1;
            state.open == 0
        });
    }
}
