//! One criterion being tested.

use std::fmt::Display;
use std::future::Future;
use std::panic::Location;
use std::path::Path;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use drain_criteria::Criterion;
use drain_record::{Entry, Failed, Hung, Panicked, Race};
use tokio::runtime::Handle;
use tokio::task;

use crate::lag::Meter;
use crate::timeline::{Count, Millis, Moment, Timeline};
use crate::watchdog::Watchdog;
use crate::{picture, proc, signals, wire};

/// One criterion being tested: opened first in a test, it holds if the test ends without a failure.
///
/// It reads its own doc comment (the criterion, why it matters, its limit) from the test's source,
/// and ends the test process if the limit passes, so that not even plain `cargo test` hangs.
///
/// Programs and clients under test share it, so that they can record what they see and fail it
/// themselves. It is over when the test drops its own.
pub struct Scenario {
    inner: Arc<Inner>,
    /// Only the test's own has it.
    watchdog: Option<Watchdog>,
}

struct Inner {
    criterion: Criterion,
    timeline: Timeline,
    waits: Mutex<Vec<String>>,
    lag: Meter,
    /// The processes that the scenario has started and must not leave behind.
    programs: Mutex<Vec<u32>>,
    /// The environment entries by which the descendants of those processes are found.
    marks: Mutex<Vec<String>>,
    runtime: Option<Handle>,
}

impl Scenario {
    /// Opens the scenario of the test that calls this.
    ///
    /// Call it first, inside the runtime if the test has one: the time of the watchdog starts here,
    /// and the tasks that are alive when it strikes are those of this runtime.
    ///
    /// # Panics
    ///
    /// If no test calls it, but a function in a file without tests: it could not say of which criterion.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "it starts threads and reads the caller's source")]
    pub fn new() -> Self {
        wire::open();
        report_panics();
        signals::stop_ignoring();
        let criterion = criterion_at(Location::caller());
        let limit = criterion.limit;
        let inner = Arc::new(Inner {
            criterion,
            timeline: Timeline::new(),
            waits: Mutex::new(Vec::new()),
            lag: Meter::start(),
            programs: Mutex::new(Vec::new()),
            marks: Mutex::new(Vec::new()),
            runtime: Handle::try_current().ok(),
        });
        let mut scenario = Self { inner, watchdog: None };
        let watched = scenario.share();
        scenario.watchdog = Some(Watchdog::start(limit, move || watched.hung(limit)));
        scenario
    }

    /// The same scenario, for whoever plays a part in it.
    pub fn share(&self) -> Self {
        Self { inner: self.inner.clone(), watchdog: None }
    }

    /// The name of the test, as the test binary lists it.
    pub(crate) fn test_name(&self) -> &str {
        &self.inner.criterion.name
    }

    /// What has happened so far; mark here what a learner should see in the picture.
    pub fn timeline(&self) -> &Timeline {
        &self.inner.timeline
    }

    /// Fails unless `holds`. The words are those of the protocol: statuses, signals, bytes, times.
    #[track_caller]
    pub fn require(&self, holds: bool, expected: impl Display, observed: impl Display) {
        if !holds {
            self.fail(expected, observed);
        }
    }

    /// Fails if more than `limit` of real time lies between two moments.
    ///
    /// If the machine, kept busy by others, may itself have cost the time that is too much, the
    /// outcome is unknown. Under a paused clock use [`Scenario::require`]: there time is exact.
    #[track_caller]
    pub fn at_most(&self, limit: Duration, from: Moment, to: Moment, what: impl Display) {
        let took = to.since(from);
        if took <= limit {
            return;
        }
        let expected = self.at_most_words(what, limit, from);
        let observed = format!("{} after it", Millis(took));
        self.too_late(limit, from, to, &expected, &observed);
    }

    /// Fails if less than `limit` lies between two moments. Exact: nothing makes a program earlier.
    #[track_caller]
    pub fn at_least(&self, limit: Duration, from: Moment, to: Moment, what: impl Display) {
        let took = to.since(from);
        if took < limit {
            let expected = format!("{what} at least {} after {}", Millis(limit), self.anchor_word(from));
            self.fail_at(to, expected, format!("{} after it", Millis(took)));
        }
    }

    /// Fails, in words of its own, because what began at `from` came at `at` or not yet then, later than
    /// `limit` allows; or is unknown if the machine may have cost what is too much.
    ///
    /// Only lag between the two moments counts. For a deadline, of which `from` is the moment and
    /// `limit` zero, that is the lag since the deadline.
    #[track_caller]
    pub fn too_late(&self, limit: Duration, from: Moment, at: Moment, expected: &str, observed: &str) -> ! {
        if let Some(late) = self.excuse(limit, from, at) {
            wire::tell(Entry::Lag(late));
            self.unknown(format!(
                "machine too busy: {expected}; observed {observed}, but the machine itself was up to {} late",
                Millis(late)
            ));
        }
        self.fail_at(at, expected, observed)
    }

