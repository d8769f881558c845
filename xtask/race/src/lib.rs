//! Explores the schedules of a submission, and tells the one in which it fails.
//!
//! A race check compiles the learner's own, unmodified source a second time, with stand-ins for tokio and for
//! the locks of std: every use of them becomes a point at which a controlled scheduler, that of
//! [shuttle](https://docs.rs/shuttle), decides who goes on. [`explore`] runs a scenario under thousands of
//! schedules, half of them random, half with a few priority changes at random points (PCT finds bugs that
//! need a rare order of few events). Each schedule has a number, its seed; the same seed gives the same
//! schedule.
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
//! Time is not modelled, unless a scenario is about it ([`explore_in_time`]): a time-out strikes where the scenario triggers it, or when nobody else can go on, and
//! a `sleep` is over at once, unless either lasts for years. For a deadline that must not come there is
//! [`NEVER`]. Locks and atomics of `std` are shuttle's too, also in a scenario: what it counts for itself it
//! counts with those of `core`, which are no scheduling points. Threads are not controlled: the runner says so
//! instead of calling such a submission green.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod scripts;

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use drain_kit::{Race, Scenario};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, FailurePersistence, Runner};

pub use scripts::{Calling, Drained, Pool, Words, dice, scripts};

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
pub struct Story(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    steps: Vec<(String, String)>,
    /// What happens after the failure, while destructors run, is no part of how it came about.
    over: bool,
}

impl Story {
    /// Records that `who` (submit, drain, a worker) did `what`.
    pub fn step(&self, who: &str, what: impl Display) {
        let mut told = self.lock();
        if !told.over {
            told.steps.push((who.to_owned(), what.to_string()));
        }
    }

    /// Ends this schedule as a failure unless `holds`.
    pub fn require(&self, holds: bool, expected: impl Display, observed: impl Display) {
        if !holds {
            self.lock().over = true;
            panic_any(Failure { expected: expected.to_string(), observed: observed.to_string() });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
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
    tell_before_an_abort();
    let body = Arc::new(body);
    let _waiting = scenario.waiting("a schedule to end: a loop in the code never comes to an await");
    let one = number_in(scenario, "DRAIN_SEED");
    let of = number_in(scenario, "DRAIN_SCHEDULES").unwrap_or(SCHEDULES);
    if let Some((name, _)) =
        std::env::vars_os().find(|(name, _)| name.to_string_lossy().starts_with("SHUTTLE_"))
    {
        scenario.unknown(format!("{} is set, and shuttle heeds it: unset it", name.to_string_lossy()));
    }
    let seeds = one.map_or(1..=of, |seed| seed..=seed);
    for (done, seed) in (1..).zip(seeds) {
        let run = Run { done, of, seed, story: Story::default(), panics: Vec::new() };
        RUN.set(Some(run.clone()));
        let outcome = schedule(seed, run.story.clone(), &body);
        RUN.set(None);
        if let Err(panic) = outcome {
            scenario.raced(&run.race(Failure::of(&*panic)));
        }
    }
    if one.is_none() {
        scenario.note(format!("{of} schedules"));
    }
}

/// The same, where the scenario is about time: each sleep and each time-out ends in its order, when nobody else can go on,
/// and `Instant::now` of tokio says how late it is then.
pub fn explore_in_time<F, Fut>(scenario: &Scenario, body: F)
where
    F: Fn(Story) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let _modelled = drain_race_tokio::time::modelled();
    explore(scenario, body);
}

/// The number in a variable of the environment, if it is set. None at all, or anything else, would be a
/// check that cannot fail.
fn number_in(scenario: &Scenario, name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?;
    let number = text.to_str().and_then(|text| text.parse().ok()).filter(|&number| number > 0);
    Some(
        number.unwrap_or_else(|| scenario.unknown(format!("{name} is {text:?}, and not a number from 1 on"))),
    )
}

/// What comes out of `body` in so many schedules.
///
/// # Panics
///
/// With the panic of the schedule that does not come to its end.
pub fn outcomes<F, Fut>(schedules: u64, body: F) -> BTreeSet<String>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = String> + 'static,
{
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let collect = {
        let outcomes = outcomes.clone();
        Arc::new(move |_| {
            let (outcome, outcomes) = (body(), outcomes.clone());
            async move {
                let outcome = outcome.await;
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(outcome);
            }
        })
    };
    for seed in 1..=schedules {
        schedule(seed, Story::default(), &collect).unwrap_or_else(|panic| resume_unwind(panic));
    }
    outcomes.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

thread_local! {
    /// The schedule that is being run.
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

#[derive(Clone)]
struct Run {
    done: u64,
    of: u64,
    seed: u64,
    story: Story,
    panics: Vec<Failure>,
}

impl Run {
    fn race(&self, Failure { expected, observed }: Failure) -> Race {
        let &Self { done, of, seed, .. } = self;
        Race { done, of, seed, steps: self.story.lock().steps.clone(), expected, observed }
    }

    /// The race, if `panic` is the one with which the process is aborted.
    fn panicked(&mut self, panic: &(dyn Any + Send)) -> Option<Race> {
        if text_of(panic) != A_DESTRUCTOR_PANICKED {
            self.panics.push(Failure::of(panic));
            return None;
        }
        // The last is the destructor's own, on the way out from the one before.
        let destructor = self.panics.pop()?;
        let failure = self.panics.pop().unwrap_or_else(|| destructor.clone());
        let observed = format!("{}; on the way out a destructor panicked", failure.observed);
        Some(self.race(Failure { observed, ..failure }))
    }
}

/// With these words the standard library aborts the process: there is nobody who could catch a second
/// panic.
const A_DESTRUCTOR_PANICKED: &str = "panic in a destructor during cleanup";

/// A schedule that fails unwinds, and so drops what the code under test holds. If a destructor panics
/// then, because of a lock that is held or of something that is not done, the process is aborted, and
/// what was found must be told before.
fn tell_before_an_abort() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            print(panic);
            let race = RUN.with_borrow_mut(|run| run.as_mut()?.panicked(panic.payload()));
            if let Some(race) = race {
                drain_kit::tell_the_runner(&race);
                eprintln!("\n{race}\n");
            }
        }));
    });
}

