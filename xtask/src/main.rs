//! The runner: judges drills, and proves that its verdicts can be trusted.
//!
//! # Layout, in reading order
//!
//! | room | what it holds |
//! | --- | --- |
//! | `cli` | which command the line names; the help |
//! | `command/` | a file for each command: its help, its options, what it does |
//! | `judging/` | from a submission to its verdict; knows neither the commands nor the screen |
//! | `showing/` | a verdict as a person and as a program reads it |
//!
//! What the rooms share:
//!
//! | file | what it holds |
//! | --- | --- |
//! | `drill`, `selection` | the drills, found by their folders; the words that name them |
//! | `specimen`, `patch` | the zoo and the alternatives of a drill; a bug as a change of the solution |
//! | `workspace` | the workspace: its folders, and cargo in it |
//! | `built_here` | the runner of this clone, and not that of another |
//! | `environment` | what of the shell's environment reaches cargo, git and the tests |
//! | `page_file` | a file for a page, of which nothing that is not ours is lost |
//! | `progress` | what the learner has done, in one small file |
//! | `side_by_side` | work that is done several at a time |
//! | `interrupt`, `processes` | Ctrl-C and SIGTERM stop everything that was started |
//! | `reporter` | what is told while something takes long |
//! | `answer` | what somebody types |
//! | `typeset`, `value`, `error` | text for a terminal; JSON without ceremony; one clear line |
#![forbid(unsafe_code)]

mod answer;
mod built_here;
mod cli;
mod command;
mod drill;
mod environment;
mod error;
mod interrupt;
mod judging;
mod page_file;
mod patch;
mod processes;
mod progress;
mod reporter;
mod selection;
mod showing;
mod side_by_side;
mod specimen;
mod time_box;
mod typeset;
mod value;
mod workspace;

use std::io::Write as _;
use std::process::ExitCode;

use signal_hook::consts::SIGPIPE;

fn main() -> ExitCode {
    interrupt::forget_what_was_inherited();
    end_quietly_without_a_reader();
    match cli::run(std::env::args_os().skip(1)) {
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
