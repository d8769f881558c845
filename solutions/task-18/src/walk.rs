//! The files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use crate::finding::Problem;

/// A file that is to be audited.
pub struct Found {
    /// Where it is.
    pub file: PathBuf,
    /// Whether it holds the code of tests, because of where it is.
    pub test: bool,
}

impl Found {
    /// How it is called in the answer.
    pub fn path(&self) -> String {
        shown(&self.file)
    }
}

/// The files below these paths, in order, and what could not be walked.
///
/// # Errors
///
/// A path that does not exist.
pub fn walk(paths: &[PathBuf]) -> Result<(Vec<Found>, Vec<Problem>), String> {
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    for path in paths {
        path.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
        let mut walk = WalkBuilder::new(path);
        // A folder is also audited where git is not.
        walk.follow_links(true).require_git(false).filter_entry(|entry| !is_target(entry));
        for entry in walk.build() {
            match entry {
                Ok(entry) if is_source(&entry) => {
                    let test = entry.depth() > 0 && is_test(path, entry.path());
                    let file = entry.into_path();
                    // A file that was also named itself is audited.
                    *found.entry(file).or_insert(test) &= test;
                }
                Ok(_) => {}
                Err(error) => problems.push(problem(path, &error)),
            }
        }
    }
    let found = found.into_iter().map(|(file, test)| Found { file, test }).collect();
    Ok((found, problems))
}

fn is_target(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name() == "target" && entry.path().is_dir()
}

fn is_source(entry: &DirEntry) -> bool {
    let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
    is_file && (entry.depth() == 0 || entry.path().extension().is_some_and(|ending| ending == "rs"))
}

/// Whether a file below this path is one of tests, benches, examples, or a build script.
fn is_test(below: &Path, file: &Path) -> bool {
    let inside = file.strip_prefix(below).unwrap_or(file);
    let folders = inside.parent().into_iter().flat_map(Path::components);
    folders
        .into_iter()
        .any(|folder| ["tests", "benches", "examples"].iter().any(|name| folder.as_os_str() == *name))
        || file.file_name().is_some_and(|name| name == "build.rs")
            && file.with_file_name("Cargo.toml").exists()
}

fn problem(walked: &Path, error: &ignore::Error) -> Problem {
    let (path, why) = innermost(walked, error);
    Problem { path: shown(path), message: why.replace('\n', " ") }
}

fn innermost<'a>(path: &'a Path, error: &'a ignore::Error) -> (&'a Path, String) {
    match error {
        ignore::Error::WithPath { path, err } => innermost(path, err),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            innermost(path, err)
        }
        ignore::Error::Loop { ancestor, child } => {
            (child, format!("a link in a circle, back to {}", shown(ancestor)))
        }
        other => (path, other.to_string()),
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix("./").unwrap_or(path).to_string_lossy().into_owned()
}
