//! A temporary copy of the workspace for a submission or a patched solution.
//!
//! It lies in the ignored target folder and shares cargo's build folder, so that dependencies are
//! compiled once. Cargo tells packages apart by their path *relative to the workspace*, so each copy
//! puts its packages in a folder of its own name: without that, a patched solution and the real one
//! would share an artefact, and one would be judged for the other.
//!
//! The kits are not copied. They lie outside of each copy, where cargo tells them apart by their whole
//! path; so they are compiled once for all copies.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::drill::{Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::judging::manifest::{self, package_name};
use crate::workspace::{self, Workspace};
use crate::{interrupt, patch, specimen};

/// Folders of a task crate that are not part of a submission.
const NOT_COPIED: [&str; 3] = ["target", ".git", "node_modules"];

/// What a submission is judged by: of a task crate's own it is not taken.
const OURS: [&str; 2] = ["tests", "race"];

/// A crate with its tests and patches is a few hundred KB.
const LARGEST: u64 = 64 << 20;

/// One copy. While it is there, no other runner uses its slot.
pub(crate) struct Scratch {
    root: PathBuf,
    name: String,
    build: PathBuf,
    _lock: File,
}

impl Scratch {
    /// A copy of what a drill needs, in the slot of this name, with the stub as the exercise: by now that may
    /// be somebody's work.
    pub(crate) fn of_drill(name: &str, drill: &Drill) -> Result<Self> {
        let stub = stub(drill);
        Self::new(name, drill, ["Cargo.toml", "src"].map(|part| stub.join(part)).to_vec())
    }

    /// A copy with somebody's task crate in the place of the exercise: its sources and its
    /// dependencies, our acceptance tests.
    pub(crate) fn of_submission(drill: &Drill, submission: &Path) -> Result<Self> {
        let path = submission.join("Cargo.toml");
        let manifest = fs::read_to_string(&path).at("read", &path)?;
        let name = package_name(&manifest).unwrap_or_default();
        if name != drill.name {
            return Err(Error::new(format!(
                "{} is the package `{name}`, and not `{}`: name the drill it answers, or mend its Cargo.toml",
                submission.display(),
                drill.name
            )));
        }
        let stub = stub(drill);
        let ours = fs::read_to_string(stub.join("Cargo.toml")).unwrap_or_default();
        let is_program = stub.join("src/main.rs").exists();
        if let Some(obstacle) = manifest::obstacle(&manifest, &ours, submission, is_program) {
            return Err(Error::new(format!("{} {obstacle}", path.display())));
        }
        let mut parts = parts(submission)?;
        parts.retain(|part| !OURS.iter().any(|ours| part.ends_with(ours)));
        let scratch = Self::new("submission", drill, parts)?;
        let copy = scratch.path(&drill.path(Set::Exercises)).join("Cargo.toml");
        write_if_new(&copy, manifest::with_what_tests_need(&manifest, &ours).as_bytes())?;
        Ok(scratch)
    }

    /// These are the exercise, with our own tests. What is there already is kept where it is the same, so
    /// that cargo builds only what differs.
    fn new(name: &str, drill: &Drill, mut exercise: Vec<PathBuf>) -> Result<Self> {
        let root = workspace::work_folder().join("scratch").join(name);
        let build = workspace::target_folder();
        let scratch = Self { _lock: lock(&root)?, root, name: name.to_owned(), build };
        for set in [Set::Exercises, Set::Solutions] {
            remove_others(&scratch.path(Path::new(set.folder())), &drill.name)?;
        }
        let [place, solution] = [Set::Exercises, Set::Solutions].map(|set| drill.path(set));
        mirror(&workspace::root().join(&solution), &scratch.path(&solution))?;
        let ours = OURS.map(|part| workspace::root().join(&place).join(part));
        exercise.extend(ours.into_iter().filter(|part| part.exists()));
        lay(&exercise, &scratch.path(&place), &mut LARGEST.clone())?;
        scratch.write_manifest(drill)?;
        [place, solution].iter().try_for_each(|package| scratch.find_stand_ins(package))?;
        Ok(scratch)
    }

    /// The manifest of a race check says from where it lies where its stand-ins lie.
    fn find_stand_ins(&self, package: &Path) -> Result<()> {
        let path = self.path(package).join("race/Cargo.toml");
        let Ok(manifest) = fs::read_to_string(&path) else { return Ok(()) };
        let kits = path_of_kits();
        write_if_new(&path, manifest.replace("path = \"../../../xtask/", &kits).as_bytes())
    }

