//! What two people need to review a submission: gathered here, laid out by the crate that makes pages.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use lexopt::prelude::*;
use tinyjson::JsonValue;

use crate::command::Command;
use crate::command::pages::{Pages, REVIEW};
use crate::drill::{self, Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::interrupt;
use crate::judging::compile;
use crate::judging::engine::{self, Asked};
use crate::judging::race;
use crate::judging::scratch::Scratch;
use crate::judging::submission::Submission;
use crate::reporter::Reporter;
use crate::showing::json;
use crate::specimen::{self, Specimen};
use crate::value::{list, number, object, text};
use crate::workspace::{self, Workspace};

pub(crate) const COMMAND: Command = Command {
    name: "review",
    summary: "what a pair needs to review a submission, as one page",
    help: "\
usage: cargo xtask review DIR [--with DIR2] [--html FILE] [--markdown FILE]

Judges the task crate in DIR, and puts together what a reviewer needs: the
verdict with its timelines, the checklists with everything ticked that a program
can see, what is left for your eyes and where to look, three questions made from
the drill's zoo, and the differences to the reference. DIR is not changed.

  --with DIR2       also those to a second submission, yours for instance
  --html FILE       as a page
  --markdown FILE   for a pull request

Without a FILE it is Markdown on stdout. A FILE that is there is written over
only if it is as we have written it. The exit code is 0 whatever the verdict is.

examples: cargo xtask review ../partner/exercises/task-03 --html review.html
          cargo xtask review ../partner/exercises/task-03 \\
              --with exercises/task-03 --html review.html
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut folder, mut with, mut pages) = (None, None, Pages::default());
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(path) if folder.is_none() => folder = Some(PathBuf::from(path)),
            Long("with") => with = Some(PathBuf::from(arguments.value()?)),
            Long("html") => pages.html(arguments.value()?)?,
            Long("markdown") => pages.markdown(Some(arguments.value()?))?,
            argument => return Err(argument.unexpected().into()),
        }
    }
    let folder = folder.ok_or_else(|| {
        Error::new("whose submission? For instance: cargo xtask review ../partner/exercises/task-03")
    })?;
    let drills = drill::all()?;
    let drill = answered_by(&folder, &drills)?;
    if let Some(with) = &with {
        let other = answered_by(with, &drills)?;
        if other != drill {
            let (folder, with) = (folder.display(), with.display());
            return Err(Error::new(format!("{folder} answers {}, and {with} {}", drill.name, other.name)));
        }
    }
    let submission = gather(&drill, &folder)?;
    let other = with.map_or(Ok(JsonValue::Null), |with| gather(&drill, &with))?;
    pages.or_on_stdout().write(REVIEW, &packet(&drill, submission, other)?)?;
    Ok(0)
}

/// The drill that this folder answers.
fn answered_by(folder: &Path, drills: &[Drill]) -> Result<Drill> {
    if !folder.is_dir() || !folder.join("Cargo.toml").exists() {
        let what = if folder.is_dir() { "no Cargo.toml is in it" } else { "it is no folder" };
        return Err(Error::new(format!("{} is no submission: {what}", folder.display())));
    }
    Scratch::drill_in(folder, drills)
}

/// One submission: what it is, and what came of it.
fn gather(drill: &Drill, folder: &Path) -> Result<JsonValue> {
    let reporter = Reporter::new();
    let scratch = Scratch::of_submission(drill, folder)?;
    let submission = Submission::at(folder, drill, &scratch);
    let verdict = engine::judge(&submission, &Asked::all_lights(), &reporter)?;
    let workspace = &submission.workspace;
    // In the copy there is no link that leads elsewhere, and nothing without an end.
    let copy = workspace.sources(&drill.path(Set::Exercises));
    let lints = match verdict.compiler {
        None => strings(compile::lints(workspace, &submission.package())?),
        Some(_) => JsonValue::Null,
    };
    Ok(object([
        ("verdict", json::verdict(&verdict)),
        ("unformatted", unformatted(workspace, &submission.package(), &copy)?),
        ("lints", lints),
        ("sources", sources(&copy)?),
        ("own_tests", strings(own_tests(folder))),
    ]))
}

