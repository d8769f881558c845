//! The jobs, and how they are shut down.

use std::sync::OnceLock;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::outcome::{DeadlineExceeded, report};
use crate::phase::{Phase, Refused, Work};

/// Runs jobs, each in a task of its own, until it is told not to: long ones until [`quiesce`](Self::quiesce), short ones until
/// [`drain`](Self::drain).
///
/// Share it among tasks in an [`Arc`](std::sync::Arc).
pub struct Jobs {
    /// Phase and numbers in one: a job is asked for and counted in one step.
    state: watch::Sender<State>,
    /// Cancelled at the deadline of the drain.
    cut: CancellationToken,
    /// The one drain, from the moment when it begins: `None` until it is over.
    drain: OnceLock<watch::Receiver<Option<Outcome>>>,
}

type Outcome = Result<(), DeadlineExceeded>;

impl Jobs {
    /// Nothing in flight, and all work is accepted.
    pub fn new() -> Self {
        let state = State { phase: Phase::Running, in_flight: [0; 2], quiesced: None };
        Self { state: watch::Sender::new(state), cut: CancellationToken::new(), drain: OnceLock::new() }
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
        let entered = self.enter(work)?;
        let cut = self.cut.clone();
        tokio::spawn(async move {
            // Dropped last, in every case: a job has ended when what it held is gone.
            let _entered = entered;
            cut.run_until_cancelled(job).await;
        });
        Ok(())
    }

    /// From now on long work is refused, and short work is not. What was accepted goes on. Called again, or when the drain
    /// has begun, it changes nothing.
    pub fn quiesce(&self) {
        self.state.send_modify(|state| {
            if state.phase == Phase::Running {
                state.phase = Phase::Quiescing;
                state.quiesced = Some(Instant::now());
            }
        });
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
        self.state.borrow().phase
    }

    /// How many jobs of this kind were accepted and have not ended.
    pub fn in_flight(&self, work: Work) -> usize {
        self.state.borrow().in_flight[work as usize]
    }

    /// Asked and counted in one step: between two, a phase could begin.
    fn enter(&self, work: Work) -> Result<Entered, Refused> {
        let mut answer = Ok(());
        self.state.send_if_modified(|state| {
            answer = state.accepts(work);
            state.in_flight[work as usize] += usize::from(answer.is_ok());
            false
        });
        answer.map(|()| Entered { state: self.state.clone(), work })
    }

    fn begin(&self, deadline: Instant) -> watch::Receiver<Option<Outcome>> {
        let drain = Instant::now();
        let mut quiesced = drain;
        self.state.send_modify(|state| {
            state.phase = Phase::Draining;
            quiesced = state.quiesced.unwrap_or(drain);
        });
        let (record, over) = watch::channel(None);
        let (mut state, cut) = (self.state.subscribe(), self.cut.clone());
        // A task of its own: none of its callers owns it.
        tokio::spawn(async move {
            let in_time = timeout_at(deadline, state.wait_for(State::is_idle)).await.is_ok();
            let abandoned = if in_time { 0 } else { state.borrow().all() };
            if abandoned > 0 {
                cut.cancel();
                // To cut is not to be rid of: until its task has ended, a job may still be running.
                let _ = state.wait_for(State::is_idle).await;
            }
            let outcome = if abandoned == 0 { Ok(()) } else { Err(DeadlineExceeded { abandoned }) };
            report(outcome, quiesced.elapsed(), drain - quiesced);
            record.send_replace(Some(outcome));
        });
        over
    }
}

impl Default for Jobs {
    fn default() -> Self {
        Self::new()
    }
}

struct State {
    phase: Phase,
    /// How many there are of each [`Work`].
    in_flight: [usize; 2],
    /// When the first quiesce was.
    quiesced: Option<Instant>,
}

impl State {
    fn accepts(&self, work: Work) -> Result<(), Refused> {
        match (self.phase, work) {
            (Phase::Draining, _) => Err(Refused::Draining),
            (Phase::Quiescing, Work::Long) => Err(Refused::Quiescing),
            (Phase::Quiescing, Work::Short) | (Phase::Running, _) => Ok(()),
        }
    }

    fn all(&self) -> usize {
        self.in_flight.iter().sum()
    }

    fn is_idle(&self) -> bool {
        self.all() == 0
    }
}

/// A job that was accepted. It has ended when this is dropped: returned, panicked, or cut off.
struct Entered {
    state: watch::Sender<State>,
    work: Work,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.state.send_modify(|state| state.in_flight[self.work as usize] -= 1);
    }
}
