//! The commands, in the order in which the help lists them.

mod bench;
mod chaos;
mod check;
mod completions;
mod diff;
mod hint;
pub(crate) mod journey;
mod list;
mod pages;
mod quiz;
mod reset;
mod review;
mod scaffold;
pub(crate) mod services;
mod shard;
mod soak;
mod verify;
mod watch;
mod zoo;

use crate::error::{Error, Result};

/// One command of the runner.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// What the overview says about it.
    pub(crate) summary: &'static str,
    pub(crate) help: &'static str,
    /// Reads its own arguments, and returns the exit code.
    pub(crate) run: fn(lexopt::Parser) -> Result<u8>,
}

/// All but `services`, `plan` and `book`, which are handed over to programs of their own.
pub(crate) const ALL: &[Command] = &[
    check::COMMAND,
    watch::COMMAND,
    list::COMMAND,
    hint::COMMAND,
    diff::COMMAND,
    reset::COMMAND,
    zoo::COMMAND,
    quiz::COMMAND,
    review::COMMAND,
    verify::COMMAND,
    soak::COMMAND,
    chaos::COMMAND,
    bench::COMMAND,
    scaffold::COMMAND,
    completions::COMMAND,
];

/// A count that an option gives, of which less than one makes no sense.
fn at_least_one(option: &str, parser: &mut lexopt::Parser) -> Result<usize> {
    use lexopt::ValueExt as _;
    match parser.value()?.parse()? {
        0 => Err(Error::new(format!("{option} 0: at least one is needed"))),
        count => Ok(count),
    }
}
