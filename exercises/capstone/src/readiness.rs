//! Whether the server asks for new work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What `/ready` tells load balancers. Clones share it.
///
/// It says what others should do, and changes nothing here: a server that is not ready still answers
/// whatever it is sent.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Of a server that asks for work.
    pub fn ready() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// Whether new work should be sent here.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Asks for no more work, for good.
    pub fn withdraw(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}
