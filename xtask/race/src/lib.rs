//! Explores the schedules of a submission, and tells the one in which it fails.
//!
//! A race check compiles the learner's own, unmodified source a second time, with tokio replaced by
//! [shuttle](https://docs.rs/shuttle)'s stand-ins: every await becomes a point at which a controlled
//! scheduler decides who goes on. [`explore`] runs a scenario under thousands of schedules, half of
//! them random, half with a few priority changes at random points (PCT finds bugs that need a rare
//! order of few events). Each schedule has a number, its seed; the same seed gives the same schedule.
//!
//! ```no_run
//! use drain_kit::Scenario;
//! use drain_race::explore;
//!
//! /// A job that was accepted runs, whatever the schedule.
//! ///
//! /// Why: an order that was acknowledged and never handled.
//! #[test]
//! fn no_accepted_job_is_lost() {
//!     let scenario = Scenario::new();
//!     explore(&scenario, |story| async move {
//!         story.step("submit", "returned Ok: accepted");
//!         story.require(false, "the job runs", "it never ran");
//!     });
//! }
//! ```
//!
//! Time is not modelled: a time-out strikes only where the scenario triggers it, and a `sleep` is over at
//! once, unless it lasts for years. For a deadline that must not come there is [`NEVER`]. Locks and atomics of
//! `std` are no scheduling points and threads are not controlled: the runner says so instead of
//! calling such a submission green.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::any::Any;
use std::fmt::Display;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drain_kit::{Scenario, Schedules};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

/// From now to a deadline that does not come, whether the code under test waits for it with a time-out or
/// with a `sleep`: the stand-in for that is over at once unless it lasts for more than a year.
pub const NEVER: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);

/// How many schedules are explored, unless `DRAIN_SCHEDULES` says otherwise.
const SCHEDULES: u64 = 2_000;
/// How many priority changes a PCT schedule makes; few events in the wrong order are enough.
const PRIORITY_CHANGES: usize = 3;
/// PCT learns the length of a run from the one before it.
const PCT_RUNS: usize = 2;
/// A schedule that needs more steps than this does not end.
const MOST_STEPS: usize = 100_000;

/// What happened in one schedule, in the words of the drill.
#[derive(Clone, Default)]
pub struct Story(Arc<Mutex<Vec<(String, String)>>>);

impl Story {
    /// Records that `who` (submit, drain, a worker) did `what`.
    pub fn step(&self, who: &str, what: impl Display) {
        self.lock().push((who.to_owned(), what.to_string()));
    }

    /// Ends this schedule as a failure unless `holds`.
    pub fn require(&self, holds: bool, expected: impl Display, observed: impl Display) {
        if !holds {
            panic_any(Failure { expected: expected.to_string(), observed: observed.to_string() });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Failure {
    expected: String,
    observed: String,
}

/// Runs the scenario under many schedules, and fails `scenario` with the first in which it does not
/// hold, in which the code panics, or in which every task waits for another.
///
/// With `DRAIN_SEED` set, only the schedule of that number is run.
pub fn explore<F, Fut>(scenario: &Scenario, body: F)
where
    F: Fn(Story) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let body = Arc::new(body);
    let _waiting =
        scenario.waiting("a schedule to end: a lock of std is held across an await, or a loop never yields");
    let one: Option<u64> = std::env::var("DRAIN_SEED").ok().and_then(|seed| seed.parse().ok());
    let of = std::env::var("DRAIN_SCHEDULES").ok().and_then(|count| count.parse().ok()).unwrap_or(SCHEDULES);
    let seeds = one.map_or(1..=of, |seed| seed..=seed);
    for (done, seed) in (1..).zip(seeds) {
        if let Err((story, panic)) = schedule(seed, &body) {
            let steps = story.lock().clone();
            let Failure { expected, observed } = told(panic);
            scenario.raced(&Schedules { done, of, seed }, &steps, &expected, &observed);
        }
    }
    if one.is_none() {
        scenario.note(format!("{of} schedules"));
    }
}

/// Runs the schedule of this seed: odd ones are random, even ones PCT.
fn schedule<F, Fut>(seed: u64, body: &Arc<F>) -> Result<(), (Story, Box<dyn Any + Send>)>
where
    F: Fn(Story) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    if seed % 2 == 1 {
        run(RandomScheduler::new_from_seed(seed, 1), body)
    } else {
        run(PctScheduler::new_from_seed(seed, PRIORITY_CHANGES, PCT_RUNS), body)
    }
}

fn run<S, F, Fut>(scheduler: S, body: &Arc<F>) -> Result<(), (Story, Box<dyn Any + Send>)>
where
    S: Scheduler + 'static,
    F: Fn(Story) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = shuttle::MaxSteps::FailAfter(MOST_STEPS);
    config.stack_size = 512 * 1024;
    config.silence_warnings = true;
    let last = Story::default();
    let shown = last.clone();
    let body = body.clone();
    let all = move || {
        shown.lock().clear();
        shuttle::future::block_on(body(shown.clone()));
    };
    let runner = Runner::new(scheduler, config);
    catch_unwind(AssertUnwindSafe(|| runner.run(all))).map(|_| ()).map_err(|panic| (last, panic))
}

/// What a panic means for the learner.
fn told(panic: Box<dyn Any + Send>) -> Failure {
    let panic = match panic.downcast::<Failure>() {
        Ok(failure) => return *failure,
        Err(panic) => panic,
    };
    let text = panic.downcast_ref::<String>().cloned();
    let text =
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
    let observed = match () {
        () if text.contains("deadlock") => "nobody can go on: every task waits for another".to_owned(),
        () if text.contains("exceeded max_steps") => format!("no end after {MOST_STEPS} steps"),
        () => format!("the code panicked: {text}"),
    };
    Failure { expected: "every schedule comes to its end".to_owned(), observed }
}
