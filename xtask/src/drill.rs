//! The drills, found by their folders, and the selections that name them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use drain_criteria::Criterion;

use crate::error::{At as _, Error, Result};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// Where the runner keeps what it can make again: scratch workspaces, events.
pub(crate) fn work_folder() -> PathBuf {
    target_folder().join("drain")
}

/// Where cargo keeps what it has compiled in this workspace.
pub(crate) fn target_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    // Cargo is started in the root, and takes a relative path from there.
    root().join(target)
}

/// The folder for what the kit records.
pub(crate) fn events_folder() -> Result<PathBuf> {
    let folder = work_folder().join("events");
    fs::create_dir_all(&folder).at("create", &folder)?;
    Ok(folder)
}

/// The two crates of a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    Exercises,
    Solutions,
}

impl Set {
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

const CAPSTONE: u32 = 19;

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
        let path = root().join(self.acceptance());
        let criteria = drain_criteria::read(&fs::read_to_string(&path).at("read", &path)?);
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
    let folder = root().join(Set::Exercises.folder());
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

fn number(name: &str) -> Option<u32> {
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

/// The drills that these words name: `task-02`, `2`, `02`, `1-3`, `beginner`, `all`.
pub(crate) fn select(words: &[String], drills: &[Drill]) -> Result<Vec<Drill>> {
    let mut chosen: Vec<Drill> = Vec::new();
    for word in words {
        let named = named(word, drills)?;
        chosen.extend(named.into_iter().filter(|drill| !chosen.contains(drill)).collect::<Vec<_>>());
    }
    Ok(chosen)
}

fn named(word: &str, drills: &[Drill]) -> Result<Vec<Drill>> {
    let wanted = word.to_lowercase();
    let range = wanted.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let matches: Vec<Drill> = drills
        .iter()
        .filter(|drill| match range {
            Some((from, to)) => (from..=to).contains(&drill.number),
            None => {
                wanted == "all"
                    || wanted == drill.level
                    || wanted == drill.name
                    || wanted.parse() == Ok(drill.number)
                    || number(&wanted) == Some(drill.number)
            }
        })
        .cloned()
        .collect();
    if matches.is_empty() { Err(unknown(word, drills)) } else { Ok(matches) }
}

fn unknown(word: &str, drills: &[Drill]) -> Error {
    let names = drills.iter().map(|drill| drill.name.as_str());
    let levels = drills.iter().map(|drill| drill.level.as_str());
    let nearest = nearest(word, names.chain(levels).chain(["all"]));
    let meant = nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
    let known = match drills {
        [first, .., last] => format!("{} to {}", first.name, last.name),
        [only] => only.name.clone(),
        [] => "none".to_owned(),
    };
    Error::new(
        format!("no drill is called `{word}`{meant} There are {known}; `cargo xtask list` shows them")
            .replace("` There", "`. There"),
    )
}

/// The known word that is most like this one, if one is like it at all.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|name| (distance(word, name), name));
    scored.filter(|(distance, name)| *distance <= name.len() / 2).min().map(|(_, name)| name)
}

/// How many letters must be changed, added or removed to make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drills() -> Vec<Drill> {
        let drill = |number: u32, level: &str| Drill {
            name: if number == CAPSTONE { "capstone".to_owned() } else { format!("task-{number:02}") },
            number,
            title: String::new(),
            level: level.to_owned(),
            time_box: String::new(),
        };
        vec![
            drill(1, "beginner"),
            drill(2, "beginner"),
            drill(6, "intermediate"),
            drill(CAPSTONE, "capstone"),
        ]
    }

    fn names(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        select(&words, &drills()).unwrap().into_iter().map(|drill| drill.name).collect()
    }

    #[test]
    fn a_drill_has_several_names() {
        for word in ["task-02", "2", "02", "TASK-02", "task-2"] {
            assert_eq!(names(&[word]), ["task-02"], "{word}");
        }
    }

    #[test]
    fn ranges_levels_and_all() {
        assert_eq!(names(&["1-6"]), ["task-01", "task-02", "task-06"]);
        assert_eq!(names(&["beginner"]), ["task-01", "task-02"]);
        assert_eq!(names(&["all"]).len(), 4);
        assert_eq!(names(&["capstone", "2", "1-2"]), ["capstone", "task-02", "task-01"]);
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let error = select(&["taks-02".to_owned()], &drills()).unwrap_err().to_string();
        assert!(error.contains("did you mean `task-02`?"), "{error}");
        let error = select(&["begginer".to_owned()], &drills()).unwrap_err().to_string();
        assert!(error.contains("`beginner`"), "{error}");
        let error = select(&["42".to_owned()], &drills()).unwrap_err().to_string();
        assert!(error.contains("task-01 to capstone"), "{error}");
    }
}
