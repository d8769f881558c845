//! Random scripts against a small model of the brief: what is done, and how a script is drawn, played and shrunk.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use drain_kit::{Scenario, ms, panic_unseen, secs};
use drain_model::{Dice, Played, search, shrink_steps};
use task_11::{DeadlineExceeded, Idle, InFlight, Kind, OwnedGuard};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

use crate::book::Shared;

const MOST_STEPS: usize = 20;
const FAR: Duration = secs(86_400);

/// One thing that is done. A number picks one of those with which it can be done.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// Work with a guard of its own.
    Enter,
    /// A task that borrows the counter.
    Task,
    ComeAndGo,
    Probe,
    End(u8, How),
    /// Calls `wait_idle`, with so many milliseconds until its deadline, in a task.
    Call(Option<i32>),
    /// The same, polled once and then kept.
    Keep(Option<i32>),
    PollKept(u8),
    DropCall(u8),
    DropKept(u8),
    Wait(u16),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Ends,
    Panics,
    Cancelled,
}

/// Whether the tasks run before the next step.
type Step = (Act, bool);

/// Fails `scenario` with the shortest script that breaks a promise.
pub(crate) fn check(scenario: &Scenario) {
    let found = search(
        scenario,
        draw,
        |steps, fails| shrink_steps(steps, simpler, fails),
        |steps, told| play(steps, told),
    );
    if let Some(race) = found {
        scenario.scripted(&race);
    }
}

fn draw(seed: u64) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let mut steps = Vec::new();
    for _ in 0..5 + dice.below(MOST_STEPS) {
        let number = dice.below(8) as u8;
        let act = match dice.below(100) {
            0..8 => Act::Enter,
            8..16 => Act::Task,
            16..24 => Act::ComeAndGo,
            24..28 => Act::Probe,
            28..45 => Act::End(number, dice.of(&[How::Ends, How::Panics, How::Cancelled])),
            45..60 => Act::Call(deadline(&mut dice)),
            60..64 => Act::Keep(deadline(&mut dice)),
            64..67 => Act::PollKept(number),
            67..71 => Act::DropCall(number),
            71..73 => Act::DropKept(number),
            _ => Act::Wait(dice.of(&[1, 10, 50, 99, 100, 101, 150, 190, 199, 200, 250, 400])),
        };
        steps.push((act, dice.chance(50)));
    }
    steps
}

fn deadline(dice: &mut Dice) -> Option<i32> {
    match dice.below(10) {
        0..5 => None,
        5 => Some(dice.of(&[-300, -1, 0])),
        6 => Some(dice.of(&[199, 200, 201])),
        _ => Some(1 + dice.below(900) as i32),
    }
}

/// The simplest first.
fn simpler(step: &Step) -> Vec<Step> {
    let (act, tasks) = *step;
    let acts = match act {
        Act::Task => vec![Act::Enter],
        Act::Enter => vec![Act::ComeAndGo],
        Act::End(..) => vec![Act::End(0, How::Ends)],
        Act::Call(Some(_)) => vec![Act::Call(None), Act::Call(Some(100))],
        Act::Keep(Some(_)) => vec![Act::Keep(None), Act::Keep(Some(100))],
        Act::PollKept(_) => vec![Act::PollKept(0)],
        Act::DropCall(_) => vec![Act::DropCall(0)],
        Act::DropKept(_) => vec![Act::DropKept(0)],
        Act::Wait(_) => vec![Act::Wait(100), Act::Wait(200)],
        Act::ComeAndGo | Act::Probe | Act::Call(None) | Act::Keep(None) => Vec::new(),
    };
    let mut all: Vec<Step> =
        acts.into_iter().take_while(|other| *other != act).map(|act| (act, tasks)).collect();
    if !tasks {
        all.push((act, true));
    }
    all
}

