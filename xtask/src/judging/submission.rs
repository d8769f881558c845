//! What is judged: whose crate, and in which workspace.

use std::path::{Path, PathBuf};

use crate::drill::{Drill, Set};
use crate::judging::scratch::Scratch;
use crate::typeset;
use crate::workspace::{self, Workspace};

/// One crate that answers a drill.
pub(crate) struct Submission {
    pub(crate) drill: Drill,
    pub(crate) set: Set,
    /// Where it is built.
    pub(crate) workspace: Workspace,
    /// Its folder, as its author has it.
    pub(crate) folder: PathBuf,
    /// What the screen calls that folder.
    pub(crate) shown: PathBuf,
    /// What selects it on the command line: `2`, or `--path DIR`.
    pub(crate) selection: String,
}

impl Submission {
    /// A crate of this workspace.
    pub(crate) fn of_set(drill: &Drill, set: Set) -> Self {
        let selection = match set {
            Set::Exercises => drill.selection(),
            Set::Solutions => format!("{} --set solutions", drill.selection()),
        };
        let shown = drill.path(set);
        let folder = workspace::root().join(&shown);
        Self { drill: drill.clone(), set, workspace: Workspace::main(), folder, shown, selection }
    }

    /// The crate in somebody's folder, which has been copied into a scratch workspace.
    pub(crate) fn at(path: &Path, drill: &Drill, scratch: &Scratch) -> Self {
        let selection = format!("--path {}", typeset::quoted(path));
        let (folder, shown) = (path.to_owned(), path.to_owned());
        let (drill, set, workspace) = (drill.clone(), Set::Exercises, scratch.workspace());
        Self { drill, set, workspace, folder, shown, selection }
    }

    /// One of the crates of a drill in a scratch workspace, patched perhaps.
    pub(crate) fn in_scratch(drill: &Drill, set: Set, scratch: &Scratch) -> Self {
        Self { workspace: scratch.workspace(), ..Self::of_set(drill, set) }
    }

    pub(crate) fn package(&self) -> String {
        self.drill.package(self.set)
    }
}
