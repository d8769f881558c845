//! What of the shell's environment reaches cargo, git and the tests.
//!
//! A verdict must not depend on what somebody has left set in a shell, in a hook, or in the settings of a
//! CI. So whatever would change how a submission is built, how its tests run, or which repository git
//! looks at is left out, and what is needed is set by who starts the command.

use std::path::Path;
use std::process::{Command, Stdio};

/// By these names cargo tells a program about itself, or is told to build otherwise than it would.
const TO_CARGO: [&str; 12] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_WARNINGS",
    "CARGO_CRATE_NAME",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_LOG",
    "CARGO_MANIFEST_*",
    "CARGO_PKG_*",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_PROFILE_*",
    "CARGO_TERM_*",
    "RUSTFLAGS",
];

/// What the kit, the scheduler, the test harness and the programs of the drills read.
const TO_TESTS: [&str; 19] = [
    "CARGO*",
    "CHILD",
    "CLIENT_TIMEOUT",
    "DOWNSTREAM_ADDR",
    "DRAIN_*",
    "GROUP",
    "HEARTBEAT_*",
    "JOURNAL",
    "LAST_SCRAPE",
    "LEDGER",
    "LISTEN_ADDR",
    "METRICS_ADDR",
    "NEXTEST*",
    "PARENT_PID",
    "QUIESCE_PERIOD",
    "RUST_*",
    "SHUTTLE_*",
    "TOKIO_*",
    "TOPIC",
];

/// What a hook or `git -c` hands on is about another repository; what somebody configures stays.
const TO_GIT: &str = "GIT_*";
const GIT_MAY_KEEP: [&str; 3] = ["GIT_CONFIG_*", "GIT_EXEC_PATH", "GIT_TEST_*"];

/// Leaves out what would make cargo build otherwise, and what `cargo run` says about the runner.
pub(crate) fn for_cargo(command: &mut Command) {
    let flags = |name: &str| name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS");
    forget(command, |name| flags(name) || name.starts_with("DRAIN_") || is_one_of(&TO_CARGO, name));
}

/// Leaves out what the tests, or the programs that they start, would read.
pub(crate) fn for_tests(command: &mut Command) {
    forget(command, |name| is_one_of(&TO_TESTS, name));
}

/// Git in this folder; it reads nothing from standard input.
pub(crate) fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder).stdin(Stdio::null());
    forget(&mut git, |name| is_one_of(&[TO_GIT], name) && !is_one_of(&GIT_MAY_KEEP, name));
    git
}

fn forget(command: &mut Command, unwanted: impl Fn(&str) -> bool) {
    for (name, _) in std::env::vars_os() {
        if unwanted(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
}

/// Whether one of the patterns is this name, or its beginning up to a `*`.
fn is_one_of(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == *pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::{self, Set};
    use crate::{patch, workspace};

    /// Where a service is, which somebody may well have exported: `cargo xtask services up` says so.
    const SERVICES: [&str; 3] = ["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"];

    /// The text literals that look like the name of a variable.
    fn names(source: &str) -> impl Iterator<Item = &str> {
        let is_name = |text: &&str| {
            text.len() > 2
                && text.starts_with(|letter: char| letter.is_ascii_uppercase())
                && text.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
        };
        source.split('"').skip(1).step_by(2).filter(is_name)
    }

    #[test]
    fn what_a_drills_program_reads_is_what_its_test_has_set() {
        let (mut seen, mut missing) = (0, Vec::new());
        for drill in drill::all().unwrap() {
            for set in [Set::Exercises, Set::Solutions] {
                let package = workspace::root().join(drill.path(set));
                let texts = patch::files(&package).unwrap();
                if !texts.values().any(|text| text.contains("env::var")) {
                    continue;
                }
                let names = texts.values().flat_map(|text| names(text));
                for name in names.filter(|name| !SERVICES.contains(name)) {
                    seen += 1;
                    if !is_one_of(&TO_TESTS, name) {
                        missing.push(format!("{}: add {name} to TO_TESTS", drill.name));
                    }
                }
            }
        }
        assert!(missing.is_empty(), "{missing:#?}");
        assert!(seen > 0, "programs read their address, at least");
    }

    #[test]
    fn what_somebody_configured_reaches_git_and_what_a_hook_hands_on_does_not() {
        let kept = |name| !is_one_of(&[TO_GIT], name) || is_one_of(&GIT_MAY_KEEP, name);
        assert!(["HOME", "GIT_CONFIG_GLOBAL", "GIT_EXEC_PATH"].into_iter().all(kept));
        assert!(!["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"].into_iter().any(kept));
    }
}
