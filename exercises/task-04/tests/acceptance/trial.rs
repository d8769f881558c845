//! A pool on trial: what is asked of it, and what it must answer.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use drain_kit::{AT_ONCE, Moment, Program, Scenario, list, ms, secs, settled};
use task_04::{Closed, DeadlineExceeded, Drained, Pool};
use tokio::select;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::jobs::{Book, Jobs, for_ever};

/// How long a drain that must wait is watched, in real time.
pub(crate) const WATCHED: Duration = ms(400);

/// A pool, its jobs, and the scenario that says what must become of them.
pub(crate) struct Trial<'a> {
    scenario: &'a Scenario,
    pub(crate) pool: Arc<Pool>,
    pub(crate) jobs: Jobs,
}

type Producer = JoinHandle<Result<(), Closed>>;

/// A drain that has begun.
pub(crate) struct Draining {
    begun: Moment,
    task: JoinHandle<Returned>,
}

/// How a drain returned.
pub(crate) struct Returned {
    outcome: Result<Drained, DeadlineExceeded>,
    at: Moment,
    /// The jobs that were running at that moment.
    running: Vec<usize>,
    /// How many references to what the jobs hold there were at that moment.
    held: usize,
}

/// A drain that missed its deadline, as it must.
pub(crate) struct Missed<'a> {
    scenario: &'a Scenario,
    counts: DeadlineExceeded,
    pub(crate) at: Moment,
    pub(crate) running: Vec<usize>,
    pub(crate) held: usize,
}

impl Missed<'_> {
    pub(crate) fn require_counts(&self, done: usize, abandoned: usize) {
        let DeadlineExceeded { done: said_done, abandoned: said_abandoned } = self.counts;
        self.scenario.require(
            (said_done, said_abandoned) == (done, abandoned),
            format!("{} jobs accepted, of which done: {done}, abandoned: {abandoned}", done + abandoned),
            format!("done: {said_done}, abandoned: {said_abandoned}"),
        );
    }
}

impl<'a> Trial<'a> {
    pub(crate) fn start(scenario: &'a Scenario, workers: usize, queue: usize) -> Self {
        let jobs = Jobs::new(scenario.timeline().clone());
        Self { scenario, pool: Arc::new(Pool::start(workers, queue)), jobs }
    }

    /// Submits a job, and requires that it is accepted.
    pub(crate) async fn accept<J, F>(&self, number: usize, job: J)
    where
        J: FnOnce(CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let jobs = self.jobs.clone();
        let submit = self.pool.submit(move |token| jobs.run(number, job, token));
        let what = format!("submit to accept job {number}, for which there is room,");
        if let Err(Closed) = self.scenario.wait_at_most(secs(1), what, submit).await {
            self.scenario.fail(format!("job {number} accepted: no drain has begun"), "Err(Closed)");
        }
    }

    /// Requires that a job is refused at once.
    pub(crate) async fn refused(&self, number: usize, when: &str) {
        let jobs = self.jobs.clone();
        let submit = self.pool.submit(move |token| jobs.run(number, for_ever(), token));
        let what = format!("submit to return {when}");
        if let Ok(()) = self.scenario.wait_at_most(AT_ONCE, what, submit).await {
            self.scenario.fail(format!("Err(Closed) from submit {when}"), "Ok(()): accepted");
        }
    }

    /// Producers that submit to a full pool: requires that each of them waits.
    pub(crate) async fn waiting_producers(&self, numbers: RangeInclusive<usize>) -> Vec<Producer> {
        let producers: Vec<_> = numbers.map(|number| self.producer(number)).collect();
        settled().await;
        let returned = producers.iter().filter(|producer| producer.is_finished()).count();
        self.scenario.require(
            returned == 0,
            format!("{} producers that wait: the pool is full, and no drain has begun", producers.len()),
            format!("submit has returned to {returned} of them"),
        );
        producers
    }

    /// A producer that submits one job, in a task of its own.
    pub(crate) fn producer(&self, number: usize) -> Producer {
        let (pool, jobs) = (self.pool.clone(), self.jobs.clone());
        tokio::spawn(async move {
            let submit = jobs.timeline().begin(&format!("producer {number}"), "submit");
            let job = jobs.clone();
            let outcome = pool.submit(move |token| job.run(number, for_ever(), token)).await;
            submit.end(if outcome.is_ok() { "Ok(())" } else { "Err(Closed)" });
            outcome
        })
    }

    /// Begins a drain with this much time until its deadline, in a task of its own.
    pub(crate) fn drain(&self, limit: Duration) -> Draining {
        self.drain_until(Instant::now() + limit)
    }

    pub(crate) fn drain_until(&self, deadline: Instant) -> Draining {
        let (pool, jobs) = (self.pool.clone(), self.jobs.clone());
        let begun = Moment::now();
        let task = tokio::spawn(async move {
            jobs.timeline().anchor("drain");
            let outcome = pool.drain(deadline).await;
            // Nothing is awaited in between: this is the very moment of the return.
            let running = jobs.book().running.iter().copied().collect();
            // The trial's own, and the one in this task.
            let held = jobs.references() - 2;
            let what = if outcome.is_ok() { "Ok(Drained)" } else { "Err(DeadlineExceeded)" };
            Returned { outcome, at: jobs.timeline().mark("drain", what), running, held }
        });
        Draining { begun, task }
    }

