//! The order of the drain.

use tokio::time::Duration;

use crate::in_flight::InFlight;
use crate::readiness::Readiness;
use crate::relay::Relay;
use crate::report::Report;
use crate::server::Server;
use crate::store::Store;

/// The propagation window is the budget divided by this.
const WINDOW_SHARE: u32 = 10;
/// What is left after it is shared out in these parts.
const REQUESTS: u32 = 5;
const EVENTS: u32 = 4;
const CONNECTIONS: u32 = 1;

/// What is drained.
pub struct Service {
    pub readiness: Readiness,
    pub server: Server,
    pub in_flight: InFlight,
    pub relay: Relay,
    pub store: Store,
}

/// Drains it within `budget`, from now on.
pub async fn drain(service: Service, budget: Duration) -> Report {
    let _ = (service, budget);
    todo!("withdraw the readiness, wait for the window, then drain: what first, what last?")
}
