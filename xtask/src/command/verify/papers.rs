//! What can be seen without running anything: brief, hints, notes, headers.

use std::fs;
use std::path::Path;

use drain_criteria::Criterion;

use crate::drill::{Drill, Set};
use crate::error::Result;
use crate::judging::race;
use crate::typeset::count;
use crate::{specimen, workspace};

/// Bugs that only the race check finds, in a drill that has one.
const FEWEST_RACES: usize = 3;

/// What is missing in the papers of a drill with these criteria.
pub(super) fn problems(drill: &Drill, criteria: &[Criterion]) -> Result<Vec<String>> {
    let mut problems = texts(drill);
    problems.extend(crates(drill));
    problems.extend(specimens(drill, criteria)?);
    Ok(problems)
}

fn texts(drill: &Drill) -> Vec<String> {
    let mut problems = Vec::new();
    let text = |path: &Path| fs::read_to_string(workspace::root().join(path)).unwrap_or_default();
    let notes = drill.path(Set::Solutions).join("README.md");
    for (path, what) in [(drill.brief(), "brief"), (drill.hints(), "hints"), (notes, "notes on the solution")]
    {
        if text(&path).trim().is_empty() {
            problems.push(format!("no {what}: write {}", path.display()));
        }
    }
    if text(&drill.hints()).matches("\n## ").count() < 3 {
        problems.push("fewer than three hints: a nudge, the direction, nearly the solution".to_owned());
    }
    for (what, known) in [("level", &drill.level), ("time-box", &drill.time_box)] {
        if known == "unknown" {
            problems.push(format!(
                "{} does not say its {what} in a line `Level: ... · Time-box: ...`",
                drill.brief().display()
            ));
        }
    }
    problems
}

fn crates(drill: &Drill) -> Vec<String> {
    let mut problems = Vec::new();
    let root = workspace::root();
    let (stub, solution) = (drill.stub(), drill.path(Set::Solutions));
    if !sources(&root.join(&stub).join("src")).contains("todo!(") {
        problems.push(format!("{}: no todo!(\"...\") says what to build", stub.display()));
    }
    for folder in [&stub, &solution] {
        let roots = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
        for path in roots.iter().filter(|path| root.join(path).exists()) {
            if !fs::read_to_string(root.join(path)).is_ok_and(|text| text.contains("#![forbid(unsafe_code)]"))
            {
                problems.push(format!("{}: begin it with #![forbid(unsafe_code)]", path.display()));
            }
        }
    }
    if dependencies(&root.join(&stub)) != dependencies(&root.join(&solution)) {
        problems.push("stub and solution have different dependencies".to_owned());
    }
    problems
}

fn specimens(drill: &Drill, criteria: &[Criterion]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let bugs = specimen::bugs(drill)?;
    let (fewest_bugs, fewest_alternatives) = (if drill.number == 1 { 6 } else { 8 }, 2);
    if bugs.len() < fewest_bugs {
        problems.push(format!("only {} in the zoo: {fewest_bugs} are needed", count(bugs.len(), "bug")));
    }
    let only_races = bugs.iter().filter(|bug| bug.only_a_race()).count();
    if !race::scenarios(drill)?.is_empty() && only_races < FEWEST_RACES {
        problems.push(format!(
            "only {} that only the race check finds: {FEWEST_RACES} are needed",
            count(only_races, "bug")
        ));
    }
    let alternatives = specimen::alternatives(drill)?.len();
    if alternatives < fewest_alternatives {
        let alternatives = count(alternatives, "alternative");
        problems.push(format!("only {alternatives}: {fewest_alternatives} are needed"));
    }
    for criterion in criteria {
        if criterion.sentence.is_empty() || criterion.why.is_empty() {
            problems.push(format!("{} does not say what must hold and why", criterion.path()));
        }
        if !bugs.iter().any(|bug| bug.caught_by().contains(&criterion.path().as_str())) {
            problems.push(format!(
                "{} catches no bug of the zoo: nobody has seen it fail on a realistic one",
                criterion.path()
            ));
        }
    }
    Ok(problems)
}

/// All source files of a folder, one after the other.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap_or_default() })
        .collect()
}

fn dependencies(folder: &Path) -> String {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    section.split("\n[").next().unwrap_or_default().trim().to_owned()
}