/// What is the same for all who answer this drill, and the submissions.
fn packet(drill: &Drill, submission: JsonValue, other: JsonValue) -> Result<JsonValue> {
    let root = workspace::root();
    let checklist = |name: &str| {
        let path = root.join("checklists").join(name);
        fs::read_to_string(&path).at("read", &path).map(text)
    };
    let bug = |bug: &Specimen| {
        object([
            ("name", text(&bug.name)),
            ("bug", text(bug.fact("bug").unwrap_or_default())),
            ("costs", text(bug.fact("costs").unwrap_or_default())),
            ("seen_in", text(bug.fact("seen-in").unwrap_or_default())),
            ("caught_by", strings(bug.caught_by())),
        ])
    };
    let mut criteria = drill.criteria()?;
    criteria.extend(race::scenarios(drill)?);
    let sentence = |test: &drain_criteria::Criterion| {
        object([("test", text(test.path())), ("criterion", text(&test.sentence))])
    };
    Ok(object([
        ("version", number(1)),
        ("drill", text(&drill.name)),
        ("selection", text(drill.selection())),
        ("submission", submission),
        ("other", other),
        ("given", given(drill)?),
        ("reference", sources(&root.join(drill.path(Set::Solutions)))?),
        ("criteria", list(criteria.iter().map(sentence))),
        ("zoo", list(specimen::bugs(drill)?.iter().map(bug))),
        ("is_it_finished", checklist("submission.md")?),
        ("is_it_right", checklist("self-review.md")?),
    ]))
}

/// The exercise before anybody worked on it, and what it asks for.
fn given(drill: &Drill) -> Result<JsonValue> {
    let root = workspace::root();
    let mut given = sources(&root.join(drill.stub()))?;
    for page in [drill.brief(), drill.hints()] {
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let content = fs::read_to_string(root.join(&page)).at("read", &page)?;
        if let JsonValue::Object(files) = &mut given {
            files.insert(name, text(content));
        }
    }
    Ok(given)
}

fn strings(texts: impl IntoIterator<Item = impl Into<String>>) -> JsonValue {
    list(texts.into_iter().map(text))
}

/// The sources of a package, its manifest and its pages, as far as they are text.
fn sources(package: &Path) -> Result<JsonValue> {
    let mut found = HashMap::new();
    let mut folders = vec![package.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).at("read", &folder)?.flatten().map(|entry| entry.path()) {
            let Ok(inside) = path.strip_prefix(package) else { continue };
            let is_source = inside.starts_with("src");
            let is_page =
                inside.extension().is_some_and(|extension| extension == "md" || extension == "toml");
            if path.is_dir() && is_source {
                folders.push(path);
            } else if (is_source || is_page)
                && path.is_file()
                && let Ok(content) = fs::read_to_string(&path)
            {
                found.insert(inside.display().to_string(), text(content));
            }
        }
    }
    Ok(JsonValue::Object(found))
}

/// The files that rustfmt would change; null where there is no rustfmt.
fn unformatted(workspace: &Workspace, package: &str, copy: &Path) -> Result<JsonValue> {
    let mut cargo = workspace::cargo(workspace);
    cargo.args(["fmt", "--package", package, "--", "--check", "-l", "--config-path"]).arg(workspace::root());
    let (child, _group) =
        interrupt::spawn(cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()))?;
    let output = child.wait_with_output().map_err(|error| Error::new(format!("cargo fmt: {error}")))?;
    interrupt::check()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let files = said.lines().filter_map(|path| Path::new(path).strip_prefix(copy).ok());
    let files: Vec<String> = files.map(|path| path.display().to_string()).collect();
    Ok(if output.status.success() || !files.is_empty() { strings(files) } else { JsonValue::Null })
}

/// What stands beside the acceptance tests that were given.
fn own_tests(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("tests")).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name != "acceptance").collect();
    names.sort();
    names
}
