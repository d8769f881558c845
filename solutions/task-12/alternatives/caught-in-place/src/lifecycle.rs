//! The registry, its phases, and the walks through it.

use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::{Semaphore, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::drainable::Drainable;
use crate::failure::{Cause, Failure, Refused, StartError};
use crate::report::Report;

/// The components of a service, in the order in which they depend on each other.
///
/// Share it among tasks in an [`Arc`]. Dropped without a drain, it drains nothing.
pub struct Lifecycle(Arc<Inner>);

struct Inner {
    components: Mutex<Vec<(String, Arc<dyn Drainable>)>>,
    /// How many of them are started: always the first ones.
    started: AtomicUsize,
    /// For whoever walks.
    walk: Semaphore,
    phase: watch::Sender<Phase>,
}

enum Phase {
    Open,
    Draining,
    Over(Report),
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self(Arc::new(Inner {
            components: Mutex::default(),
            started: AtomicUsize::new(0),
            walk: Semaphore::new(1),
            phase: watch::channel(Phase::Open).0,
        }))
    }
}

impl Lifecycle {
    /// A lifecycle without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component: it is started after those that are there already, and drained before them.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is a component with this name, or the drain has begun. The component is dropped.
    pub fn register(&self, name: &str, component: impl Drainable + 'static) -> Result<(), Refused> {
        let mut components = self.0.components();
        if !matches!(*self.0.phase.borrow(), Phase::Open) {
            return Err(Refused::Draining);
        }
        if components.iter().any(|(other, _)| other == name) {
            return Err(Refused::NameTaken);
        }
        components.push((name.to_owned(), Arc::new(component)));
        Ok(())
    }

    /// Starts the components that are not started, in their order, each when the one before it is ready.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the start of a component fails or panics, or if the drain begins.
    pub async fn start(&self) -> Result<(), StartError> {
        let inner = self.0.clone();
        tokio::spawn(async move { inner.start().await }).await.expect("the panics of components are caught")
    }

    /// Drains the components that are started, in reverse, each when the one before it is done; or joins the drain
    /// that has begun. Returns how it went.
    pub async fn drain(&self, deadline: Instant) -> Report {
        let begins = self.0.phase.send_if_modified(|phase| {
            let open = matches!(phase, Phase::Open);
            if open {
                *phase = Phase::Draining;
            }
            open
        });
        if begins {
            tokio::spawn(self.0.clone().walk_back(Instant::now(), deadline));
        }
        let mut phase = self.0.phase.subscribe();
        let over = phase.wait_for(|phase| matches!(phase, Phase::Over(_))).await;
        match over.as_deref() {
            Ok(Phase::Over(report)) => report.clone(),
            _ => unreachable!("the sender is there, and the phase is the one that was waited for"),
        }
    }
}

impl Inner {
    fn components(&self) -> MutexGuard<'_, Vec<(String, Arc<dyn Drainable>)>> {
        self.components.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start(&self) -> Result<(), StartError> {
        let _walk = self.walk.acquire().await;
        let mut phase = self.phase.subscribe();
        loop {
            if !matches!(*phase.borrow(), Phase::Open) {
                return Err(StartError::Draining);
            }
            let at = self.started.load(Ordering::SeqCst);
            let Some((name, component)) = self.components().get(at).cloned() else { return Ok(()) };
            // What `wait_for` returns holds a lock, and must not outlive this: a destructor may panic below.
            let closed = async { drop(phase.wait_for(|phase| !matches!(phase, Phase::Open)).await) };
            let step = caught(async {
                tokio::select! {
                    biased;
                    started = async { component.start().await } => Some(started),
                    () = closed => None,
                }
            });
            let cause = match step.await {
                Ok(Some(Ok(()))) => {
                    self.started.store(at + 1, Ordering::SeqCst);
                    continue;
                }
                Ok(None) => return Err(StartError::Draining),
                Ok(Some(Err(error))) => Cause::Failed(error.into()),
                Err(cause) => cause,
            };
            return Err(StartError::Component(Failure { component: name, cause }));
        }
    }

    async fn walk_back(self: Arc<Self>, begun: Instant, deadline: Instant) {
        // Whoever starts a component lets go of it first; whoever comes later is told at once.
        drop(self.walk.acquire().await);
        let mut components = mem::take(&mut *self.components());
        components.truncate(self.started.load(Ordering::SeqCst));
        let mut failures = Vec::new();
        for (name, component) in components.into_iter().rev() {
            // What tokio lets a task do without a pause is used up by those before.
            yield_now().await;
            let step = async move { timeout_at(deadline, component.drain(deadline)).await };
            let cause = match caught(step).await {
                Ok(Ok(Ok(()))) => continue,
                Ok(Ok(Err(error))) => Cause::Failed(error.into()),
                Ok(Err(_)) => Cause::DeadlineExceeded,
                Err(cause) => cause,
            };
            failures.push(Failure { component: name, cause });
        }
        let report = Report { duration: begun.elapsed(), failures };
        self.phase.send_replace(Phase::Over(report));
    }
}

/// Runs a step of a component to its end, and catches what it throws, also when it is dropped in there.
async fn caught<T>(step: impl Future<Output = T>) -> Result<T, Cause> {
    let mut step = Box::pin(step);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| step.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => Poll::Ready(Err(Cause::Panicked)),
    })
    .await
}
