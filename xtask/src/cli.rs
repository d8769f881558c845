//! Which command the line names; the help.

use std::ffi::OsString;
use std::path::Path;

use crate::command::{self, Command, journey, services};
use crate::error::{Error, Result};
use crate::judging::supervise;
use crate::{built_here, interrupt, selection};

/// Runs what the command line asks for, and returns the exit code.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<u8> {
    let arguments = arguments.collect::<Vec<_>>();
    if arguments.first().is_some_and(|first| first != supervise::NAME) {
        built_here::or_hand_over(&arguments)?;
    }
    let mut arguments = arguments.into_iter();
    let first = arguments.next().unwrap_or_else(|| "help".into()).to_string_lossy().into_owned();
    match first.as_str() {
        "-h" | "--help" | "help" => return Ok(show(&overview())),
        "-V" | "--version" => return Ok(show(concat!("Drain Drills ", env!("CARGO_PKG_VERSION"), "\n"))),
        supervise::NAME => return supervise::main(arguments),
        services::NAME => return services::run(arguments),
        journey::PLAN => return journey::plan(arguments),
        journey::BOOK => return journey::book(arguments),
        _ => interrupt::listen(),
    }
    if !Path::new("/proc/self/stat").exists() {
        return Err(Error::new(
            "/proc is not mounted: by it processes are found, so that none is left behind",
        ));
    }
    let command = command::ALL.iter().find(|command| command.name == first).ok_or_else(|| unknown(&first))?;
    if arguments.as_slice().iter().any(|argument| argument == "-h" || argument == "--help") {
        return Ok(show(command.help));
    }
    (command.run)(lexopt::Parser::from_args(arguments)).map_err(|error| error.of_command(command.name))
}

fn show(help: &str) -> u8 {
    print!("{help}");
    0
}

fn unknown(word: &str) -> Error {
    let names =
        command::ALL.iter().map(|command| command.name).chain([services::NAME, journey::PLAN, journey::BOOK]);
    let meant = match selection::nearest(word, names) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => ".".to_owned(),
    };
    Error::new(format!("no command is called `{word}`{meant} See `cargo xtask --help`"))
}

fn overview() -> String {
    let row =
        |name: &str, summary: &str| format!("  {name:<12} {}\n", summary.replace('\n', "\n               "));
    let commands: String =
        command::ALL.iter().map(|Command { name, summary, .. }| row(name, summary)).collect();
    let apart = [(services::NAME, services::SUMMARY)].into_iter().chain(journey::SUMMARIES);
    let apart: String = apart.map(|(name, summary)| row(name, summary)).collect();
    format!(
        "\
Drain Drills: judge your work, and see that the judge can be trusted.

usage: cargo xtask COMMAND [SELECTION...] [OPTIONS]

{commands}{apart}
SELECTION is any of: 2, 02, task-02, exercises/task-02, 1-3, beginner,
intermediate, advanced, capstone, all. `check` without one takes the first
drill that is not done.

`cargo xtask COMMAND --help` tells more.

exit codes  0 all ok   1 something failed   2 could not run
            3 something could not be judged, and nothing failed
            128+N stopped by signal N
"
    )
}
