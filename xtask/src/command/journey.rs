//! The learner's way through the drills: a crate of its own, built on first use, so that nobody's first verdict waits
//! for what it needs.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use tinyjson::JsonValue;

use crate::command::list;
use crate::error::{At as _, Error, Result};
use crate::progress::Progress;
use crate::workspace::{self, Workspace};
use crate::{drill, interrupt, value};

pub(crate) const NAME: &str = "plan";
pub(crate) const SUMMARY: &str = "which drill on which evening, for a calendar, too";

/// Becomes that program, with what `list --json` says as its stdin.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<u8> {
    let drills = list::as_json(&drill::all()?, &Progress::load()?);
    let mut program = program(NAME, &drills)?;
    Err(Error::new(format!("cannot start cargo: {}", program.args(arguments).exec())))
}

/// What that program makes of a value: a page.
pub(crate) fn page(what: &str, form: &str, value: &JsonValue) -> Result<String> {
    let (child, _group) = interrupt::spawn(program(what, value)?.arg(form).stdout(Stdio::piped()))?;
    let output = child.wait_with_output().map_err(|error| Error::new(format!("no page: {error}")))?;
    interrupt::check()?;
    match String::from_utf8(output.stdout) {
        Ok(page) if output.status.success() => Ok(page),
        _ => Err(Error::new("no page could be made: see why above")),
    }
}

/// That program, with this value as its stdin.
fn program(name: &str, value: &JsonValue) -> Result<Command> {
    let path = workspace::work_folder().join(format!("{name}-{}.json", std::process::id()));
    value::write(&path, value)?;
    let told = File::open(&path).at("read", &path)?;
    // It is open, and nobody else needs its name.
    let _ = fs::remove_file(&path);
    let main = Workspace::main();
    if !main.target.join("debug/drain-journey").exists() {
        eprintln!("building what plans and draws; it is done once");
    }
    let mut cargo = workspace::cargo(&main);
    // What is written is written where the learner is.
    cargo.current_dir(".").args(["run", "--quiet", "--package", "drain-journey", "--", name]);
    cargo.stdin(told);
    Ok(cargo)
}