/// Plays a script on a runtime of its own, whose clock is paused, up to its end or the first promise that is broken.
fn play(steps: &[Step], told: bool) -> Played {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let inside = runtime.enter();
    let book = Shared::new(told);
    let mut driver = Driver::new(&runtime, &book);
    let played = catch_unwind(AssertUnwindSafe(|| {
        for (act, tasks) in steps {
            driver.act(*act);
            if *tasks {
                driver.tasks();
            }
            driver.count();
            if book.lock().broken.is_some() {
                return;
            }
        }
        driver.end();
    }));
    if played.is_err() {
        book.lock().require(false, "it does not panic", "a call that returns", "it panicked");
    }
    let mut entries = book.lock();
    entries.over = true;
    let played = Played { broken: entries.broken.clone(), steps: std::mem::take(&mut entries.steps) };
    drop(entries);
    let _ = catch_unwind(AssertUnwindSafe(move || drop(driver)));
    drop(inside);
    let _ = catch_unwind(AssertUnwindSafe(move || drop(runtime)));
    played
}

type Calling = Pin<Box<dyn Future<Output = Result<Idle, DeadlineExceeded>>>>;

struct Driver<'a> {
    runtime: &'a Runtime,
    in_flight: Arc<InFlight>,
    book: Shared,
    work: Vec<Work>,
    calls: Vec<(usize, JoinHandle<()>)>,
    kept: Vec<(usize, Calling)>,
    probes: Vec<OwnedGuard>,
    began: usize,
}

/// A guard, which the book knows of.
struct Held<G> {
    guard: Option<G>,
    book: Shared,
    name: String,
}

enum Work {
    Owned(Held<OwnedGuard>),
    Task { told: oneshot::Sender<How>, task: JoinHandle<()> },
}

impl<G> Held<G> {
    fn new(guard: G, book: &Shared, name: String) -> Self {
        let mut entries = book.lock();
        entries.entered();
        entries.tell(&name, "begins");
        drop(entries);
        Self { guard: Some(guard), book: book.clone(), name }
    }
}

impl<G> Drop for Held<G> {
    fn drop(&mut self) {
        self.guard = None;
        let mut entries = self.book.lock();
        entries.left();
        entries.tell(&self.name, if std::thread::panicking() { "panics" } else { "ends" });
    }
}

impl<'a> Driver<'a> {
    fn new(runtime: &'a Runtime, book: &Shared) -> Self {
        Self {
            runtime,
            in_flight: Arc::new(InFlight::new()),
            book: book.clone(),
            work: Vec::new(),
            calls: Vec::new(),
            kept: Vec::new(),
            probes: Vec::new(),
            began: 0,
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Enter => {
                let name = self.name();
                let guard = self.in_flight.enter_owned(Kind::Work);
                self.work.push(Work::Owned(Held::new(guard, &self.book, name)));
            }
            Act::Task => {
                let (told, how) = oneshot::channel();
                let (in_flight, book, name) = (self.in_flight.clone(), self.book.clone(), self.name());
                let task = tokio::spawn(async move {
                    let _held = Held::new(in_flight.enter(Kind::Work), &book, name);
                    if how.await == Ok(How::Panics) {
                        panic_unseen()
                    }
                });
                self.work.push(Work::Task { told, task });
            }
            Act::ComeAndGo => {
                let name = self.name();
                drop(Held::new(self.in_flight.enter(Kind::Work), &self.book, name));
            }
            Act::Probe => {
                // One goes, one stays until the next one comes.
                drop(self.in_flight.enter(Kind::Probe));
                self.probes.clear();
                self.probes.push(self.in_flight.enter_owned(Kind::Probe));
                self.book.lock().tell("probe", "comes and goes");
            }
            Act::End(number, how) => {
                if let Some(work) = take(&mut self.work, number) {
                    work.end(how);
                }
            }
            Act::Call(limit) => {
                let (in_flight, book, deadline) =
                    (self.in_flight.clone(), self.book.clone(), deadline_in(limit));
                let number = book.lock().called(deadline, true);
                let call = tokio::spawn(async move {
                    book.lock().begun(number);
                    book.lock().tell(&format!("call {number}"), Limit(limit));
                    let result = in_flight.wait_idle(deadline).await;
                    book.lock().returned(number, result);
                });
                self.calls.push((number, call));
            }
            Act::Keep(limit) => {
                let (in_flight, deadline) = (self.in_flight.clone(), deadline_in(limit));
                let number = self.book.lock().called(deadline, false);
                self.book.lock().begun(number);
                self.book
                    .lock()
                    .tell(&format!("call {number}"), format_args!("{}, and is kept", Limit(limit)));
                self.poll(number, Box::pin(async move { in_flight.wait_idle(deadline).await }));
            }
            Act::PollKept(number) => {
                if let Some((number, call)) = take(&mut self.kept, number) {
                    self.book.lock().tell(&format!("call {number}"), "is polled");
                    self.poll(number, call);
                }
            }
            Act::DropCall(number) => {
                self.calls.retain(|(_, call)| !call.is_finished());
                if let Some((number, call)) = take(&mut self.calls, number) {
                    call.abort();
                    self.book.lock().dropped(number, "is dropped");
                }
            }
            Act::DropKept(number) => {
                if let Some((number, call)) = take(&mut self.kept, number) {
                    drop(call);
                    self.book.lock().dropped(number, "is dropped");
                }
            }
            Act::Wait(time) => self.wait(ms(time.into())),
        }
    }

