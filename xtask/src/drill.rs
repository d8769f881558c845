//! The drills, found by their folders.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use drain_criteria::Criterion;

use crate::error::{At as _, Error, Result};
use crate::workspace;

/// The two crates of a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    Exercises,
    Solutions,
}

impl Set {
    /// The one with this name.
    pub(crate) fn named(name: &str) -> Result<Self> {
        match name {
            "exercises" => Ok(Self::Exercises),
            "solutions" => Ok(Self::Solutions),
            other => Err(Error::new(format!("--set {other}: the sets are `exercises` and `solutions`"))),
        }
    }

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Exercises => "exercises",
            Self::Solutions => "solutions",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drill {
    /// `task-04`, or `capstone`.
    pub(crate) name: String,
    /// 19 for the capstone.
    pub(crate) number: u32,
    pub(crate) title: String,
    /// `beginner`, `intermediate`, `advanced` or `capstone`.
    pub(crate) level: String,
    pub(crate) time_box: String,
}

pub(crate) const CAPSTONE: u32 = 19;

impl Drill {
    pub(crate) fn package(&self, set: Set) -> String {
        match set {
            Set::Exercises => self.name.clone(),
            Set::Solutions => format!("{}-solution", self.name),
        }
    }

    /// The shortest word that selects it: `4`.
    pub(crate) fn selection(&self) -> String {
        if self.number == CAPSTONE { self.name.clone() } else { self.number.to_string() }
    }

    /// `exercises/task-04`, relative to the root.
    pub(crate) fn path(&self, set: Set) -> PathBuf {
        Path::new(set.folder()).join(&self.name)
    }

    /// The exercise as it was before anybody worked on it: its manifest and its sources.
    pub(crate) fn stub(&self) -> PathBuf {
        self.path(Set::Solutions).join("stub")
    }

    pub(crate) fn brief(&self) -> PathBuf {
        self.path(Set::Exercises).join("README.md")
    }

    pub(crate) fn hints(&self) -> PathBuf {
        self.path(Set::Exercises).join("HINTS.md")
    }

    pub(crate) fn acceptance(&self) -> PathBuf {
        self.path(Set::Exercises).join("tests/acceptance/main.rs")
    }

    pub(crate) fn criteria(&self) -> Result<Vec<Criterion>> {
        let path = workspace::root().join(self.acceptance());
        let tests = fs::read_to_string(&path).or_else(|error| match error.kind() {
            ErrorKind::NotFound => Ok(String::new()),
            _ => Err(error),
        });
        let criteria = drain_criteria::read(&tests.at("read", &path)?);
        if criteria.is_empty() {
            return Err(Error::new(format!(
                "no criteria in {}: restore it with `git restore {}`",
                path.display(),
                self.acceptance().display()
            )));
        }
        Ok(criteria)
    }
}

impl fmt::Display for Drill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.name, self.title)
    }
}

/// All drills, in order.
pub(crate) fn all() -> Result<Vec<Drill>> {
    let folder = workspace::root().join(Set::Exercises.folder());
    let mut drills = Vec::new();
    for entry in fs::read_dir(&folder).at("read", &folder)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(number) = number(&name).filter(|_| entry.path().join("Cargo.toml").exists()) {
            drills.push(describe(name, number, &entry.path().join("README.md")));
        }
    }
    drills.sort_by_key(|drill| drill.number);
    Ok(drills)
}

pub(crate) fn number(name: &str) -> Option<u32> {
    if name == "capstone" { Some(CAPSTONE) } else { name.strip_prefix("task-")?.parse().ok() }
}

/// Title, level and time-box stand in the first lines of the brief.
fn describe(name: String, number: u32, brief: &Path) -> Drill {
    let brief = fs::read_to_string(brief).unwrap_or_default();
    let heading = brief.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(&name);
    let title = heading.split_once(": ").map_or(heading, |(_, title)| title).to_owned();
    let facts = brief.lines().find(|line| line.starts_with("Level: ")).unwrap_or_default();
    let fact = |name: &str| {
        let fact = facts.split(" · ").find_map(|fact| fact.strip_prefix(name)?.strip_prefix(": "));
        fact.unwrap_or("unknown").trim().to_owned()
    };
    Drill { name, number, title, level: fact("Level"), time_box: fact("Time-box") }
}
