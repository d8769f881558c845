//! Producers that race a drain, in real time.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use drain_kit::{Scenario, ms, secs};
use task_04::{Closed, DeadlineExceeded, Drained, Pool};
use tokio::select;
use tokio::sync::Notify;
use tokio::task;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// What a race may take in real time. It takes milliseconds, but the machine may be busy.
const RACE: Duration = secs(15);

/// Producers that submit until they are refused, and a drain that begins while they do.
pub(crate) struct Race {
    pub(crate) producers: usize,
    pub(crate) workers: usize,
    pub(crate) queue: usize,
    /// The drain begins when this many jobs have come to their end.
    pub(crate) drain_after: usize,
    /// From the beginning of the drain to its deadline.
    pub(crate) limit: Duration,
    /// Whether the first job of each producer never ends: there must be more workers.
    pub(crate) endless: bool,
}

pub(crate) struct Counts {
    pub(crate) done: usize,
    pub(crate) abandoned: usize,
}

#[derive(Default)]
pub(crate) struct Course {
    drain_after: usize,
    endless: bool,
    begun: AtomicUsize,
    running: AtomicUsize,
    most_running: AtomicUsize,
    /// The jobs that came to their end without seeing the cancellation.
    ended: AtomicUsize,
    begin: Notify,
    /// The drain has returned.
    over: AtomicBool,
}

impl Race {
    pub(crate) async fn run(&self, scenario: &Scenario) -> Counts {
        let Self { producers, workers, queue, drain_after, limit, endless } = *self;
        let round = format!(
            "{producers} producers, {workers} workers, queue {queue}, drain after {drain_after} jobs, {} ms",
            limit.as_millis()
        );
        let fail = |expected: &str, observed: &str| -> ! {
            scenario.fail(expected, format!("{observed} ({round})"))
        };
        let course = Arc::new(Course { drain_after, endless, ..Course::default() });
        let pool = Arc::new(Pool::start(workers, queue));
        let produce = |_| tokio::spawn(produce(pool.clone(), course.clone()));
        let produced: Vec<_> = (0..producers).map(produce).collect();
        if drain_after > 0 {
            let begin = course.begin.notified();
            scenario.wait_at_most(RACE, format!("{drain_after} jobs to be done"), begin).await;
        }
        let drain = {
            let (pool, course) = (pool.clone(), course.clone());
            tokio::spawn(async move {
                let outcome = pool.drain(Instant::now() + limit).await;
                (outcome, course.running.load(Ordering::SeqCst), course.begun.load(Ordering::SeqCst))
            })
        };
        let (outcome, running, begun) = scenario.returned(limit + RACE, "the drain to return", drain).await;
        course.over.store(true, Ordering::SeqCst);
        if running > 0 {
            fail("no job running when the drain has returned", &format!("{running} running"));
        }
        let counts = match outcome {
            Ok(Drained { done }) => Counts { done, abandoned: 0 },
            Err(DeadlineExceeded { done, abandoned }) => Counts { done, abandoned },
        };
        let Counts { done, abandoned } = counts;
        if outcome.is_err() && abandoned == 0 {
            fail("Ok(Drained), with nothing abandoned", &format!("{outcome:?}"));
        }

        let mut accepted = 0;
        for producer in produced {
            let Some(jobs) = scenario.returned(RACE, "submit to return", producer).await else {
                fail("Err(Closed) for every producer", "Ok(()), accepted, after the drain was over")
            };
            accepted += jobs;
        }
        if done + abandoned != accepted {
            fail(
                &format!("{accepted} jobs accepted, and as many done and abandoned together"),
                &format!("done: {done}, abandoned: {abandoned}"),
            );
        }
        let ended = course.ended.load(Ordering::SeqCst);
        if done > ended {
            fail(&format!("at most {ended} done: so many came to their end"), &format!("done: {done}"));
        }
        let begun_since = course.begun.load(Ordering::SeqCst) - begun;
        if begun_since > 0 {
            fail("no job begun once the drain has returned", &format!("{begun_since} begun"));
        }
        let most = course.most_running.load(Ordering::SeqCst);
        if most > workers {
            fail(&format!("at most {workers} jobs at once"), &format!("{most} at once"));
        }
        counts
    }
}

/// Submits until it is refused, and says how many jobs were accepted; `None` if it is never refused.
pub(crate) async fn produce(pool: Arc<Pool>, course: Arc<Course>) -> Option<usize> {
    for number in 0.. {
        let mine = course.clone();
        let job = async move |token: CancellationToken| {
            let running = InRace::enter(mine);
            match number % 10 {
                0 if running.0.endless && number == 0 => pending().await,
                1 => task::yield_now().await,
                2 => sleep(ms(1)).await,
                3 => select! { () = sleep(ms(1)) => {}, () = token.cancelled() => {} },
                _ => {}
            }
            if !token.is_cancelled() {
                running.end();
            }
        };
        let over = course.over.load(Ordering::SeqCst);
        match pool.submit(job).await {
            Err(Closed) => return Some(number),
            Ok(()) if over => break,
            Ok(()) => {}
        }
    }
    None
}

pub(crate) struct InRace(Arc<Course>);

impl InRace {
    pub(crate) fn enter(course: Arc<Course>) -> Self {
        course.begun.fetch_add(1, Ordering::SeqCst);
        let running = course.running.fetch_add(1, Ordering::SeqCst) + 1;
        course.most_running.fetch_max(running, Ordering::SeqCst);
        Self(course)
    }

    pub(crate) fn end(&self) {
        if self.0.ended.fetch_add(1, Ordering::SeqCst) + 1 == self.0.drain_after {
            self.0.begin.notify_one();
        }
    }
}

impl Drop for InRace {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}
