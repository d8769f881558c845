//! The learner's way through the drills: a crate of its own, built on first use, so that nobody's first verdict waits
//! for what it needs.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;

use crate::command::list;
use crate::error::{At as _, Error, Result};
use crate::progress::Progress;
use crate::workspace::{self, Workspace};
use crate::{drill, value};

pub(crate) const NAME: &str = "plan";
pub(crate) const SUMMARY: &str = "which drill on which evening, for a calendar, too";

/// Becomes that program, with what `list --json` says as its stdin.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<u8> {
    let path = workspace::work_folder().join(format!("drills-{}.json", std::process::id()));
    value::write(&path, &list::as_json(&drill::all()?, &Progress::load()?))?;
    let drills = File::open(&path).at("read", &path)?;
    // It is open, and nobody else needs its name.
    let _ = fs::remove_file(&path);
    let main = Workspace::main();
    if !main.target.join("debug/drain-journey").exists() {
        eprintln!("building what `{NAME}` needs; it is done once");
    }
    let mut cargo = workspace::cargo(&main);
    // What is written is written where the learner is.
    cargo.current_dir(".").args(["run", "--quiet", "--package", "drain-journey", "--", NAME]).args(arguments);
    Err(Error::new(format!("cannot start cargo: {}", cargo.stdin(drills).exec())))
}