    /// Requires that the drain completes with this many jobs done.
    pub(crate) async fn drained(&self, drain: Draining, done: usize) {
        let what = "the drain to complete: all jobs can be done";
        let outcome = self.scenario.returned(secs(20), what, drain.task).await.outcome;
        let expected = Ok(Drained { done });
        self.scenario.require(outcome == expected, format!("{expected:?}"), format!("{outcome:?}"));
    }

    /// Requires that the drain misses its deadline, this long after it began, and says so in time.
    pub(crate) async fn missed(&self, drain: Draining, limit: Duration) -> Missed<'a> {
        let begun = drain.begun;
        let what = format!("the drain to return at its deadline of {} ms", limit.as_millis());
        let missed = self.missed_within(drain, limit + AT_ONCE, &what).await;
        let took = missed.at.since(begun);
        self.scenario.require(
            took >= limit && took <= limit + AT_ONCE,
            format!("Err(DeadlineExceeded) at {} ms: jobs are left", limit.as_millis()),
            format!("Err(DeadlineExceeded) at {} ms", took.as_millis()),
        );
        missed
    }

    /// Requires that the drain misses its deadline, and does not hang; when it returns is another question.
    pub(crate) async fn missed_in_real_time(&self, drain: Draining) -> Missed<'a> {
        self.missed_within(drain, secs(5), "the drain to return").await
    }

    pub(crate) async fn missed_within(&self, drain: Draining, limit: Duration, what: &str) -> Missed<'a> {
        let Returned { outcome, at, running, held } = self.scenario.returned(limit, what, drain.task).await;
        match outcome {
            Err(counts) => Missed { scenario: self.scenario, counts, at, running, held },
            Ok(drained) => {
                self.scenario.fail_at(at, "Err(DeadlineExceeded): jobs are left", format!("Ok({drained:?})"))
            }
        }
    }

    /// Requires that the drain does not return, long after its deadline, because of what there is.
    pub(crate) async fn still_draining(&self, drain: Draining, what: &str) -> Draining {
        let begun = drain.begun;
        self.draining_until(drain, what, |_| Moment::now().since(begun) >= WATCHED).await
    }

    /// Waits until the book says so, and requires that the drain goes on until then.
    pub(crate) async fn draining_until(
        &self,
        drain: Draining,
        what: &str,
        holds: impl Fn(&Book) -> bool,
    ) -> Draining {
        while !holds(&self.jobs.book()) {
            nudge().await;
            if drain.task.is_finished() {
                let at = self.scenario.returned(AT_ONCE, "the drain to return", drain.task).await.at;
                self.scenario.fail_at(
                    at,
                    format!("a drain that waits for {what}"),
                    "a drain that has returned",
                )
            }
        }
        drain
    }

    /// Waits in real time until these jobs have begun.
    pub(crate) async fn begun(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            let begun = async {
                while !self.jobs.book().begun.contains_key(&number) {
                    nudge().await;
                }
            };
            let what = format!("job {number} to begin, for which a worker is free,");
            self.scenario.wait_at_most(secs(5), what, begun).await;
        }
    }

    /// Requires that these jobs have seen the cancellation.
    pub(crate) fn require_saw(&self, numbers: impl IntoIterator<Item = usize>) {
        let book = self.jobs.book();
        let missing: Vec<usize> =
            numbers.into_iter().filter(|number| !book.saw.contains_key(number)).collect();
        drop(book);
        self.scenario.require(
            missing.is_empty(),
            "the cancellation seen by every job that waits for its token at the deadline",
            format!("jobs {} cut off before they saw it", list(&missing)),
        );
    }

    /// Requires that these jobs have been begun, once, and no others.
    pub(crate) fn require_begun(&self, numbers: impl IntoIterator<Item = usize>, when: &str) {
        let expected: BTreeMap<usize, usize> = numbers.into_iter().map(|number| (number, 1)).collect();
        let begun = self.jobs.book().begun.clone();
        let times = |(number, times): (&usize, &usize)| match times {
            1 => number.to_string(),
            times => format!("{number} ({times} times)"),
        };
        self.scenario.require(
            begun == expected,
            format!("jobs {} begun before the deadline, and no other {when}", list(expected.keys())),
            format!("begun: jobs {}", begun.iter().map(times).collect::<Vec<_>>().join(", ")),
        );
    }
}

/// Runs `before` and then the drain of a pool of two workers and three places in the queue, in a process of
/// its own. Returns the process, and how long the drain took seen from outside.
pub(crate) fn drained_alone(
    scenario: &Scenario,
    limit: Duration,
    before: impl AsyncFnOnce(Arc<Pool>),
) -> (drain_kit::Running, Duration) {
    Program::measured(scenario, 4, async || {
        let pool = Arc::new(Pool::start(2, 3));
        before(pool.clone()).await;
        let begun = Instant::now();
        select! {
            _ = pool.drain(begun + limit) => {}
            () = async { loop { nudge().await } } => {}
        }
        begun.elapsed()
    })
}

/// A little work for a runtime of several threads, and 2 ms.
///
/// One of its idle threads looks after the timers. A job that blocks just that thread stops them for all,
/// until other work wakes another thread. In a service there is always other work.
pub(crate) async fn nudge() {
    let _ = tokio::spawn(async {}).await;
    thread::sleep(ms(2));
}
