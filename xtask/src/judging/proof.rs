//! Was it built from what lies there now?
//!
//! Cargo compares times of modification, and tells packages apart by their path in the workspace. So it
//! takes an artefact for fresh whose source was replaced by an older file (`cp -p`, a backup, a clock that
//! went back), or that was built in another folder (a clone that was copied or renamed, a build folder
//! that two share). What lies there would then get the verdict on something else.
//!
//! So an artefact counts only if cargo has just built it, or if it is the very one that the runner has
//! seen being built from what its package holds now. The sources of any other are touched, and cargo
//! builds it again.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tinyjson::JsonValue;

use crate::drill::Set;
use crate::error::{At as _, Error, Result};
use crate::value::Get as _;
use crate::workspace::{self, Workspace};

/// Folders of a package from which nothing is built.
const NOT_BUILT: [&str; 6] = ["target", ".git", "node_modules", "alternatives", "stub", "zoo"];

/// Something that cargo has built from sources of this workspace, or has found built.
pub(crate) struct Artefact {
    pub(crate) name: String,
    /// The folder of its package.
    pub(crate) package: PathBuf,
    pub(crate) is_test: bool,
    /// Where it lies, if it can be run.
    pub(crate) executable: Option<PathBuf>,
    /// Its main source file.
    source: PathBuf,
    files: Vec<PathBuf>,
    /// Cargo has found it built.
    found: bool,
}

impl Artefact {
    /// From a message of cargo's about an artefact.
    pub(crate) fn read(message: &JsonValue) -> Option<Self> {
        let target = message.get_value("target")?;
        let package = Path::new(&message.text("manifest_path")).parent()?.to_owned();
        let texts =
            |values: Vec<JsonValue>| values.into_iter().filter_map(|value| value.get::<String>().cloned());
        Some(Self {
            name: target.text("name"),
            package,
            executable: message.get_value("executable")?.get::<String>().map(PathBuf::from),
            source: target.text("src_path").into(),
            is_test: texts(target.list("kind")).any(|kind| kind == "test"),
            files: texts(message.list("filenames")).map(PathBuf::from).collect(),
            found: message.get_value("fresh")?.get() == Some(&true),
        })
    }
}

/// What cargo takes for built without anything that shows from what. What it has just built, since
/// `began`, is taken note of.
pub(crate) fn unproven<'a>(
    workspace: &Workspace,
    artefacts: &'a [Artefact],
    began: SystemTime,
) -> Result<Vec<&'a Artefact>> {
    let folder = workspace::work_folder().join("built");
    fs::create_dir_all(&folder).at("create", &folder)?;
    let mut unproven = Vec::new();
    for artefact in artefacts {
        let note = folder.join(format!("{:016x}", hash(&artefact.files)));
        // A test starts the programs of its package, and is linked with its library.
        let is_library = |other: &Artefact| other.package == artefact.package && other.executable.is_none();
        let tests_alone = artefact.is_test && !artefacts.iter().any(is_library);
        let Seen { content, changed } = Seen::of(workspace, artefact, tests_alone);
        let now = format!("{content:016x} {:016x}", identity(&artefact.files));
        if artefact.found {
            if fs::read_to_string(&note).ok().as_ref() != Some(&now) {
                unproven.push(artefact);
            }
        } else if changed < began {
            fs::write(&note, now).at("write", &note)?;
        } else {
            // Somebody writes at the same time: whether before or after the compiler read it, who knows.
            let _ = fs::remove_file(&note);
        }
    }
    Ok(unproven)
}

/// Lets the sources of these be newer than they, so that cargo builds them again.
pub(crate) fn touch(artefacts: &[&Artefact]) -> Result<()> {
    for artefact in artefacts {
        let times = artefact.files.iter().filter_map(|file| fs::metadata(file).ok()?.modified().ok());
        // Newer than they are, also where the clock has gone back since.
        let newer = times.map(|time| time + Duration::from_secs(1)).max();
        let time = newer.into_iter().chain([SystemTime::now()]).max().unwrap_or(SystemTime::UNIX_EPOCH);
        let file = File::options().append(true).open(&artefact.source).at("touch", &artefact.source)?;
        file.set_modified(time).at("touch", &artefact.source)?;
    }
    Ok(())
}

