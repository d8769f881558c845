//! The jobs, and how they are shut down.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::outcome::{DeadlineExceeded, report};
use crate::phase::{Phase, Refused, Work};

/// Runs jobs, each in a task of its own, until it is told not to: long ones until [`quiesce`](Self::quiesce), short ones until
/// [`drain`](Self::drain).
///
/// Share it among tasks in an [`Arc`](std::sync::Arc).
pub struct Jobs {
    /// The one drain, from the moment when it begins: `None` until it is over.
    drain: OnceLock<watch::Receiver<Option<Outcome>>>,
}

type Outcome = Result<(), DeadlineExceeded>;

impl Jobs {
    /// Nothing in flight, and all work is accepted.
    pub fn new() -> Self {
        Self { drain: OnceLock::new() }
    }

    /// Runs the job in a task of its own. `Ok` means accepted: it runs to its end, or to the deadline of the drain. A job
    /// that panics ends like any other.
    ///
    /// # Errors
    ///
    /// [`Refused::Quiescing`] for long work once [`quiesce`](Self::quiesce) has been called, [`Refused::Draining`] for all
    /// work once the drain has begun. The job is dropped, and is never polled.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn submit(&self, work: Work, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Refused> {
        drop(job);
        todo!("accept or refuse {work:?} work; what is accepted is counted until it has ended")
    }

    /// From now on long work is refused, and short work is not. What was accepted goes on. Called again, or when the drain
    /// has begun, it changes nothing.
    pub fn quiesce(&self) {
        todo!("refuse long work from here on")
    }

    /// Refuses all work from the first poll on, and waits until no job is left, at most until `deadline`. What is left then is
    /// cut off. Reports itself on stderr.
    ///
    /// There is one drain, with the deadline of the first call. Whoever calls again gets the same outcome when it is over.
    /// Dropped before that, this changes nothing: the drain goes on.
    ///
    /// When it returns, no job runs, and what the jobs held has been dropped. It is later than the deadline only if a
    /// job does not come to an `await`: nothing can cut that off.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] if a job was cut off.
    pub async fn drain(&self, deadline: Instant) -> Result<(), DeadlineExceeded> {
        let mut over = self.drain.get_or_init(|| self.begin(deadline)).clone();
        let outcome = over.wait_for(Option::is_some).await.ok().and_then(|outcome| *outcome);
        outcome.expect("the drain's task ends with an outcome")
    }

    /// How far the shutdown is.
    pub fn phase(&self) -> Phase {
        todo!("say which phase it is")
    }

    /// How many jobs of this kind were accepted and have not ended.
    pub fn in_flight(&self, work: Work) -> usize {
        todo!("say how much {work:?} work is in flight")
    }

    fn begin(&self, deadline: Instant) -> watch::Receiver<Option<Outcome>> {
        let (record, over) = watch::channel(None);
        // A task of its own: none of its callers owns it.
        tokio::spawn(async move {
            let (outcome, duration, quiesce) = finish(deadline).await;
            report(outcome, duration, quiesce);
            record.send_replace(Some(outcome));
        });
        over
    }
}

/// Ends what was accepted: the outcome of the drain, how long the shutdown took, and how much of that was quiesce.
async fn finish(deadline: Instant) -> (Outcome, Duration, Duration) {
    todo!("with all work refused, wait until no job is left, and cut off what is left at {deadline:?}")
}

impl Default for Jobs {
    fn default() -> Self {
        Self::new()
    }
}
