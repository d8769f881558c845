//! A pool on trial: what is asked of it, and what it must answer.

use std::sync::Arc;
use std::time::Duration;

use drain_kit::{AT_ONCE, Moment, Program, Running, Scenario, list, secs, settled};
use task_02::{Closed, DeadlineExceeded, Pool};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::jobs::Jobs;

/// Runs `before` and then the drain of a pool of two workers and three places in the queue, in a process of
/// its own. Returns the process, and how long the drain took seen from outside.
pub(crate) fn drained_alone(
    scenario: &Scenario,
    limit: Duration,
    before: impl AsyncFnOnce(Arc<Pool>),
) -> (Running, Duration) {
    Program::measured(scenario, 1, async || {
        let pool = Arc::new(Pool::start(2, 3));
        before(pool.clone()).await;
        let begun = Instant::now();
        let _ = pool.drain(begun + limit).await;
        begun.elapsed()
    })
}

pub(crate) fn at_once(scenario: &Scenario, from: Moment, what: &str) {
    let took = Moment::now().since(from);
    scenario.require(
        took <= AT_ONCE,
        format!("{what} at once, at most {} ms later", AT_ONCE.as_millis()),
        format!("{} ms later", took.as_millis()),
    );
}

/// A pool, its jobs, and the scenario that says what must become of them.
pub(crate) struct Trial<'a> {
    scenario: &'a Scenario,
    pub(crate) pool: Arc<Pool>,
    pub(crate) jobs: Jobs,
}

impl<'a> Trial<'a> {
    pub(crate) fn start(scenario: &'a Scenario, workers: usize, queue: usize) -> Self {
        let jobs = Jobs::new(scenario.timeline().clone());
        Self { scenario, pool: Arc::new(Pool::start(workers, queue)), jobs }
    }

