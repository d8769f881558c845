//! Plays a script on a runtime of its own, whose clock is paused.

mod drains;
mod hooks;
mod jobs;
mod rest;
mod submits;

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use drain_kit::ms;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{consume_budget, coop, yield_now};

use crate::book::{Name, Shared};
use crate::call::{Held, Sleeper};
use crate::job::Thrown;
use crate::promise::Broken;
use crate::script::{Act, Budget, Script, Step, Then};
use crate::search::Played;
use crate::stderr::Stderr;
use crate::{Brief, Outcome, Pool};
use rest::A_MOMENT;

/// What tokio lets a task do before it makes it yield.
const FULL_BUDGET: u8 = 128;

/// Plays the script up to its end, or to the first promise that is broken. If it is to be `told`, its steps are
/// written down.
///
/// # Panics
///
/// With the panic of `Pool::start`, for which there is no script to tell.
pub(crate) fn play(
    brief: &'static dyn Brief,
    script: &Script,
    stderr: &mut Option<Stderr>,
    told: bool,
) -> Played {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = Rc::new(runtime.expect("a runtime"));
    let inside = runtime.enter();
    let book = Shared::new(brief, script.workers, script.queue);
    book.lock().told = told;
    if let Some(stderr) = stderr {
        stderr.news();
        book.lock().report = Some(Vec::new());
    }
    book.lock().tell("pool", format_args!("starts: workers {}, queue {}", script.workers, script.queue));
    let mut driver = Driver {
        runtime: runtime.clone(),
        pool: Some(brief.start(script.workers, script.queue)),
        book: book.clone(),
        submits: Vec::new(),
        hooks: Vec::new(),
        drains: Vec::new(),
        sleeper: Sleeper::default(),
        rested: false,
        still: false,
        stderr,
    };
    let played = catch_unwind(AssertUnwindSafe(|| {
        for &step in &script.steps {
            driver.step(step);
            if driver.is_broken() {
                break;
            }
        }
    }));
    let mut played_book = book.lock();
    if let Err(panic) = played {
        let observed = format!("the code panicked: {}", text_of(&*panic));
        played_book.judge(Err(Broken::new("it does not panic", "the call goes on, or returns", observed)));
    }
    played_book.over = true;
    let played = Played { broken: played_book.broken.clone(), steps: std::mem::take(&mut played_book.steps) };
    drop(played_book);
    // A destructor of the code under test may panic; what it has done before is told already.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(driver)));
    drop(inside);
    let _ = catch_unwind(AssertUnwindSafe(move || drop(runtime)));
    played
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or(if panic.is::<Thrown>() { "with the panic of a job" } else { "(no message)" })
}

struct Driver<'a> {
    runtime: Rc<Runtime>,
    pool: Option<Arc<dyn Pool>>,
    book: Shared,
    /// The calls that have not returned.
    submits: Vec<Held<bool>>,
    hooks: Vec<Held<bool>>,
    drains: Vec<Held<Outcome>>,
    sleeper: Sleeper,
    /// There was a rest since the drain began.
    rested: bool,
    /// Nothing but calls of `drain` was done since the last rest: nobody can have been served.
    still: bool,
    stderr: &'a mut Option<Stderr>,
}

impl Driver<'_> {
    fn step(&mut self, Step { act, then }: Step) {
        self.still &= matches!(act, Act::Neglect(_) | Act::Call(_) | Act::PollDrain(..));
        match act {
            Act::Submit(work, budget) => self.submit(work, budget),
            Act::Poll(number, budget) => self.poll(number, budget),
            Act::GiveUp(number) => self.give_up(number),
            Act::Neglect(number) => self.neglect(number),
            Act::End(number) => self.end_one(number),
            Act::EndAll => self.end_all(),
            Act::Fill => self.fill(),
            Act::Call(deadline) => self.call(deadline),
            Act::PollDrain(number, budget) => self.poll_one_drain(number, budget),
            Act::DropDrain(number) => self.drop_drain(number),
            Act::NeglectDrain(number) => self.neglect_drain(number),
            Act::Hook(hook) => self.add_hook(hook),
            Act::DropPool => self.drop_pool(),
            Act::Wait(time) => self.rest(ms(time.into())),
        }
        if self.is_broken() {
            return;
        }
        match then {
            Then::Rest => self.rest(A_MOMENT),
            Then::Tasks => {
                self.tell("clock", "stands still; the tasks run, the calls are not polled");
                self.runtime.clone().block_on(async {
                    for _ in 0..3 {
                        yield_now().await;
                    }
                });
            }
            Then::Nothing => {}
        }
    }

    fn has_yielded(&mut self, yielded: bool, who: Name, note: impl FnOnce(&mut Self)) {
        note(self);
        if yielded {
            self.tell(who, "is made to yield at an await");
        }
    }

    fn drop_pool(&mut self) {
        let calls = self.submits.is_empty() && self.hooks.is_empty() && self.drains.is_empty();
        // Another handle to the pool is with a job that is to submit.
        if !calls || self.book.lock().jobs.iter().any(|job| job.work.submits) {
            return;
        }
        let Some(pool) = self.pool.take() else { return };
        self.tell("pool", "is dropped");
        let mut book = self.book.lock();
        book.dropped = true;
        book.event();
        drop(book);
        drop(pool);
    }

    /// Does something while no task runs; with a budget, as one poll of a task that has as much left.
    ///
    /// Outside of a task, wakers that tokio defers to the end of a poll are woken at once. Inside, they
    /// would be lost: then whoever has yielded counts as woken.
    fn once<T>(&mut self, budget: Budget, f: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let Some(left) = budget else { return (f(self), false) };
        self.runtime.clone().block_on(async {
            for _ in 0..FULL_BUDGET - left {
                consume_budget().await;
            }
            let done = f(self);
            (done, !coop::has_budget_remaining())
        })
    }

    fn tell(&self, who: impl Display, what: impl Display) {
        self.book.lock().tell(who, what);
    }

    fn has_begun(&self) -> bool {
        self.book.lock().drain.is_some()
    }

    fn is_broken(&self) -> bool {
        self.book.lock().broken.is_some()
    }
}

fn pick(number: u8, of: &[usize]) -> Option<usize> {
    (!of.is_empty()).then(|| of[usize::from(number) % of.len()])
}
