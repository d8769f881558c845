//! A temporary copy of the workspace for a submission or a patched solution.
//!
//! It lies in the ignored target folder and shares cargo's build folder, so that dependencies are
//! compiled once. Cargo tells packages apart by their path *relative to the workspace*, so each copy
//! puts its packages in a folder of its own name: without that, a patched solution and the real one
//! would share an artefact, and one would be judged for the other.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::compile::Workspace;
use crate::drill::{self, Drill, Set};
use crate::error::{At as _, Error, Result};

/// Folders of a task crate that are not part of a submission.
const NOT_COPIED: [&str; 3] = ["target", ".git", "node_modules"];

/// What the crates of a drill depend on.
const KITS: [&str; 5] = ["xtask/kit", "xtask/criteria", "xtask/race", "xtask/services", "xtask/service-kit"];

/// One copy. While it is there, no other runner uses its slot.
pub(crate) struct Scratch {
    root: PathBuf,
    name: String,
    _lock: File,
}

impl Scratch {
    /// A copy of what a drill needs, in the slot of this name. What is there already is kept where it
    /// is the same, so that cargo builds only what differs.
    pub(crate) fn of_drill(name: &str, drill: &Drill) -> Result<Self> {
        let root = drill::work_folder().join("scratch").join(name);
        let scratch = Self { _lock: lock(&root)?, root, name: name.to_owned() };
        for folder in KITS {
            mirror(&drill::root().join(folder), &scratch.path(Path::new(folder)))?;
        }
        for set in [Set::Exercises, Set::Solutions] {
            let others = scratch.path(Path::new(set.folder()));
            remove_others(&others, &drill.name)?;
            mirror(&drill::root().join(drill.path(set)), &scratch.path(&drill.path(set)))?;
        }
        scratch.write_manifest(drill)?;
        Ok(scratch)
    }

    /// A copy with somebody's task crate in the place of the exercise: its sources and its
    /// dependencies, our acceptance tests.
    pub(crate) fn of_submission(drill: &Drill, submission: &Path) -> Result<Self> {
        let scratch = Self::of_drill("submission", drill)?;
        let place = scratch.path(&drill.path(Set::Exercises));
        let manifest =
            fs::read_to_string(submission.join("Cargo.toml")).at("read", &submission.join("Cargo.toml"))?;
        let name = package_name(&manifest).unwrap_or_default();
        if name != drill.name {
            return Err(Error::new(format!(
                "{} is the package `{name}`, and not `{}`: name the drill it answers, or mend its Cargo.toml",
                submission.display(),
                drill.name
            )));
        }
        mirror(submission, &place)?;
        for ours in ["tests", "race"] {
            let source = drill::root().join(drill.path(Set::Exercises)).join(ours);
            if source.exists() {
                mirror(&source, &place.join(ours))?;
            }
        }
        Ok(scratch)
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

    pub(crate) fn workspace(&self) -> Workspace {
        let build = drill::work_folder().parent().map(Path::to_owned);
        Workspace {
            root: self.root.clone(),
            target: Some(self.root.join("target")),
            build,
            within: PathBuf::from(&self.name),
        }
    }

    /// Applies a patch to the solution.
    pub(crate) fn apply(&self, drill: &Drill, patch: &Path) -> Result<()> {
        let output = Command::new("git")
            .current_dir(self.path(&drill.path(Set::Solutions)))
            // Our own repository is further up; here there is none.
            .env("GIT_CEILING_DIRECTORIES", self.root.parent().unwrap_or(&self.root))
            .args(["apply", "--whitespace=nowarn"])
            .arg(patch)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Error::new(format!("cannot run git, which applies patches: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(Error::new(format!("{} does not apply: {said}", patch.display())))
    }

    fn path(&self, relative: &Path) -> PathBuf {
        self.root.join(&self.name).join(relative)
    }

    /// The root manifest with the members of the copy, and the lock file.
    fn write_manifest(&self, drill: &Drill) -> Result<()> {
        let source = drill::root().join("Cargo.toml");
        let manifest = fs::read_to_string(&source).at("read", &source)?;
        let name = &self.name;
        let folders = ["exercises/*", "solutions/*"].into_iter().chain(KITS).map(str::to_owned);
        let races = [Set::Exercises, Set::Solutions].map(|set| drill.path(set).join("race"));
        let races =
            races.iter().filter(|race| self.path(race).exists()).map(|race| race.display().to_string());
        let members: Vec<String> =
            folders.chain(races).map(|folder| format!("\"{name}/{folder}\"")).collect();
        let lines = manifest.lines().map(|line| match line {
            line if line.starts_with("members = ") => format!("members = [{}]", members.join(", ")),
            line if line.starts_with("default-members = ") => String::new(),
            line => line.replace("path = \"xtask/", &format!("path = \"{name}/xtask/")),
        });
        let manifest = lines.collect::<Vec<_>>().join("\n") + "\n";
        write_if_new(&self.root.join("Cargo.toml"), manifest.as_bytes())?;
        let lock = drill::root().join("Cargo.lock");
        if lock.exists() {
            write_if_new(&self.root.join("Cargo.lock"), &fs::read(&lock).at("read", &lock)?)?;
        }
        Ok(())
    }
}

/// Takes the slot, and waits for another runner that has it.
fn lock(root: &Path) -> Result<File> {
    fs::create_dir_all(root).at("create", root)?;
    let path = root.join("lock");
    let file = File::create(&path).at("create", &path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            eprintln!("waiting for another check to finish");
            file.lock().at("lock", &path)?;
        }
        Err(TryLockError::Error(error)) => return Err(error).at("lock", &path),
    }
    Ok(file)
}

fn package_name(manifest: &str) -> Option<String> {
    let package = manifest.split("[package]").nth(1)?.split("\n[").next()?;
    let name = package.lines().find_map(|line| line.trim().strip_prefix("name")?.trim().strip_prefix('='))?;
    Some(name.trim().trim_matches(['"', '\'']).to_owned())
}

/// Makes `to` the same as `from`. Files that are the same already are not touched.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return if to.exists() { fs::remove_dir_all(to).at("remove", to) } else { Ok(()) };
    }
    fs::create_dir_all(to).at("create", to)?;
    for entry in fs::read_dir(to).at("read", to)?.flatten() {
        if !from.join(entry.file_name()).exists() {
            let path = entry.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.at("remove", &path)?;
        }
    }
    for entry in fs::read_dir(from).at("read", from)?.flatten() {
        let target = to.join(entry.file_name());
        let name = entry.file_name();
        if NOT_COPIED.iter().any(|other| name == *other) {
            continue;
        }
        if entry.path().is_dir() {
            mirror(&entry.path(), &target)?;
        } else {
            write_if_new(&target, &fs::read(entry.path()).at("read", &entry.path())?)?;
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
