//! What a pair gets to review a submission by.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn submissions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/submissions")
}

/// The exit code, stdout, and stderr.
fn review(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut runner = Command::cargo_bin("xtask").expect("the runner is built");
    let output = runner.current_dir(submissions()).arg("review").args(arguments).output().expect("it starts");
    let [said, told] = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    (output.status.code(), said, told)
}

#[test]
fn a_pair_gets_the_verdict_the_lists_the_questions_and_the_differences() {
    let page = Path::new(env!("CARGO_TARGET_TMPDIR")).join("review.html");
    let _ = fs::remove_file(&page);
    let (code, said, told) = review(&["red", "--with", "green", "--html", page.to_str().expect("a name")]);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{told}");
    let page = fs::read_to_string(&page).expect("a page");
    for needed in [
        "<code>red</code>",
        "here</tspan>",
        "rustfmt would change src/main.rs",
        "<b>Clippy has nothing to say</b>: no lint",
        "<b>Five lights.</b>",
        "cargo xtask zoo 1 ",
        "<h3>src/main.rs</h3>",
        "<code>green</code>: ",
    ] {
        assert!(page.contains(needed), "{needed}:\n{page}");
    }
    assert_eq!(page.matches("What it costs, and what catches it").count(), 3, "{page}");
}

#[test]
fn without_a_file_it_is_markdown_and_one_that_does_not_compile_has_no_lints() {
    let (code, said, told) = review(&["not-compiling"]);
    assert_eq!(code, Some(0), "{told}");
    for needed in ["error[E0728]", "`not asked: it does not compile`", "## Three questions", "```diff\n@@ "] {
        assert!(said.contains(needed), "{needed}:\n{said}");
    }
}

#[test]
fn what_cannot_be_reviewed_is_said_in_one_line() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("other");
    let [task_02, none] = ["task-02", "task-99"].map(|name| folder.join(name));
    for path in [&task_02, &none] {
        fs::create_dir_all(path).expect("a folder");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        fs::write(path.join("Cargo.toml"), format!("[package]\nname = \"{name}\"\n")).expect("a manifest");
    }
    let [task_02, none] = [&task_02, &none].map(|path| path.to_str().expect("a name"));
    let own = folder.join("own.html");
    fs::write(&own, "mine\n").expect("a file");
    for (arguments, named) in [
        (&[][..], "whose submission?"),
        (&["nowhere"], "nowhere is no submission: it is no folder"),
        (&["."], ". is no submission: no Cargo.toml is in it"),
        (&["red/Cargo.toml"], "it is no folder"),
        (&[none], "`task-99` is not a drill's"),
        (&["red", "green"], "green"),
        (&["red", "--with", task_02], "answers task-01, and "),
        (&["red", "--with", "nowhere"], "nowhere is no submission"),
        (&["red", "--html", own.to_str().expect("a name")], "name another file"),
        (&["red", "--html", "."], "it is a folder"),
        (&["red", "--markdown", "/nowhere/at/all.md"], "/nowhere/at"),
    ] {
        let (code, said, told) = review(arguments);
        assert_eq!((code, said.as_str(), told.lines().count()), (Some(2), "", 1), "{arguments:?}: {told}");
        assert!(told.contains(named), "{arguments:?}: {told}");
    }
    assert_eq!(fs::read_to_string(&own).expect("it is there"), "mine\n");
}
