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

use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
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
    /// Of those that have not ended by themselves, in the order in which they were added.
    names: Vec<(Id, String)>,
    /// The first.
    failure: Option<Failure>,
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
    pub async fn run(mut self, stop: impl Future<Output = ()>, budget: Duration) -> Report {
        tokio::select! {
            // In order: who has ended by now has ended unasked, whatever comes at the same moment.
            biased;
            Some(ended) = self.components.join_next_with_id() => self.take_note(ended),
            () = stop => {}
        }
        let begun = Instant::now();
        self.draining.cancel();
        if timeout_at(begun + budget, self.all_ended()).await.is_err() {
            self.components.abort_all();
            // An abort is only a wish. And who came to an end before it, perhaps with an error, is not
            // cut off: what was returned is still here.
            self.all_ended().await;
        }
        let cut_off = self.names.into_iter().map(|(_, name)| name).collect();
        Report { failure: self.failure, cut_off, duration: begun.elapsed() }
    }

    /// Waits for all components. Dropped, it has lost none.
    async fn all_ended(&mut self) {
        while let Some(ended) = self.components.join_next_with_id().await {
            self.take_note(ended);
        }
    }

    fn take_note(&mut self, ended: Result<(Id, Result<(), Error>), JoinError>) {
        let (id, cause) = match ended {
            Ok((id, Ok(()))) => (id, (!self.draining.is_cancelled()).then_some(Cause::Ended)),
            Ok((id, Err(error))) => (id, Some(Cause::Error(error))),
            Err(error) if error.is_panic() => (error.id(), Some(Cause::Panicked)),
            // Cut off: the name stays.
            Err(_) => return,
        };
        let index = self.names.iter().position(|(named, _)| *named == id);
        let (_, component) = self.names.remove(index.expect("each component has a name"));
        // What comes later is often a consequence of what came first.
        if let (None, Some(cause)) = (&self.failure, cause) {
            self.failure = Some(Failure { component, cause });
        }
    }
}
