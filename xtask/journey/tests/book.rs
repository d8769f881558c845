//! The book, made with an mdBook that only says what it was asked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// An empty folder of this name.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("book").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A folder with an mdBook in it that does this.
fn mdbook(name: &str, script: &str) -> PathBuf {
    let folder = folder(&format!("{name}-bin"));
    let program = folder.join("mdbook");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it can be run");
    folder
}

/// The exit code, stdout, and stderr.
fn book(path: &Path, work: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
    let mut command = Command::cargo_bin("drain-journey").expect("it is built");
    command.env("PATH", path).arg("book").arg(root).arg(work).args(arguments);
    let output = command.output().expect("it starts");
    let [said, told] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).expect("text"));
    (output.status.code(), said, told)
}

#[test]
fn the_book_is_built_where_somebody_wants_it_and_its_place_is_said() {
    let (work, to) = (folder("work"), folder("to"));
    let path = mdbook("built", "echo \"$@\" > \"$2/asked\"");
    let to = to.to_str().expect("a name");
    let (code, said, told) = book(&path, &work, &["--to", to]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert_eq!(said, format!("the book: {to}/index.html\n"));
    let asked = fs::read_to_string(work.join("asked")).expect("mdBook was asked");
    assert_eq!(asked, format!("build {} --dest-dir {to}\n", work.display()));
    for file in ["book.toml", "src/SUMMARY.md", "src/introduction.md", "src/drills/capstone-zoo.md"] {
        assert!(work.join(file).exists(), "{file}");
    }
}

#[test]
fn without_mdbook_it_is_said_how_to_get_it() {
    let (code, said, told) = book(&folder("empty"), &folder("work-without"), &["--no-open"]);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(told.lines().count() == 1 && told.contains("`cargo install mdbook`"), "{told}");
}

#[test]
fn what_mdbook_says_is_passed_on_if_it_fails() {
    let path = mdbook("fails", "echo 'no such theme' >&2; exit 101");
    let to = folder("to-fails");
    let (code, _, told) = book(&path, &folder("work-fails"), &["--to", to.to_str().expect("a name")]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.starts_with("no such theme\n") && told.contains("could not build"), "{told}");
}

#[test]
fn somebodys_own_files_are_not_replaced_by_a_book() {
    let (path, to) = (mdbook("own", "exit 1"), folder("to-own"));
    fs::write(to.join("mine.txt"), "mine").expect("a file");
    let name = to.to_str().expect("a name");
    for (arguments, named) in
        [(&["--to", name][..], "no book"), (&["--ot", name], "--ot"), (&["--to"], "--to")]
    {
        let (code, said, told) = book(&path, &folder("work-own"), arguments);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{told}");
        assert!(told.lines().count() == 1 && told.contains(named), "{told}");
    }
    assert!(to.join("mine.txt").exists());
}
