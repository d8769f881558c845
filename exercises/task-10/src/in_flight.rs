//! One piece of work, as long as it is in flight.

use prometheus::IntGauge;

/// Is counted until it is dropped, and so in every case: done, panicked, or cancelled.
#[derive(Debug)]
pub struct Entered(IntGauge);

impl Entered {
    pub(crate) fn new(in_flight: &IntGauge) -> Self {
        in_flight.inc();
        Self(in_flight.clone())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.dec();
    }
}
