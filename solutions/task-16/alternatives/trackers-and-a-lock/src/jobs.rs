//! The jobs, and how they are shut down.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::outcome::{DeadlineExceeded, report};
use crate::phase::{Phase, Refused, Work};

/// Runs jobs, each in a task of its own, until it is told not to.
pub struct Jobs {
    phase: RwLock<Phase>,
    quiesced: Mutex<Option<Instant>>,
    tracked: Arc<Tracked>,
    drain: OnceLock<watch::Receiver<Option<Outcome>>>,
}

type Outcome = Result<(), DeadlineExceeded>;

#[derive(Default)]
struct Tracked {
    short: TaskTracker,
    long: TaskTracker,
    cut: CancellationToken,
}

impl Jobs {
    /// Nothing in flight, and all work is accepted.
    pub fn new() -> Self {
        Self {
            phase: RwLock::new(Phase::Running),
            quiesced: Mutex::default(),
            tracked: Arc::default(),
            drain: OnceLock::new(),
        }
    }

    /// Runs the job in a task of its own.
    ///
    /// # Errors
    ///
    /// [`Refused`] if this work is not accepted any more.
    pub fn submit(&self, work: Work, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Refused> {
        let token = {
            let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
            match (*phase, work) {
                (Phase::Draining, _) => return Err(Refused::Draining),
                (Phase::Quiescing, Work::Long) => return Err(Refused::Quiescing),
                // Counted while nobody can change the phase.
                _ => self.tracked.of(work).token(),
            }
        };
        let cut = self.tracked.cut.clone();
        tokio::spawn(async move {
            let _token = token;
            tokio::select! {
                biased;
                () = cut.cancelled() => {}
                () = job => {}
            }
        });
        Ok(())
    }

    /// From now on long work is refused, and short work is not.
    pub fn quiesce(&self) {
        let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        if *phase == Phase::Running {
            *phase = Phase::Quiescing;
            *self.quiesced.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// Refuses all work from the first poll on, and waits until no job is left, at most until `deadline`.
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
        *self.phase.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many jobs of this kind were accepted and have not ended.
    pub fn in_flight(&self, work: Work) -> usize {
        self.tracked.of(work).len()
    }

    fn begin(&self, deadline: Instant) -> watch::Receiver<Option<Outcome>> {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = Phase::Draining;
        let drain = Instant::now();
        let quiesced = self.quiesced.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(drain);
        let (record, over) = watch::channel(None);
        let tracked = self.tracked.clone();
        tokio::spawn(async move {
            let outcome = tracked.drain(deadline).await;
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

impl Tracked {
    fn of(&self, work: Work) -> &TaskTracker {
        match work {
            Work::Short => &self.short,
            Work::Long => &self.long,
        }
    }

    async fn gone(&self) {
        for tracker in [&self.short, &self.long] {
            tracker.close();
            tracker.wait().await;
        }
    }

    async fn drain(&self, deadline: Instant) -> Outcome {
        if timeout_at(deadline, self.gone()).await.is_ok() {
            return Ok(());
        }
        let abandoned = self.short.len() + self.long.len();
        self.cut.cancel();
        self.gone().await;
        if abandoned == 0 { Ok(()) } else { Err(DeadlineExceeded { abandoned }) }
    }
}