    /// The drill that the task crate in this folder answers.
    pub(crate) fn drill_in(submission: &Path, drills: &[Drill]) -> Result<Drill> {
        let path = submission.join("Cargo.toml");
        let manifest = fs::read_to_string(&path).at("read", &path)?;
        let name = package_name(&manifest).unwrap_or_default();
        let drill = drills.iter().find(|drill| drill.name == name);
        drill
            .cloned()
            .ok_or_else(|| Error::new(format!("{}: the package `{name}` is not a drill's", path.display())))
    }

    /// What is compiled for it lies in this folder, and not in the one that all share.
    pub(crate) fn built_in(self, build: PathBuf) -> Self {
        Self { build, ..self }
    }

    pub(crate) fn workspace(&self) -> Workspace {
        Workspace {
            root: self.root.clone(),
            target: self.root.join("target"),
            build: Some(self.build.clone()),
            within: PathBuf::from(&self.name),
        }
    }

    /// Puts a bug into the solution.
    pub(crate) fn apply(&self, drill: &Drill, patch: &Path) -> Result<()> {
        let solution = self.path(&drill.path(Set::Solutions));
        let bug = specimen::read_patch(patch)?;
        let (patched, _) = bug.apply(&patch::files(&solution)?).map_err(|why| {
            Error::new(format!(
                "{} does not fit the solution: {why}; `cargo xtask zoo {} --renew` mends it",
                patch.display(),
                drill.selection()
            ))
        })?;
        patched.iter().try_for_each(|(path, text)| write_if_new(&solution.join(path), text.as_bytes()))
    }

    /// Lays the files of an alternative over the solution.
    pub(crate) fn lay_over(&self, drill: &Drill, alternative: &Path) -> Result<()> {
        copy_over(alternative, &self.path(&drill.path(Set::Solutions)))
    }

    fn path(&self, relative: &Path) -> PathBuf {
        self.root.join(&self.name).join(relative)
    }

    /// The root manifest with the members of the copy, and the lock file.
    fn write_manifest(&self, drill: &Drill) -> Result<()> {
        let source = workspace::root().join("Cargo.toml");
        let manifest = fs::read_to_string(&source).at("read", &source)?;
        let races = [Set::Exercises, Set::Solutions].map(|set| drill.path(set).join("race"));
        let races: Vec<String> = races
            .iter()
            .filter(|race| self.path(race).exists())
            .map(|race| race.display().to_string())
            .collect();
        let mut needed = vec![self.path(&drill.path(Set::Exercises)).join("Cargo.toml")];
        if !races.is_empty() {
            needed.push(workspace::root().join("xtask/race/tokio/Cargo.toml"));
        }
        let folders = ["exercises/*", "solutions/*"].map(str::to_owned).into_iter().chain(races);
        let members: Vec<String> = folders.map(|folder| format!("\"{}/{folder}\"", self.name)).collect();
        let kits = path_of_kits();
        let needed: Result<String> =
            needed.iter().map(|path| fs::read_to_string(path).at("read", path)).collect();
        let lines = with_profiles_for(&needed?, &manifest)
            .lines()
            .map(|line| match line {
                line if line.starts_with("members = ") => format!("members = [{}]", members.join(", ")),
                line if line.starts_with("default-members = ") => String::new(),
                // Nobody debugs a copy.
                "debug = \"line-tables-only\"" => "debug = false".to_owned(),
                line => line.replace("path = \"xtask/", &kits),
            })
            .collect::<Vec<_>>();
        write_if_new(&self.root.join("Cargo.toml"), (lines.join("\n") + "\n").as_bytes())?;
        let lock = workspace::root().join("Cargo.lock");
        if lock.exists() {
            write_if_new(&self.root.join("Cargo.lock"), &fs::read(&lock).at("read", &lock)?)?;
        }
        Ok(())
    }
}

/// The workspace's manifest without profiles for packages that this drill does not need: cargo warns of them.
fn with_profiles_for(needed: &str, manifest: &str) -> String {
    let is_needed = |section: &&str| match section.strip_prefix("profile.dev.package.") {
        Some(rest) => {
            let package = rest.split(']').next().unwrap_or_default();
            package == "\"*\"" || needed.contains(package)
        }
        None => true,
    };
    manifest.split("\n[").filter(is_needed).collect::<Vec<_>>().join("\n[")
}

