//! The jobs, and how they are shut down.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::select;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::outcome::{DeadlineExceeded, report};
use crate::phase::{Phase, Refused, Work};

/// Runs jobs, each in a task of its own, until it is told not to.
pub struct Jobs {
    desk: Arc<Mutex<Desk>>,
}

type Outcome = Result<(), DeadlineExceeded>;
type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What callers and the conductor share.
struct Desk {
    phase: Phase,
    in_flight: [usize; 2],
    quiesced: Option<Instant>,
    /// To the conductor, from the first job on. Gone when the drain has begun: then there is an end to what comes.
    to_conductor: Option<mpsc::UnboundedSender<(Work, Job)>>,
    drain: watch::Sender<Option<Instant>>,
    over: watch::Sender<Option<Outcome>>,
}

impl Jobs {
    /// Nothing in flight, and all work is accepted.
    pub fn new() -> Self {
        let desk = Desk {
            phase: Phase::Running,
            in_flight: [0; 2],
            quiesced: None,
            to_conductor: None,
            drain: watch::Sender::new(None),
            over: watch::Sender::new(None),
        };
        Self { desk: Arc::new(Mutex::new(desk)) }
    }

    /// Runs the job in a task of its own.
    ///
    /// # Errors
    ///
    /// [`Refused`] if this work is not accepted any more.
    pub fn submit(&self, work: Work, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Refused> {
        // Boxed outside, so that a refused job is dropped outside of the lock.
        let job: Job = Box::pin(job);
        let mut desk = lock(&self.desk);
        match (desk.phase, work) {
            (Phase::Draining, _) => return Err(Refused::Draining),
            (Phase::Quiescing, Work::Long) => return Err(Refused::Quiescing),
            _ => {}
        }
        desk.in_flight[work as usize] += 1;
        let sent = self.conductor(&mut desk).send((work, job));
        drop(desk);
        drop(sent);
        Ok(())
    }

    /// From now on long work is refused, and short work is not.
    pub fn quiesce(&self) {
        let mut desk = lock(&self.desk);
        if desk.phase == Phase::Running {
            desk.phase = Phase::Quiescing;
            desk.quiesced = Some(Instant::now());
        }
    }

    /// Refuses all work from the first poll on, and waits until no job is left, at most until `deadline`.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] if a job was cut off.
    pub async fn drain(&self, deadline: Instant) -> Result<(), DeadlineExceeded> {
        let mut over = self.begin(deadline);
        let outcome = over.wait_for(Option::is_some).await.ok().and_then(|outcome| *outcome);
        outcome.expect("the conductor ends with an outcome")
    }

    /// How far the shutdown is.
    pub fn phase(&self) -> Phase {
        lock(&self.desk).phase
    }

    /// How many jobs of this kind were accepted and have not ended.
    pub fn in_flight(&self, work: Work) -> usize {
        lock(&self.desk).in_flight[work as usize]
    }

    fn begin(&self, deadline: Instant) -> watch::Receiver<Option<Outcome>> {
        let mut desk = lock(&self.desk);
        if desk.phase < Phase::Draining {
            // One that has never had anything to do ends at once.
            let last = self.conductor(&mut desk).clone();
            desk.phase = Phase::Draining;
            desk.drain.send_replace(Some(deadline));
            desk.to_conductor = None;
            drop(last);
        }
        desk.over.subscribe()
    }

    fn conductor<'a>(&self, desk: &'a mut Desk) -> &'a mut mpsc::UnboundedSender<(Work, Job)> {
        let drain = desk.drain.subscribe();
        desk.to_conductor.get_or_insert_with(|| {
            let (to_conductor, jobs) = mpsc::unbounded_channel();
            tokio::spawn(conduct(self.desk.clone(), jobs, drain));
            to_conductor
        })
    }
}

impl Default for Jobs {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs what comes in, until it is told to drain.
async fn conduct(
    desk: Arc<Mutex<Desk>>,
    mut jobs: mpsc::UnboundedReceiver<(Work, Job)>,
    mut drain: watch::Receiver<Option<Instant>>,
) {
    let mut set = Set { desk: desk.clone(), running: JoinSet::new(), works: HashMap::new() };
    loop {
        select! {
            job = jobs.recv() => match job {
                Some((work, job)) => set.begin(work, job),
                None => break,
            },
            Some(ended) = set.running.join_next_with_id() => set.ended(ended),
        }
    }
    // Nothing more comes in, so a drain has begun; or everybody has left.
    let Some(deadline) = drain.wait_for(Option::is_some).await.ok().and_then(|deadline| *deadline) else {
        return;
    };
    let drained = Instant::now();
    let abandoned = set.drain(deadline).await;
    let outcome = if abandoned == 0 { Ok(()) } else { Err(DeadlineExceeded { abandoned }) };
    let quiesced = lock(&desk).quiesced.unwrap_or(drained);
    report(outcome, quiesced.elapsed(), drained - quiesced);
    lock(&desk).over.send_replace(Some(outcome));
}

struct Set {
    desk: Arc<Mutex<Desk>>,
    running: JoinSet<()>,
    works: HashMap<Id, Work>,
}

impl Set {
    fn begin(&mut self, work: Work, job: Job) {
        let id = self.running.spawn(job).id();
        self.works.insert(id, work);
    }

    fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        if let Some(work) = self.works.remove(&id) {
            lock(&self.desk).in_flight[work as usize] -= 1;
        }
    }

    /// Waits until all have ended, at most until `deadline`, and says how many were cut off.
    async fn drain(&mut self, deadline: Instant) -> usize {
        loop {
            select! {
                biased;
                ended = self.running.join_next_with_id() => match ended {
                    Some(ended) => self.ended(ended),
                    None => return 0,
                },
                () = sleep_until(deadline) => break,
            }
        }
        let abandoned = self.running.len();
        self.running.abort_all();
        while let Some(ended) = self.running.join_next_with_id().await {
            self.ended(ended);
        }
        abandoned
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}
