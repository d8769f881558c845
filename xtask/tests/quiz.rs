//! A quiz about a small zoo.

mod workspace;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const BRIEF: &str = "# Task: A drill\n\nLevel: beginner \u{b7} Time-box: 30 minutes\n";
const CRITERIA: &str = "\
/// It drains.\n///\n/// Why: orders.\n#[test]\nfn it_drains() {}\n\n\
/// It refuses.\n///\n/// Why: orders.\n#[test]\nfn it_refuses() {}\n";

/// A drill with two bugs, each caught by a criterion of its own.
fn drill(name: &str) -> PathBuf {
    let bug = |what: &str, test: &str| {
        format!(
            "bug: {what}\ncaught-by: {test}\nseen-in: the brief\ncosts: an order\n\n\
             --- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1,1 +1,1 @@\n-//! It drains.\n+//! {what}.\n"
        )
    };
    let (leaves, takes) = (bug("it leaves", "it_drains"), bug("it takes all", "it_refuses"));
    workspace::workspace(
        name,
        &[
            ("exercises/task-01/Cargo.toml", ""),
            ("exercises/task-01/README.md", BRIEF),
            ("exercises/task-01/HINTS.md", "# Hints\n\n## Ask\nWhat?\n"),
            ("exercises/task-01/tests/acceptance/main.rs", CRITERIA),
            ("solutions/task-01/src/lib.rs", "//! It drains.\n"),
            ("solutions/task-01/zoo/leaves.patch", &leaves),
            ("solutions/task-01/zoo/takes-all.patch", &takes),
        ],
    )
}

/// The exit code, and all that was said.
fn quiz(root: &Path, arguments: &[&str], answers: &str) -> (Option<i32>, String) {
    let mut child = start(root, arguments);
    let _ = child.stdin.take().expect("it is piped").write_all(answers.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    (output.status.code(), said.concat())
}

fn start(root: &Path, arguments: &[&str]) -> Child {
    let mut runner = workspace::runner(root);
    runner.args(["quiz", "1", "--seed", "1"]).args(arguments);
    runner.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    runner.spawn().expect("it starts")
}

/// The letters of the right answers.
fn right(root: &Path) -> Vec<char> {
    let (code, said) = quiz(root, &["--json"], "");
    assert_eq!(code, Some(0), "{said}");
    let number = |rest: &str| rest.chars().find_map(|digit| digit.to_digit(10)).expect("a number");
    said.split("\"right\":").skip(1).map(|rest| (b'a' + number(rest) as u8) as char).collect()
}

#[test]
fn right_answers_are_counted_and_kept_and_wrong_ones_explained() {
    let root = drill("quiz-score");
    let letters = right(&root);
    assert_eq!(letters.len(), 2);
    let (code, said) = quiz(&root, &[], &format!("{}\nx\n\n", letters[0]));
    assert_eq!(code, Some(0), "{said}");
    for needed in [
        "Right.",
        "`x` is none of them",
        "It is ",
        "cargo xtask zoo 1 ",
        "1 of 2 right. You know 1 of the 2 bugs of task-01.",
    ] {
        assert!(said.contains(needed), "{needed}: {said}");
    }
    // What else is written into that file leaves it there.
    let hint = workspace::runner(&root).args(["hint", "1"]).output().expect("it starts");
    assert!(hint.status.success(), "{hint:?}");
    let (_, said) = quiz(&root, &[], "q\n");
    assert!(said.ends_with("\nYou know 1 of the 2 bugs of task-01.\n"), "{said}");
}

#[test]
fn what_is_asked_does_not_tell_the_answer() {
    let root = drill("quiz-secret");
    let (_, said) = quiz(&root, &[], "");
    assert!(
        said.contains("Which bug is it?") && !said.contains(".patch") && !said.contains("caught"),
        "{said}"
    );
}

#[test]
fn a_quiz_that_nobody_answers_is_none() {
    let (code, said) = quiz(&drill("quiz-nobody"), &[], "");
    assert!(code == Some(2) && said.contains("nobody answers") && said.contains("--json"), "{said}");
}

#[test]
fn what_cannot_be_asked_is_said_in_one_line() {
    let root = drill("quiz-odd");
    for (arguments, named) in
        [(&["--questions", "0"][..], "at least one"), (&["--seed", "x"], "x"), (&["all", "9"], "`9`")]
    {
        let (code, said) = quiz(&root, arguments, "");
        assert!(
            code == Some(2) && said.lines().count() == 1 && said.contains(named),
            "{arguments:?}: {said}"
        );
    }
    fs::remove_file(root.join("solutions/task-01/zoo/leaves.patch")).expect("it was there");
    let (code, said) = quiz(&root, &[], "");
    assert!(code == Some(2) && said.contains("too small"), "{said}");
}

#[test]
fn ctrl_c_ends_it_while_it_waits_for_an_answer() {
    let mut child = start(&drill("quiz-interrupted"), &[]);
    // Open as long as it waits: the end of it is an answer, too.
    let stdin = child.stdin.take();
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let (mut seen, mut line) = (String::new(), Vec::new());
    while !seen.contains("to stop:") && stdout.read_until(b':', &mut line).expect("text") > 0 {
        seen = String::from_utf8_lossy(&line).into_owned();
    }
    assert!(seen.contains("to stop:"), "it has not asked: {seen}");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let _ = stdout.read_to_end(&mut line);
    drop(stdin);
}
