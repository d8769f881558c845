//! The rules of the repository, each a test of its name. All failures are collected; each names the
//! file and what to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use drain_criteria::Criterion;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// The task crates of one set: `exercises/task-01`, ...
fn crates(set: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(set)).expect("the set is there");
    let mut crates: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("Cargo.toml").exists()).collect();
    crates.sort();
    crates
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn require_none(failures: &[String]) {
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

/// Every file with this ending below a folder, build folders left out.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_name().to_string_lossy().as_ref() {
            "target" | ".git" | "book" => {}
            _ if path.is_dir() => found.extend(files(&path, ending)),
            name if name.ends_with(ending) => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn every_drill_is_there_twice() {
    let names =
        |set: &str| crates(set).iter().map(|path| path.file_name().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names("exercises"), names("solutions"), "a drill needs a folder in each set");
}

#[test]
fn every_test_is_a_criterion_with_a_sentence_and_a_reason() {
    let mut failures = Vec::new();
    for folder in crates("exercises") {
        let path = folder.join("tests/acceptance/main.rs");
        let source = read(&path);
        let parsed = tests_by_syn(&source);
        let scanned: Vec<Criterion> = drain_criteria::read(&source);
        let names: Vec<String> = scanned.iter().map(|criterion| criterion.name.clone()).collect();
        if names != parsed {
            failures.push(format!("{}: a parser finds {parsed:?}, the scanner {names:?}", path.display()));
        }
        for Criterion { name, .. } in scanned.iter().filter(|c| c.sentence.is_empty() || c.why.is_empty()) {
            failures.push(format!(
                "{}: {name} needs a doc comment: its criterion, and `Why: ...`",
                path.display()
            ));
        }
    }
    require_none(&failures);
}

/// The names of all tests, as a real parser sees them.
fn tests_by_syn(source: &str) -> Vec<String> {
    fn walk(items: &[syn::Item], module: &str, found: &mut Vec<String>) {
        for item in items {
            match item {
                syn::Item::Fn(function) => {
                    let is_test = |attribute: &syn::Attribute| {
                        attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
                    };
                    if function.attrs.iter().any(is_test) {
                        found.push(format!("{module}{}", function.sig.ident));
                    }
                }
                syn::Item::Mod(inner) => {
                    let path = format!("{module}{}::", inner.ident);
                    walk(inner.content.as_ref().map_or(&[], |(_, items)| items), &path, found);
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(&syn::parse_file(source).expect("the acceptance file parses").items, "", &mut found);
    found
}

/// Only there, and for `chaos`, does the runner look for criteria, and only there does the kit find the one that is tested.
#[test]
fn every_criterion_stands_in_main_rs() {
    let mut failures = Vec::new();
    for path in crates("exercises").iter().flat_map(|folder| files(&folder.join("tests"), ".rs")) {
        let source = read(&path);
        let tests = tests_by_syn(&source);
        if source.matches("Scenario::new()").count() != tests.len() {
            failures.push(format!(
                "{}: each test itself, and nobody else, calls Scenario::new()",
                path.display()
            ));
        }
        let is_looked_at =
            ["acceptance", "chaos"].iter().any(|tests| path.ends_with(format!("tests/{tests}/main.rs")));
        if !is_looked_at && !tests.is_empty() {
            failures.push(format!("{}: {tests:?} belong in tests/acceptance/main.rs", path.display()));
        }
    }
    require_none(&failures);
}

#[test]
fn every_drill_has_all_lights() {
    let mut failures = Vec::new();
    for folder in crates("exercises") {
        let criteria = drain_criteria::read(&read(&folder.join("tests/acceptance/main.rs")));
        for light in drain_criteria::Light::ALL.into_iter().skip(1) {
            if !criteria.iter().any(|criterion| criterion.light() == light) {
                failures.push(format!("{}: no criterion for the light `{}`", folder.display(), light.name()));
            }
        }
    }
    require_none(&failures);
}

#[test]
fn no_crate_allows_unsafe_code() {
    let mut failures = Vec::new();
    let folders = crates("exercises").into_iter().chain(crates("solutions"));
    for folder in folders.chain(
        ["xtask", "xtask/kit", "xtask/criteria", "xtask/journey", "xtask/record"]
            .map(|folder| root().join(folder)),
    ) {
        let roots = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
        for path in roots.iter().filter(|path| path.exists()) {
            if !read(path).contains("#![forbid(unsafe_code)]") {
                failures.push(format!("{}: begin the file with #![forbid(unsafe_code)]", path.display()));
            }
        }
        if !read(&folder.join("Cargo.toml")).contains("[lints]\nworkspace = true") {
            failures.push(format!("{}/Cargo.toml: add `[lints]` with `workspace = true`", folder.display()));
        }
    }
    require_none(&failures);
}

#[test]
fn dependencies_come_from_the_workspace() {
    let mut failures = Vec::new();
    for path in ["solutions", "xtask/kit", "xtask/criteria", "xtask/journey", "xtask/record"]
        .iter()
        .flat_map(|set| files(&root().join(set), "Cargo.toml"))
    {
        let manifest = read(&path);
        let sections = manifest
            .split("\n[")
            .filter(|section| section.split(']').next().unwrap().ends_with("dependencies"));
        for line in sections.flat_map(|section| section.lines().skip(1)).filter(|line| line.contains('=')) {
            let inherits = line.contains("workspace = true") || line.contains("path = \"..\"");
            let race = path.parent().is_some_and(|folder| folder.ends_with("race"));
            if !inherits && !race {
                failures.push(format!("{}: `{line}` belongs in [workspace.dependencies]", path.display()));
            }
        }
    }
    require_none(&failures);
}

#[test]
fn only_main_ends_a_solution() {
    let mut failures = Vec::new();
    for path in crates("solutions").iter().flat_map(|folder| files(&folder.join("src"), ".rs")) {
        if read(&path).contains("process::exit(") {
            failures
                .push(format!("{}: return an exit code from main instead of process::exit", path.display()));
        }
    }
    require_none(&failures);
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut failures = Vec::new();
    for path in files(&root(), ".md") {
        let text = read(&path);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            let elsewhere =
                link.contains("://") || link.starts_with("mailto:") || file.is_empty() || file.contains(' ');
            if !elsewhere && !path.parent().expect("a page has a folder").join(file).exists() {
                failures.push(format!("{}: the link to {link} leads nowhere", path.display()));
            }
        }
    }
    require_none(&failures);
}

#[test]
fn every_bug_is_a_patch_of_one_form() {
    let mut failures = Vec::new();
    for path in crates("solutions").iter().flat_map(|folder| files(&folder.join("zoo"), ".patch")) {
        let number = path.components().rev().nth(2).expect("a zoo lies in a solution");
        let number = number.as_os_str().to_string_lossy().replace("task-", "");
        let patch = read(&path);
        let odd = |why: &str| {
            format!("{}: {why}: `cargo xtask zoo {number} --renew` writes it as it is kept", path.display())
        };
        let Some((header, changes)) = patch.split_once("\n\n--- a/src/") else {
            failures.push(odd("no header, blank line and change of a file in src"));
            continue;
        };
        let mut fact = header.lines().map(|line| line.split_once(": "));
        if !fact.all(|fact| fact.is_some_and(|(_, value)| !value.trim().is_empty())) {
            failures.push(format!("{}: each line of the header is `fact: value`", path.display()));
        }
        let changes = format!("--- a/src/{changes}");
        for (number, line) in changes.lines().enumerate() {
            let known = ["--- a/src/", "+++ b/src/", "@@ -", " ", "+", "-"];
            let path_elsewhere = ["--- ", "+++ "].iter().any(|sign| line.starts_with(sign))
                && !known[..2].iter().any(|path| line.starts_with(path));
            if path_elsewhere || !known.iter().any(|known| line.starts_with(known)) {
                failures.push(odd(&format!("line {} below the header, `{line}`", number + 1)));
            }
        }
        if !patch.ends_with('\n') || patch.contains("\n\\ ") {
            failures.push(odd("no new line at the end"));
        }
    }
    require_none(&failures);
}

/// The alternatives: folders of files that are laid over the solution.
fn alternatives() -> Vec<(PathBuf, PathBuf)> {
    let of = |solution: PathBuf| {
        let entries = fs::read_dir(solution.join("alternatives")).into_iter().flatten().flatten();
        entries.map(move |entry| (solution.clone(), entry.path())).collect::<Vec<_>>()
    };
    crates("solutions").into_iter().flat_map(of).collect()
}

#[test]
fn an_alternative_is_a_folder_of_what_is_different() {
    let mut failures = Vec::new();
    for (solution, alternative) in alternatives() {
        if !alternative.join("README.md").exists() {
            failures.push(format!("{}: a folder with a README.md is wanted", alternative.display()));
        }
        for path in files(&alternative, "") {
            let inside = path.strip_prefix(&alternative).expect("it was found there");
            let wanted = inside.starts_with("src")
                || ["README.md", "Cargo.toml"].iter().any(|file| inside == Path::new(file));
            if !wanted {
                failures
                    .push(format!("{}: an alternative has README.md, Cargo.toml and src", path.display()));
            } else if fs::read(solution.join(inside)).is_ok_and(|same| same == read(&path).as_bytes()) {
                failures.push(format!("{}: the same as the solution's: remove it", path.display()));
            }
        }
    }
    require_none(&failures);
}

/// `cargo fmt` formats the members of the workspace, and alternatives are none.
#[test]
fn alternatives_are_formatted() {
    let mut failures = Vec::new();
    for path in alternatives().iter().flat_map(|(_, alternative)| files(alternative, ".rs")) {
        // From its standard input, rustfmt does not look for the modules that only the solution has.
        let output = Command::new("rustfmt")
            .args(["--edition", "2024", "--config-path"])
            .arg(root())
            .stdin(fs::File::open(&path).expect("the file is there"))
            .output()
            .expect("rustfmt is installed");
        if String::from_utf8_lossy(&output.stdout) != read(&path) {
            failures.push(format!("{0}: rustfmt --edition 2024 < {0}", path.display()));
        }
    }
    require_none(&failures);
}

#[test]
fn what_drills_share_is_the_same_in_all_of_them() {
    let check = Command::new(env!("CARGO_BIN_EXE_xtask")).args(["scaffold", "--check"]).output();
    let check = check.expect("the runner starts");
    let said = String::from_utf8_lossy(&[check.stdout, check.stderr].concat()).into_owned();
    assert!(check.status.success() && said.ends_with("nothing to copy\n"), "{said}");
}

/// What is the same by chance today is not the same tomorrow.
#[test]
fn what_is_the_same_in_solutions_is_shared_on_purpose() {
    let table = read(&root().join("xtask/scaffold.txt"));
    let shared = |file: &str| table.lines().any(|line| line.split_whitespace().next() == Some(file));
    let mut failures = Vec::new();
    let sources: Vec<PathBuf> =
        crates("solutions").iter().flat_map(|folder| files(&folder.join("src"), ".rs")).collect();
    for (index, path) in sources.iter().enumerate() {
        let name = path.file_name().expect("a source has a name").to_string_lossy().into_owned();
        if !shared(&name) && sources[..index].iter().any(|other| read(other) == read(path)) {
            failures
                .push(format!("{}: the same as another solution's: see xtask/scaffold.txt", path.display()));
        }
    }
    require_none(&failures);
}
