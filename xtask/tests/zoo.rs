//! A zoo that survives a change of its solution, in a small repository of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOLUTION: &str = "\
fn begin() {
    listen();
}

fn drain() {
    stop_taking();
    wait_for_all();
    report();
}

fn end() {
    close();
}
";

const BUG: &str = "\
bug: nobody waits
caught-by: what_was_taken_is_finished
seen-in: the brief
costs: an order

--- a/src/lib.rs
+++ b/src/lib.rs
@@ -4,7 +4,6 @@
 
 fn drain() {
     stop_taking();
-    wait_for_all();
     report();
 }
 
";

/// A repository with one drill, whose zoo has one bug.
struct Repository {
    root: PathBuf,
}

impl Repository {
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zoo").join(name);
        let _ = fs::remove_dir_all(&root);
        let repository = Self { root };
        for file in ["Cargo.toml", "exercises/task-01/Cargo.toml", "exercises/task-01/README.md"] {
            repository.write(file, "");
        }
        // The runner hands over to the one of the workspace that it works in, if that is another.
        let runner = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::os::unix::fs::symlink(runner, repository.root.join("xtask")).expect("a link");
        repository.write("solutions/task-01/src/lib.rs", SOLUTION);
        repository.write("solutions/task-01/zoo/nobody-waits.patch", BUG);
        repository.git(&["init", "--quiet"]);
        repository.commit();
        repository
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).expect("the folder can be created");
        fs::write(&path, text).expect("the file can be written");
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Changes the solution, and returns what it is then.
    fn change(&self, old: &str, new: &str) -> String {
        let changed = self.read("solutions/task-01/src/lib.rs").replace(old, new);
        self.write("solutions/task-01/src/lib.rs", &changed);
        changed
    }

    fn bug(&self) -> String {
        self.read("solutions/task-01/zoo/nobody-waits.patch")
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "--message=x"]);
    }

    fn git(&self, arguments: &[&str]) {
        let status = Command::new("git").current_dir(&self.root).args(arguments).status();
        assert!(status.expect("git starts").success(), "git {arguments:?}");
    }

    /// What `cargo xtask zoo 1 ...` prints, if it ends with this code.
    #[track_caller]
    fn zoo(&self, arguments: &[&str], exit_code: i32) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .current_dir(&self.root)
            .env_remove("CARGO_MANIFEST_DIR")
            .env_remove("CARGO_TARGET_DIR")
            .args(["zoo", "1"])
            .args(arguments)
            .output()
            .expect("the runner starts");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(exit_code), "{said}");
        said
    }
}

const WORKING_COPY: &str = ".drain-drills/zoo/task-01/nobody-waits/bug/src/lib.rs";

#[test]
fn a_bug_that_fits_stays_as_it_is() {
    let repository = Repository::new("fits");
    repository.change("fn begin", "use std::io;\n\nfn begin");
    let said = repository.zoo(&["--renew"], 0);
    assert!(said.contains("1 unchanged, 0 renewed, 0 need a hand"), "{said}");
    assert_eq!(repository.bug(), BUG);
}

#[test]
fn a_bug_whose_surroundings_have_changed_is_renewed() {
    let repository = Repository::new("surroundings");
    repository.change("fn drain() {\n", "async fn drain() {\n    let begun = now();\n");
    repository.commit();
    repository.change("fn end", "async fn end");
    let said = repository.zoo(&["--renew"], 0);
    assert!(said.contains("0 unchanged, 1 renewed, 0 need a hand"), "{said}");
    let renewed = repository.bug();
    assert!(renewed.starts_with(BUG.split_once("---").unwrap().0), "the header stays: {renewed}");
    assert!(
        renewed.contains("-    wait_for_all();\n") && renewed.contains(" async fn drain() {\n"),
        "{renewed}"
    );
    assert!(repository.zoo(&["--renew"], 0).contains("1 unchanged"), "once is enough");
}

#[test]
fn a_bug_that_would_fit_elsewhere_is_put_where_it_belongs() {
    let repository = Repository::new("elsewhere");
    // The old lines stand now only in a copy that nobody calls.
    let changed = repository.change("    report();\n", "    report();\n    rest();\n");
    let copy = SOLUTION.split_once("\n\n").unwrap().1.replace("fn end", "fn old_end");
    repository.write("solutions/task-01/src/lib.rs", &format!("{changed}\nmod old {{}}\n\n{copy}"));
    repository.zoo(&["--renew"], 0);
    let renewed = repository.bug();
    assert!(renewed.contains(" fn drain() {\n") && renewed.contains(" rest();\n"), "{renewed}");
}

#[test]
fn a_bug_next_to_lines_that_have_changed_is_renewed() {
    let now = [
        ("changed-before", "stop_taking();\n", "take_no_more();\n"),
        ("changed-after", "report();\n", "tell();\n"),
        ("new-before", "    wait_for_all();\n", "    log();\n    wait_for_all();\n"),
        ("new-after", "    wait_for_all();\n", "    wait_for_all();\n    log();\n"),
        ("gone", "    stop_taking();\n", ""),
    ];
    for (name, old, new) in now {
        let repository = Repository::new(name);
        let solution = repository.change(old, new);
        let said = repository.zoo(&["--renew"], 0);
        assert!(said.contains("1 renewed"), "{name}: {said}");
        let changed = |line: &&str| {
            line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---")
        };
        let renewed = repository.bug();
        assert_eq!(renewed.lines().filter(changed).collect::<Vec<_>>(), ["-    wait_for_all();"], "{name}");
        repository.zoo(&["--edit", "nobody-waits"], 0);
        assert_eq!(repository.read(WORKING_COPY), solution.replace("    wait_for_all();\n", ""), "{name}");
    }
}

