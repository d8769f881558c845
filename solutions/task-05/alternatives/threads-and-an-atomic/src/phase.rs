//! How far the shutdown is: a state machine in one atomic number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The phases of the server's life, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Asks for work and does it.
    Serving,
    /// Asks for no more work, and does what comes all the same.
    Leaving,
    /// Takes no new connections, and answers what it has.
    Closing,
}

/// The phase that all threads look at. Clones share it.
#[derive(Clone, Default)]
pub struct State(Arc<AtomicU8>);

impl State {
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::SeqCst) {
            0 => Phase::Serving,
            1 => Phase::Leaving,
            _ => Phase::Closing,
        }
    }

    /// Goes on to this phase; there is no way back.
    pub fn enter(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::SeqCst);
    }
}