/// Runs the schedule of this seed: odd ones are random, even ones PCT.
fn schedule<F, Fut>(seed: u64, story: Story, body: &Arc<F>) -> thread::Result<()>
where
    F: Fn(Story) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    if seed % 2 == 1 {
        run(RandomScheduler::new_from_seed(seed, 1), story, body)
    } else {
        run(PctScheduler::new_from_seed(seed, PRIORITY_CHANGES, PCT_RUNS), story, body)
    }
}

fn run<S, F, Fut>(scheduler: S, story: Story, body: &Arc<F>) -> thread::Result<()>
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
    let body = body.clone();
    let all = move || {
        *story.lock() = Told::default();
        shuttle::future::spawn(drain_race_tokio::time::clock());
        shuttle::future::block_on(body(story.clone()));
    };
    let runner = Runner::new(ClockLast { scheduler, had_a_choice: true }, config);
    catch_unwind(AssertUnwindSafe(|| runner.run(all))).map(|_| ())
}

/// Lets the clock go on only when nobody else can.
struct ClockLast<S> {
    scheduler: S,
    /// Whether there was a choice in the execution before; PCT panics if there was none.
    had_a_choice: bool,
}

impl<S: Scheduler> Scheduler for ClockLast<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        std::mem::take(&mut self.had_a_choice).then(|| self.scheduler.new_execution())?
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        /// It is the first task that a schedule spawns.
        const CLOCK: usize = 1;
        let others: Vec<&Task> =
            runnable.iter().copied().filter(|task| usize::from(task.id()) != CLOCK).collect();
        self.had_a_choice |= others.len() > 1;
        self.scheduler.next_task(if others.is_empty() { runnable } else { &others }, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.next_u64()
    }
}

impl Failure {
    /// What a panic means for the learner.
    fn of(panic: &(dyn Any + Send)) -> Self {
        if let Some(failure) = panic.downcast_ref::<Self>() {
            return failure.clone();
        }
        let text = text_of(panic);
        let observed = match () {
            () if text.contains("deadlock") => "nobody can go on: every task waits for another".to_owned(),
            () if text.contains("exceeded max_steps") => format!("no end after {MOST_STEPS} steps"),
            () => format!("the code panicked: {text}"),
        };
        Self { expected: "every schedule comes to its end".to_owned(), observed }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}
