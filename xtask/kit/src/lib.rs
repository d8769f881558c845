//! What the acceptance tests share.
//!
//! A test opens a [`Scenario`], drives the code under test, and states what must hold. When
//! something does not, the scenario fails with a text that a learner can act on: what was expected,
//! what was observed, the timeline around the signal, and why it matters.
//!
//! # A criterion is a test
//!
//! Its doc comment is what the learner reads: first the sentence that must hold, then `Why: ...`, and
//! where needed `Limit: 20 s` (longest run; 10 s without it) and `Stub passes: ...` (a reason). The
//! module that it stands in is its light: `mod leaks`, `mod load`, `mod report`, and the tests light at
//! the top level. `drain_criteria` reads this, and has the grammar.
//!
//! # A program
//!
//! ```no_run
//! use drain_kit::{Program, Scenario, Signal, ms};
//!
//! /// `draining` is printed within 100 ms of the signal.
//! ///
//! /// Why: whoever watches a deploy sees at once that the signal has arrived.
//! # #[allow(unused)]
//! # macro_rules! program { () => { "target/debug/task-01" } }
//! #[test]
//! fn draining_is_printed_within_100_ms() {
//!     let scenario = Scenario::new();
//!     let program = Program::new(&scenario, program!()).start();
//!     program.line("running");
//!     let signal = program.signal(Signal::SIGTERM);
//!     let draining = program.line("draining");
//!     scenario.at_most(ms(100), signal, draining, "`draining` on stdout");
//! }
//! ```
//!
//! A server is asked through a [`Client`]: [`Client::request`] returns once the program has read the
//! request, and a signal sent then meets it in flight.
//!
//! # A library
//!
//! Under a paused clock a deadline of ten seconds takes no time, and time is exact: compare it with
//! [`Scenario::require`]. Put [`Scenario::wait_at_most`] around whatever may hang; its time-out is on the
//! same clock, so a drain that never returns is a failure at once. ([`Scenario::wait`] has no time-out: the
//! watchdog ends it after the limit, in real time.) A library has no signal: say with
//! [`Timeline::anchor`] where its drain begins.
//!
//! ```no_run
//! use drain_kit::{Scenario, secs};
//! use tokio::time::Instant;
//! # struct Pool;
//! # impl Pool {
//! #     fn start() -> Self { Pool }
//! #     fn submit(&self, _: impl Future) {}
//! #     async fn drain(&self, _: Instant) -> Result<(), ()> { Ok(()) }
//! # }
//!
//! /// `drain` returns at its deadline, with the error, when a job never ends.
//! ///
//! /// Why: a drain without an end is cut off by a kill, with everything that it holds.
//! # #[allow(unused)]
//! #[tokio::test(start_paused = true)]
//! async fn drain_returns_at_its_deadline() {
//!     let scenario = Scenario::new();
//!     let pool = Pool::start();
//!     pool.submit(std::future::pending::<()>());
//!     let begun = Instant::now();
//!     scenario.timeline().anchor("drain");
//!     let drained = pool.drain(begun + secs(1));
//!     let outcome = scenario.wait_at_most(secs(5), "the drain to return", drained).await;
//!     scenario.require(outcome.is_err(), "the deadline error", format!("{outcome:?}"));
//!     let took = begun.elapsed();
//!     scenario.require(took == secs(1), "1 s after the drain began", format!("after {took:?}"));
//! }
//! ```
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `scenario` | [`Scenario`]: one criterion being tested; `require`, `at_most`, `wait`, `fail`, `unknown` |
//! | `timeline` | [`Timeline`]: what happened when, measured from the signal |
//! | `picture` | the timeline as a learner sees it, 20 lines at most |
//! | `paused` | what a library's test needs on a paused clock |
//! | `program` | [`Program`]: a program under test, not started yet |
//! | `running` | [`Running`]: a program that has been started: lines, signals, exit |
//! | `output` | what a program prints, read to its end |
//! | `hold` | a thread of a program that is held up between two instructions |
//! | `calls` | a thread of a program that is held up before a system call |
//! | `report` | [`DrainReport`]: what a drain says of itself |
//! | `http` | [`Client`]: HTTP/1.1 on the wire, in every awkward state |
//! | `websocket` | [`WebSocket`]: frames on the wire, whole or not |
//! | `metrics` | [`Exposition`]: what a scrape brings in |
//! | `load` | [`load`]: many clients through a drain, with a ledger |
//! | `visits` | [`Visits`]: clients that come at random moments of a drain |
//! | `leaks` | [`leaks`]: tasks, threads, descriptors, child processes, memory |
//! | `signals` | what a program inherits of signals: nothing |
//! | `descriptors` | open files: enough for us, and no more for the program than it would have |
//! | `socket` | how much of what was sent has not been read |
//! | `lag` | was the machine itself late? |
//! | `watchdog` | ends a scenario that hangs, and says what it waited for |
//! | `wire` | tells the runner what happened, when a runner listens |
//! | `proc` | what `/proc` says of a process |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod calls;
mod descriptors;
mod hold;
mod http;
mod lag;
pub mod leaks;
pub mod load;
mod metrics;
mod output;
mod paused;
mod picture;
mod proc;
mod program;
mod report;
mod running;
mod scenario;
mod signals;
mod socket;
mod timeline;
mod visits;
mod watchdog;
mod websocket;
mod wire;

pub use descriptors::while_nothing_starts;
pub use drain_record::Race;
pub use hold::Hold;
pub use http::{Client, Cut, Pending, Response, shown};
pub use metrics::{Exposition, Sample};
pub use nix::sys::signal::Signal;
pub use paused::{AT_ONCE, list, panic_unseen, settled};
pub use program::{Program, program_at, somebody_listens};
pub use report::DrainReport;
pub use running::{Exit, Outcome, Running};
pub use scenario::{Scenario, Waiting, tell_the_runner};
pub use timeline::{Moment, Span, Timeline};
pub use visits::{Dice, Visit, Visitor, Visits};
pub use websocket::{Frame, NotUpgraded, WebSocket};

use std::time::Duration;

/// A duration in milliseconds, short because tests are full of them.
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A duration in seconds.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The path of the program that the crate under test builds: a binary named like its package. Of a crate
/// with several, `program!("child")` is the one named `task-17-child`.
#[macro_export]
macro_rules! program {
    () => {
        $crate::program_at(
            env!("CARGO_PKG_NAME"),
            option_env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))),
        )
    };
    ($other:literal) => {
        $crate::program_at(
            concat!(env!("CARGO_PKG_NAME"), "-", $other),
            option_env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"), "-", $other)),
        )
    };
}
