//! A verdict as a page: made by the crate that makes them, in the files that somebody names.

mod screen;

use std::fs;
use std::path::{Path, PathBuf};

use screen::{check, judge};

fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

#[test]
fn a_red_verdict_becomes_a_page_and_markdown_and_is_still_on_the_screen() {
    let (html, markdown) = (file("red.html"), file("red.md"));
    let names = [html.to_str().expect("a name"), markdown.to_str().expect("a name")];
    let said = judge("red", &["--html", names[0], "--markdown", names[1]], 1);
    assert!(said.contains(&format!("written: {}", html.display())), "{said}");
    let (page, text) =
        (fs::read_to_string(&html).expect("a page"), fs::read_to_string(&markdown).expect("Markdown"));
    for needed in ["<!DOCTYPE html>", "<svg class=\"timeline\"", "here</tspan>", "color-scheme: light dark"] {
        assert!(page.contains(needed), "{needed}:\n{page}");
    }
    for needed in ["| tests | RED |", "observed ", "<-- here"] {
        assert!(text.contains(needed), "{needed}:\n{text}");
    }
    // A later verdict takes the place of this one.
    check("red", &["--fast", "--html", names[0]], 1, &[]);
    // But a page that somebody has worked on stays.
    fs::write(&markdown, text.clone() + "\nSeen by me.\n").expect("a note");
    let (screen, said) = check("red", &["--fast", "--markdown", names[1]], 2, &[]);
    assert!(screen.is_empty() && said.contains("not as we have written it"), "{screen}{said}");
    assert!(fs::read_to_string(&markdown).expect("Markdown").ends_with("Seen by me.\n"));
}

#[test]
fn markdown_without_a_file_is_all_that_stands_on_stdout() {
    let (said, _) = check("red", &["--fast", "--markdown"], 1, &[]);
    assert!(said.starts_with("## task-01: ") && said.contains("| builds | ok |"), "{said}");
    assert!(!said.contains("Next: cargo xtask hint"), "{said}");
}

/// Of a clone, what was begun is judged.
#[test]
fn a_clone_is_judged_drill_by_drill() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let clone = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clone");
    let _ = fs::remove_dir_all(&clone);
    let lay = |from: &Path, name: &str| {
        let to = clone.join("exercises").join(name);
        fs::create_dir_all(to.join("src")).expect("a folder");
        fs::copy(from.join("Cargo.toml"), to.join("Cargo.toml")).expect("a manifest");
        for file in fs::read_dir(from.join("src")).expect("sources").flatten() {
            fs::copy(file.path(), to.join("src").join(file.file_name())).expect("a source");
        }
    };
    let name = clone.to_str().expect("a name");
    lay(&root.join("solutions/task-02/stub"), "task-02");
    let (screen, said) = check(name, &["--markdown"], 0, &[]);
    assert!(screen.is_empty() && said.contains("no drill has been begun"), "{screen}{said}");
    let submissions = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/submissions");
    lay(&submissions.join("not-compiling"), "task-01");
    let (screen, _) = check(name, &["--markdown"], 1, &[]);
    assert!(screen.starts_with("## task-01: ") && !screen.contains("task-02"), "{screen}");
    let (screen, said) = check(name, &["3"], 2, &[]);
    assert!(screen.is_empty() && said.contains("task-03"), "{screen}{said}");
}

#[test]
fn a_file_that_cannot_be_written_is_named_before_anything_is_judged() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let own = file("own.html");
    fs::write(&own, "<p>mine</p>\n").expect("a file");
    for (option, path, named) in [
        ("--html", folder.to_owned(), "it is a folder"),
        ("--html", format!("{folder}/nowhere/at/all.html"), "nowhere/at"),
        ("--markdown", format!("{folder}/nowhere/at/all.md"), "nowhere/at"),
        ("--html", own.display().to_string(), "name another file"),
    ] {
        let (screen, said) = check("red", &[option, &path], 2, &[]);
        assert!(
            screen.is_empty() && said.lines().count() == 1 && said.contains(named),
            "{path}: {screen}{said}"
        );
    }
    assert_eq!(fs::read_to_string(&own).expect("it is there"), "<p>mine</p>\n");
}

#[test]
fn the_name_of_a_drill_behind_markdown_is_no_file() {
    for arguments in
        [&["--json", "--markdown"][..], &["--json", "--markdown", "1"], &["--json", "--markdown", "all"]]
    {
        let (_, said) = check("red", arguments, 2, &[]);
        assert!(said.contains("both want stdout"), "{arguments:?}: {said}");
    }
    let (_, said) = check("red", &["--json", "--markdown", "./"], 2, &[]);
    assert!(said.contains("it is a folder"), "{said}");
}

#[test]
fn what_a_submission_prints_stays_text() {
    let red = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/submissions/red");
    let hostile = Path::new(env!("CARGO_TARGET_TMPDIR")).join("<script>hostile");
    fs::create_dir_all(hostile.join("src")).expect("a folder");
    fs::copy(red.join("Cargo.toml"), hostile.join("Cargo.toml")).expect("a manifest");
    let source = fs::read_to_string(red.join("src/main.rs")).expect("a source");
    let source =
        source.replace("println!(\"draining", "println!(\"\\u{202e}</svg><script>alert(1)</script>draining");
    fs::write(hostile.join("src/main.rs"), source).expect("a source");
    let page = file("hostile.html");
    check(hostile.to_str().expect("a name"), &["--fast", "--html", page.to_str().expect("a name")], 1, &[]);
    let page = fs::read_to_string(&page).expect("a page");
    assert!(page.contains("&lt;/svg&gt;&lt;script&gt;alert(1)"), "it was not printed: {page}");
    assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
}
