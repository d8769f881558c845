//! A pool on trial: who asks what of it, and what it must answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drain_kit::{AT_ONCE, Moment, Scenario, Timeline, secs};
use task_06::{Closed, DeadlineExceeded, Drained, Outcome, Pool};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// The outcome of a drain that took this long.
pub(crate) fn complete(duration: Duration) -> Outcome {
    Ok(Drained { duration })
}

/// The outcome of a drain that left so many jobs.
pub(crate) fn missed(unfinished: usize) -> Outcome {
    Err(DeadlineExceeded { unfinished })
}

/// A pool, its jobs, hooks and callers, and the scenario that says what must become of them.
pub(crate) struct Trial<'a> {
    scenario: &'a Scenario,
    pub(crate) pool: Arc<Pool>,
    pub(crate) book: Arc<Book>,
}

/// A call of `drain`, in a task of its own.
pub(crate) struct Caller {
    name: String,
    task: JoinHandle<Returned>,
}

/// What a caller saw when `drain` returned.
pub(crate) struct Returned {
    pub(crate) name: String,
    pub(crate) called: Moment,
    pub(crate) at: Moment,
    pub(crate) outcome: Outcome,
    pub(crate) jobs_done: usize,
    pub(crate) hooks: Vec<usize>,
}

impl<'a> Trial<'a> {
    /// A pool with this many workers, and room for any test's jobs in its queue.
    pub(crate) fn start(scenario: &'a Scenario, workers: usize) -> Self {
        let book = Book { timeline: scenario.timeline().clone(), entries: Mutex::default() };
        Self { scenario, pool: Arc::new(Pool::start(workers, 500)), book: Arc::new(book) }
    }

    /// Submits jobs that take so long, each from when it begins on, and requires that they are accepted.
    pub(crate) async fn accept(&self, lengths: impl IntoIterator<Item = Duration>) {
        for (number, length) in (1..).zip(lengths) {
            let book = self.book.clone();
            let job = async move {
                let span = book.timeline.begin(&format!("job {number}"), "begins");
                sleep(length).await;
                book.entries().ends.push(span.end("ends"));
            };
            let what = format!("submit to accept job {number}, for which there is room,");
            if let Err(Closed) = self.scenario.wait_at_most(secs(1), what, self.pool.submit(job)).await {
                self.scenario.fail(format!("job {number} accepted: no drain has begun"), "Err(Closed)");
            }
        }
    }