#[test]
fn what_both_put_in_the_same_place_needs_a_hand() {
    let repository = Repository::new("same-place");
    let bug = BUG
        .replace("-    wait_for_all();", "     wait_for_all();\n+    wait_for_ever();")
        .replace("+4,6", "+4,8");
    repository.write("solutions/task-01/zoo/nobody-waits.patch", &bug);
    repository.commit();
    repository.change("    wait_for_all();\n", "    wait_for_all();\n    log();\n");
    let said = repository.zoo(&["--renew"], 1);
    assert!(said.contains("have changed the same lines of") && said.contains("1 needs a hand"), "{said}");
}

#[test]
fn a_contradiction_is_left_to_somebody_with_both_sides() {
    let repository = Repository::new("contradiction");
    let solution = repository.change("wait_for_all();", "wait_until(deadline);");
    let said = repository.zoo(&["--renew"], 1);
    assert!(said.contains("NEEDS A HAND  nobody-waits"), "{said}");
    assert_eq!(repository.bug(), BUG, "it is not touched");
    let said = repository.zoo(&["--edit", "nobody-waits"], 0);
    assert!(said.contains(".drain-drills/zoo/task-01/nobody-waits/bug"), "{said}");
    let both = repository.read(WORKING_COPY);
    assert!(both.contains("<<<<<<< the solution\n    wait_until(deadline);"), "{both}");
    let said = repository.zoo(&["--save", "nobody-waits"], 2);
    assert!(said.contains("decide between <<<<<<< and >>>>>>> first"), "{said}");

    let decided = solution.replace("wait_until(deadline);", "wait_until(tomorrow);");
    repository.write(WORKING_COPY, &decided);
    let said = repository.zoo(&["--renew"], 1);
    assert!(said.contains("somebody is at work on it"), "{said}");
    assert_eq!(repository.read(WORKING_COPY), decided, "what somebody has written is not touched");

    repository.zoo(&["--save", "nobody-waits"], 0);
    let saved = repository.bug();
    assert!(saved.starts_with(BUG.split_once("---").unwrap().0), "the header stays: {saved}");
    assert!(saved.contains("-    wait_until(deadline);\n+    wait_until(tomorrow);\n"), "{saved}");
    assert!(!repository.root.join(WORKING_COPY).exists(), "it is saved, and in nobody's way");
}

#[test]
fn a_bug_that_changes_nothing_needs_a_hand() {
    let repository = Repository::new("nothing");
    let nothing = BUG.replace("-    wait_for_all();", "     wait_for_all();").replace("4,6", "4,7");
    repository.write("solutions/task-01/zoo/nobody-waits.patch", &nothing);
    let said = repository.zoo(&["--renew"], 1);
    assert!(said.contains("it changes nothing"), "{said}");
    let said = repository.zoo(&["nobody-waits"], 2);
    assert!(said.contains("does not fit the solution: it changes nothing"), "{said}");
}

#[test]
fn a_bug_that_the_solution_has_itself_needs_a_hand() {
    let repository = Repository::new("in-the-solution");
    repository.change("    wait_for_all();\n", "");
    let said = repository.zoo(&["--renew"], 1);
    assert!(said.contains("it changes nothing any more"), "{said}");
    assert_eq!(repository.bug(), BUG);
}

#[test]
fn what_git_prints_is_kept_in_the_one_form() {
    let repository = Repository::new("form");
    let path = "solutions/task-01/src/lib.rs";
    let of_git = BUG
        .replace(
            "--- a/src/lib.rs",
            &format!("diff --git a/{path} b/{path}\nindex 1..2 100644\n--- a/{path}"),
        )
        .replace("+++ b/src/lib.rs", &format!("+++ b/{path}"));
    repository.write("solutions/task-01/zoo/nobody-waits.patch", &of_git);
    let said = repository.zoo(&["--renew"], 0);
    assert!(said.contains("1 renewed"), "{said}");
    let kept = repository.bug();
    assert!(
        kept.contains("\n\n--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ ") && !kept.contains("index"),
        "{kept}"
    );
}

#[test]
fn a_new_bug_gets_a_header_to_fill_in() {
    let repository = Repository::new("new");
    let said = repository.zoo(&["--save", "never-ends"], 2);
    assert!(said.contains("--edit never-ends"), "{said}");
    repository.zoo(&["--edit", "never-ends"], 0);
    let said = repository.zoo(&["--save", "never-ends"], 2);
    assert!(said.contains("the same as the solution"), "{said}");
    let copy = ".drain-drills/zoo/task-01/never-ends/bug/src/lib.rs";
    repository.write(copy, &repository.read(copy).replace("report()", "pending()"));
    // The solution goes on meanwhile, and what it does is no part of the bug.
    repository.change("fn begin() {\n", "fn begin() {\n    log();\n");
    repository.zoo(&["--save", "never-ends"], 0);
    let saved = repository.read("solutions/task-01/zoo/never-ends.patch");
    assert!(saved.starts_with("bug:\ncaught-by:\nseen-in:\ncosts:\n\n--- a/src/lib.rs\n"), "{saved}");
    assert!(saved.contains("+    pending();") && !saved.contains("log()"), "{saved}");
}

#[test]
fn a_name_stays_in_the_zoo() {
    let repository = Repository::new("name");
    let said = repository.zoo(&["--edit", "../../src"], 2);
    assert!(said.contains("is no name for a bug"), "{said}");
}
