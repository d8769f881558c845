//! What the manifest of somebody's task crate must say, so that a copy of it can be judged in a workspace
//! of ours. Cargo would say the rest in more words, and about paths that nobody knows.

use std::path::Path;

/// Without it there are no tests.
const KIT: &str = "drain-kit";

/// The name of the package.
pub(crate) fn package_name(manifest: &str) -> Option<&str> {
    let package = lines(manifest).filter(|(section, _)| *section == "[package]");
    package.filter_map(|(_, line)| value(line, "name")).next()
}

/// What the copy cannot be built with, in half a sentence. `ours` is the manifest of the stub; a drill that is a
/// program has one named like its package.
pub(crate) fn obstacle(manifest: &str, ours: &str, folder: &Path, is_program: bool) -> Option<String> {
    if lines(manifest).any(|(section, _)| section.starts_with("[workspace")) {
        return Some(
            "has a `[workspace]`: leave it out, because it is judged as a member of this one".to_owned(),
        );
    }
    if let Some((_, line)) = lines(manifest).find(|(section, line)| leads_out(section, line)) {
        return Some(format!(
            "says `{line}`: a copy is judged, from which that path leads elsewhere; name the whole path"
        ));
    }
    if missing(manifest, ours).any(|line| key(line) == KIT) {
        return Some(format!(
            "lacks what the tests need: add `{KIT}.workspace = true` to `[dev-dependencies]`, as the exercise has it"
        ));
    }
    let name = package_name(manifest).unwrap_or_default();
    (is_program && !has_program(manifest, name, folder)).then(|| {
        format!(
            "has no program `{name}`: the tests start the one named like the package, `src/main.rs` usually"
        )
    })
}

/// The manifest with what our tests need and it does not name: they may need more than when it was written.
pub(crate) fn with_what_tests_need(manifest: &str, ours: &str) -> String {
    let lines: String = missing(manifest, ours).map(|line| format!("{line}\n")).collect();
    match manifest.split_once("[dev-dependencies]\n") {
        _ if lines.is_empty() => manifest.to_owned(),
        Some((before, after)) => format!("{before}[dev-dependencies]\n{lines}{after}"),
        None => format!("{manifest}\n[dev-dependencies]\n{lines}"),
    }
}

/// The lines of our test dependencies that a manifest has no like of.
fn missing<'a>(manifest: &'a str, ours: &'a str) -> impl Iterator<Item = &'a str> {
    let of_tests = lines(ours).filter(|(section, _)| *section == "[dev-dependencies]").map(|(_, line)| line);
    let has = |name: &str| name.is_empty() || dependencies(manifest).any(|other| other == name);
    of_tests.filter(move |line| !has(key(line)))
}

/// Each line with the section that it stands in; a section's own line comes first in it.
fn lines(manifest: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.scan("", |section, line| {
        if line.starts_with('[') {
            *section = line;
        }
        Some((*section, line))
    })
}

/// `name` of `name = "value"` and of `name.workspace = true`; nothing of a section's own line.
fn key(line: &str) -> &str {
    line.split(['.', '=', ' ', '[']).next().unwrap_or_default().trim_matches('"')
}

fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let value = line.strip_prefix(name)?.trim_start().strip_prefix('=')?.trim_start();
    value.strip_prefix(['"', '\''])?.split(['"', '\'']).next()
}

/// The names of everything that it depends on: `name = ...`, or a section `[dependencies.name]`.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    lines(manifest).filter(|(section, _)| section.contains("dependencies")).map(|(section, line)| {
        let own_section = section.trim_matches(['[', ']']).rsplit_once("dependencies.");
        own_section.map_or_else(|| key(line), |(_, name)| name.trim_matches('"'))
    })
}

fn leads_out(section: &str, line: &str) -> bool {
    let path = line.split_once("path").and_then(|(_, rest)| value(rest, ""));
    section.contains("dependencies") && path.is_some_and(|path| path.starts_with(".."))
}

