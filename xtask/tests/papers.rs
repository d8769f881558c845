//! What `verify` says of the papers of a drill, in a small workspace of its own.

mod workspace;

use std::fs;
use std::path::Path;

/// One drill, which has one bug and one alternative.
const FILES: [(&str, &str); 7] = [
    ("exercises/task-01/Cargo.toml", ""),
    ("exercises/task-01/README.md", ""),
    ("exercises/task-01/tests/acceptance/main.rs", "#[test]\nfn it_drains() {}\n"),
    ("solutions/task-01/src/lib.rs", "//! It drains.\n#![forbid(unsafe_code)]\n"),
    ("solutions/task-01/stub/src/lib.rs", "//! It will drain.\n#![forbid(unsafe_code)]\n"),
    ("solutions/task-01/zoo/nobody-waits.patch", "bug: nobody waits\n"),
    ("solutions/task-01/alternatives/no-runtime/README.md", "design: none\n"),
];

/// The table of the first of many parts: that is the papers alone.
fn papers(root: &Path) -> String {
    let mut verify = workspace::runner(root);
    verify.args(["verify", "1", "--shard", "1/100", "--json"]).arg(root.join("verify.json"));
    let output = verify.output().expect("the runner starts");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    // Wherever a line was broken.
    let said = String::from_utf8_lossy(&output.stdout);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_crate_that_may_be_unsafe_is_named() {
    let root = workspace::workspace("unsafe", &FILES);
    assert!(!papers(&root).contains("unsafe_code"));
    for file in ["solutions/task-01/src/lib.rs", "solutions/task-01/stub/src/lib.rs"] {
        let safe = fs::read_to_string(root.join(file)).expect("it is there");
        fs::write(root.join(file), "//! It drains.\n").expect("a file");
        let said = papers(&root);
        assert!(said.contains(&format!("! {file}: begin it with #![forbid(unsafe_code)]")), "{said}");
        // In its row, and at the end.
        assert_eq!(said.matches("unsafe_code").count(), 2, "{said}");
        fs::write(root.join(file), safe).expect("a file");
    }
}

#[test]
fn one_is_not_many() {
    let said = papers(&workspace::workspace("one", &FILES));
    for one in ["only 1 bug in the zoo: ", "only 1 alternative: ", " problems in 1 proof, "] {
        assert!(said.contains(one), "`{one}` in\n{said}");
    }
}
