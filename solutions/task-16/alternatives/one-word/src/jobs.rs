//! The jobs, and how they are shut down.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::outcome::{DeadlineExceeded, report};
use crate::phase::{Phase, Refused, Work};

/// Runs jobs, each in a task of its own, until it is told not to.
pub struct Jobs {
    gate: Arc<Gate>,
    cut: CancellationToken,
    quiesced: OnceLock<Instant>,
    drain: OnceLock<watch::Receiver<Option<Outcome>>>,
}

type Outcome = Result<(), DeadlineExceeded>;

impl Jobs {
    /// Nothing in flight, and all work is accepted.
    pub fn new() -> Self {
        Self {
            gate: Arc::default(),
            cut: CancellationToken::new(),
            quiesced: OnceLock::new(),
            drain: OnceLock::new(),
        }
    }

    /// Runs the job in a task of its own.
    ///
    /// # Errors
    ///
    /// [`Refused`] if this work is not accepted any more.
    pub fn submit(&self, work: Work, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Refused> {
        let entered = Gate::enter(&self.gate, work)?;
        let cut = self.cut.clone();
        tokio::spawn(async move {
            let _entered = entered;
            let job = job;
            cut.run_until_cancelled(job).await;
        });
        Ok(())
    }

    /// From now on long work is refused, and short work is not.
    pub fn quiesce(&self) {
        let now = Instant::now();
        // Whoever comes first has the phase; only the time of the report could be that of another one.
        if self.gate.advance(QUIESCING) {
            let _ = self.quiesced.set(now);
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
        phase(self.gate.word.load(Ordering::SeqCst))
    }

    /// How many jobs of this kind were accepted and have not ended.
    pub fn in_flight(&self, work: Work) -> usize {
        count(self.gate.word.load(Ordering::SeqCst), work)
    }

    fn begin(&self, deadline: Instant) -> watch::Receiver<Option<Outcome>> {
        self.gate.advance(DRAINING);
        let drain = Instant::now();
        let quiesced = self.quiesced.get().copied().unwrap_or(drain);
        let (record, over) = watch::channel(None);
        let (gate, cut) = (self.gate.clone(), self.cut.clone());
        tokio::spawn(async move {
            let _ = timeout_at(deadline, gate.empty()).await;
            let abandoned = gate.all();
            if abandoned > 0 {
                cut.cancel();
                gate.empty().await;
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

/// The phase in the two highest bits, and 31 bits for each number.
#[derive(Default)]
struct Gate {
    word: AtomicU64,
    emptied: Notify,
}

const PHASE: u64 = 3 << 62;
const QUIESCING: u64 = 1 << 62;
const DRAINING: u64 = 2 << 62;
const COUNT: u64 = (1 << 31) - 1;

fn one(work: Work) -> u64 {
    match work {
        Work::Short => 1,
        Work::Long => 1 << 31,
    }
}

fn count(word: u64, work: Work) -> usize {
    ((word / one(work)) & COUNT) as usize
}

fn phase(word: u64) -> Phase {
    match word >> 62 {
        0 => Phase::Running,
        1 => Phase::Quiescing,
        _ => Phase::Draining,
    }
}

impl Gate {
    fn enter(this: &Arc<Self>, work: Work) -> Result<Entered, Refused> {
        let mut word = this.word.load(Ordering::SeqCst);
        loop {
            match (phase(word), work) {
                (Phase::Draining, _) => return Err(Refused::Draining),
                (Phase::Quiescing, Work::Long) => return Err(Refused::Quiescing),
                _ => {}
            }
            let counted = word + one(work);
            match this.word.compare_exchange(word, counted, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Ok(Entered { gate: this.clone(), work }),
                Err(changed) => word = changed,
            }
        }
    }

    /// Begins this phase, if it is not over: whether that was it.
    fn advance(&self, to: u64) -> bool {
        let begin = |word: u64| (word >> 62 < to >> 62).then_some((word & !PHASE) | to);
        self.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, begin).is_ok()
    }

    fn all(&self) -> usize {
        let word = self.word.load(Ordering::SeqCst);
        count(word, Work::Short) + count(word, Work::Long)
    }

    /// Waits until nothing is in flight; asked only by the one drain.
    async fn empty(&self) {
        while self.all() > 0 {
            // A permit that is given before this is kept, so no look is missed.
            self.emptied.notified().await;
        }
    }
}

struct Entered {
    gate: Arc<Gate>,
    work: Work,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let word = self.gate.word.fetch_sub(one(self.work), Ordering::SeqCst) - one(self.work);
        if phase(word) == Phase::Draining && word & !PHASE == 0 {
            self.gate.emptied.notify_one();
        }
    }
}
