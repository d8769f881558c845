//! Producers that race a drain, in real time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drain_kit::{AT_ONCE, Scenario, ms, secs};
use task_02::{Closed, DeadlineExceeded, Pool};
use tokio::sync::{Notify, Semaphore};
use tokio::task;
use tokio::time::{Instant, sleep};

use crate::jobs::lock;

/// What a race may take in real time. It takes milliseconds, but the machine may be busy.
const RACE: Duration = secs(15);

/// Producers that submit until they are refused, and a drain that begins while they do.
pub(crate) struct Race {
    pub(crate) producers: usize,
    pub(crate) workers: usize,
    pub(crate) queue: usize,
    /// The drain begins when this many jobs have begun.
    pub(crate) drain_after: usize,
    /// From then on jobs are held until the drain begins, and it begins when the pool is full.
    pub(crate) full: bool,
}

#[derive(Default)]
pub(crate) struct Course {
    /// For each producer the numbers of its jobs that were run, in the order in which they ended.
    runs: Vec<Mutex<Vec<usize>>>,
    accepted: AtomicUsize,
    begun: AtomicUsize,
    all_runs: AtomicUsize,
    running: AtomicUsize,
    most_running: AtomicUsize,
    drain_after: usize,
    reached: Notify,
    gate: Gate,
    /// The drain has returned.
    over: AtomicBool,
}

impl Course {
    /// Returns when this many jobs are accepted and not done.
    pub(crate) async fn unfinished(&self, count: usize) {
        let accepted = || self.accepted.load(Ordering::SeqCst);
        while accepted().saturating_sub(self.all_runs.load(Ordering::SeqCst)) < count {
            sleep(ms(1)).await;
        }
    }
}

/// Holds jobs until it is opened.
pub(crate) struct Gate(Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        self.0.close();
    }

    pub(crate) async fn pass(&self) {
        // An error means that the gate is open.
        let _ = self.0.acquire().await;
    }
}

impl Race {
    /// Runs the race, and says how many jobs were accepted.
    pub(crate) async fn run(&self, scenario: &Scenario) -> usize {
        let Self { producers, workers, queue, drain_after, full } = *self;
        let round = format!(
            "{producers} producers, {workers} workers, queue {queue}, drain after {drain_after} jobs"
        );
        let fail = |expected: &str, observed: &str| -> ! {
            scenario.fail(expected, format!("{observed} ({round})"))
        };
        let runs = (0..producers).map(|_| Mutex::default()).collect();
        let course = Arc::new(Course { runs, drain_after, ..Course::default() });
        if !full {
            course.gate.open();
        }
        let pool = Arc::new(Pool::start(workers, queue));
        let produce = |producer| tokio::spawn(produce(pool.clone(), course.clone(), producer));
        let produced: Vec<_> = (0..producers).map(produce).collect();
        if drain_after > 0 {
            let reached = course.reached.notified();
            scenario.wait_at_most(RACE, format!("{drain_after} jobs to begin"), reached).await;
        }
        if full {
            let what = format!("{workers} jobs to run and {queue} to wait");
            scenario.wait_at_most(RACE, what, course.unfinished(workers + queue)).await;
        }
        let drain = {
            let (pool, course) = (pool.clone(), course.clone());
            let drain = async move { pool.drain(Instant::now() + RACE).await };
            // In this order: the drain has begun when the gate opens.
            tokio::spawn(async move { tokio::join!(drain, async { course.gate.open() }).0 })
        };
        let outcome = scenario.returned(RACE + AT_ONCE, "the drain to return", drain).await;
        // Judged is what had been run when the drain returned, not what may still come.
        let runs: Vec<Vec<usize>> = course.runs.iter().map(|runs| lock(runs).clone()).collect();
        course.over.store(true, Ordering::SeqCst);
        if let Err(DeadlineExceeded) = outcome {
            fail("Ok(()) from the drain: no job takes long", "Err(DeadlineExceeded)");
        }

        let mut accepted = 0;
        for (mut runs, producer) in runs.into_iter().zip(produced) {
            let Some(jobs) = scenario.returned(RACE, "submit to return", producer).await else {
                fail("Err(Closed) for every producer", "Ok(()), accepted, after the drain was over")
            };
            accepted += jobs;
            let begun = runs.len();
            runs.sort_unstable();
            runs.dedup();
            if runs.len() < begun {
                fail("each job run once", &format!("{} run once more", begun - runs.len()));
            }
            // Its jobs are numbered 0, 1, 2, ...: those below `jobs` were accepted, the last one was refused.
            if runs.len() < jobs {
                let lost = format!("{} of {jobs} of one producer were not run", jobs - runs.len());
                fail("all accepted jobs run when the drain is complete", &lost);
            }
        }
        let all = course.all_runs.load(Ordering::SeqCst);
        if all != accepted {
            fail("no refused job run", &format!("{accepted} jobs accepted, {all} run"));
        }
        let most = course.most_running.load(Ordering::SeqCst);
        if most > workers {
            fail(&format!("at most {workers} jobs at once"), &format!("{most} at once"));
        }
        accepted
    }
}

/// Submits until it is refused, and says how many jobs were accepted; `None` if it is never refused.
pub(crate) async fn produce(pool: Arc<Pool>, course: Arc<Course>, producer: usize) -> Option<usize> {
    for number in 0.. {
        let mine = course.clone();
        let job = async move {
            let running = mine.running.fetch_add(1, Ordering::SeqCst) + 1;
            mine.most_running.fetch_max(running, Ordering::SeqCst);
            let begun = mine.begun.fetch_add(1, Ordering::SeqCst) + 1;
            if begun == mine.drain_after {
                mine.reached.notify_one();
            }
            if begun >= mine.drain_after {
                mine.gate.pass().await;
            }
            if number % 3 == 0 {
                task::yield_now().await;
            }
            lock(&mine.runs[producer]).push(number);
            mine.all_runs.fetch_add(1, Ordering::SeqCst);
            mine.running.fetch_sub(1, Ordering::SeqCst);
        };
        let over = course.over.load(Ordering::SeqCst);
        if let Err(Closed) = pool.submit(job).await {
            return Some(number);
        }
        course.accepted.fetch_add(1, Ordering::SeqCst);
        if over {
            break;
        }
    }
    None
}