/// The beginning of a kit's path in a manifest: a text in TOML.
fn path_of_kits() -> String {
    let root = workspace::root().display().to_string();
    format!("path = \"{}/xtask/", root.replace('\\', r"\\").replace('"', "\\\""))
}

/// Takes the slot, and waits for another runner that has it.
fn lock(root: &Path) -> Result<File> {
    const LOOK_AGAIN: Duration = Duration::from_millis(50);
    fs::create_dir_all(root).at("create", root)?;
    let path = root.join("lock");
    let file = File::create(&path).at("create", &path)?;
    let mut waits = false;
    // Not the call that waits for it: a signal to the runner would not end that.
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if waits => {}
            Err(TryLockError::WouldBlock) => eprintln!("waiting for another check to finish"),
            Err(TryLockError::Error(error)) => return Err(error).at("lock", &path),
        }
        waits = true;
        thread::sleep(LOOK_AGAIN);
        interrupt::check()?;
    }
}

/// The stub; of a drill that has none yet, the exercise as it is.
fn stub(drill: &Drill) -> PathBuf {
    let stub = workspace::root().join(drill.stub());
    if stub.exists() { stub } else { workspace::root().join(drill.path(Set::Exercises)) }
}

/// Makes `to` the same as `from`.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    lay(&parts(from)?, to, &mut LARGEST.clone())
}

/// What belongs to the crate in this folder; nothing if there is none.
fn parts(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).at("read", folder)?.flatten();
    let entries = entries.filter(|entry| !NOT_COPIED.iter().any(|other| entry.file_name() == *other));
    Ok(entries.map(|entry| entry.path()).collect())
}

/// Makes the folder `to` consist of these files and folders. Files that are the same already are not
/// touched. There is a limit on the bytes: a build folder of another name is no part of a crate.
fn lay(parts: &[PathBuf], to: &Path, room: &mut u64) -> Result<()> {
    fs::create_dir_all(to).at("create", to)?;
    for entry in fs::read_dir(to).at("read", to)?.flatten() {
        let kind = entry.file_type().at("read", &entry.path())?;
        let is_same = |part: &PathBuf| {
            part.file_name() == Some(&entry.file_name())
                && fs::metadata(part).is_ok_and(|part| part.is_dir() == kind.is_dir() && !kind.is_symlink())
        };
        if !parts.iter().any(is_same) {
            let path = entry.path();
            let removed = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.at("remove", &path)?;
        }
    }
    for path in parts {
        // A link to a file is as good as the file; one to a folder may lead in circles, or anywhere; one
        // to nothing is how some editors mark a file that is open.
        let Ok(kind) = fs::metadata(path) else { continue };
        let to = to.join(path.file_name().unwrap_or_default());
        if fs::symlink_metadata(path).at("read", path)?.is_dir() {
            lay(&self::parts(path)?, &to, room)?;
        } else if kind.is_file() {
            *room = room.checked_sub(kind.len()).ok_or_else(|| {
                let folder = path.parent().unwrap_or(path);
                Error::new(format!(
                    "{} is too large for a task crate: is it a build folder?",
                    folder.display()
                ))
            })?;
            write_if_new(&to, &fs::read(path).at("read", path)?)?;
        } else {
            return Err(Error::new(format!(
                "{} is neither a file nor a folder: leave it out",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Copies what is in one folder into another, and leaves what else is there.
fn copy_over(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).at("read", from)?.flatten() {
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_over(&path, &place)?;
        } else {
            write_if_new(&place, &fs::read(&path).at("read", &path)?)?;
        }
    }
    Ok(())
}

fn remove_others(folder: &Path, keep: &str) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten().filter(|entry| entry.file_name() != *keep) {
        fs::remove_dir_all(entry.path()).at("remove", &entry.path())?;
    }
    Ok(())
}

fn write_if_new(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at("create", folder)?;
    }
    fs::write(path, bytes).at("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_of_packages_that_a_drill_does_not_need_are_left_out() {
        let all = "[profile.dev]\ndebug = false\n\n[profile.dev.package.\"*\"]\ndebug = false\n";
        let model = "\n[profile.dev.package.drain-model]\nopt-level = 2\n";
        let runner = "\n[profile.dev.package.tinyjson]\nopt-level = 2\n";
        let manifest = format!("{all}{model}{runner}");
        assert_eq!(with_profiles_for("drain-kit.workspace = true", &manifest), all);
        assert_eq!(with_profiles_for("drain-model.workspace = true", &manifest), format!("{all}{model}"));
    }
}
