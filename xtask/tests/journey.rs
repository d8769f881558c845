//! What the runner tells a learner between two verdicts: what is next, what was seen, what is not shown yet.

mod workspace;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

const BRIEF: &str = "# Task: A drill\n\nLevel: beginner \u{b7} Time-box: 30 minutes\n";
const HINTS: &str = "# Hints\n\n## Ask\nWhat is in flight?\n\n## Look\nWho holds it?\n";

/// Two drills that nobody has begun.
fn learners(name: &str) -> PathBuf {
    let mut files = Vec::new();
    for drill in ["task-01", "task-02"] {
        for (file, text) in [
            ("exercises/TASK/Cargo.toml", ""),
            ("exercises/TASK/README.md", BRIEF),
            ("exercises/TASK/HINTS.md", HINTS),
            ("exercises/TASK/src/lib.rs", "// todo\n"),
            ("solutions/TASK/src/lib.rs", "// the secret\n"),
            ("solutions/TASK/stub/src/lib.rs", "// todo\n"),
        ] {
            files.push((file.replace("TASK", drill), text));
        }
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), *text)).collect();
    workspace::workspace(name, &files)
}

/// These are done.
fn done(root: &Path, drills: &[&str]) {
    let lights: Vec<String> = drills.iter().map(|drill| format!("\"{drill}\": 5")).collect();
    fs::create_dir_all(root.join(".drain-drills")).expect("a folder");
    let progress = format!("{{\"version\": 1, \"lights\": {{{}}}, \"hints\": {{}}}}", lights.join(", "));
    fs::write(root.join(".drain-drills/progress.json"), progress).expect("a file");
}

/// The exit code, and all that was said.
fn run(root: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = workspace::runner(root).args(arguments).stdin(Stdio::null()).output().expect("it starts");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    (output.status.code(), said.concat())
}

#[test]
fn list_says_how_much_is_done_and_what_is_next() {
    let root = learners("list");
    done(&root, &["task-01"]);
    let (code, said) = run(&root, &["list"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("1 of 2 done. Next: task-02  A drill, brief: exercises/task-02/README.md\n"),
        "{said}"
    );
    assert!(said.contains("cargo xtask book"), "{said}");
    let (_, said) = run(&root, &["list", "--json"]);
    assert!(said.contains("\"next\": \"task-02\"") && said.contains("\"done\": 1"), "{said}");
}

#[test]
fn when_all_is_done_check_says_so_and_has_not_failed() {
    let root = learners("all-done");
    done(&root, &["task-01", "task-02"]);
    let (code, said) = run(&root, &["check"]);
    assert_eq!((code, said.as_str()), (Some(0), "All 2 are done. Name one to judge it again.\n"));
}

#[test]
fn hints_that_were_seen_are_shown_again_without_one_more() {
    let root = learners("hints");
    let (code, said) = run(&root, &["hint", "1", "--again"]);
    assert!(code == Some(0) && said.contains("You have seen none yet."), "{said}");
    run(&root, &["hint", "1"]);
    for _ in 0..2 {
        let (code, said) = run(&root, &["hint", "1", "--again"]);
        assert!(code == Some(0) && said.contains("in flight?") && !said.contains("Who holds it?"), "{said}");
    }
}

#[test]
fn the_solution_of_an_untouched_exercise_is_shown_only_to_who_insists() {
    let root = learners("untouched");
    let (code, said) = run(&root, &["diff", "1"]);
    assert!(code == Some(2) && said.contains("as it was given") && said.contains("--yes"), "{said}");
    assert!(!said.contains("the secret"), "{said}");
    let (code, said) = run(&root, &["diff", "1", "--yes"]);
    assert!(code == Some(0) && said.contains("the secret"), "{said}");
    fs::write(root.join("exercises/task-01/src/lib.rs"), "// mine\n").expect("a file");
    let (code, said) = run(&root, &["diff", "1"]);
    assert!(code == Some(0) && said.contains("the secret"), "{said}");
}

#[test]
fn the_runner_tells_its_version() {
    let (code, said) = run(&learners("version"), &["--version"]);
    assert_eq!((code, said), (Some(0), format!("Drain Drills {}\n", env!("CARGO_PKG_VERSION"))));
}

/// A cargo that does this in place of building.
fn cargo(root: &Path, building: &str) -> PathBuf {
    let cargo = root.join("cargo");
    let script = format!("#!/bin/sh\n[ $1 = build ] || [ $1 = test ] || exit 0\n{building}\n");
    fs::write(&cargo, script).expect("a script");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("it can be run");
    cargo
}

/// What `plan` says on stderr, and the exit code, where cargo does this when it is to build.
fn with_cargo(name: &str, building: &str) -> (Option<i32>, String) {
    let root = learners(name);
    let mut plan = workspace::runner(&root);
    plan.arg("plan").env("CARGO", cargo(&root, building)).stdin(Stdio::null());
    let output = plan.output().expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn who_is_over_the_time_box_is_told_to_compare() {
    const AT_WORK: u64 = 25 * 60;
    const SINCE: u64 = 10 * 60;
    let root = learners("time-box");
    let tests = "/// It works.\n///\n/// Why: it must.\n#[test]\nfn it_works() {}\n";
    let folder = root.join("exercises/task-01/tests/acceptance");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("main.rs"), tests).expect("a file");
    let seen = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs() - SINCE;
    let progress =
        format!("{{\"at_work_s\": {{\"task-01\": {AT_WORK}}}, \"seen\": {{\"task-01\": {seen}}}}}");
    fs::create_dir_all(root.join(".drain-drills")).expect("a folder");
    fs::write(root.join(".drain-drills/progress.json"), progress).expect("a file");
    let mut check = workspace::runner(&root);
    check
        .args(["check", "1"])
        .env("CARGO", cargo(&root, "echo 'error: could not compile `task-01`' >&2; exit 101"));
    let output = check.stdin(Stdio::null()).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("35 min at work: the time-box of 30 minutes is over."), "{said}");
    assert!(said.trim_end().ends_with("cargo xtask diff 1"), "{said}");
    let (_, said) = run(&root, &["list"]);
    assert!(said.contains(" begun, 35 min at work\n"), "{said}");
}

#[test]
fn plan_says_that_it_builds_and_only_then() {
    let (code, said) = with_cargo("builds", "echo '   Compiling a' >&2; echo '   Compiling b' >&2");
    assert_eq!((code, said.as_str()), (Some(0), "building what plans and draws\n"));
    let (code, said) = with_cargo("is-built", "echo '    Finished `dev` profile' >&2");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let (code, said) = with_cargo("does-not-build", "echo 'error: no network' >&2; exit 101");
    assert!(code == Some(2) && said.contains("no network") && said.contains("cannot be built"), "{said}");
}

/// The crate that plans is not in a workspace that a test makes up, so this is the real one.
#[test]
fn plan_knows_each_drill_that_list_tells_of() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let (code, listed) = run(root, &["list", "--json"]);
    assert_eq!(code, Some(0), "{listed}");
    let (code, planned) = run(root, &["plan", "--start", "2026-12-01", "--json"]);
    assert_eq!(code, Some(0), "{planned}");
    let drills = |text: &str| text.matches("\"drill\": \"").count();
    assert!(drills(&listed) > 0 && drills(&listed) == drills(&planned), "{planned}");
}
