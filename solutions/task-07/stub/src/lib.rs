//! Components that run together, and drain together.
//!
//! # Layout
//!
//! | file | what it holds |
//! | --- | --- |
//! | `lib` | [`Group`]: what runs the components |
//! | `report` | [`Report`]: how their drain went |
//!
//! The program beside it, in `main`, runs a heartbeat and a server in a group.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod report;

use std::pin::pin;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

pub use report::{Cause, Error, Failure, Report};

/// Named components under one cancellation. Whatever ends one of them makes all of them drain.
///
/// Dropped, it drops its components.
#[derive(Debug, Default)]
pub struct Group {
    /// Cancelled when the drain begins.
    draining: CancellationToken,
    components: JoinSet<Result<(), Error>>,
    /// In the order in which the components were added.
    names: Vec<(Id, String)>,
}

impl Group {
    /// A group without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component, and begins it. It is to run until its token is cancelled, and to drain then.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn add<F, C>(&mut self, name: &str, component: F)
    where
        F: FnOnce(CancellationToken) -> C + Send + 'static,
        C: Future<Output = Result<(), Error>> + Send + 'static,
    {
        // A child: who cancels its own token tells nobody else to drain.
        let task = self.components.spawn(component(self.draining.child_token()));
        self.names.push((task.id(), name.to_owned()));
    }

    /// Runs until `stop` is ready or a component ends, whichever comes first. Then all drain at the same
    /// time, and have until `budget` is over. What is left then is cut off.
    ///
    /// Returns when every component has ended or has been dropped. If this future itself is dropped, the
    /// components are dropped too.
    pub async fn run(self, stop: impl Future<Output = ()>, budget: Duration) -> Report {
        let Self { draining, components, names } = self;
        // TODO: this is how it is often written, and all is well as long as nothing goes wrong. What
        // becomes of the other components when one returns an error?
        let mut ended = pin!(all_ended(components));
        let outcome = tokio::select! {
            outcome = &mut ended => outcome,
            () = stop => {
                draining.cancel();
                ended.await
            }
        };
        todo!(
            "whatever ends one of {} components makes the others drain; name the first that went wrong, and cut \
             off what is left after {budget:?}. The first attempt got {outcome:?}",
            names.len()
        )
    }
}

/// Waits for all components, or for the first error.
async fn all_ended(mut components: JoinSet<Result<(), Error>>) -> Result<(), Error> {
    while let Some(ended) = components.join_next().await {
        ended??;
    }
    Ok(())
}
