//! The crates that a submission depends on and its exercise does not.
//!
//! They are given to the race check too. That changes its manifest, and so is done in a copy.

use std::fs;
use std::path::PathBuf;

use crate::drill::{Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::judging::scratch::Scratch;
use crate::workspace::{self, Workspace};

/// Those that the manifest of a race check replaces.
const REPLACED: [&str; 2] = ["tokio", "tokio-util"];
/// They bring nothing by which tasks could see or wait for each other, unless at an await.
const SEEN: [&str; 12] = [
    "anyhow",
    "async-trait",
    "bytes",
    "futures",
    "futures-core",
    "futures-util",
    "log",
    "pin-project",
    "pin-project-lite",
    "slab",
    "thiserror",
    "tracing",
];

/// What the submission's manifest adds, as it stands there.
pub(super) struct Crates(Vec<Added>);

struct Added {
    name: String,
    /// The lines of the manifest.
    text: String,
}

impl Crates {
    pub(super) fn added(drill: &Drill, set: Set, workspace: &Workspace) -> Result<Self> {
        let read = |path: PathBuf| fs::read_to_string(&path).at("read", &path);
        let mut added = dependencies(&read(workspace.sources(&drill.path(set).join("Cargo.toml")))?);
        // Those of the program that an exercise may have beside its library.
        let given = dependencies(&read(workspace::root().join(drill.stub()).join("Cargo.toml"))?);
        added.retain(|added| given.iter().all(|given| given.name != added.name));
        Ok(Self(added))
    }

    /// A copy, if there is something to add and this is not one already.
    pub(super) fn copy_of_the_workspace(
        &self,
        drill: &Drill,
        set: Set,
        workspace: &Workspace,
    ) -> Result<Option<Scratch>> {
        let needed = !self.0.is_empty() && !workspace.is_copy() && set == Set::Exercises;
        needed.then(|| Scratch::of_submission(drill, &workspace::root().join(drill.path(set)))).transpose()
    }

    /// Adds them to the manifest of the race check; or says why there can be none.
    pub(super) fn give_to_the_race_check(
        &self,
        drill: &Drill,
        set: Set,
        workspace: &Workspace,
    ) -> Result<Option<String>> {
        for added in &self.0 {
            if !added.is_seen() && depends_on_tokio(workspace, &added.name)? {
                let name = &added.name;
                return Ok(Some(format!(
                    "the crate `{name}` is made for tokio itself, and not for what stands in for it in a race \
                     check. It may stay, and the other criteria judge it; without it, this one would too"
                )));
            }
        }
        if !self.0.is_empty() && workspace.is_copy() {
            let path = workspace.sources(&drill.path(set).join("race/Cargo.toml"));
            let manifest = fs::read_to_string(&path).at("read", &path)?;
            let new: String = self.0.iter().map(|added| added.text.as_str()).collect();
            if !manifest.contains(&new) {
                fs::write(&path, format!("{manifest}\n{new}")).at("write", &path)?;
            }
        }
        Ok(None)
    }

    /// Why a schedule in which nothing fails proves nothing.
    pub(super) fn unseen(&self) -> Option<String> {
        let Added { name, .. } = self.0.iter().find(|added| !added.is_seen())?;
        Some(format!(
            "no schedule failed, but the scheduler sees only the awaits, and not what the crate `{name}` does \
             between them"
        ))
    }
}

impl Added {
    fn is_seen(&self) -> bool {
        SEEN.contains(&self.name.as_str())
    }
}

/// The dependencies that are not replaced, each as a table of its own: those can stand at the end of any
/// manifest.
fn dependencies(manifest: &str) -> Vec<Added> {
    let mut found: Vec<Added> = Vec::new();
    let mut section = String::new();
    for line in manifest.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            section = trimmed.trim_matches(['[', ']']).to_owned();
            if let Some(name) = section.strip_prefix("dependencies.") {
                found.push(Added { name: name.to_owned(), text: format!("[dependencies.{name}]\n") });
            }
        } else if trimmed.is_empty() || trimmed.starts_with('#') {
        } else if section == "dependencies" {
            found.extend(in_one_line(trimmed));
        } else if let (Some(_), Some(last)) = (section.strip_prefix("dependencies."), found.last_mut()) {
            last.text += &format!("{trimmed}\n");
        }
    }
    found.retain(|added| !REPLACED.contains(&added.name.as_str()));
    found
}

/// `name = "1"`, `name = { version = "1" }` or `name.workspace = true`.
fn in_one_line(line: &str) -> Option<Added> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let (name, text) = match key.split_once('.') {
        Some((name, inner)) => (name, format!("{inner} = {value}\n")),
        None if value.starts_with('{') => {
            let table = value.trim_matches(['{', '}']);
            (key, at_commas(table).iter().map(|field| format!("{}\n", field.trim())).collect())
        }
        None => (key, format!("version = {value}\n")),
    };
    Some(Added { name: name.to_owned(), text: format!("[dependencies.{name}]\n{text}") })
}

/// The fields of a table; a comma in a list of features separates none.
fn at_commas(table: &str) -> Vec<&str> {
    let mut depth = 0;
    let between = |letter: char| {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    };
    table.split(between).filter(|field| !field.trim().is_empty()).collect()
}

fn depends_on_tokio(workspace: &Workspace, name: &str) -> Result<bool> {
    let mut cargo = workspace::cargo(workspace);
    cargo.args(["tree", "--color", "never", "--package", name, "--edges", "normal", "--prefix", "none"]);
    let output = cargo.output().map_err(|error| Error::new(format!("cannot run cargo: {error}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().any(|line| line.starts_with("tokio v")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manifest_adds_can_stand_at_the_end_of_another() {
        let manifest = r#"
[package]
name = "task-02"

[dependencies]
tokio.workspace = true
futures-util.workspace = true
tokio-util = { workspace = true, features = ["rt", "join-map"] }
async-channel = "2" 
slab = { version = "0.4", default-features = false, features = ["std", "serde"] }

[dependencies.flume]
version = "0.11"

[dev-dependencies]
drain-kit.workspace = true
"#;
        let text: String = dependencies(manifest).into_iter().map(|added| added.text).collect();
        assert_eq!(
            text,
            r#"[dependencies.futures-util]
workspace = true
[dependencies.async-channel]
version = "2"
[dependencies.slab]
version = "0.4"
default-features = false
features = ["std", "serde"]
[dependencies.flume]
version = "0.11"
"#
        );
    }
}