/// Whether cargo finds a program of this name: what is declared, or `src/main.rs` if no other has that.
fn has_program(manifest: &str, name: &str, folder: &Path) -> bool {
    let declared = |key: &'static str| {
        let of_programs = lines(manifest).filter(|(section, _)| *section == "[[bin]]");
        of_programs.filter_map(move |(_, line)| value(line, key))
    };
    let (names, paths) = (declared("name").count(), declared("path").count());
    let main_is_taken = declared("path").any(|path| path == "src/main.rs") || paths < names;
    let is_found = folder.join("src/main.rs").exists() && !main_is_taken
        || folder.join(format!("src/bin/{name}.rs")).exists();
    declared("name").any(|declared| declared == name) || is_found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "[package]\nname = \"task-01\"\n\n[dependencies]\ntokio.workspace = true\n\n\
                        [dev-dependencies]\ndrain-kit.workspace = true\n\n[lints]\nworkspace = true\n";

    /// What is said of our manifest with this change; the folder has a `src/main.rs`.
    fn said(from: &str, to: &str) -> String {
        let manifest = OURS.replace(from, to);
        assert_eq!(package_name(&manifest), Some("task-01"));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let said = obstacle(&manifest, OURS, folder, true).unwrap_or_default();
        assert_eq!(said.lines().count(), usize::from(!said.is_empty()), "{said}");
        said
    }

    #[test]
    fn what_a_learner_may_well_write_is_no_obstacle() {
        for (from, to) in [
            ("", ""),
            (
                "tokio.workspace = true",
                "tokio.workspace = true\nuuid = { path = \"vendor/uuid\" }\nlog = { path = \"/opt/log\" }",
            ),
            (
                "[dev-dependencies]\ndrain-kit.workspace = true",
                "[dev-dependencies.drain-kit]\nworkspace = true",
            ),
            ("[lints]", "[[bin]]\nname = \"task-01\"\npath = \"src/program.rs\"\n\n[lints]"),
            ("[lints]", "[[bin]]\nname = \"client\"\npath = \"src/client.rs\"\n\n[lints]"),
        ] {
            assert_eq!(said(from, to), "", "{to}");
        }
        let library = Path::new("/nowhere");
        assert_eq!(obstacle(OURS, OURS, library, false), None);
    }

    #[test]
    fn what_newer_tests_need_is_added() {
        let newer = OURS.replace("[lints]", "drain-model.workspace = true\n\n[lints]");
        let newer = newer.replace("true\n\ndrain-model", "true\ndrain-model");
        assert_eq!(with_what_tests_need(OURS, OURS), OURS);
        let added = with_what_tests_need(OURS, &newer);
        assert!(added.contains("[dev-dependencies]\ndrain-model.workspace = true\ndrain-kit"), "{added}");
        let split = OURS.replace("[dev-dependencies]\ndrain-kit.", "[dev-dependencies.drain-kit]\n");
        let added = with_what_tests_need(&split, &newer);
        assert!(added.ends_with("\n[dev-dependencies]\ndrain-model.workspace = true\n"), "{added}");
    }

    #[test]
    fn each_obstacle_is_named_with_what_to_do() {
        let cases = [
            ("[lints]", "[workspace]\n\n[lints]", "has a `[workspace]`: leave it out"),
            ("[lints]", "[workspace.dependencies]\ntokio = \"1\"\n\n[lints]", "has a `[workspace]`"),
            ("drain-kit.workspace = true", "", "add `drain-kit.workspace = true` to `[dev-dependencies]`"),
            (
                "tokio.workspace = true",
                "mine = { path = \"../mine\" }",
                "says `mine = { path = \"../mine\" }`",
            ),
            ("[lints]", "[dependencies.mine]\npath = \"../mine\"\n\n[lints]", "says `path = \"../mine\"`"),
            (
                "[lints]",
                "[[bin]]\nname = \"server\"\npath = \"src/main.rs\"\n\n[lints]",
                "has no program `task-01`",
            ),
            ("[lints]", "[[bin]]\nname = \"server\"\n\n[lints]", "has no program `task-01`"),
        ];
        for (from, to, expected) in cases {
            assert!(said(from, to).contains(expected), "{to}: {}", said(from, to));
        }
        let no_program = obstacle(OURS, OURS, Path::new("/nowhere"), true).unwrap_or_default();
        assert!(no_program.contains("has no program `task-01`"), "{no_program}");
    }
}
