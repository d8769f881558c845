//! Components that run together, and drain together: futures side by side in one task.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod report;

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

pub use report::{Cause, Error, Failure, Report};

/// How a component ends, or with what panic.
type Ended = Result<Result<(), Error>, Box<dyn Any + Send>>;
/// A component, and its place in the list of names.
type Running = Pin<Box<dyn Future<Output = (usize, Ended)> + Send>>;

/// Named components under one cancellation. Whatever ends one of them makes all of them drain.
#[derive(Default)]
pub struct Group {
    draining: CancellationToken,
    /// `None` once the component has ended by itself.
    names: Vec<Option<String>>,
    running: FuturesUnordered<Running>,
    failure: Option<Failure>,
}

impl Group {
    /// A group without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component. It begins when [`run`](Self::run) is first polled.
    pub fn add<F, C>(&mut self, name: &str, component: F)
    where
        F: FnOnce(CancellationToken) -> C + Send + 'static,
        C: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let index = self.names.len();
        let component = component(self.draining.child_token());
        self.names.push(Some(name.to_owned()));
        self.running.push(Box::pin(async move {
            // Nothing that the component leaves broken is looked at afterwards.
            (index, AssertUnwindSafe(component).catch_unwind().await)
        }));
    }

    /// Runs until `stop` is ready or a component ends, and then lets all of them drain until `budget` is
    /// over. What is left is dropped.
    pub async fn run(mut self, stop: impl Future<Output = ()>, budget: Duration) -> Report {
        tokio::select! {
            Some((index, ended)) = self.running.next() => self.take_note(index, ended, false),
            () = stop => {}
        }
        let begun = Instant::now();
        self.draining.cancel();
        let deadline = begun + budget;
        while let Ok(Some((index, ended))) = timeout_at(deadline, self.running.next()).await {
            self.take_note(index, ended, true);
        }
        let Self { running, names, failure, .. } = self;
        drop(running);
        Report { failure, cut_off: names.into_iter().flatten().collect(), duration: begun.elapsed() }
    }

    fn take_note(&mut self, index: usize, ended: Ended, asked: bool) {
        let cause = match ended {
            Ok(Ok(())) if asked => None,
            Ok(Ok(())) => Some(Cause::Ended),
            Ok(Err(error)) => Some(Cause::Error(error)),
            Err(_) => Some(Cause::Panicked),
        };
        let component = self.names[index].take().expect("a component ends once");
        if let Some(cause) = cause {
            self.failure.get_or_insert(Failure { component, cause });
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("names", &self.names).finish_non_exhaustive()
    }
}
