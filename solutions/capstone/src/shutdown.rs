//! The order of the drain.
//!
//! Whoever makes work goes before whoever finishes it: requests make orders, orders make events, and both
//! need the database. In any other order something is accepted that nobody finishes.

use tokio::time::{Duration, sleep};

use crate::backlog::Backlog;
use crate::in_flight::InFlight;
use crate::phase::{Phase, Progress};
use crate::relay::Relay;
use crate::report::{Overrun, Report};
use crate::server::Server;
use crate::steps::Steps;
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
    let Service { progress, mut server, in_flight, mut relay, backlog, store } = service;
    let mut steps = Steps::begin(budget - last_scrape, REQUESTS + EVENTS + CONNECTIONS, progress.clone());

    // Load balancers see that, and go on sending for a while: until then nothing else changes.
    progress.enter(Phase::Window);
    sleep(budget / WINDOW_SHARE).await;

    // Requests first: each that is answered from here on may add to the outbox.
    let answered = steps.step(Phase::Requests, REQUESTS, server.drain()).await;
    let abandoned = if answered.is_some() { 0 } else { in_flight.now() };
    drop(server);

    // Nobody adds to the outbox any more, so that it can be found empty. If it is not, nothing is lost: the
    // next instance goes on.
    let told = async {
        let told = relay.drain().await;
        // The last scrape is to see what is left, and not what was there a second ago.
        backlog.look().await;
        told
    };
    steps.step(Phase::Events, EVENTS, told).await;
    drop((relay, backlog));

    // Last, because all of the others use it. It waits for connections that hang, so it has a bound, too.
    steps.step(Phase::Connections, CONNECTIONS, store.close()).await;

    let outcome = if steps.all_in_time() { Ok(()) } else { Err(Overrun { abandoned }) };
    Report { outcome, duration: steps.duration() }
}
