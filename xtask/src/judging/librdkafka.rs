//! Only who needs Kafka pays for it.
//!
//! Drills that talk to Kafka depend on `rdkafka`, whose first build compiles a library of C and C++. Who
//! waits for it is told so, and whoever lacks a tool for it is told that before the build and not in
//! the middle of it.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::error::{Error, Result};
use crate::reporter::Reporter;
use crate::workspace::Workspace;

/// The package whose build script compiles the library.
const PACKAGE: &str = "rdkafka-sys";
/// Its tools, and the variables that name another one. Debian's packages are called like the tools.
const TOOLS: [(&str, Option<&str>); 3] = [("gcc", Some("CC")), ("g++", Some("CXX")), ("make", None)];

/// Says what is to come, if this package is about to compile librdkafka for the first time.
///
/// # Errors
///
/// If a tool is missing that this needs.
pub(crate) fn prepare(workspace: &Workspace, package: &str, reporter: &Reporter) -> Result<()> {
    let lock = fs::read_to_string(workspace.root.join("Cargo.lock")).unwrap_or_default();
    if !needs(&lock, package) || has_been_built(&workspace.build_folder()) {
        return Ok(());
    }
    let missing =
        missing(&std::env::var_os("PATH").unwrap_or_default(), |name| std::env::var_os(name).is_some());
    if !missing.is_empty() {
        return Err(Error::new(sentence(package, &missing)));
    }
    reporter.say("the first build of a drill with Kafka takes about a minute: it compiles librdkafka");
    Ok(())
}

fn sentence(package: &str, missing: &[&str]) -> String {
    let (what, are) = (missing.join(" and "), if missing.len() == 1 { "is" } else { "are" });
    format!(
        "{what} {are} missing: {package} talks to Kafka, and compiles librdkafka for it; on Debian `apt install {}`, other systems name the packages likewise",
        missing.join(" ")
    )
}

/// Whether this package depends on it, directly or not, for its tests or itself: the lock file has it all.
fn needs(lock: &str, package: &str) -> bool {
    let packages: HashMap<&str, &str> = lock
        .split("[[package]]")
        .filter_map(|package| Some((quoted(package.split_once("name = ")?.1)?, package)))
        .collect();
    let mut next = vec![package];
    let mut seen = HashSet::new();
    while let Some(name) = next.pop() {
        if name == PACKAGE {
            return true;
        }
        if seen.insert(name) {
            let package = packages.get(name).copied().unwrap_or_default();
            let dependencies = package.split_once("dependencies = [").map_or("", |(_, list)| list).lines();
            // `"name"`, or `"name 1.2.3"` where there are two versions.
            next.extend(dependencies.filter_map(|line| quoted(line.trim())?.split(' ').next()));
        }
    }
    false
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.split('"').next()
}

/// Cargo keeps what a build script has said, once it has ended well.
fn has_been_built(build: &Path) -> bool {
    let scripts = fs::read_dir(build.join("debug/build")).into_iter().flatten().flatten();
    scripts.into_iter().any(|script| {
        script.file_name().to_string_lossy().starts_with(PACKAGE) && script.path().join("output").exists()
    })
}

fn missing(path: &OsStr, is_set: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let is_program = |file: &Path| {
        fs::metadata(file).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let is_there = |tool: &str| std::env::split_paths(path).any(|folder| is_program(&folder.join(tool)));
    let missing = TOOLS.into_iter().filter(|(tool, other)| !other.is_some_and(&is_set) && !is_there(tool));
    missing.map(|(tool, _)| tool).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::{self, Set};
    use crate::workspace;

    fn lock() -> String {
        fs::read_to_string(workspace::root().join("Cargo.lock")).unwrap()
    }

    #[test]
    fn drill_1_never_builds_it_and_what_talks_to_kafka_does() {
        for (package, expected) in
            [("task-01", false), ("task-01-solution", false), ("xtask", false), ("drain-service-kit", true)]
        {
            assert_eq!(needs(&lock(), package), expected, "{package}");
        }
    }

    #[test]
    fn it_is_found_through_other_packages_of_which_there_may_be_two_versions_and_in_circles() {
        let lock = r#"
[[package]]
name = "mine"
version = "0.1.0"
dependencies = [
 "kit",
 "two 2.0.0",
]

[[package]]
name = "kit"
version = "0.1.0"
dependencies = [
 "mine",
]

[[package]]
name = "two"
version = "2.0.0"
dependencies = [
 "rdkafka-sys",
]

[[package]]
name = "rdkafka-sys"
version = "4.8.0"

[[package]]
name = "other"
version = "0.1.0"
"#;
        let needing = ["mine", "kit", "two", "rdkafka-sys"];
        assert!(needing.into_iter().all(|package| needs(lock, package)));
        assert!(!needs(lock, "other") && !needs(lock, "unknown"));
    }

    #[test]
    fn no_drill_needs_it_unnoticed() {
        for drill in drill::all().unwrap() {
            for set in [Set::Exercises, Set::Solutions] {
                let manifest = workspace::root().join(drill.path(set)).join("Cargo.toml");
                let manifest = fs::read_to_string(manifest).unwrap();
                let named = manifest.contains("rdkafka") || manifest.contains("drain-service-kit");
                assert_eq!(needs(&lock(), &drill.package(set)), named, "{}", drill.package(set));
            }
        }
    }

    #[test]
    fn opening_the_folder_in_an_editor_does_not_compile_it() {
        let lock = lock();
        let settings = fs::read_to_string(workspace::root().join(".vscode/settings.json")).unwrap();
        // The packages of the workspace are those in the lock that come from nowhere.
        let own = lock.split("[[package]]").filter(|package| !package.contains("source = "));
        let names = own.filter_map(|package| quoted(package.split_once("name = ")?.1));
        for name in names {
            let excluded = settings.contains(&format!("\"--exclude\", \"{name}\""));
            assert_eq!(needs(&lock, name), excluded, "{name} in .vscode/settings.json");
        }
    }

    #[test]
    fn a_missing_tool_is_named_with_what_it_is_for() {
        let folder = workspace::work_folder().join(format!("path-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for tool in ["gcc", "make"] {
            std::os::unix::fs::symlink("/bin/true", folder.join(tool)).unwrap();
        }
        let without = missing(folder.as_os_str(), |_| false);
        let with_another = missing(folder.as_os_str(), |variable| variable == "CXX");
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((without.as_slice(), with_another.is_empty()), (&["g++"][..], true));
        let said = sentence("task-13", &without);
        assert!(said.contains("g++ is missing") && said.contains("apt install g++"), "{said}");
        assert!(said.contains("task-13 talks to Kafka") && said.lines().count() == 1, "{said}");
    }
}
