//! A program that is there, and that nobody has built from what lies there now: what is left of a package
//! whose `src/main.rs` has been removed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use drain_kit::{Scenario, program_at};
use drain_record::{Entry, Failed};

#[test]
fn a_program_that_the_runner_has_not_built_is_not_judged() {
    if std::env::var_os("DRAIN_EVENTS").is_some() {
        let _scenario = Scenario::new();
        program_at("task-01", Some("/bin/true"));
        return;
    }
    // This test once more, under what it takes for a runner.
    let record = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("no-program-{}", std::process::id()));
    let mut test = Command::new(std::env::current_exe().expect("this test"));
    test.args(["a_program_that_the_runner_has_not_built_is_not_judged", "--exact"]);
    test.env("DRAIN_EVENTS", &record).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut test = test.spawn().expect("it starts");
    test.stdin.take().expect("it is piped").write_all(b"word\n").expect("it reads the word");
    let status = test.wait().expect("it is our child");
    let entries = Entry::all(&fs::read_to_string(&record).expect("it has told something"), "word");
    fs::remove_file(&record).expect("it is ours");
    let says = |entry: &Entry| matches!(entry, Entry::Failed(Failed { expected, .. }) if expected == "a program `task-01`");
    assert!(entries.iter().any(says) && !entries.contains(&Entry::Passed), "{status}: {entries:?}");
}
