//! The learner's code beside the solution.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use lexopt::prelude::*;

use crate::command::Command as Entry;
use crate::drill::{Drill, Set};
use crate::environment::git;
use crate::error::{Error, Result};
use crate::{answer, patch, selection, workspace};

pub(crate) const COMMAND: Entry = Entry {
    name: "diff",
    summary: "your code beside the solution",
    help: "\
usage: cargo xtask diff SELECTION [--yes]

Shows what the solution has (+) and your code has not, and the reverse (-).

  --yes           do not ask where nothing has been written yet
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut yes) = (Vec::new(), false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Long("yes") => yes = true,
            argument => return Err(argument.unexpected().into()),
        }
    }
    for drill in selection::required(&words, "diff")? {
        let exercise = workspace::root().join(drill.path(Set::Exercises));
        if !yes && is_untouched(&drill, &exercise) && !wants_to_see(&drill)? {
            continue;
        }
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

/// Whether the exercise in this folder is what was given.
pub(super) fn is_untouched(drill: &Drill, folder: &Path) -> bool {
    let given = patch::files(&workspace::root().join(drill.stub()));
    matches!((patch::files(folder), given), (Ok(own), Ok(given)) if own == given)
}

/// A solution that has been seen cannot be found any more.
fn wants_to_see(drill: &Drill) -> Result<bool> {
    let untouched =
        format!("{} is as it was given: this shows the whole solution", drill.path(Set::Exercises).display());
    if !io::stdin().is_terminal() {
        return Err(Error::new(format!("{untouched}; `--yes` shows it")));
    }
    let answer = answer::to(&format!("{untouched}. Show it? [y/N] "))?;
    Ok(matches!(answer.as_deref(), Some("y" | "Y" | "yes")))
}
