//! The bugs that a drill's tests are known to catch, and the other designs that they let pass.

use std::fs;
use std::path::{Path, PathBuf};

use crate::drill::{Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::patch::Patch;
use crate::workspace;

/// A variant of the solution, with what is known about it.
#[derive(Clone, Debug)]
pub(crate) struct Specimen {
    pub(crate) name: String,
    /// The patch of a bug, the folder of an alternative.
    pub(crate) path: PathBuf,
    facts: Vec<(String, String)>,
}

impl Specimen {
    /// The facts stand in lines of their own: `bug: the handlers are installed late`.
    fn new(path: PathBuf, header: &str) -> Self {
        let facts = header.lines().filter_map(|line| line.split_once(": "));
        let facts = facts.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, path, facts }
    }

    pub(crate) fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(fact, _)| fact == name).map(|(_, value)| value.as_str())
    }

    /// The criteria that its header says catch it.
    pub(crate) fn caught_by(&self) -> Vec<&str> {
        let names = self.fact("caught-by").unwrap_or_default().split(',');
        names.map(str::trim).filter(|name| !name.is_empty()).collect()
    }

    /// Whether nothing but the race check finds it.
    pub(crate) fn only_a_race(&self) -> bool {
        let names = self.caught_by();
        !names.is_empty() && names.iter().all(|name| name.starts_with("race::"))
    }
}

/// Where the bugs of a drill are kept.
pub(crate) fn zoo(drill: &Drill) -> PathBuf {
    workspace::root().join(drill.path(Set::Solutions)).join("zoo")
}

/// The bugs of a drill, by name: each a patch to the solution, with a header of facts above it.
pub(crate) fn bugs(drill: &Drill) -> Result<Vec<Specimen>> {
    let mut found = Vec::new();
    for path in entries(&zoo(drill)) {
        if path.extension().is_some_and(|extension| extension == "patch") {
            let header = read_patch(&path)?.header;
            found.push(Specimen::new(path, &header));
        }
    }
    Ok(found)
}

/// The patch in a file.
pub(crate) fn read_patch(path: &Path) -> Result<Patch> {
    let text = fs::read_to_string(path).at("read", path)?;
    Patch::parse(&text).map_err(|odd| Error::new(format!("{}: {odd}", path.display())))
}

/// Correct solutions of another design, by name: each a folder of the files in which it differs, and a
/// README with the facts.
pub(crate) fn alternatives(drill: &Drill) -> Result<Vec<Specimen>> {
    let folder = workspace::root().join(drill.path(Set::Solutions)).join("alternatives");
    let mut found = Vec::new();
    for path in entries(&folder).into_iter().filter(|path| path.is_dir()) {
        let readme = path.join("README.md");
        let text = fs::read_to_string(&readme).at("read", &readme)?;
        found.push(Specimen::new(path, &text));
    }
    Ok(found)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
