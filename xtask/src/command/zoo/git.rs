//! What git knows: how the solution was, how two texts differ, how two changes go together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::error::{At as _, Error, Result};
use crate::patch::{Files, Patch};
use crate::{environment, workspace};

/// The commits in which one of these paths was changed, newest first.
pub(super) fn history(paths: &[&Path]) -> Result<Vec<String>> {
    let output = git(&workspace::root(), ["log", "--full-history", "--format=%H", "--"], paths)?;
    // In what is no repository nothing is known, and that is no error.
    let commits = String::from_utf8_lossy(&output.stdout);
    Ok(commits.lines().map(str::to_owned).collect())
}

/// A file of a package as it was in a commit; none if it was not there.
pub(super) fn file(commit: &str, package: &Path, path: &str) -> Result<Option<String>> {
    let object = format!("{commit}:{}", package.join(path).display());
    let output = git(&workspace::root(), ["show", &object], &[])?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Both changes in one text, and whether they contradict each other: both are in it then, between
/// markers.
pub(super) fn merge(solution: &str, before: &str, bug: &str) -> Result<(String, bool)> {
    let texts = Texts::write(&[("solution", solution), ("before", before), ("bug", bug)])?;
    let labels = ["-L", "the solution", "-L", "what the bug was made for", "-L", "the bug"];
    let arguments = ["merge-file", "-p", "--diff3"].into_iter().chain(labels);
    let output = git(&texts.folder, arguments, &["solution", "before", "bug"].map(Path::new))?;
    match output.status.code() {
        Some(0) => Ok((String::from_utf8_lossy(&output.stdout).into_owned(), false)),
        Some(1..=127) => Ok(match beside(solution, before, bug)? {
            Some(text) => (text, false),
            None => (String::from_utf8_lossy(&output.stdout).into_owned(), true),
        }),
        _ => Err(failed(&output)),
    }
}

/// Both changes, where they have changed different lines: for git, lines next to each other are one place.
/// None if they have not, or if what is left of the bug is not all of it.
fn beside(solution: &str, before: &str, bug: &str) -> Result<Option<String>> {
    const PATH: &str = "src/lib.rs";
    let change = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|text| Files::from([(PATH.to_owned(), text.to_owned())]));
        difference("", &from, &to, 0)
    };
    let of_bug = change(before, bug)?;
    let Some(both) = change(before, solution)?.beside(change(before, bug)?) else { return Ok(None) };
    let files = Files::from([(PATH.to_owned(), before.to_owned())]);
    let Some(text) = both.apply(&files).ok().and_then(|(mut files, _)| files.remove(PATH)) else {
        return Ok(None);
    };
    Ok((change(solution, &text)?.lines() == of_bug.lines()).then_some(text))
}

/// Whether a text still has a place where nobody has decided.
pub(super) fn is_undecided(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> "))
}

/// What turns some files into others, with so many lines around it.
pub(super) fn difference(header: &str, before: &Files, after: &Files, around: usize) -> Result<Patch> {
    let mut text = format!("{header}\n\n");
    for (path, after) in after {
        let before = before.get(path).map_or("", String::as_str);
        let texts = Texts::write(&[("before", before), ("after", after)])?;
        let around = format!("--unified={around}");
        let arguments =
            ["diff", "--no-index", "--no-ext-diff", "--no-color", &around, "--inter-hunk-context=0"];
        let output = git(&texts.folder, arguments, &["before", "after"].map(Path::new))?;
        match output.status.code() {
            Some(0) => continue,
            Some(1) => {}
            _ => return Err(failed(&output)),
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let hunks = said.find("\n@@ ").map_or("", |start| &said[start + 1..]);
        text += &format!("--- a/{path}\n+++ b/{path}\n{hunks}");
    }
    Patch::parse(&text).map_err(|odd| Error::new(format!("git printed what is no patch: {odd}\n{text}")))
}

fn git<'a>(folder: &Path, arguments: impl IntoIterator<Item = &'a str>, paths: &[&Path]) -> Result<Output> {
    let mut git = environment::git(folder);
    git.args(arguments).args(paths).output().map_err(|error| Error::new(format!("cannot run git: {error}")))
}

fn failed(output: &Output) -> Error {
    Error::new(format!("git: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Texts as files, as git wants them. They are gone when this is dropped.
struct Texts {
    folder: PathBuf,
}

impl Texts {
    fn write(texts: &[(&str, &str)]) -> Result<Self> {
        let folder = workspace::work_folder().join(format!("texts-{}", std::process::id()));
        fs::create_dir_all(&folder).at("create", &folder)?;
        let texts_in = Self { folder };
        for (name, text) in texts {
            let path = texts_in.folder.join(name);
            fs::write(&path, text).at("write", &path)?;
        }
        Ok(texts_in)
    }
}

impl Drop for Texts {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