    /// Submits jobs that are held at the gate, and requires that each is accepted.
    pub(crate) async fn accept(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            self.accept_job(number, self.jobs.gate()).await;
        }
    }

    pub(crate) async fn accept_job(&self, number: usize, job: impl Future<Output = ()> + Send + 'static) {
        let submit = self.pool.submit(self.jobs.job(number, job));
        let what = format!("submit to accept job {number}, for which there is room,");
        if let Err(Closed) = self.scenario.wait_at_most(secs(1), what, submit).await {
            self.scenario.fail(format!("job {number} accepted: no drain has begun"), "Err(Closed)");
        }
    }

    /// Requires that a job is refused at once.
    pub(crate) async fn refused(&self, number: usize, when: &str) {
        let submit = self.pool.submit(self.jobs.job(number, self.jobs.gate()));
        let what = format!("submit to return {when}");
        if let Ok(()) = self.scenario.wait_at_most(AT_ONCE, what, submit).await {
            self.scenario.fail(format!("Err(Closed) from submit {when}"), "Ok(()): accepted");
        }
    }

    /// Producers that submit to a full pool: requires that each of them waits.
    pub(crate) async fn waiting_producers(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<Producer> {
        let producers = self.producers(numbers);
        settled().await;
        let returned = producers.iter().filter(|producer| producer.is_finished()).count();
        self.scenario.require(
            returned == 0,
            format!("{} producers that wait: the pool is full, and no drain has begun", producers.len()),
            format!("submit has returned to {returned} of them"),
        );
        producers
    }

    /// Requires that a drain waits for jobs that are not done.
    pub(crate) fn require_draining(&self, drain: &JoinHandle<Result<(), DeadlineExceeded>>, jobs: usize) {
        self.scenario.require(
            !drain.is_finished(),
            format!("a drain that waits for {jobs} accepted jobs"),
            "a drain that has returned",
        );
    }

    /// Producers that submit one job each, in tasks of their own.
    pub(crate) fn producers(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<Producer> {
        let producer = |number| {
            let (pool, jobs) = (self.pool.clone(), self.jobs.clone());
            tokio::spawn(async move {
                let lane = format!("producer {number}");
                let submit = jobs.timeline().begin(&lane, "submit");
                let outcome = pool.submit(jobs.job(number, jobs.gate())).await;
                submit.end(if outcome.is_ok() { "Ok(())" } else { "Err(Closed)" });
                outcome
            })
        };
        numbers.into_iter().map(producer).collect()
    }

    /// Requires that producers who waited when the drain began are refused at once.
    pub(crate) async fn released(&self, producers: Vec<Producer>) {
        sleep(AT_ONCE).await;
        let all = producers.len();
        let waiting = producers.iter().filter(|producer| !producer.is_finished()).count();
        self.scenario.require(
            waiting == 0,
            format!("Err(Closed) for {all} producers that wait, at once when the drain begins"),
            format!("{waiting} of {all} still wait"),
        );
        let mut accepted = 0;
        for producer in producers {
            accepted += usize::from(self.returned("submit to return", producer).await.is_ok());
        }
        self.scenario.require(
            accepted == 0,
            format!("Err(Closed) for {all} producers that wait when the drain begins"),
            format!("Ok(()), accepted, for {accepted} of them"),
        );
    }

    /// Begins a drain with this much time until its deadline, in a task of its own.
    pub(crate) fn drain(&self, limit: Duration) -> JoinHandle<Result<(), DeadlineExceeded>> {
        let (pool, timeline) = (self.pool.clone(), self.jobs.timeline().clone());
        let deadline = Instant::now() + limit;
        tokio::spawn(async move {
            timeline.anchor("drain");
            let outcome = pool.drain(deadline).await;
            timeline.mark("drain", if outcome.is_ok() { "Ok(())" } else { "Err(DeadlineExceeded)" });
            outcome
        })
    }

    /// Requires that the drain completes.
    pub(crate) async fn drained(&self, drain: JoinHandle<Result<(), DeadlineExceeded>>) {
        if let Err(DeadlineExceeded) =
            self.returned("the drain, whose jobs can all be done, to return", drain).await
        {
            self.scenario.fail("Ok(()) from the drain: all jobs can be done", "Err(DeadlineExceeded)");
        }
    }

    /// Requires that the drain, begun just now, misses its deadline, and says so in time.
    pub(crate) async fn missed(&self, drain: JoinHandle<Result<(), DeadlineExceeded>>, limit: Duration) {
        let begun = Moment::now();
        let what = format!("the drain, whose deadline is at {} ms, to return", limit.as_millis());
        let outcome = self.scenario.returned(limit + AT_ONCE, &what, drain).await;
        let took = Moment::now().since(begun).as_millis();
        let expected = format!("Err(DeadlineExceeded) at {} ms: jobs are left", limit.as_millis());
        self.scenario.require(outcome.is_err(), &expected, format!("Ok(()) at {took} ms"));
        let in_time = took >= limit.as_millis();
        self.scenario.require(in_time, &expected, format!("Err(DeadlineExceeded) at {took} ms"));
    }

    /// Requires that these jobs have been run to their end, once, and no others.
    pub(crate) fn require_done(&self, numbers: impl IntoIterator<Item = usize>) {
        let book = self.jobs.book();
        let expected: Vec<usize> = numbers.into_iter().collect();
        let missing = list(expected.iter().filter(|number| !book.ends.contains(number)));
        let twice = list(book.runs.iter().filter(|(_, runs)| **runs > 1).map(|(number, _)| number));
        let others = list(book.ends.iter().filter(|number| !expected.contains(number)));
        drop(book);
        let jobs = format!("jobs {} run to their end, each once", list(&expected));
        for (wrong, what) in
            [(missing, "not done"), (twice, "begun more than once"), (others, "done, and never accepted")]
        {
            self.scenario.require(wrong.is_empty(), &jobs, format!("{what}: jobs {wrong}"));
        }
    }

    /// Waits for a task, which may neither hang nor panic.
    pub(crate) async fn returned<T>(&self, what: &str, task: JoinHandle<T>) -> T {
        self.scenario.returned(secs(20), what, task).await
    }
}

pub(crate) type Producer = JoinHandle<Result<(), Closed>>;
