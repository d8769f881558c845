//! The audit on trial, the folder that it audits, and what it has said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use drain_kit::{Scenario, program};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with sources in it.
pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn new() -> Self {
        Self(TempDir::with_prefix("audit").expect("a temporary folder"))
    }

    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let tree = Self::new();
        for (file, text) in files {
            tree.write(file, text);
        }
        tree
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.path().join(name).to_string_lossy().into_owned()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().expect("it lies in the tree")).expect("a folder");
        fs::write(&file, text).expect("a file");
        file
    }

    pub(crate) fn root(&self) -> String {
        self.path().to_string_lossy().into_owned()
    }
}

/// What was found, as far as a place goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_column: usize,
    pub(crate) rule: String,
}

/// What an audit has said.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

/// Runs the audit with these words and no others.
#[track_caller]
pub(crate) fn run(scenario: &Scenario, words: &[&str]) -> Answer {
    let output = {
        let _waiting = scenario.waiting(format!("the audit to end: {}", words.join(" ")));
        // Not through the kit: it keeps the beginning and the end of a line, and an answer may be one long line.
        Command::new(program!()).args(words).stdin(Stdio::null()).output().expect("the program starts")
    };
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (stdout, stderr) = (lines(&output.stdout), lines(&output.stderr));
    let Some(code) = output.status.code() else {
        scenario.fail("an exit code", format!("{}; {}", output.status, stderr.join(" / ")));
    };
    if let Some(said) = stderr.iter().position(|line| line.contains("panicked at")) {
        let panic = &stderr[said..stderr.len().min(said + 2)];
        scenario.fail("an answer", format!("a panic: {}", panic.join(" ")));
    }
    Answer { code, stdout, stderr }
}

/// Runs the audit on these paths, with these options and `--all`, and reads its JSON.
#[track_caller]
pub(crate) fn audit(scenario: &Scenario, words: &[&str]) -> Audited {
    audit_as_told(scenario, &[&["--all"], words].concat())
}

/// Runs the audit on these paths, with these options and no others, and reads its JSON.
#[track_caller]
pub(crate) fn audit_as_told(scenario: &Scenario, words: &[&str]) -> Audited {
    let answer = run(scenario, &[&["--format", "json"], words].concat());
    let json = match answer.stdout.join("\n").parse::<Value>() {
        Ok(json) if json["findings"].is_array() => json,
        _ => scenario.fail(
            "an object with `findings`, as JSON on stdout",
            format!("exit code {}: {} {}", answer.code, answer.stdout.join(" "), answer.stderr.join(" ")),
        ),
    };
    Audited { json, answer }
}

/// What an audit has said, as JSON.
pub(crate) struct Audited {
    pub(crate) json: Value,
    pub(crate) answer: Answer,
}

impl Audited {
    /// What was found, in its order, with paths relative to this folder.
    pub(crate) fn places(&self, tree: &Tree) -> Vec<Place> {
        let number = |finding: &Value, name: &str| finding[name].as_u64().unwrap_or_default() as usize;
        let findings = self.json["findings"].as_array().into_iter().flatten();
        let place = |finding: &Value| Place {
            path: relative(tree, finding),
            line: number(finding, "line"),
            column: number(finding, "column"),
            end_column: number(finding, "end_column"),
            rule: finding["rule"].as_str().unwrap_or_default().to_owned(),
        };
        findings.map(place).collect()
    }

    /// The same in short: `sleep a.rs:3:5`.
    pub(crate) fn short(&self, tree: &Tree) -> Vec<String> {
        let short = |place: Place| format!("{} {}:{}:{}", place.rule, place.path, place.line, place.column);
        self.places(tree).into_iter().map(short).collect()
    }

    /// Where the problems are.
    pub(crate) fn problems(&self, tree: &Tree) -> Vec<String> {
        let problems = self.json["problems"].as_array().into_iter().flatten();
        problems.map(|problem| relative(tree, problem)).collect()
    }
}

fn relative(tree: &Tree, object: &Value) -> String {
    let path = object["path"].as_str().unwrap_or_default();
    let root = tree.root();
    path.strip_prefix(&root).map_or(path, |inside| inside.trim_start_matches('/')).to_owned()
}

/// Requires exactly these findings, in short, in this order, and the exit code that belongs to them.
#[track_caller]
pub(crate) fn require_found(scenario: &Scenario, tree: &Tree, words: &[&str], expected: &[&str]) -> Audited {
    let audited = audit(scenario, words);
    let found = audited.short(tree);
    let code = i32::from(!expected.is_empty() || !audited.problems(tree).is_empty());
    scenario.require(
        found == expected && audited.answer.code == code,
        format!("{} and exit code {code}", shown(expected)),
        format!("{} and exit code {}", shown(&found), audited.answer.code),
    );
    audited
}

fn shown<T: AsRef<str>>(found: &[T]) -> String {
    match found {
        [] => "no finding".to_owned(),
        some => some.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "),
    }
}
