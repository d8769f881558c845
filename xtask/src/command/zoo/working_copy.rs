//! A bug while somebody works on it: the solution with the bug in it, as files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::drill::Drill;
use crate::error::{At as _, Error, Result};
use crate::patch::{self, Files};
use crate::progress;

/// Lies where the user's own things are, which neither git nor `cargo clean` touches.
pub(super) struct WorkingCopy {
    folder: PathBuf,
}

impl WorkingCopy {
    pub(super) fn of(drill: &Drill, bug: &str) -> Self {
        Self { folder: progress::folder().join("zoo").join(&drill.name).join(bug) }
    }

    pub(super) fn exists(&self) -> bool {
        self.folder.exists()
    }

    /// The package to change.
    pub(super) fn bug(&self) -> PathBuf {
        self.folder.join("bug")
    }

    /// The solution that it was made from.
    fn solution(&self) -> PathBuf {
        self.folder.join("solution")
    }

    /// Writes the solution, and the solution with the bug in it.
    pub(super) fn write(&self, solution: &Files, changed: &Files) -> Result<()> {
        for (path, text) in solution {
            write(&self.solution().join(path), text)?;
            write(&self.bug().join(path), changed.get(path).unwrap_or(text))?;
        }
        Ok(())
    }

    /// The solution that it was made from, and what it is with the bug.
    ///
    /// # Errors
    ///
    /// If files were added or taken away: a bug only changes some.
    pub(super) fn read(&self) -> Result<(Files, Files)> {
        let (solution, bug) = (patch::files(&self.solution())?, patch::files(&self.bug())?);
        let odd = bug.keys().find(|path| !solution.contains_key(*path));
        let odd = odd.or(solution.keys().find(|path| !bug.contains_key(*path)));
        match odd {
            Some(path) => Err(Error::new(format!(
                "{}: a bug changes files of the solution, and neither adds nor removes one: see {path}",
                self.bug().display()
            ))),
            None => Ok((solution, bug)),
        }
    }

    pub(super) fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).at("remove", &self.folder)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).at("create", folder)?;
    fs::write(path, text).at("write", path)
}
