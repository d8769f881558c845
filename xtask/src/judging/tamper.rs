//! Are the tests still those that are committed?
//!
//! A verdict is worth something only if it was given by the acceptance tests, the kit and the lints
//! that everybody else has. What differs from the last commit is named, a line each, and such a verdict
//! is not counted.
//!
//! It is meant to catch what happens in passing, such as a test that was edited to see more and
//! forgotten. Who wants to deceive can: a commit makes anything "the committed one".

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::drill::{Drill, Set};
use crate::environment::git;

/// What decides about every drill.
const SHARED: [&str; 3] = ["Cargo.toml", ".cargo", "xtask"];

/// What the comparison has found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// What differs from what is committed, a line each.
    pub(crate) changed: Vec<String>,
    /// Why nothing could be compared.
    pub(crate) not_compared: Option<String>,
}

/// Compares what decides about a drill with what is committed in the workspace at `root`. `package` is
/// the folder of the package that was judged, `shown` its name on the screen.
pub(crate) fn find(root: &Path, drill: &Drill, set: Set, package: &Path, shown: &Path) -> Found {
    let mut found = Found::default();
    match differences(root, drill) {
        Ok(changed) => found.changed = changed,
        Err(reason) => found.not_compared = Some(reason),
    }
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
    let departure = departure(&manifest, set);
    found.changed.extend(departure.map(|departure| format!("{}/Cargo.toml {departure}", shown.display())));
    found
}

fn differences(root: &Path, drill: &Drill) -> Result<Vec<String>, String> {
    let committed = format!("HEAD:./{}", drill.acceptance().display());
    git_says(git(root).args(["rev-parse", "--verify", "--quiet", &committed]))?;
    let exercise = drill.path(Set::Exercises);
    let mut status = git(root);
    status.args(["status", "--porcelain", "--untracked-files=all", "--no-renames", "--"]);
    git_says(status.args(SHARED).args([exercise.join("tests"), exercise.join("race")]))
        .map(|said| summed_up(&said))
}

