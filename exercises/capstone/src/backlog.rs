//! How many events are in the outbox, for whoever watches the service.

use std::time::Duration;

use prometheus::IntGauge;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::store::Store;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks now and then, until it is dropped.
pub struct Backlog {
    look: Look,
    _now_and_then: AbortOnDropHandle<()>,
}

#[derive(Clone)]
struct Look {
    store: Store,
    gauge: IntGauge,
}

impl Backlog {
    /// Begins to look into the outbox of `store`, and to tell `gauge`.
    pub fn watch(store: Store, gauge: IntGauge) -> Self {
        let look = Look { store, gauge };
        let again = look.clone();
        let now_and_then = AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                again.now().await;
                sleep(LOOK_EVERY).await;
            }
        }));
        Self { look, _now_and_then: now_and_then }
    }

    /// Looks now. If the database does not answer, the last number stands.
    pub async fn look(&self) {
        self.look.now().await;
    }
}

impl Look {
    async fn now(&self) {
        if let Ok(events) = self.store.untold().await {
            self.gauge.set(events);
        }
    }
}