    /// Whether [`Scenario::at_most`] would have to leave the outcome unknown, because the machine may have
    /// cost what is too much. A test that can measure again without much ado then does so.
    pub fn too_busy(&self, limit: Duration, from: Moment, to: Moment) -> bool {
        to.since(from) > limit && self.excuse(limit, from, to).is_some()
    }

    /// By how much the machine may have delayed what lies between these moments. For a test that has to add up what
    /// several of them cost.
    pub fn lag(&self, from: Moment, to: Moment) -> Duration {
        self.inner.lag.late(from.instant(), to.instant())
    }

    /// How late the machine was, if that may be why more than `limit` lies between the moments.
    pub(crate) fn excuse(&self, limit: Duration, from: Moment, to: Moment) -> Option<Duration> {
        let late = self.lag(from, to);
        (late >= to.since(from).saturating_sub(limit)).then_some(late)
    }

    /// Fails: the criterion does not hold.
    #[track_caller]
    pub fn fail(&self, expected: impl Display, observed: impl Display) -> ! {
        self.fail_at(Moment::now(), expected, observed)
    }

    /// Fails, and marks the last event up to `at` in the picture.
    #[track_caller]
    pub fn fail_at(&self, at: Moment, expected: impl Display, observed: impl Display) -> ! {
        let (expected, observed) = (expected.to_string(), observed.to_string());
        let picture = picture::draw(&self.inner.timeline.copy(), at);
        let Criterion { sentence, why, .. } = &self.inner.criterion;
        let said = format!(
            "{sentence}\n\n    expected   {expected}\n    observed   {observed}\n\n{}\n\n    {why}\n",
            picture.join("\n")
        );
        wire::tell(Entry::Failed(Failed { expected, observed, picture }));
        panic!("{said}");
    }

    /// Fails: there is a schedule in which the criterion does not hold. For race checks.
    #[track_caller]
    pub fn raced(&self, race: &Race) -> ! {
        tell_the_runner(race);
        let Criterion { sentence, why, .. } = &self.inner.criterion;
        panic!("{sentence}\n\n{race}\n\n    {why}\n");
    }

    /// Fails: there is an order of calls in which the criterion does not hold. For model checks.
    #[track_caller]
    pub fn scripted(&self, run: &Race) -> ! {
        wire::tell(Entry::Scripted(run.clone()));
        let Criterion { sentence, why, .. } = &self.inner.criterion;
        panic!("{sentence}\n\n{run}\n\n    {why}\n");
    }

    /// Whether this process runs this one test. Under plain `cargo test` tests share a process, and with it
    /// standard error and the memory.
    pub fn has_process_of_its_own(&self) -> bool {
        wire::is_open()
    }

    /// Ends the test without a verdict: what it needs did not happen, or the machine was too busy.
    #[track_caller]
    pub fn unknown(&self, reason: impl Display) -> ! {
        wire::tell(Entry::Unknown(reason.to_string()));
        panic!("could not be judged: {reason}");
    }

    /// A fact to show beside the light when all is well: `drain complete in 1.50 s, 0 abandoned`.
    pub fn note(&self, what: impl Display) {
        wire::tell(Entry::Note(what.to_string()));
    }

