//! The runner: judges drills, and proves that its verdicts can be trusted.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `cli` | the command line: parse, then dispatch; the help |
//! | `drill` | the drills, found by their folders; selections such as `2`, `1-3`, `beginner` |
//! | `check` | the command that judges: compile, run the criteria, show the verdict |
//! | `compile` | cargo, its progress and its errors |
//! | `librdkafka` | only who needs Kafka pays for it |
//! | `judge` | runs the criteria of one submission and finds the word for each |
//! | `race` | the submission under thousands of schedules |
//! | `supervise` | one criterion in a process of its own, with limits; nothing survives it |
//! | `processes` | what runs below a process, and how it is stopped |
//! | `verdict` | lights, words, stories, exit codes |
//! | `screen`, `json` | the verdict as a person and as a program reads it |
//! | `tamper` | are the tests still those that are committed? |
//! | `scratch` | a temporary copy of the workspace for a submission or a patched solution |
//! | `verify`, `zoo` | proof that the verdicts can be trusted |
//! | `soak`, `bench` | the same verdict 200 times on a busy machine; how long a verdict takes |
//! | `list`, `hint`, `diff`, `reset`, `progress` | what a learner needs beside the verdict |
//! | `services` | hands over to the crate that starts Kafka, PostgreSQL and Redis |
//! | `interrupt` | Ctrl-C and SIGTERM stop everything that was started |
#![forbid(unsafe_code)]

mod bench;
mod check;
mod cli;
mod compile;
mod diff;
mod drill;
mod error;
mod hint;
mod interrupt;
mod json;
mod judge;
mod librdkafka;
mod list;
mod processes;
mod progress;
mod race;
mod reset;
mod scratch;
mod screen;
mod services;
mod soak;
mod supervise;
mod tamper;
mod verdict;
mod verify;
mod zoo;

use std::io::Write as _;
use std::process::ExitCode;

use signal_hook::consts::SIGPIPE;

fn main() -> ExitCode {
    end_quietly_without_a_reader();
    match cli::parse(std::env::args_os().skip(1)).and_then(cli::run) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// `cargo xtask check | head -1` closes our output early. Like other tools we end then; supervisors
/// notice, and stop what they have started.
fn end_quietly_without_a_reader() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // The words of `println!`, which has no other way to fail.
        match panic.payload_as_str().and_then(|message| message.strip_prefix("failed printing to ")) {
            Some(message) if message.contains("Broken pipe") => std::process::exit(128 + SIGPIPE),
            Some(message) => {
                let _ = writeln!(std::io::stderr(), "xtask: cannot write to {message}");
                std::process::exit(2)
            }
            None => print(panic),
        }
    }));
}
