//! Are the tests still those that are committed?
//!
//! A verdict is worth something only if it was given by the acceptance tests, the kit and the lints
//! that everybody else has. What differs from the last commit is named, a line each.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::drill::{self, Drill, Set};

/// What decides about every drill.
const SHARED: [&str; 8] = [
    "Cargo.toml",
    ".cargo",
    "rustfmt.toml",
    "xtask/kit",
    "xtask/criteria",
    "xtask/services",
    "xtask/service-kit",
    "xtask/src",
];

/// What differs from what is committed, a line each; outside a git checkout nothing can be compared.
pub(crate) fn changes(drill: &Drill, set: Set) -> Vec<String> {
    let exercise = drill.path(Set::Exercises);
    let tests = [exercise.join("tests"), exercise.join("race")];
    let mut git = Command::new("git");
    git.current_dir(drill::root()).args([
        "status",
        "--porcelain",
        "--untracked-files=all",
        "--no-renames",
        "--",
    ]);
    git.args(SHARED).args(&tests).stdin(Stdio::null()).stderr(Stdio::null());
    let mut changes = match git.output() {
        Ok(output) if output.status.success() => {
            let files = String::from_utf8_lossy(&output.stdout).into_owned();
            summed_up(&files)
        }
        _ => Vec::new(),
    };
    changes.extend(manifest(&drill::root().join(drill.path(set)), &drill.path(set)));
    changes
}

/// One line, however many files it is about.
fn summed_up(status: &str) -> Vec<String> {
    let changes: Vec<String> = status.lines().filter_map(described).collect();
    match changes.as_slice() {
        [] | [_] => changes,
        [first, rest @ ..] => vec![format!("{first}, and {} more: git status", rest.len())],
    }
}

fn described(line: &str) -> Option<String> {
    let (state, path) = line.split_at_checked(3)?;
    Some(match state.trim() {
        "??" => format!("{path} is not committed"),
        "D" => format!("{path} is missing"),
        _ => format!("{path} differs from the committed one"),
    })
}

/// The manifest may gain dependencies, and nothing that would change what is tested.
fn manifest(folder: &Path, shown: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let plain: String =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    let lints = plain.contains("[lints]\nworkspace = true");
    let suspicious =
        ["harness", "test = false", "autotests", "[profile", "[[test]]\nname = \"acceptance\"\npath = \"src"];
    let found = suspicious.into_iter().find(|word| plain.contains(word));
    match (lints, found) {
        (false, _) => Some(format!("{}/Cargo.toml has lost `[lints] workspace = true`", shown.display())),
        (_, Some(word)) => {
            Some(format!("{}/Cargo.toml says `{}`", shown.display(), word.lines().next().unwrap_or(word)))
        }
        _ => None,
    }
}
