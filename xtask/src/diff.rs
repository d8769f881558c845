//! The learner's code beside the solution.

use std::io::IsTerminal as _;
use std::process::{Command, Stdio};

use crate::drill::{self, Set};
use crate::error::{Error, Result};

pub(crate) fn run(words: &[String]) -> Result<u8> {
    let drills = drill::all()?;
    for drill in drill::select(words, &drills)? {
        let colour = if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            "always"
        } else {
            "never"
        };
        let status = Command::new("git")
            .current_dir(drill::root())
            .args(["--no-pager", "diff", "--no-index", &format!("--color={colour}"), "--"])
            .args([drill.path(Set::Exercises).join("src"), drill.path(Set::Solutions).join("src")])
            .stdin(Stdio::null())
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
