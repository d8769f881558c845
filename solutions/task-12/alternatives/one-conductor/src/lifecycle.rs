//! The registry, and the one who walks through it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::drainable::{Drainable, Error};
use crate::failure::{Cause, Failure, Refused, StartError};
use crate::report::Report;

/// The components of a service, in the order in which they depend on each other.
///
/// Share it among tasks in an [`Arc`]. Dropped without a drain, it drains nothing.
#[derive(Default)]
pub struct Lifecycle {
    registry: Arc<Registry>,
    /// Where calls are handed in, from the first one on.
    desk: OnceLock<mpsc::UnboundedSender<Call>>,
}

#[derive(Default)]
struct Registry {
    components: Mutex<Vec<(String, Arc<dyn Drainable>)>>,
    /// Cancelled when the drain begins.
    draining: CancellationToken,
    /// For those who are not answered, because they come too late.
    report: OnceLock<Report>,
}

enum Call {
    Start(oneshot::Sender<Result<(), StartError>>),
    Drain { begun: Instant, deadline: Instant, reply: oneshot::Sender<Report> },
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
        let mut components = self.registry.components();
        if self.registry.draining.is_cancelled() {
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
        let (reply, started) = oneshot::channel();
        let _ = self.desk().send(Call::Start(reply));
        match self.registry.draining.run_until_cancelled(started).await {
            Some(Ok(started)) => started,
            // Who is not answered comes after the drain.
            Some(Err(_)) | None => Err(StartError::Draining),
        }
    }

    /// Drains the components that are started, in reverse, each when the one before it is done; or joins the drain
    /// that has begun. Returns how it went.
    pub async fn drain(&self, deadline: Instant) -> Report {
        let begun = Instant::now();
        let (reply, report) = oneshot::channel();
        let desk = self.desk();
        self.registry.draining.cancel();
        let _ = desk.send(Call::Drain { begun, deadline, reply });
        match report.await {
            Ok(report) => report,
            Err(_) => self.registry.report.get().cloned().expect("it is there before the desk is closed"),
        }
    }

    fn desk(&self) -> &mpsc::UnboundedSender<Call> {
        self.desk.get_or_init(|| {
            let (desk, calls) = mpsc::unbounded_channel();
            tokio::spawn(conduct(self.registry.clone(), calls));
            desk
        })
    }
}

async fn conduct(registry: Arc<Registry>, mut calls: mpsc::UnboundedReceiver<Call>) {
    let mut started = 0;
    while let Some(call) = calls.recv().await {
        match call {
            Call::Start(reply) => {
                let _ = reply.send(registry.start(&mut started).await);
            }
            Call::Drain { begun, deadline, reply } => {
                let failures = registry.drain(started, deadline).await;
                let report = Report { duration: begun.elapsed(), failures };
                let _ = registry.report.set(report.clone());
                let _ = reply.send(report);
                return;
            }
        }
    }
}

impl Registry {
    fn components(&self) -> MutexGuard<'_, Vec<(String, Arc<dyn Drainable>)>> {
        self.components.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start(&self, started: &mut usize) -> Result<(), StartError> {
        loop {
            if self.draining.is_cancelled() {
                return Err(StartError::Draining);
            }
            let Some((name, component)) = self.components().get(*started).cloned() else { return Ok(()) };
            let draining = self.draining.clone();
            let step = async move {
                let start = async { component.start().await };
                tokio::select! {
                    biased;
                    started = start => Some(started),
                    () = draining.cancelled() => None,
                }
            };
            match ended(step).await {
                Some(Some(Ok(()))) => *started += 1,
                Some(None) => return Err(StartError::Draining),
                Some(Some(Err(error))) => return Err(StartError::Component(failed(name, error))),
                None => {
                    return Err(StartError::Component(Failure { component: name, cause: Cause::Panicked }));
                }
            }
        }
    }

    async fn drain(&self, started: usize, deadline: Instant) -> Vec<Failure> {
        let components: Vec<_> = self.components().drain(..).take(started).collect();
        let mut failures = Vec::new();
        for (name, component) in components.into_iter().rev() {
            let step = async move { timeout_at(deadline, component.drain(deadline)).await };
            failures.extend(match ended(step).await {
                Some(Ok(Ok(()))) => None,
                Some(Ok(Err(error))) => Some(failed(name, error)),
                Some(Err(_)) => Some(Failure { component: name, cause: Cause::DeadlineExceeded }),
                None => Some(Failure { component: name, cause: Cause::Panicked }),
            });
        }
        failures
    }
}

/// Runs it in a task; `None` if that panicked.
async fn ended<T: Send + 'static>(step: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let mut task = JoinSet::new();
    task.spawn(step);
    task.join_next().await?.ok()
}

fn failed(component: String, error: Error) -> Failure {
    Failure { component, cause: Cause::Failed(error.into()) }
}
