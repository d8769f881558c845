//! The learner's way through the drills: a crate of its own, built on first use, so that nobody's first verdict waits
//! for what it needs.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use tinyjson::JsonValue;

use crate::command::list;
use crate::error::{At as _, Error, Result};
use crate::progress::Progress;
use crate::workspace::{self, Workspace};
use crate::{drill, interrupt, value};

pub(crate) const PLAN: &str = "plan";
pub(crate) const BOOK: &str = "book";
pub(crate) const SUMMARIES: [(&str, &str); 2] = [
    (PLAN, "which drill on which evening, for a calendar, too"),
    (BOOK, "all that there is to read, in a browser"),
];

const PACKAGE: &str = "drain-journey";

/// Becomes that program, with what `list --json` says as its stdin.
pub(crate) fn plan(arguments: impl Iterator<Item = OsString>) -> Result<u8> {
    interrupt::listen();
    let drills = list::as_json(&drill::all()?, &Progress::load()?);
    Err(become_it(program(PLAN, &drills)?.args(arguments)))
}

/// Becomes that program, told where everything is.
pub(crate) fn book(arguments: impl Iterator<Item = OsString>) -> Result<u8> {
    interrupt::listen();
    let mut program = run(BOOK)?;
    Err(become_it(program.arg(workspace::root()).arg(workspace::work_folder().join("book")).args(arguments)))
}

fn become_it(cargo: &mut Command) -> Error {
    Error::new(format!("cannot start cargo: {}", cargo.exec()))
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
    let mut cargo = run(name)?;
    cargo.stdin(told);
    Ok(cargo)
}

/// That program, built.
fn run(name: &str) -> Result<Command> {
    build()?;
    let mut cargo = workspace::cargo(&Workspace::main());
    // What is written is written where the learner is.
    cargo.current_dir(".").args(["run", "--quiet", "--package", PACKAGE, "--", name]);
    Ok(cargo)
}

/// Builds that program, and says so where there is something to build: the first time, and after a pull.
fn build() -> Result<()> {
    let mut cargo = workspace::cargo(&Workspace::main());
    cargo.args(["build", "--color", "never", "--package", PACKAGE]).env("CARGO_TERM_QUIET", "false");
    cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let (mut child, _group) = interrupt::spawn(&mut cargo)?;
    let (mut is_told, mut said) = (false, String::new());
    let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
    for line in lines.map_while(std::result::Result::ok) {
        if !is_told && ["Blocking", "Compiling"].iter().any(|verb| line.trim_start().starts_with(verb)) {
            eprintln!("building what plans and draws");
            is_told = true;
        }
        said = said + &line + "\n";
    }
    let status = child.wait().map_err(|error| Error::new(format!("cargo: {error}")))?;
    interrupt::check()?;
    if status.success() {
        return Ok(());
    }
    eprint!("{said}");
    Err(Error::new("what plans and draws cannot be built: see why above"))
}
