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
use crate::environment::git;
use crate::error::{At as _, Error, Result};
use crate::interrupt;
use crate::workspace::{self, Workspace};

/// Folders of a task crate that are not part of a submission.
const NOT_COPIED: [&str; 3] = ["target", ".git", "node_modules"];

/// A crate with its tests and patches is a few hundred KB.
const LARGEST: u64 = 64 << 20;

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
        let root = workspace::work_folder().join("scratch").join(name);
        let scratch = Self { _lock: lock(&root)?, root, name: name.to_owned() };
        for set in [Set::Exercises, Set::Solutions] {
            let others = scratch.path(Path::new(set.folder()));
            remove_others(&others, &drill.name)?;
            mirror(&workspace::root().join(drill.path(set)), &scratch.path(&drill.path(set)))?;
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
            let source = workspace::root().join(drill.path(Set::Exercises)).join(ours);
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
        let build = Some(workspace::target_folder());
        Workspace {
            root: self.root.clone(),
            target: self.root.join("target"),
            build,
            within: PathBuf::from(&self.name),
        }
    }

    /// Applies a patch to the solution.
    pub(crate) fn apply(&self, drill: &Drill, patch: &Path) -> Result<()> {
        let output = git(&self.path(&drill.path(Set::Solutions)))
            // Our own repository is further up; here there is none.
            .env("GIT_CEILING_DIRECTORIES", self.root.parent().unwrap_or(&self.root))
            .args(["apply", "--whitespace=nowarn"])
            .arg(patch)
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
        let source = workspace::root().join("Cargo.toml");
        let manifest = fs::read_to_string(&source).at("read", &source)?;
        let races = [Set::Exercises, Set::Solutions].map(|set| drill.path(set).join("race"));
        let races =
            races.iter().filter(|race| self.path(race).exists()).map(|race| race.display().to_string());
        let folders = ["exercises/*", "solutions/*"].map(str::to_owned).into_iter().chain(races);
        let members: Vec<String> = folders.map(|folder| format!("\"{}/{folder}\"", self.name)).collect();
        let kits = format!("path = \"{}/xtask/", workspace::root().display());
        let needed = self.path(&drill.path(Set::Exercises)).join("Cargo.toml");
        let needed = fs::read_to_string(&needed).at("read", &needed)?;
        let lines = with_profiles_for(&needed, &manifest)
            .lines()
            .map(|line| match line {
                line if line.starts_with("members = ") => format!("members = [{}]", members.join(", ")),
                line if line.starts_with("default-members = ") => String::new(),
                // Nobody debugs a copy, and its slot sees another drill next.
                "debug = \"line-tables-only\"" => "debug = false\nincremental = false".to_owned(),
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

/// The workspace's manifest without profiles for kits that this drill does not need: cargo warns of them.
fn with_profiles_for(needed: &str, manifest: &str) -> String {
    let is_needed = |section: &&str| match section.strip_prefix("profile.dev.package.drain-") {
        Some(rest) => needed.contains(&format!("drain-{}", rest.split(']').next().unwrap_or_default())),
        None => true,
    };
    manifest.split("\n[").filter(is_needed).collect::<Vec<_>>().join("\n[")
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

fn package_name(manifest: &str) -> Option<String> {
    let package = manifest.split("[package]").nth(1)?.split("\n[").next()?;
    let name = package.lines().find_map(|line| line.trim().strip_prefix("name")?.trim().strip_prefix('='))?;
    Some(name.trim().trim_matches(['"', '\'']).to_owned())
}

/// Makes `to` the same as `from`. Files that are the same already are not touched.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    mirror_at_most(from, to, &mut LARGEST.clone())
}

/// The same, with a limit on the bytes copied: a build folder of another name is no part of a crate.
fn mirror_at_most(from: &Path, to: &Path, room: &mut u64) -> Result<()> {
    if !from.exists() {
        return if to.exists() { fs::remove_dir_all(to).at("remove", to) } else { Ok(()) };
    }
    fs::create_dir_all(to).at("create", to)?;
    for entry in fs::read_dir(to).at("read", to)?.flatten() {
        let kind = entry.file_type().at("read", &entry.path())?;
        let same_kind = fs::metadata(from.join(entry.file_name()))
            .is_ok_and(|other| other.is_dir() == kind.is_dir() && !kind.is_symlink());
        if !same_kind {
            let path = entry.path();
            let removed = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.at("remove", &path)?;
        }
    }
    for entry in fs::read_dir(from).at("read", from)?.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if NOT_COPIED.iter().any(|other| name == *other) {
            continue;
        }
        // A link to a file is as good as the file; one to a folder may lead in circles, or anywhere; one
        // to nothing is how some editors mark a file that is open.
        let Ok(kind) = fs::metadata(&path) else { continue };
        if entry.file_type().at("read", &path)?.is_dir() {
            mirror_at_most(&path, &to.join(name), room)?;
        } else if kind.is_file() {
            *room = room.checked_sub(kind.len()).ok_or_else(|| {
                Error::new(format!("{} is too large for a task crate: is it a build folder?", from.display()))
            })?;
            write_if_new(&to.join(name), &fs::read(&path).at("read", &path)?)?;
        } else {
            return Err(Error::new(format!(
                "{} is neither a file nor a folder: leave it out",
                path.display()
            )));
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
