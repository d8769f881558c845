//! The learner's code beside the solution.

use std::io::IsTerminal as _;

use lexopt::prelude::*;

use crate::command::Command as Entry;
use crate::drill::Set;
use crate::environment::git;
use crate::error::{Error, Result};
use crate::{selection, workspace};

pub(crate) const COMMAND: Entry = Entry {
    name: "diff",
    summary: "your code beside the solution",
    help: "usage: cargo xtask diff SELECTION\n\nShows what the solution has (+) and your code has not, and the reverse (-).\n",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let mut words = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            argument => return Err(argument.unexpected().into()),
        }
    }
    for drill in selection::required(&words, "diff")? {
        let colour = if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            "always"
        } else {
            "never"
        };
        let status = git(&workspace::root())
            .args(["--no-pager", "diff", "--no-index", &format!("--color={colour}"), "--"])
            .args([drill.path(Set::Exercises).join("src"), drill.path(Set::Solutions).join("src")])
            .status()
            .map_err(|error| Error::new(format!("cannot run git, which shows the difference: {error}")))?;
        match status.code() {
            Some(0) => println!("{}: the same as the solution", drill.name),
            Some(1) => {}
            _ => return Err(Error::new(format!("git could not compare {}", drill.name))),
        }
        println!("\nWhy the solution is as it is: solutions/{}/README.md", drill.name);
    }
    Ok(0)
}