    /// Says what is being waited for until the guard is dropped, for the report of a hang.
    pub fn waiting(&self, what: impl Display) -> Waiting<'_> {
        let what = what.to_string();
        self.change_waits(|waits| waits.push(what.clone()));
        Waiting { scenario: self, what }
    }

    /// Awaits `future` and says, should it hang, what was waited for.
    pub async fn wait<F: Future>(&self, what: impl Display, future: F) -> F::Output {
        let _waiting = self.waiting(what);
        future.await
    }

    /// Awaits `future`, and fails if it is not ready after `limit` on the clock of the runtime.
    pub async fn wait_at_most<F: Future>(&self, limit: Duration, what: impl Display, future: F) -> F::Output {
        let _waiting = self.waiting(&what);
        match tokio::time::timeout(limit, future).await {
            Ok(output) => output,
            Err(_) => self.fail(
                format!("{what} within {}", Millis(limit)),
                format!("still waiting after {}; alive then: {}", Millis(limit), self.alive()),
            ),
        }
    }

    /// Waits for a task, which may neither panic nor take longer than `limit` on the clock of the runtime.
    pub async fn returned<T>(&self, limit: Duration, what: impl Display, task: task::JoinHandle<T>) -> T {
        match self.wait_at_most(limit, &what, task).await {
            Ok(value) => value,
            Err(error) => self.fail(what, format!("it did not: {error}")),
        }
    }

    /// `exit at most 500 ms after SIGTERM`.
    pub(crate) fn at_most_words(&self, what: impl Display, limit: Duration, from: Moment) -> String {
        format!("{what} at most {} after {}", Millis(limit), self.anchor_word(from))
    }

    fn anchor_word(&self, from: Moment) -> String {
        let record = self.inner.timeline.copy();
        let event = record.events.iter().rev().find(|event| event.at == from);
        event.map_or_else(
            || "the start".to_owned(),
            |event| format!("{} {}", event.lane, event.what).trim().to_owned(),
        )
    }

    /// Runs `body` on a thread whose waits count, also if it ends before anybody looks at it.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let scenario = self.share();
        thread::spawn(move || {
            let result = body();
            scenario.inner.lag.thread_ends();
            result
        })
    }

    pub(crate) fn started(&self, pid: u32, mark: String) {
        self.inner.programs.lock().unwrap_or_else(PoisonError::into_inner).push(pid);
        self.inner.marks.lock().unwrap_or_else(PoisonError::into_inner).push(mark);
        self.inner.lag.watch(pid);
    }

    /// The process has exited and is about to be waited for: then its number may be somebody else's.
    pub(crate) fn gone(&self, pid: u32) {
        self.inner.lag.exited(pid);
        self.inner.programs.lock().unwrap_or_else(PoisonError::into_inner).retain(|&started| started != pid);
    }

    /// The programs that run.
    pub(crate) fn programs(&self) -> Vec<u32> {
        self.inner.programs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn marks(&self) -> Vec<String> {
        self.inner.marks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop_programs(&self) {
        let running = self.programs();
        let left = proc::with_environment(&self.marks());
        for pid in running.into_iter().flat_map(proc::tree).chain(left) {
            let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
    }

    fn change_waits(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut waits = self.inner.waits.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut waits);
        wire::tell(Entry::Waiting(waits.clone()));
    }

    /// `5 tasks, program task-03 (4 threads)`: what has not ended yet.
    fn alive(&self) -> String {
        let tasks = self.inner.runtime.as_ref().map(|runtime| runtime.metrics().num_alive_tasks());
        let tasks = tasks.map(|tasks| Count(tasks, "task").to_string());
        let started = self.programs();
        let mut programs: Vec<(String, usize)> = Vec::new();
        for &pid in &started {
            let program = format!("program {} ({})", proc::name(pid), Count(proc::threads(pid), "thread"));
            match programs.iter_mut().find(|(other, _)| *other == program) {
                Some((_, count)) => *count += 1,
                None => programs.push((program, 1)),
            }
        }
        let programs = programs.into_iter().map(|(program, count)| match count {
            1 => program,
            count => format!("{count} times {program}"),
        });
        let left = proc::with_environment(&self.marks()).into_iter().filter(|pid| !started.contains(pid));
        let left = left.map(|pid| format!("process {} ({pid})", proc::name(pid)));
        let alive: Vec<String> = tasks.into_iter().chain(programs).chain(left).collect();
        if alive.is_empty() { "nothing that is tracked".to_owned() } else { alive.join(", ") }
    }

    fn hung(&self, after: Duration) {
        let waits = self.inner.waits.lock().unwrap_or_else(PoisonError::into_inner).join(", and for ");
        let waits = if waits.is_empty() { "the test's own code to go on".to_owned() } else { waits };
        let alive = self.alive();
        if let Some(late) = self.inner.lag.starved(after) {
            wire::tell(Entry::Lag(late));
            wire::tell(Entry::Unknown(format!(
                "machine too busy: not over after {}, the machine was {} late",
                Millis(after),
                Millis(late)
            )));
        } else {
            wire::tell(Entry::Hung(Hung { after, waiting_for: waits.clone(), alive: alive.clone() }));
        }
        eprintln!(
            "\nHUNG  {}\n      stopped after {}\n      waiting for   {waits}\n      alive then    {alive}\n",
            self.inner.criterion.sentence,
            Millis(after)
        );
        self.stop_programs();
        std::process::exit(102);
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if self.watchdog.is_none() {
            return;
        }
        self.stop_programs();
        if !std::thread::panicking() {
            wire::tell(Entry::Passed);
        }
    }
}

/// Tells the runner of a race without ending the test: for a process that is about to be aborted.
pub fn tell_the_runner(race: &Race) {
    wire::tell(Entry::Raced(race.clone()));
}

/// Says what is being waited for, until it is dropped.
pub struct Waiting<'a> {
    scenario: &'a Scenario,
    what: String,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.scenario.change_waits(|waits| {
            if let Some(index) = waits.iter().rposition(|what| *what == self.what) {
                waits.remove(index);
            }
        });
    }
}

/// Passes every panic on to the runner: a `todo!` says what to build.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let message = panic.payload_as_str().unwrap_or("(no message)").to_owned();
            wire::tell(Entry::Panicked(Panicked { place, message }));
            print(panic);
        }));
    });
}

fn criterion_at(caller: &Location<'_>) -> Criterion {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| ".".into());
    let paths = Path::new(&folder).ancestors().map(|ancestor| ancestor.join(caller.file()));
    let source = paths.filter_map(|path| std::fs::read_to_string(path).ok()).next();
    let criterion =
        source.as_ref().and_then(|source| drain_criteria::at_line(source, caller.line() as usize));
    assert!(criterion.is_some() || source.is_none(), "{caller}: Scenario::new is called by the test itself");
    criterion.unwrap_or_else(|| Criterion {
        name: String::new(),
        sentence: format!("the test at {caller}"),
        why: String::new(),
        stub_passes: None,
        limit: drain_criteria::DEFAULT_LIMIT,
        line: caller.line() as usize,
        seed_of: None,
        race: false,
    })
}
