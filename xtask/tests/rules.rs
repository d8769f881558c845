//! The rules of the repository, each a test of its name. All failures are collected; each names the
//! file and what to do.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Only there does the runner look for criteria, and only there does the kit find the one that is tested.
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
        if !path.ends_with("tests/acceptance/main.rs") && !tests.is_empty() {
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
    for folder in folders.chain(["xtask", "xtask/kit", "xtask/criteria"].map(|folder| root().join(folder))) {
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
    for path in ["solutions", "xtask/kit", "xtask/criteria"]
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
