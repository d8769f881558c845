//! The race check: the submission's own source under thousands of schedules.
//!
//! The scenarios stand in the exercise (`race/tests/schedules.rs`). They are compiled against the
//! submission with stand-ins for tokio and for the locks of std, and run like any other criterion. What the
//! controlled scheduler cannot see makes a submission *not judged* here, with the reason; it is never green
//! by default.

mod crates;
mod no_stand_in;

use std::fs;
use std::path::Path;

use drain_criteria::Criterion;

use crate::drill::{Drill, Set};
use crate::error::{At as _, Result};
use crate::judging::compile::{self, Binary};
use crate::judging::criteria;
use crate::judging::scratch::Scratch;
use crate::judging::submission::Submission;
use crate::judging::verdict::{Judged, Story, Word};
use crate::reporter::Reporter;
use crate::workspace::{self, Workspace};

use crates::Crates;

/// The scenarios of a drill; none if it has no race check.
pub(crate) fn scenarios(drill: &Drill) -> Result<Vec<Criterion>> {
    let path = workspace::root().join(drill.path(Set::Exercises)).join("race/tests/schedules.rs");
    if !path.exists() {
        return Ok(Vec::new());
    }
    Ok(drain_criteria::read_schedules(&fs::read_to_string(&path).at("read", &path)?))
}

/// Judges these scenarios; with a seed, only the schedule of that number.
pub(crate) fn judge(
    submission: &Submission,
    scenarios: &[Criterion],
    seed: Option<u64>,
    reporter: &Reporter,
) -> Result<Vec<Judged>> {
    if scenarios.is_empty() {
        return Ok(Vec::new());
    }
    let Submission { drill, set, workspace, .. } = submission;
    let sources = workspace.sources(&drill.path(*set).join("src"));
    if let Some(what) = unseen(&all_sources(&sources)) {
        let reason = format!("the code uses `{what}`, which the scheduler does not control");
        return Ok(not_judged(scenarios, &reason));
    }
    let crates = Crates::added(drill, *set, workspace)?;
    let copy = crates.copy_of_the_workspace(drill, *set, workspace)?;
    let copied = copy.as_ref().map(Scratch::workspace);
    let workspace = copied.as_ref().unwrap_or(workspace);
    if let Some(reason) = crates.give_to_the_race_check(drill, *set, workspace)? {
        return Ok(not_judged(scenarios, &reason));
    }
    if !has_been_built(workspace) {
        reporter.say("race check: building the controlled scheduler, about a minute this first time");
    }
    let package = format!("{}-race", submission.package());
    match compile::test(workspace, &package, "schedules", reporter)?.result {
        Ok(binary) => {
            let judged = until_one_hangs(&binary.with_seed(seed), scenarios, reporter)?;
            Ok(match crates.unseen() {
                Some(reason) => without_green(judged, &reason),
                None => judged,
            })
        }
        Err(said) => Ok(not_judged(scenarios, &no_stand_in::reason(&compile::errors(&said)))),
    }
}

/// What stops one scenario for a minute would stop each of the others too.
fn until_one_hangs(binary: &Binary, scenarios: &[Criterion], reporter: &Reporter) -> Result<Vec<Judged>> {
    let count = reporter.count(scenarios.len());
    let mut judged: Vec<Judged> = Vec::new();
    for (at, scenario) in scenarios.iter().enumerate() {
        judged.push(criteria::one(binary, scenario)?);
        count.step();
        if judged.last().is_some_and(|judged| judged.word == Word::Hung) {
            judged.extend(not_judged(&scenarios[at + 1..], "not run: the scenario before it hangs"));
            break;
        }
    }
    Ok(judged)
}

/// What no schedule has refuted is not proved, if the scheduler does not see all.
fn without_green(mut judged: Vec<Judged>, reason: &str) -> Vec<Judged> {
    for judged in judged.iter_mut().filter(|judged| judged.word == Word::Ok) {
        (judged.word, judged.story) = (Word::NotRun, Story::because(reason));
    }
    judged
}

/// The same reason for all of them.
fn not_judged(scenarios: &[Criterion], reason: &str) -> Vec<Judged> {
    scenarios.iter().map(|scenario| Judged::not_run(scenario, reason)).collect()
}

fn has_been_built(workspace: &Workspace) -> bool {
    let files = fs::read_dir(workspace.build_folder().join("debug/deps")).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("libshuttle_tokio"))
}

fn all_sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .map(
            |path| {
                if path.is_dir() { all_sources(&path) } else { fs::read_to_string(path).unwrap_or_default() }
            },
        )
        .collect()
}

/// What the scheduler does not control. Threads run on while it thinks that all stand still; and what is
/// taken from `core` is no stand-in.
fn unseen(source: &str) -> Option<&'static str> {
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    // What belongs to a thread has a stand-in.
    let code = with_whole_paths(&code).replace("std::thread_local", "");
    let unseen =
        ["std::thread", "spawn_blocking", "block_in_place", "parking_lot", "crossbeam", "core::sync"];
    unseen.into_iter().find(|what| code.contains(what))
}

/// The code with each path of a `use` written out: `use std::{fmt, sync::{Arc, Mutex}};` is
/// `std::fmt;std::sync::Arc;std::sync::Mutex;` then.
fn with_whole_paths(code: &str) -> String {
    let mut whole = String::new();
    for statement in code.split_inclusive(';') {
        match statement.split_once("use ") {
            Some((before, tree)) => {
                whole.push_str(before);
                paths("", tree.trim_end_matches(';'), &mut whole);
            }
            None => whole.push_str(statement),
        }
    }
    whole
}

fn paths(before: &str, tree: &str, whole: &mut String) {
    let tree = tree.trim();
    let Some((head, list)) = tree.split_once('{') else {
        whole.extend([before, tree, ";"]);
        return;
    };
    let before = format!("{before}{}", head.trim());
    let list = list.strip_suffix('}').unwrap_or(list);
    let mut depth = 0;
    let at_top = |letter: char| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    };
    for branch in list.split(at_top) {
        paths(&before, branch, whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_stand_in_is_seen() {
        assert_eq!(
            unseen("use std::sync::{Arc, Mutex};\nuse tokio::sync::mpsc;\n// std::thread is not used\n"),
            None
        );
        assert_eq!(unseen("use std::{fmt, sync::{atomic::AtomicBool, OnceLock}};"), None);
        assert_eq!(unseen("std::thread_local! { static NUMBER: usize = 1; }"), None);
    }

    #[test]
    fn threads_are_not() {
        assert_eq!(unseen("use std::{io, thread};"), Some("std::thread"));
        assert_eq!(unseen("pub use std::{\n    thread::{\n        spawn,\n    },\n};"), Some("std::thread"));
        assert_eq!(unseen("std::thread::spawn(|| ());"), Some("std::thread"));
        assert_eq!(unseen("tokio::task::spawn_blocking(|| ());"), Some("spawn_blocking"));
    }

    #[test]
    fn what_is_taken_from_core_is_not() {
        assert_eq!(unseen("use core::{fmt, sync::atomic::AtomicBool};"), Some("core::sync"));
    }
}