    /// Adds hooks that enter their number in the book.
    pub(crate) async fn add_hooks(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            let book = self.book.clone();
            self.add_hook(move || book.hook(number)).await;
        }
    }

    pub(crate) async fn add_hook(&self, hook: impl Fn() + Send + Sync + 'static) {
        let what = "on_drain to return before the drain";
        if let Err(Closed) = self.scenario.wait_at_most(AT_ONCE, what, self.pool.on_drain(hook)).await {
            self.scenario.fail("a hook accepted: no drain has begun", "Err(Closed)");
        }
    }

    /// Calls `drain` with this much time until the deadline, in a task of its own.
    pub(crate) fn call(&self, name: &str, limit: Duration) -> Caller {
        let (pool, book, caller) = (self.pool.clone(), self.book.clone(), name.to_owned());
        let deadline = Instant::now() + limit;
        let task = tokio::spawn(async move {
            if !std::mem::replace(&mut book.entries().drained, true) {
                book.timeline.anchor("drain");
            }
            let call = book.timeline.begin(&caller, format!("drain within {limit:?}"));
            let called = call.began();
            let outcome = pool.drain(deadline).await;
            let at = call.end(shortly(&outcome));
            let entries = book.entries();
            let (jobs_done, hooks) = (entries.ends.len(), entries.hooks.clone());
            drop(entries);
            Returned { name: caller, called, at, outcome, jobs_done, hooks }
        });
        Caller { name: name.to_owned(), task }
    }

    pub(crate) fn crowd(&self, numbers: impl IntoIterator<Item = usize>, limit: Duration) -> Vec<Caller> {
        numbers.into_iter().map(|number| self.call(&format!("caller {number}"), limit)).collect()
    }

    /// Waits until `drain` returns to this caller: it may neither hang nor panic.
    pub(crate) async fn over(&self, caller: Caller) -> Returned {
        self.scenario.returned(secs(120), format!("drain to return to {}", caller.name), caller.task).await
    }

    /// Drops a call that waits for the drain.
    pub(crate) async fn give_up(&self, caller: Caller) {
        let waits = format!("{} waits for the drain", caller.name);
        caller.task.abort();
        match self.scenario.wait_at_most(AT_ONCE, format!("{} to be dropped", caller.name), caller.task).await
        {
            Ok(returned) => {
                self.scenario.fail(waits, format!("drain had returned {}", shortly(&returned.outcome)))
            }
            Err(error) if error.is_panic() => self.scenario.fail(waits, format!("drain panicked: {error}")),
            Err(_) => self.book.timeline.mark(&caller.name, "dropped"),
        };
    }

    /// Requires that `drain` returned at once after this moment, and not before.
    pub(crate) fn require_at(&self, returned: &Returned, moment: Moment, what: &str) {
        let name = &returned.name;
        let expected = format!("drain returns to {name} at {what}");
        let early = moment.since(returned.at);
        self.scenario.require(early.is_zero(), &expected, format!("{} ms before it", early.as_millis()));
        let late = returned.at.since(moment);
        self.scenario.require(late <= AT_ONCE, &expected, format!("{} ms after it", late.as_millis()));
    }

    /// Requires this outcome; a duration may be a little off.
    pub(crate) fn require_outcome(&self, returned: &Returned, expected: Outcome) {
        let holds = match (&returned.outcome, &expected) {
            (Ok(drained), Ok(expected)) => drained.duration.abs_diff(expected.duration) <= AT_ONCE,
            (outcome, expected) => outcome == expected,
        };
        let name = &returned.name;
        self.scenario.require(
            holds,
            format!("{name} gets {}, the outcome of the drain", shortly(&expected)),
            format!("{name} gets {}", shortly(&returned.outcome)),
        );
    }

    /// Requires that so many jobs were done when `drain` returned to this caller.
    pub(crate) fn require_jobs_done(&self, returned: &Returned, jobs: usize) {
        let Returned { name, jobs_done, .. } = returned;
        self.scenario.require(
            *jobs_done == jobs,
            format!("{jobs} jobs done when drain returns to {name}"),
            format!("{jobs_done} done"),
        );
    }

    /// Requires that these hooks had been called when `drain` returned to this caller.
    pub(crate) fn require_hooks_called(&self, returned: &Returned, hooks: &[usize]) {
        self.scenario.require(
            returned.hooks == hooks,
            format!("{} when drain returns to {}", hooks_called(hooks), returned.name),
            hooks_called(&returned.hooks),
        );
    }

    /// Requires that these hooks have been called, each once.
    pub(crate) fn require_hooks(&self, hooks: &[usize], when: &str) {
        let called = self.book.entries().hooks.clone();
        let expected = format!("{} {when}", hooks_called(hooks));
        self.scenario.require(called == hooks, expected, hooks_called(&called));
    }

    /// Requires that this many jobs are done by now.
    pub(crate) fn require_done(&self, jobs: usize) {
        let done = self.book.entries().ends.len();
        self.scenario.require(done == jobs, format!("{jobs} accepted jobs done"), format!("{done} done"));
    }

    /// Requires that the pool takes neither a job nor a hook.
    pub(crate) async fn require_closed(&self, when: &str) {
        let book = self.book.clone();
        let submit = self.pool.submit(async move { book.entries().ends.push(Moment::now()) });
        let refused = self.scenario.wait_at_most(AT_ONCE, format!("submit to return {when}"), submit).await;
        self.scenario.require(
            refused == Err(Closed),
            format!("Err(Closed) from submit {when}"),
            "Ok(()): accepted",
        );
        let book = self.book.clone();
        let added = self.pool.on_drain(move || book.hook(0));
        let refused = self.scenario.wait_at_most(AT_ONCE, format!("on_drain to return {when}"), added).await;
        self.scenario.require(
            refused == Err(Closed),
            format!("Err(Closed) from on_drain {when}"),
            "Ok(()): accepted",
        );
    }
}

/// `Ok, after 2000 ms`; `Err, 3 jobs unfinished`.
pub(crate) fn shortly(outcome: &Outcome) -> String {
    match outcome {
        Ok(Drained { duration }) => format!("Ok, after {} ms", duration.as_millis()),
        Err(DeadlineExceeded { unfinished: 1 }) => "Err, 1 job unfinished".to_owned(),
        Err(DeadlineExceeded { unfinished }) => format!("Err, {unfinished} jobs unfinished"),
    }
}

/// `hooks 1, 2 called`, in this order.
pub(crate) fn hooks_called(hooks: &[usize]) -> String {
    let numbers: Vec<String> = hooks.iter().map(ToString::to_string).collect();
    match hooks.len() {
        0 => "no hook called".to_owned(),
        1 => format!("hook {} called", numbers[0]),
        2..=12 => format!("hooks {} called", numbers.join(", ")),
        many => format!("{many} calls of hooks"),
    }
}

/// What became of the jobs and hooks.
pub(crate) struct Book {
    timeline: Timeline,
    entries: Mutex<Entries>,
}

#[derive(Default)]
pub(crate) struct Entries {
    /// When each job came to its end.
    pub(crate) ends: Vec<Moment>,
    /// The hooks that have been called.
    pub(crate) hooks: Vec<usize>,
    /// How many jobs were done when the first hook was called.
    pub(crate) jobs_done_before_hooks: Option<usize>,
    /// Somebody has called `drain`.
    pub(crate) drained: bool,
}

impl Book {
    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hook(&self, number: usize) {
        self.timeline.mark(&format!("hook {number}"), "called");
        let mut entries = self.entries();
        let done = entries.ends.len();
        entries.jobs_done_before_hooks.get_or_insert(done);
        entries.hooks.push(number);
    }
}

impl Entries {
    /// When the last job came to its end; now if none has.
    pub(crate) fn last_end(&self) -> Moment {
        self.ends.iter().max().copied().unwrap_or_else(Moment::now)
    }
}
