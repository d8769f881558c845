//! What `chaos` says when there is nothing to play.

mod workspace;

use std::process::Stdio;

const BRIEF: &str = "# Task: A drill\n\nLevel: beginner \u{b7} Time-box: 30 minutes\n";

/// The exit code, and what is said, in a workspace with these files beside one drill.
fn chaos(name: &str, files: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let drill = [("exercises/task-01/Cargo.toml", ""), ("exercises/task-01/README.md", BRIEF)];
    let root = workspace::workspace(name, &[&drill, files].concat());
    let mut runner = workspace::runner(&root);
    let output = runner.arg("chaos").args(arguments).stdin(Stdio::null()).output().expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_drill_without_such_runs_is_named() {
    let (code, said) = chaos("no-chaos", &[], &["1"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("task-01 has no such runs"), "{said}");
    let (code, said) = chaos("no-chaos", &[], &[]);
    assert!(code == Some(2) && said.contains("no drill has such runs"), "{said}");
}

#[test]
fn a_bug_that_is_not_there_is_named() {
    let test = "/// It holds.\n///\n/// Why: it must.\n#[test]\nfn it_holds() {}\n";
    let capstone = [
        ("exercises/capstone/Cargo.toml", ""),
        ("exercises/capstone/README.md", BRIEF),
        ("exercises/capstone/tests/chaos/main.rs", test),
    ];
    let (code, said) = chaos("no-bug", &capstone, &["--bug", "none-such"]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("--bug none-such") && said.contains("cargo xtask zoo capstone"), "{said}");
    let (code, said) = chaos("no-run", &capstone, &["--runs", "0"]);
    assert!(code == Some(2) && said.contains("--runs 0"), "{said}");
}