/// Why there is no verdict.
pub(crate) fn nothing_shows(artefact: &Artefact) -> Error {
    let package = artefact.package.file_name().unwrap_or_default().to_string_lossy();
    Error::unproven(format!(
        "nothing shows that {} was built from what lies in {}: cargo does not build it again; try `cargo clean -p {package}`",
        artefact.files.first().map_or(Path::new("a program"), PathBuf::as_path).display(),
        artefact.package.display()
    ))
}

fn hash(files: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    hasher.finish()
}

/// Which files these are: another build leaves others in their place.
fn identity(files: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let known = fs::metadata(file).ok();
        known.map(|known| (known.len(), known.mtime(), known.mtime_nsec())).hash(&mut hasher);
    }
    hasher.finish()
}

/// What an artefact may have been built from.
struct Seen {
    content: u64,
    /// When a file of it was written last, or put in its place. Nobody can set this back.
    changed: SystemTime,
}

impl Seen {
    fn of(workspace: &Workspace, artefact: &Artefact, tests_alone: bool) -> Self {
        let mut hasher = DefaultHasher::new();
        let mut changed = SystemTime::UNIX_EPOCH;
        for folder in folders(workspace, &artefact.package, tests_alone) {
            // The path is part of what is compiled: the compiler bakes it in.
            folder.hash(&mut hasher);
            see(&folder, artefact.is_test, &mut hasher, &mut changed);
        }
        Self { content: hasher.finish(), changed }
    }
}

/// A package's own folder; of a drill its tests, and the whole drill, which others compile too.
fn folders(workspace: &Workspace, package: &Path, tests_alone: bool) -> Vec<PathBuf> {
    for set in [Set::Exercises, Set::Solutions] {
        let drills = workspace.sources(Path::new(set.folder()));
        if let Ok(below) = package.strip_prefix(&drills)
            && let Some(drill) = below.components().next()
        {
            let exercise = workspace.sources(Path::new(Set::Exercises.folder())).join(drill);
            let mut folders = vec![exercise.join("tests")];
            if !tests_alone {
                folders.extend([drills.join(drill), exercise.join("race")]);
            }
            return folders;
        }
    }
    vec![package.to_owned()]
}

/// Hashes all from which something in this folder is built.
pub(crate) fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) {
    see(folder, true, hasher, &mut SystemTime::UNIX_EPOCH.clone());
}

