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
    /// The compiler's words about a copy, with the paths of what was copied: those of its author, and our
    /// own of what it is judged by.
    pub(crate) fn in_its_own_paths(&self, said: &str) -> String {
        let Workspace { root, within, .. } = &self.workspace;
        if within.as_os_str().is_empty() {
            return said.to_owned();
        }
        let whole = root.join(within).display().to_string();
        // A path of the author's may hold what is looked for: it is put in last.
        let said = said.replace(&format!("{whole}/"), "\0").replace(&format!("{}/", within.display()), "\0");
        let place = self.drill.path(self.set).display().to_string();
        let ours = ["tests", "race"].map(|ours| format!("\0{place}/{ours}/"));
        let said = ours.iter().fold(said, |said, ours| said.replace(ours, &ours[1..]));
        let said = said.replace(&format!("\0{place}/"), &format!("{}/", self.shown.display()));
        said.replace('\0', "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill;

    #[test]
    fn an_error_in_a_copy_is_shown_where_its_author_has_it() {
        let drill = drill::all().unwrap().remove(0);
        let (root, target) = (PathBuf::from("/clone/target/scratch"), PathBuf::new());
        let workspace = Workspace { root, target, build: None, within: "copy".into() };
        let shown = PathBuf::from("/home/me/copy/exercises/task-01");
        let submission = Submission { workspace, shown, ..Submission::of_set(&drill, Set::Exercises) };
        for (said, expected) in [
            ("--> copy/exercises/task-01/src/main.rs:5", "--> /home/me/copy/exercises/task-01/src/main.rs:5"),
            (
                "at `/clone/target/scratch/copy/exercises/task-01/Cargo.toml`",
                "at `/home/me/copy/exercises/task-01/Cargo.toml`",
            ),
            (
                "--> copy/exercises/task-01/tests/acceptance/main.rs:5",
                "--> exercises/task-01/tests/acceptance/main.rs:5",
            ),
            ("--> copy/xtask/kit/src/lib.rs:5", "--> xtask/kit/src/lib.rs:5"),
        ] {
            assert_eq!(submission.in_its_own_paths(said), expected);
        }
        assert_eq!(Submission::of_set(&drill, Set::Exercises).in_its_own_paths("copy/"), "copy/");
    }
}
