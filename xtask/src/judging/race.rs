//! The race check: the submission's own source under thousands of schedules.
//!
//! The scenarios stand in the exercise (`race/tests/schedules.rs`). They are compiled against the
//! submission with stand-ins for tokio and for the locks of std, and run like any other criterion. What the
//! controlled scheduler cannot see makes a submission *not judged* here, with the reason; it is never green
//! by default.

mod crates;
mod no_stand_in;
mod unseen;

use std::fs;

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
    if let Some(what) = unseen::in_library(&sources) {
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