fn see(folder: &Path, with_tests: bool, hasher: &mut DefaultHasher, changed: &mut SystemTime) {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let (name, path) = (entry.file_name(), entry.path());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && NOT_BUILT.iter().any(|other| name == *other) || (name == "tests" && !with_tests) {
            continue;
        }
        name.hash(hasher);
        if is_folder {
            see(&path, with_tests, hasher, changed);
            continue;
        }
        let (Ok(content), Ok(known)) = (fs::read(&path), fs::metadata(&path)) else { continue };
        content.hash(hasher);
        let at = Duration::new(known.ctime().max(0) as u64, known.ctime_nsec() as u32);
        *changed = (*changed).max(SystemTime::UNIX_EPOCH + at);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::judging::compile;
    use crate::reporter::Reporter;

    const LONG_AGO: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// A workspace of one drill that depends on nothing, with a build folder in it.
    struct Clone(PathBuf);

    impl Clone {
        fn new(name: &str) -> Self {
            let clone = Self(workspace::work_folder().join(format!("proof-{name}-{}", std::process::id())));
            let _ = fs::remove_dir_all(&clone.0);
            clone.write("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"exercises/*\"]\n");
            clone.write(
                "exercises/task-01/Cargo.toml",
                "[package]\nname = \"task-01\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
            );
            clone.write("exercises/task-01/tests/acceptance/main.rs", "");
            clone
        }

        fn write(&self, path: &str, text: &str) -> PathBuf {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        }

        /// A program that says this, and where it was built.
        fn says(&self, what: &str) -> PathBuf {
            let text = format!("fn main() {{ println!(\"{what} in {{}}\", env!(\"CARGO_MANIFEST_DIR\")) }}");
            self.write("exercises/task-01/src/main.rs", &text)
        }

        fn workspace(&self) -> Workspace {
            let target = self.0.join("target");
            Workspace { root: self.0.clone(), target, build: None, within: PathBuf::new() }
        }

        /// Builds it as for a verdict, and returns the program.
        fn judged(&self) -> PathBuf {
            let compiled = compile::test(&self.workspace(), "task-01", "acceptance", &Reporter::silent());
            let binary = compiled.unwrap().result.unwrap();
            binary.environment[0].1.clone().into()
        }

        /// The test that is judged with.
        fn test(&self) -> PathBuf {
            let compiled = compile::test(&self.workspace(), "task-01", "acceptance", &Reporter::silent());
            compiled.unwrap().result.unwrap().path
        }

        /// What the judged program says.
        fn said(&self) -> String {
            let output = Command::new(self.judged()).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            said.trim().replace(&self.0.display().to_string(), "CLONE")
        }
    }

    impl Drop for Clone {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn set_back(path: &Path) {
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - LONG_AGO).unwrap();
    }

    #[test]
    fn an_older_file_in_the_place_of_a_newer_one_is_what_is_judged() {
        let clone = Clone::new("older");
        clone.says("first");
        assert_eq!(clone.said(), "first in CLONE/exercises/task-01");
        set_back(&clone.says("second"));
        assert_eq!(clone.said(), "second in CLONE/exercises/task-01");
    }

    #[test]
    fn what_was_built_by_hand_in_between_is_not_taken_for_what_lies_there() {
        let clone = Clone::new("by-hand");
        clone.says("first");
        assert_eq!(clone.said(), "first in CLONE/exercises/task-01");
        clone.says("by hand");
        let mut cargo = workspace::cargo(&clone.workspace());
        assert!(cargo.args(["build", "--quiet"]).status().unwrap().success());
        set_back(&clone.says("first"));
        assert_eq!(clone.said(), "first in CLONE/exercises/task-01");
    }

    #[test]
    fn a_clock_that_goes_back_hides_nothing() {
        let clone = Clone::new("clock");
        clone.says("before");
        let program = clone.judged();
        // As if it had been built by a clock that is an hour ahead.
        let cargos_own = Command::new("find").arg(&clone.0).args(["-name", "*task*", "-type", "f"]).output();
        let cargos_own = String::from_utf8(cargos_own.unwrap().stdout).unwrap();
        for path in cargos_own.lines().map(Path::new).chain([program.as_path()]) {
            let file = File::open(path).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(3_600)).unwrap();
        }
        clone.says("after");
        assert_eq!(clone.said(), "after in CLONE/exercises/task-01");
    }

    #[test]
    fn a_clone_that_was_copied_or_renamed_with_its_build_folder_is_judged_itself() {
        let clone = Clone::new("original");
        clone.says("hello");
        assert_eq!(clone.said(), "hello in CLONE/exercises/task-01");
        let copy = Clone(clone.0.with_extension("copy"));
        let _ = fs::remove_dir_all(&copy.0);
        assert!(Command::new("cp").arg("-a").args([&clone.0, &copy.0]).status().unwrap().success());
        assert_eq!(copy.said(), "hello in CLONE/exercises/task-01");
        assert!(copy.judged().starts_with(&copy.0));
        let renamed = Clone(clone.0.with_extension("renamed"));
        fs::rename(&clone.0, &renamed.0).unwrap();
        assert_eq!(renamed.said(), "hello in CLONE/exercises/task-01");
    }

    fn built(program: PathBuf) -> SystemTime {
        fs::metadata(program).unwrap().modified().unwrap()
    }

    #[test]
    fn a_test_is_built_again_with_its_library_and_not_with_a_program_that_it_starts() {
        let clone = Clone::new("tests");
        clone.says("hello");
        let first = built(clone.test());
        clone.says("something else");
        assert_eq!(built(clone.test()), first);
        set_back(&clone.write("exercises/task-01/tests/acceptance/main.rs", "#[test] fn new() {}"));
        let second = built(clone.test());
        assert_ne!(second, first);
        clone.write("exercises/task-01/src/lib.rs", "pub const ONE: u8 = 1;");
        let third = built(clone.test());
        assert_ne!(third, second);
        set_back(&clone.write("exercises/task-01/src/lib.rs", "pub const ONE: u8 = 2;"));
        assert_ne!(built(clone.test()), third);
    }

    #[test]
    fn what_is_known_is_not_built_again() {
        let clone = Clone::new("known");
        clone.says("hello");
        let first = built(clone.judged());
        assert_eq!(built(clone.judged()), first);
        // Saved without a change: cargo builds it again, and it is known again.
        clone.says("hello");
        let second = built(clone.judged());
        assert_eq!(built(clone.judged()), second);
    }
}
