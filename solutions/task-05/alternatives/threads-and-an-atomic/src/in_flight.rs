//! How many requests are being answered.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[derive(Clone, Copy, Default)]
struct Counts {
    /// Connections on which something has arrived that is not answered yet: half a request, too.
    busy: usize,
    /// Requests that have been read and not answered.
    requests: usize,
}

/// Counts what is in flight. Clones count together.
#[derive(Clone, Default)]
pub struct InFlight(Arc<(Mutex<Counts>, Condvar)>);

impl InFlight {
    /// A connection has something to read. Enter before it is read: between the two, a drain that
    /// begins would see nothing in flight.
    pub fn enter(&self) -> Entered {
        self.lock().busy += 1;
        Entered { in_flight: self.clone(), request: false }
    }

    /// Waits until nothing is in flight, at most until the deadline; the number of requests left.
    pub fn wait(&self, deadline: Instant) -> Result<(), usize> {
        let mut counts = self.lock();
        while counts.busy > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(counts.requests);
            }
            counts = self.0.1.wait_timeout(counts, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves when it is dropped.
pub struct Entered {
    in_flight: InFlight,
    request: bool,
}

impl Entered {
    /// The request has been read.
    pub fn read(&mut self) {
        self.request = true;
        self.in_flight.lock().requests += 1;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut counts = self.in_flight.lock();
        counts.busy -= 1;
        counts.requests -= usize::from(self.request);
        self.in_flight.0.1.notify_all();
    }
}
