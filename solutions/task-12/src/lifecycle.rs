//! The registry, and the walks through it.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{self, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::drainable::{Drainable, Error};
use crate::failure::{Cause, Failure, Refused, StartError};
use crate::report::Report;

/// The components of a service, in the order in which they depend on each other.
///
/// Share it among tasks in an [`Arc`]. Dropped without a drain, it drains nothing.
#[derive(Default)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Default)]
struct Inner {
    components: Mutex<Vec<Component>>,
    /// How many of them are started: always the first ones. Whoever walks holds the lock.
    started: sync::Mutex<usize>,
    /// Cancelled when the drain begins.
    draining: CancellationToken,
    /// The one drain, from the moment when it begins; `None` in it until it is over.
    report: OnceLock<watch::Receiver<Option<Report>>>,
}

#[derive(Clone)]
struct Component {
    name: Arc<str>,
    component: Arc<dyn Drainable>,
}

impl Lifecycle {
    /// A lifecycle without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component: it is started after those that are there already, and drained before them.
    ///
    /// It may be called at any time before the drain, also while components are being started, and by one of
    /// them.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is a component with this name, or the drain has begun. The component is dropped.
    pub fn register(&self, name: &str, component: impl Drainable + 'static) -> Result<(), Refused> {
        if self.0.draining.is_cancelled() {
            return Err(Refused::Draining);
        }
        let mut components = self.0.components();
        if components.iter().any(|other| *other.name == *name) {
            return Err(Refused::NameTaken);
        }
        components.push(Component { name: name.into(), component: Arc::new(component) });
        Ok(())
    }

    /// Starts the components that are not started, in their order, each when the one before it is ready.
    ///
    /// Called again, it goes on where the last call has stopped; called at the same time, the calls come one
    /// after the other.
    ///
    /// Dropped, this changes nothing: the start goes on. What ends it is [`drain`](Self::drain).
    ///
    /// # Errors
    ///
    /// [`StartError`] if the start of a component fails or panics, or if the drain begins. What has been started
    /// by then is drained by [`drain`](Self::drain).
    pub async fn start(&self) -> Result<(), StartError> {
        let inner = self.0.clone();
        // A task of its own, so that the lock is never held by a call that nobody polls any more.
        tokio::spawn(async move { inner.start().await }).await.expect("it catches the panics of components")
    }

    /// Drains the components that are started, in reverse, each when the one before it is done; or joins the drain
    /// that has begun. Returns how it went.
    ///
    /// It begins with the first poll: nothing is registered or started from then on, and what is just being
    /// started is cut off. `deadline` is one for all: what is not done by then is cut off, and those that are
    /// left are called all the same, and get as far as they can without waiting. A component that fails, panics
    /// or hangs costs the others nothing but time.
    ///
    /// There is one drain, with the deadline of its first caller, and one report for all callers.
    ///
    /// Dropped, this changes nothing: the drain goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use task_12_solution::Lifecycle;
    /// # use tokio::time::Instant;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let lifecycle = Lifecycle::new();
    /// # let signal = async {};
    /// let started = tokio::select! {
    ///     started = lifecycle.start() => started,
    ///     () = signal => Ok(()), // A signal in the middle of the start is one, too.
    /// };
    /// let report = lifecycle.drain(Instant::now() + Duration::from_secs(5)).await;
    /// # let _ = started;
    /// # assert!(report.failures.is_empty());
    /// # }
    /// ```
    pub async fn drain(&self, deadline: Instant) -> Report {
        // The initialiser does not wait, so it is done or not done. Waiting is everybody's own.
        let mut report = self.0.report.get_or_init(|| self.0.clone().begin(deadline)).clone();
        let over = report.wait_for(Option::is_some).await.ok().and_then(|report| report.clone());
        over.expect("the drain's task ends with a report")
    }
}

impl Inner {
    fn components(&self) -> MutexGuard<'_, Vec<Component>> {
        self.components.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start(&self) -> Result<(), StartError> {
        let mut started = self.started.lock().await;
        loop {
            if self.draining.is_cancelled() {
                return Err(StartError::Draining);
            }
            // The lock is not held while the component starts: it may register others.
            let Some(next) = self.components().get(*started).cloned() else { return Ok(()) };
            let (Component { name, component }, draining) = (next, self.draining.clone());
            // It is asked whether the drain has begun, and only then is `start` called.
            let start = async move { component.start().await };
            match outcome(async move { draining.run_until_cancelled(start).await }).await {
                // Also if the drain has begun by now: what is started is drained.
                Ok(Some(())) => *started += 1,
                Ok(None) => return Err(StartError::Draining),
                Err(cause) => return Err(StartError::Component(failure(&name, cause))),
            }
        }
    }

    fn begin(self: Arc<Self>, deadline: Instant) -> watch::Receiver<Option<Report>> {
        let begun = Instant::now();
        let (record, report) = watch::channel(None);
        self.draining.cancel();
        tokio::spawn(async move {
            // Whoever starts a component lets go of it first. From then on nothing is started.
            let started = *self.started.lock().await;
            let mut components = mem::take(&mut *self.components());
            components.truncate(started);
            let mut failures = Vec::new();
            while let Some(Component { name, component }) = components.pop() {
                let done = async move { timeout_at(deadline, component.drain(deadline)).await.ok() };
                match outcome(done).await {
                    Ok(Some(())) => {}
                    Ok(None) => failures.push(failure(&name, Cause::DeadlineExceeded)),
                    Err(cause) => failures.push(failure(&name, cause)),
                }
            }
            record.send_replace(Some(Report { duration: begun.elapsed(), failures }));
        });
        report
    }
}

/// Runs a step of a component in a task of its own, where it may panic, also in a destructor. `None` if it
/// was cut off.
async fn outcome(
    step: impl Future<Output = Option<Result<(), Error>>> + Send + 'static,
) -> Result<Option<()>, Cause> {
    match tokio::spawn(step).await {
        Ok(Some(Ok(()))) => Ok(Some(())),
        Ok(Some(Err(error))) => Err(Cause::Failed(error.into())),
        Ok(None) => Ok(None),
        Err(_) => Err(Cause::Panicked),
    }
}

fn failure(name: &str, cause: Cause) -> Failure {
    Failure { component: name.to_owned(), cause }
}
