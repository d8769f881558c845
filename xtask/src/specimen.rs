//! The bugs that a drill's tests are known to catch, and the other designs that they let pass.

use std::fs;
use std::path::{Path, PathBuf};

use crate::drill::{Drill, Set};
use crate::error::{At as _, Result};
use crate::workspace;

/// A patch to the solution with a header of facts above it.
#[derive(Clone, Debug)]
pub(crate) struct Specimen {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    facts: Vec<(String, String)>,
}

impl Specimen {
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

/// The bugs of a drill, by name.
pub(crate) fn bugs(drill: &Drill) -> Result<Vec<Specimen>> {
    specimens(&workspace::root().join(drill.path(Set::Solutions)).join("zoo"))
}

/// Correct solutions of another design, by name.
pub(crate) fn alternatives(drill: &Drill) -> Result<Vec<Specimen>> {
    specimens(&workspace::root().join(drill.path(Set::Solutions)).join("alternatives"))
}

fn specimens(folder: &Path) -> Result<Vec<Specimen>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "patch") {
            let patch = fs::read_to_string(&path).at("read", &path)?;
            let header =
                patch.lines().take_while(|line| !line.starts_with("--- ") && !line.starts_with("diff "));
            let facts = header.filter_map(|line| line.split_once(": "));
            let facts = facts.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Specimen { name, path, facts });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
