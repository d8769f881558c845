//! Which connections there are, WebSockets and others, and whether they are to end.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::phase::Phase;

/// The registry: every connection is in it, from when it is accepted until it is closed.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    left: Condvar,
    draining: Phase,
    closing: Phase,
}

#[derive(Default)]
struct State {
    requests: usize,
    websockets: usize,
    draining: Option<Instant>,
}

impl Connections {
    pub fn new() -> io::Result<Self> {
        let (draining, closing) = (Phase::new()?, Phase::new()?);
        Ok(Self(Arc::new(Shared { state: Mutex::default(), left: Condvar::new(), draining, closing })))
    }

    /// Registers one that was accepted.
    pub fn accepted(&self) -> Connection {
        self.lock().requests += 1;
        Connection { connections: self.clone(), is_websocket: false }
    }

    /// All WebSockets are to close from now on, and no other is let in.
    pub fn drain(&self, begun: Instant) {
        self.lock().draining = Some(begun);
        self.0.draining.begin();
    }

    /// How many WebSockets there are.
    pub fn websockets(&self) -> usize {
        self.lock().websockets
    }

    /// The others are to end, too. Waits until they have, at most until the deadline.
    pub fn close(&self, deadline: Instant) {
        self.0.closing.begin();
        let mut state = self.lock();
        while state.requests > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.0.left.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection. It leaves the registry when this is dropped.
pub struct Connection {
    connections: Connections,
    is_websocket: bool,
}

impl Connection {
    /// It becomes a WebSocket; not once the drain has begun.
    pub fn upgrade(&mut self) -> bool {
        let mut state = self.connections.lock();
        if state.draining.is_some() {
            return false;
        }
        state.requests -= 1;
        state.websockets += 1;
        self.is_websocket = true;
        true
    }

    /// Since when it is to close, if it is.
    pub fn draining(&self) -> Option<Instant> {
        self.connections.lock().draining
    }

    /// The moment that it has to wait for, beside its socket.
    pub fn end(&self) -> &Phase {
        if self.is_websocket { &self.connections.0.draining } else { &self.connections.0.closing }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        match self.is_websocket {
            true => state.websockets -= 1,
            false => state.requests -= 1,
        }
        self.connections.0.left.notify_all();
    }
}