/// What git prints, or why it prints nothing.
fn git_says(git: &mut Command) -> Result<String, String> {
    let output = git.output().map_err(|error| format!("git cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(if words.is_empty() { "they are in no commit here".to_owned() } else { format!("git says: {words}") })
}

/// One line, however many files it is about.
fn summed_up(status: &str) -> Vec<String> {
    let changes: Vec<String> = status.lines().filter_map(described).collect();
    match changes.as_slice() {
        [] | [_] => changes,
        [first, rest @ ..] => vec![format!("{first}, and {} more: git status", rest.len())],
    }
}

fn described(line: &str) -> Option<String> {
    let (state, path) = line.split_at_checked(3)?;
    Some(match state.trim() {
        "??" | "A" => format!("{path} is not committed"),
        "D" => format!("{path} is missing"),
        _ => format!("{path} differs from the committed one"),
    })
}

/// What a manifest says that would change how its package is tested. It may gain dependencies,
/// binaries and the like.
fn departure(manifest: &str, set: Set) -> Option<String> {
    let mut section = String::new();
    let mut lints = false;
    let ours = [r#"name = "acceptance""#, r#"name = "chaos""#, r#"path = "../../exercises/"#];
    for line in manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line.chars().filter(|letter| !letter.is_whitespace() && *letter != '"').collect();
        }
        let says = || Some(format!("says `{line}`"));
        let name = section.trim_matches(['[', ']']);
        match name {
            "" => return says(),
            "lints" => lints |= line == "workspace = true",
            "test" if set == Set::Exercises => return says(),
            "test" if line.starts_with('[') || ours.iter().any(|start| line.starts_with(start)) => {}
            "test" => return says(),
            "package" if line.starts_with("autotests") => return says(),
            _ if name.starts_with("profile") || name.starts_with("patch") || name.starts_with("replace") => {
                return says();
            }
            _ if name.contains("dependencies") => {
                // The kit must be the workspace's own, under its own name.
                let kit = line.contains("drain-kit") || name.ends_with(".drain-kit");
                let inherits = line.starts_with('[') || line.contains("workspace = true");
                let renamed = line.contains("package = \"drain-kit\"") || name.ends_with(".drain_kit");
                let copied =
                    set == Set::Exercises && (line.contains("-solution") || line.contains("solutions/"));
                if (kit && !inherits) || renamed || copied {
                    return says();
                }
            }
            _ => {}
        }
    }
    (!lints).then(|| "has lost `[lints] workspace = true`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
[package]
name = "task-02"
version.workspace = true

[dependencies]
tokio.workspace = true

[dev-dependencies]
drain-kit.workspace = true

[lints]
workspace = true
"#;

    fn exercise(manifest: &str) -> Option<String> {
        departure(manifest, Set::Exercises)
    }

    #[test]
    fn the_manifests_of_all_drills_are_as_they_should_be() {
        for drill in crate::drill::all().unwrap() {
            for set in [Set::Exercises, Set::Solutions] {
                let path = crate::workspace::root().join(drill.path(set)).join("Cargo.toml");
                let manifest = fs::read_to_string(&path).unwrap();
                assert_eq!(departure(&manifest, set), None, "{}", path.display());
            }
        }
    }

    #[test]
    fn a_manifest_may_gain_dependencies_and_binaries() {
        let more = "\n[[bin]]\nname = \"task-02-child\"\n\n[build-dependencies]\ncc = \"1\"\n\n[dependencies.uuid]\nversion = \"1\"\n";
        assert_eq!(exercise(MANIFEST), None);
        assert_eq!(exercise(&format!("{MANIFEST}{more}")), None);
        assert_eq!(
            exercise(&MANIFEST.replace("[dependencies]", "[dependencies]\nanyhow = \"1\" # easier")),
            None
        );
    }

    #[test]
    fn a_manifest_that_changes_what_is_tested_is_named() {
        let cases = [
            (
                "[package]",
                "[[test]]\nname = \"acceptance\"\npath = \"src/lib.rs\"\n[package]",
                "says `[[test]]`",
            ),
            ("[package]", "[package]\nautotests = false", "says `autotests = false`"),
            ("[package]", "test = [{ name = \"acceptance\" }]\n[package]", "says `test = "),
            ("[lints]", "[profile.dev]\npanic = \"abort\"\n[lints]", "says `[profile.dev]`"),
            ("drain-kit.workspace = true", "drain-kit = { path = \"kit\" }", "says `drain-kit = "),
            (
                "drain-kit.workspace = true",
                "mine = { path = \"kit\", package = \"drain-kit\" }",
                "says `mine = ",
            ),
            (
                "tokio.workspace = true",
                "task-02-solution = { path = \"../../solutions/task-02\" }",
                "says `task-02-",
            ),
            ("[lints]\nworkspace = true", "", "has lost `[lints] workspace = true`"),
            ("[lints]\nworkspace = true", "[lints.rust]\nunsafe_code = \"allow\"", "has lost `[lints]"),
        ];
        for (from, to, expected) in cases {
            let said = exercise(&MANIFEST.replace(from, to)).unwrap_or_default();
            assert!(said.starts_with(expected), "{to}: {said}");
        }
        let section =
            MANIFEST.replace("drain-kit.workspace = true", "[dev-dependencies.drain-kit]\npath = \"kit\"");
        assert_eq!(exercise(&section), Some("says `path = \"kit\"`".to_owned()));
    }

    /// A workspace with one drill, in a git repository of its own.
    struct Repository(std::path::PathBuf);

    impl Repository {
        /// Outside of any other repository.
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("drain-drills-{name}-{}", std::process::id()));
            let repository = Self(root);
            repository.write("exercises/task-02/tests/acceptance/main.rs", "#[test]\nfn it_holds() {}\n");
            repository.write("exercises/task-02/Cargo.toml", MANIFEST);
            repository.write("exercises/task-02/src/lib.rs", "");
            repository.write("xtask/kit/src/lib.rs", "");
            repository.write("Cargo.toml", "[workspace]\n");
            repository
        }

        fn committed(name: &str) -> Self {
            let repository = Self::new(name);
            repository.git(&["init", "--quiet"]);
            repository.git(&["add", "--all"]);
            let who = ["-c", "user.name=somebody", "-c", "user.email=somebody@localhost"];
            repository.git(&[&who[..], &["commit", "--quiet", "--message", "Begin"]].concat());
            repository
        }

        fn git(&self, arguments: &[&str]) {
            let status = git(&self.0).args(arguments).status().unwrap();
            assert!(status.success(), "git {arguments:?}");
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn find(&self) -> Found {
            let drill = Drill {
                name: "task-02".to_owned(),
                number: 2,
                title: String::new(),
                level: String::new(),
                time_box: String::new(),
            };
            let package = drill.path(Set::Exercises);
            find(&self.0, &drill, Set::Exercises, &self.0.join(&package), &package)
        }

        fn changed(&self) -> Vec<String> {
            let Found { changed, not_compared } = self.find();
            assert_eq!(not_compared, None);
            changed
        }
    }

    impl Drop for Repository {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_learners_own_work_is_no_change() {
        let repository = Repository::committed("own-work");
        repository.write("exercises/task-02/src/lib.rs", "pub struct Pool;\n");
        repository.write("exercises/task-02/src/queue.rs", "");
        assert!(repository.changed().is_empty());
    }

    #[test]
    fn ignored_deleted_and_added_tests_are_named() {
        let repository = Repository::committed("tests");
        let tests = "exercises/task-02/tests/acceptance/main.rs";
        repository.write(tests, "#[test]\n#[ignore]\nfn it_holds() {}\n");
        assert_eq!(repository.changed(), [format!("{tests} differs from the committed one")]);
        repository.git(&["add", tests]);
        assert_eq!(repository.changed(), [format!("{tests} differs from the committed one")], "staged");
        repository.git(&["rm", "--quiet", "--force", tests]);
        assert_eq!(repository.changed(), [format!("{tests} is missing")]);
        repository.git(&["reset", "--quiet", "--hard"]);
        assert!(repository.changed().is_empty());
        repository.write("exercises/task-02/tests/mine.rs", "");
        assert_eq!(repository.changed(), ["exercises/task-02/tests/mine.rs is not committed"]);
    }

    #[test]
    fn a_changed_kit_and_changed_lints_are_named_in_one_line() {
        let repository = Repository::committed("kit");
        repository.write("xtask/kit/src/lib.rs", "// nothing is required\n");
        repository.write("Cargo.toml", "[workspace]\n# no lints\n");
        assert_eq!(
            repository.changed(),
            ["Cargo.toml differs from the committed one, and 1 more: git status"]
        );
    }

    #[test]
    fn without_a_commit_nothing_is_compared_and_that_is_said() {
        let repository = Repository::new("no-commit");
        let Found { changed, not_compared } = repository.find();
        let said = not_compared.unwrap_or_default();
        assert!(changed.is_empty() && said.starts_with("git says: fatal: "), "{said}");
        repository.git(&["init", "--quiet"]);
        let expected = Some("they are in no commit here".to_owned());
        assert_eq!(repository.find(), Found { changed: Vec::new(), not_compared: expected });
    }
}
