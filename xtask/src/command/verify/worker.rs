//! Who makes a proof, and where.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::drill::Drill;
use crate::error::Result;
use crate::judging::scratch::Scratch;
use crate::workspace;

/// So many proofs are made at once: some build, the rest run criteria.
pub(super) const WORKERS: usize = 4;

/// One build keeps little more than one core busy, and cargo lets one at a time into a build folder.
const BUILD_FOLDERS: usize = 2;

/// One of them, counted from 0. It has a scratch workspace of its own.
pub(super) struct Worker(pub(super) usize);

impl Worker {
    pub(super) fn scratch(&self, drill: &Drill) -> Result<Scratch> {
        let scratch = Scratch::of_drill(&format!("worker-{}", self.0), drill)?;
        Ok(scratch.built_in(build_folder(self.0 % BUILD_FOLDERS)))
    }
}

/// The first is the one that everybody uses.
fn build_folder(number: usize) -> PathBuf {
    match number {
        0 => workspace::target_folder(),
        _ => workspace::work_folder().join(format!("build-{number}")),
    }
}

/// What all drills depend on need not be compiled once more for a build folder that is new.
pub(super) fn prepare() {
    for number in 1..BUILD_FOLDERS {
        let folder = build_folder(number);
        let half = folder.with_extension("half");
        let _ = fs::remove_dir_all(&half);
        // If it cannot be copied, it is compiled.
        if !folder.exists() && copy(&half).is_ok() {
            let _ = fs::rename(&half, &folder);
        }
    }
}

/// What cargo knows is copied before that of which it knows it: somebody may build meanwhile, and cargo
/// builds again what is newer than it knows.
fn copy(to: &Path) -> io::Result<()> {
    let (from, to) = (build_folder(0).join("debug"), to.join("debug"));
    fs::create_dir_all(&to)?;
    for part in [".fingerprint", "build", "deps"] {
        let copied =
            Command::new("cp").args(["-a", "--reflink=auto"]).arg(from.join(part)).arg(&to).status()?;
        if !copied.success() {
            return Err(io::Error::other("cp"));
        }
    }
    Ok(())
}