    fn name(&mut self) -> String {
        self.began += 1;
        format!("work {}", self.began)
    }

    fn poll(&mut self, number: usize, mut call: Calling) {
        let polled =
            self.runtime.block_on(async { call.as_mut().poll(&mut Context::from_waker(Waker::noop())) });
        match polled {
            Poll::Ready(result) => self.book.lock().returned(number, result),
            Poll::Pending => self.kept.push((number, call)),
        }
    }

    /// Time passes. If it stops in a moment in which somebody is to return, whoever comes next comes a little later.
    fn wait(&mut self, time: Duration) {
        self.tasks();
        self.runtime.block_on(sleep(time));
        self.tasks();
        if self.book.lock().is_due() {
            self.runtime.block_on(sleep(ms(3)));
            self.tasks();
        }
        self.book.lock().at_rest();
    }

    fn tasks(&self) {
        self.runtime.block_on(async {
            for _ in 0..5 {
                yield_now().await;
            }
        });
    }

    fn count(&self) {
        let count = self.in_flight.count();
        self.book.lock().counted(count);
    }

    /// All work ends, and then all calls return.
    fn end(&mut self) {
        self.tasks();
        self.work.drain(..).for_each(|work| work.end(How::Ends));
        self.kept.clear();
        self.wait(secs(1));
        self.count();
        let left = self.calls.iter().filter(|(_, call)| !call.is_finished()).count();
        let tasks = self.runtime.metrics().num_alive_tasks();
        let mut book = self.book.lock();
        book.require(left == 0, "in the end all calls have returned", "all have", format!("{left} wait"));
        book.require(tasks == 0, "no task is left", "no task", format!("{tasks} left"));
    }
}

impl Work {
    fn end(self, how: How) {
        match (self, how) {
            (Self::Owned(held), How::Ends) => drop(held),
            (Self::Owned(held), How::Panics) => {
                let _ = catch_unwind(AssertUnwindSafe(move || {
                    let _held = held;
                    panic_unseen()
                }));
            }
            (Self::Owned(held), How::Cancelled) => drop(async move {
                let _held = held;
                pending::<()>().await;
            }),
            (Self::Task { task, .. }, How::Cancelled) => task.abort(),
            (Self::Task { told, .. }, how) => {
                let _ = told.send(how);
            }
        }
    }
}

/// How a call is told.
struct Limit(Option<i32>);

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => write!(f, "waits"),
            Some(limit) => write!(f, "waits, until a deadline in {limit} ms"),
        }
    }
}

fn deadline_in(limit: Option<i32>) -> Instant {
    let now = Instant::now();
    match limit {
        None => now + FAR,
        Some(limit) if limit < 0 => now.checked_sub(ms(limit.unsigned_abs().into())).unwrap_or(now),
        Some(limit) => now + ms(limit.unsigned_abs().into()),
    }
}

fn take<T>(all: &mut Vec<T>, number: u8) -> Option<T> {
    (!all.is_empty()).then(|| all.remove(usize::from(number) % all.len()))
}
