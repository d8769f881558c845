//! Random scripts against a small model of the brief.
//!
//! A test with a fixed order of calls sees what somebody thought of. Here the order is drawn: submit,
//! poll, give up, let a job end or panic, begin a drain, drop it, on tokio's paused clock. After each event the
//! model says what must hold, and at rest it is exact. The first script that breaks a promise is shrunk to the
//! shortest that breaks the same one, and told step by step.
//!
//! A drill brings a [`Pool`], by which its pool is driven, and a [`Brief`]: what must hold. What task 2
//! promises is there already, in [`promise`]; the pools of other tasks promise it too.
//!
//! No order of jobs or of producers is assumed, and a call may be polled, dropped or left alone at every
//! point; also one that was served and has not looked. A *forced yield* is a poll with a budget of a few awaits,
//! after which tokio makes the call yield as it does with a task that has been running for too long: it
//! shows what a call holds in the middle.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `script` | what is done, and the dice that decide it |
//! | `book` | [`Book`]: what has happened |
//! | `promise` | what must hold: the promises of task 2 |
//! | `job` | [`Job`]: writes into the book what becomes of it |
//! | `call` | a call that is polled when the script likes |
//! | `driver` | plays a script: its `submits`, `jobs`, `drains` and `hooks`, and the `rest` between them |
//! | `search` | [`search()`]: plays many scripts, those of a drill with a model of its own, too |
//! | `shrink` | the shortest script |
//! | `soak` | what the pool keeps of a job |
//! | `stderr` | what the drain reports |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod book;
mod call;
mod dice;
mod driver;
mod job;
pub mod promise;
mod script;
mod search;
mod shrink;
mod soak;
mod stderr;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use drain_kit::{Scenario, ms};
use tokio::time::Instant;

pub use book::{Added, Book, Call, Drain, Run, Submit};
pub use dice::Dice;
pub use job::{Job, Work};
pub use promise::{Broken, Kept};
pub use script::{Hook, Words};
pub use search::{Played, search, shrink_steps};
pub use soak::leaves_nothing_behind;

use driver::play;
use script::Script;
use stderr::Stderr;

/// "At once", on the paused clock.
pub const AT_ONCE: Duration = ms(10);
/// The timer of tokio goes in milliseconds: what is due within one may come in any order.
pub const TICK: Duration = ms(1);

/// A call that has been made, and goes on when it is polled.
pub type Calling<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The pool of a drill.
pub trait Pool: Send + Sync + 'static {
    /// `submit`: whether the job is accepted.
    fn submit(self: Arc<Self>, job: Job) -> Calling<bool>;

    /// `drain`. In its first poll it calls the function, and then [`called`]; so the second is the first poll
    /// of the call itself.
    fn drain(self: Arc<Self>, deadline: Instant) -> Calling<Outcome>;

    /// `on_drain`: whether the hook is added. Asked only if the [`Words`] of the drill have hooks.
    fn on_drain(self: Arc<Self>, _hook: Box<dyn Fn() + Send + Sync>) -> Calling<bool> {
        unreachable!("this pool has no hooks")
    }
}

/// Returns at the second poll: between the call of a function and the first poll of its future.
pub async fn called() {
    let mut first = true;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

/// How a drain went, as far as the drill says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `Ok`.
    pub complete: bool,
    /// The jobs that are done.
    pub done: Option<usize>,
    /// The jobs that are not.
    pub left: Option<usize>,
    /// From the beginning of the drain to its end.
    pub duration: Option<Duration>,
}

impl Outcome {
    /// `Ok`, or the error, without a number.
    pub fn plain(complete: bool) -> Self {
        Self { complete, done: None, left: None, duration: None }
    }
}

/// `Ok`, `the error, 2 left`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.complete { "Ok" } else { "the error" })?;
        for (number, what) in [(self.done, "done"), (self.left, "left")] {
            if let Some(number) = number {
                write!(f, ", {number} {what}")?;
            }
        }
        self.duration.map_or(Ok(()), |duration| write!(f, ", after {duration:?}"))
    }
}

/// What must hold: each function is asked at one kind of moment. As it stands, this is task 2.
pub trait Brief: Sync {
    /// What may stand in a script.
    fn words(&self) -> Words {
        Words { drains: 1, ..Words::default() }
    }

    /// `Pool::start`.
    fn start(&self, workers: usize, queue: usize) -> Arc<dyn Pool>;

    /// `submit` has returned `Ok`.
    fn accepted(&self, book: &Book, job: usize) -> Kept {
        promise::accepted(book, job)
    }

    /// `submit` has returned `Err(Closed)`.
    fn refused(&self, book: &Book, job: usize) -> Kept {
        promise::refused(book, job)
    }

    /// A job is about to begin.
    fn begins(&self, book: &Book, job: usize) -> Kept {
        promise::begins(book, job)
    }

    /// A job has begun.
    fn runs(&self, book: &Book, _job: usize) -> Kept {
        promise::runs(book)
    }

    /// A job sees that its token is cancelled.
    fn sees_the_cancellation(&self, _book: &Book, _job: usize) -> Kept {
        Ok(())
    }

    /// A job that was accepted or has begun is dropped before its end.
    fn cut(&self, book: &Book, job: usize) -> Kept {
        promise::cut(book, job)
    }

    /// A hook is about to be called.
    fn hook(&self, _book: &Book, _hook: usize) -> Kept {
        Ok(())
    }

    /// A call of `drain` has returned this.
    fn returned(&self, book: &Book, _call: usize, outcome: Outcome) -> Kept {
        promise::returned(book, outcome)
    }

    /// Time has passed, and nothing happens any more.
    fn at_rest(&self, book: &Book) -> Kept {
        promise::at_rest(book)
    }
}

/// Plays many scripts, and fails `scenario` with the shortest that breaks a promise.
///
/// With `DRAIN_SEED` set, only the script of that number is played.
pub fn check(scenario: &Scenario, brief: &'static dyn Brief) {
    // Where tests share a process, its stderr is nobody's own; other criteria see to the report.
    let mut stderr =
        scenario.has_process_of_its_own().then(|| Stderr::redirect().expect("a file for stderr"));
    let found = search(
        scenario,
        |seed| Script::draw(seed, brief.words()),
        |script, fails| shrink::shrink(script, fails),
        |script, told| play(brief, script, &mut stderr, told),
    );
    drop(stderr);
    if let Some(race) = found {
        scenario.scripted(&race);
    }
}
