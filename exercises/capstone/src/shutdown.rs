//! The order of the drain.

use tokio::time::Duration;

use crate::backlog::Backlog;
use crate::in_flight::InFlight;
use crate::phase::Progress;
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
    pub progress: Progress,
    pub server: Server,
    pub in_flight: InFlight,
    pub relay: Relay,
    pub backlog: Backlog,
    pub store: Store,
}

/// Drains it within `budget`, from now on, and leaves so much of that for the last scrape.
pub async fn drain(service: Service, budget: Duration, last_scrape: Duration) -> Report {
    let _ = (service, budget, last_scrape);
    todo!("enter the window, wait until it is over, then drain: what first, what last?")
}
