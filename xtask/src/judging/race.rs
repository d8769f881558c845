//! The race check: the submission's own source under thousands of schedules.
//!
//! The scenarios stand in the exercise (`race/tests/schedules.rs`). They are compiled against the
//! submission with stand-ins for tokio, and run like any other criterion. What the controlled scheduler
//! cannot see makes a submission *not judged* here, with the reason; it is never green by default.

use std::fs;
use std::path::Path;

use drain_criteria::Criterion;

use crate::drill::{Drill, Set};
use crate::error::{At as _, Result};
use crate::judging::compile;
use crate::judging::criteria;
use crate::judging::submission::Submission;
use crate::judging::verdict::{Judged, Story, Word};
use crate::reporter::Reporter;
use crate::workspace::{self, Workspace};

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
    let unseen = unseen(&all_sources(&sources));
    if let Some(Unseen { what, blocks: true }) = &unseen {
        return Ok(not_judged(
            scenarios,
            &format!("the code uses {what}, which the scheduler does not control"),
        ));
    }
    if !has_been_built(workspace) {
        reporter.say("race check: building the controlled scheduler, about a minute this first time");
    }
    let package = format!("{}-race", submission.package());
    let compiled = compile::test(workspace, &package, "schedules", reporter)?;
    let binary = match compiled.result {
        Ok(binary) => binary,
        Err(said) => {
            let first = compile::errors(&said).lines().next().unwrap_or_default().to_owned();
            return Ok(not_judged(
                scenarios,
                &format!("the code uses what the scheduler has no stand-in for: {first}"),
            ));
        }
    };
    let mut judged = criteria::scenarios(&binary.with_seed(seed), scenarios, reporter)?;
    if let Some(Unseen { what, .. }) = unseen {
        let reason = format!(
            "the code uses {what}, which the scheduler does not see; no schedule at its awaits failed"
        );
        for judged in judged.iter_mut().filter(|judged| matches!(judged.word, Word::Ok | Word::Hung)) {
            (judged.word, judged.story) = (Word::NotRun, Story::because(&reason));
        }
    }
    Ok(judged)
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

/// Something that the scheduler does not see.
#[derive(Debug, PartialEq)]
struct Unseen {
    what: String,
    /// Whether exploring would mislead: threads run on their own while the scheduler thinks that all
    /// stand still.
    blocks: bool,
}

fn unseen(source: &str) -> Option<Unseen> {
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let code = with_whole_paths(&code).replace("core::", "std::");
    let threads = ["std::thread", "spawn_blocking", "block_in_place", "parking_lot", "crossbeam"];
    let found = threads
        .into_iter()
        .find(|what| code.contains(what))
        .map(|what| Unseen { what: format!("`{what}`"), blocks: true });
    let of_sync = code.split("std::sync").skip(1).filter_map(|rest| {
        // The module itself, or all that is in it, may be anything.
        let name = rest.strip_prefix("::").map_or("", word);
        let what = if matches!(name, "" | "self") { "std::sync" } else { &format!("std::sync::{name}") };
        let blocks = match name {
            "mpsc" | "Condvar" | "Barrier" => true,
            // Whoever comes while the first is in the initialiser stands still, and so does the scheduler.
            "OnceLock" => code.contains("get_or_init"),
            _ => false,
        };
        (!matches!(name, "Arc" | "Weak")).then(|| Unseen { what: format!("`{what}`"), blocks })
    });
    found.or(of_sync.min_by_key(|unseen| !unseen.blocks))
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

fn word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(source: &str) -> Option<(String, bool)> {
        unseen(source).map(|unseen| (unseen.what, unseen.blocks))
    }

    #[test]
    fn tokio_alone_is_seen() {
        assert_eq!(
            what("use std::sync::Arc;\nuse tokio::sync::{Mutex, mpsc};\n// std::thread is not used\n"),
            None
        );
        assert_eq!(what("use std::sync::{Arc, Weak};\n"), None);
    }

    #[test]
    fn locks_and_atomics_of_std_are_not() {
        assert_eq!(what("use std::sync::{Arc, Mutex};"), Some(("`std::sync::Mutex`".to_owned(), false)));
        assert_eq!(
            what("use std::sync::atomic::AtomicBool;"),
            Some(("`std::sync::atomic`".to_owned(), false))
        );
    }

    #[test]
    fn in_a_list_of_paths_they_are_not_either() {
        let unseen = Some(("`std::sync::Mutex`".to_owned(), false));
        assert_eq!(what("use std::{fmt, sync::{Arc, Mutex}};"), unseen);
        assert_eq!(
            what("pub use std::{\n    sync::{\n        Mutex as Lock,\n    },\n    time,\n};"),
            unseen
        );
        let atomic = Some(("`std::sync::atomic`".to_owned(), false));
        assert_eq!(what("use std::sync::{Arc, atomic::{self, AtomicBool}};"), atomic);
        assert_eq!(what("let flag = core::sync::atomic::AtomicBool::new(true);"), atomic);
        let module = Some(("`std::sync`".to_owned(), false));
        assert_eq!(what("use std::sync;"), module);
        assert_eq!(what("use std::sync as shared;"), module);
        assert_eq!(what("use std::sync::*;"), module);
        assert_eq!(what("use std::{sync::{self, Arc}};"), module);
        assert_eq!(what("use std::{sync::{Arc, Weak}, task::{Context, Poll}};\nuse tokio::sync;"), None);
    }

    #[test]
    fn an_initialiser_misleads() {
        let once = |blocks| Some(("`std::sync::OnceLock`".to_owned(), blocks));
        assert_eq!(what("use std::sync::OnceLock;\nonce.set(1);"), once(false));
        assert_eq!(what("use std::sync::{Mutex, OnceLock};\nonce.get_or_init(begin);"), once(true));
    }

    #[test]
    fn threads_mislead() {
        assert_eq!(what("use std::{io, thread};"), Some(("`std::thread`".to_owned(), true)));
        assert_eq!(what("std::thread::spawn(|| ());"), Some(("`std::thread`".to_owned(), true)));
        assert_eq!(what("use std::sync::mpsc;"), Some(("`std::sync::mpsc`".to_owned(), true)));
    }
}
