//! Whatever the runner is started in, its verdict is the same, or it says why it cannot be: a parent that
//! ignores or blocks signals, a clone that was renamed, a build folder that two clones share, a git that
//! refuses, a compiler behind a script, a machine that gives little.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use tinyjson::JsonValue;

const RUNNER: &str = env!("CARGO_BIN_EXE_xtask");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// A folder of this test alone.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

mod signals {
    use super::*;

    /// What a program sees of its signals that a supervisor has started, and the whole report.
    fn seen(field: &str, mut supervisor: Command) -> (u64, String) {
        supervisor.args(["supervise", "60000", &std::process::id().to_string()]);
        supervisor.args(["/bin/grep", field, "/proc/self/status"]);
        let report = said(&supervisor.output().expect("the runner starts"));
        let (_, line) = report.split_once(field).unwrap_or_else(|| panic!("no report: {report}"));
        let bits = line.trim_start_matches(":\\t").get(..16).expect("a mask");
        (u64::from_str_radix(bits, 16).expect("a mask"), report)
    }

    #[test]
    fn a_parent_that_blocks_signals_makes_no_program_deaf() {
        let blocked = thread::spawn(|| {
            let mut mask = SigSet::empty();
            [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD]
                .into_iter()
                .for_each(|signal| mask.add(signal));
            mask.thread_block().expect("a thread may block them");
            seen("SigBlk", Command::new(RUNNER)).0
        });
        assert_eq!(blocked.join().expect("it only looks"), 0);
    }

    #[test]
    fn a_parent_that_ignores_signals_hides_no_exit_and_makes_no_program_deaf() {
        let mut shell = Command::new("/bin/bash");
        shell.args(["-c", "trap '' CHLD TERM HUP USR1; exec \"$0\" \"$@\"", RUNNER]);
        let (ignored, report) = seen("SigIgn", shell);
        assert!(report.contains("\"code\":0"), "{report}");
        // Signals 32 and 33 are the C library's own.
        assert_eq!(ignored & 0x7fff_ffff, 0, "{report}");
    }
}

mod clones {
    use super::*;

    /// A clone as far as the runner sees: its own runner says where it was built, and what it was asked.
    fn clone(root: &Path) {
        let own =
            "fn main() { println!(\"{} {:?}\", env!(\"CARGO_MANIFEST_DIR\"), std::env::args().nth(1)) }";
        fs::create_dir_all(root.join("exercises")).expect("a folder");
        write(&root.join("Cargo.toml"), "[workspace]\nresolver = \"2\"\nmembers = [\"xtask\"]\n");
        let manifest = "[package]\nname = \"xtask\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        write(&root.join("xtask/Cargo.toml"), manifest);
        write(&root.join("xtask/src/main.rs"), own);
    }

    /// A runner that was built from other sources, where cargo keeps the one of this clone.
    fn of_another(target: &Path) -> PathBuf {
        let runner = target.join("debug/xtask");
        fs::create_dir_all(runner.parent().expect("a folder")).expect("a folder");
        // Not a copy: what has just been written may be busy while another thread starts something.
        fs::hard_link(RUNNER, &runner).expect("the runner is built");
        runner
    }

    fn list(runner: &Path, root: &Path) -> String {
        let mut list = Command::new(runner);
        let output = list.arg("list").current_dir(root).env_remove("CARGO_MANIFEST_DIR").output();
        let output = output.expect("the runner starts");
        assert!(output.status.success(), "{output:?}");
        said(&output)
    }

    fn own(root: &Path) -> String {
        format!("{} Some(\"list\")", root.join("xtask").display())
    }

    #[test]
    fn a_clone_that_was_renamed_or_copied_gets_a_runner_of_its_own_at_once() {
        let root = folder("renamed");
        clone(&root);
        let runner = of_another(&root.join("target"));
        assert_eq!(list(&runner, &root), own(&root));
        fs::remove_dir_all(root).expect("it is ours");
    }

    #[test]
    fn two_clones_with_one_build_folder_get_a_runner_each() {
        let shared = folder("shared");
        let roots = ["one", "two"].map(|name| shared.join(name));
        roots.iter().for_each(|root| clone(root));
        let runner = of_another(&shared.join("target"));
        for root in roots.iter().chain(&roots) {
            assert_eq!(list(&runner, root), own(root));
        }
        fs::remove_dir_all(shared).expect("it is ours");
    }
}

mod machine {
    use super::*;

    /// Judges a right program that is new to cargo, in a shell that has done this before.
    fn check(name: &str, before: &str) -> Output {
        let folder = folder(name);
        let green = root().join("xtask/tests/submissions/green");
        let main = fs::read_to_string(green.join("src/main.rs")).expect("it is part of the tests");
        write(&folder.join("src/main.rs"), &format!("{main}// {}\n", folder.display()));
        fs::copy(green.join("Cargo.toml"), folder.join("Cargo.toml")).expect("it is part of the tests");
        let mut shell = Command::new("/bin/bash");
        shell.args(["-c", &format!("cd \"$1\"; {before}; exec \"$0\" check --path . --fast"), RUNNER]);
        let output = shell.arg(&folder).output().expect("a shell starts");
        fs::remove_dir_all(folder).expect("it is ours");
        output
    }

    /// On a busy machine some criteria may not be judged; none is missed.
    fn require_no_failure(output: &Output) {
        let screen = said(output);
        let failures = ["RED", "HUNG", "CRASH"].into_iter().filter(|word| screen.contains(word)).count();
        assert!(screen.contains("1 builds   ok") && failures == 0, "{output:?}");
    }

    #[test]
    fn a_compiler_behind_a_script_of_a_shell_that_drops_variables() {
        // Whose names have a hyphen, as dash does, whatever this machine's `sh` is.
        let wrap = "printf '#!/bin/sh\\nexec env -u CARGO_BIN_EXE_task-01 \"$@\"\\n' > wrap; chmod +x wrap";
        let output = check("wrapped", &format!("{wrap}; export RUSTC_WRAPPER=$PWD/wrap"));
        require_no_failure(&output);
    }

    #[test]
    fn what_cargo_will_not_build_again_is_not_judged() {
        // Whatever it has done, this one says that it has found the submission built.
        let lies = format!(
            "cat > cargo <<'END'\n#!/bin/bash\nset -o pipefail\n\
             '{}' \"$@\" | sed '\\|/task-01#| s/\"fresh\":false/\"fresh\":true/'\nEND\n\
             chmod +x cargo; export CARGO=$PWD/cargo",
            env!("CARGO")
        );
        let output = check("unproven", &lies);
        let screen = said(&output);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(screen.contains("1 builds   ???    nothing shows that"), "{screen}");
        assert!(screen.ends_with("Not judged: see why above.") && !screen.contains(" ok "), "{screen}");
    }

    #[test]
    fn few_descriptors_are_enough_for_the_runner() {
        let output = check("few", "ulimit -n 128");
        require_no_failure(&output);
    }
}

mod git {
    use super::*;

    /// What the check says of the committed tests, with this in its environment.
    fn compared(left: &[(&str, &str)]) -> (String, String) {
        let green = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/submissions/green");
        let mut check = Command::new(RUNNER);
        check.args(["check", "--json", "--only", "standard input", "--path"]).arg(green);
        let output = check.envs(left.iter().copied()).env("LC_ALL", "C").output().expect("the runner starts");
        let json = said(&output).parse::<JsonValue>().unwrap_or_else(|_| panic!("no verdict: {output:?}"));
        let drill = &json["drills"][0];
        let text = |value: &JsonValue| value.stringify().expect("JSON");
        (text(&drill["changed"]), text(&drill["not_compared"]))
    }

    #[test]
    fn a_hook_of_another_repository_changes_nothing() {
        let of_a_hook = [
            ("GIT_DIR", "/nowhere/.git"),
            ("GIT_INDEX_FILE", "/nowhere/.git/index"),
            ("GIT_PREFIX", ""),
            ("GIT_WORK_TREE", "/nowhere"),
        ];
        assert_eq!(compared(&of_a_hook), compared(&[]));
    }

    #[test]
    fn a_git_that_refuses_is_quoted() {
        let (changed, why) = compared(&[("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")]);
        let refused = if root().join(".git").exists() { "dubious ownership" } else { "not a git repository" };
        assert!(why.contains("git says: fatal: ") && why.contains(refused), "{why}");
        assert_eq!(changed, "[]");
    }

    #[test]
    fn reset_finds_the_stub_whatever_git_knows() {
        let clone = folder("reset");
        write(&clone.join("exercises/task-01/Cargo.toml"), "# mine\n");
        write(&clone.join("exercises/task-01/src/main.rs"), "// todo!(\"the rest\")\n");
        write(&clone.join("exercises/task-01/src/mine.rs"), "");
        write(&clone.join("solutions/task-01/stub/Cargo.toml"), "# stub\n");
        write(&clone.join("solutions/task-01/stub/src/main.rs"), "// stub\n");
        std::os::unix::fs::symlink(root().join("xtask"), clone.join("xtask")).expect("a link");
        let mut reset = Command::new(RUNNER);
        let output = reset.args(["reset", "1"]).current_dir(&clone).env_remove("CARGO_MANIFEST_DIR").output();
        let output = output.expect("the runner starts");
        let (_, backup) =
            said(&output).rsplit_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a path");
        let read = |path: PathBuf| fs::read_to_string(&path).unwrap_or_else(|_| path.display().to_string());
        assert_eq!(read(clone.join("exercises/task-01/Cargo.toml")), "# stub\n", "{output:?}");
        assert_eq!(read(clone.join("exercises/task-01/src/main.rs")), "// stub\n");
        assert!(!clone.join("exercises/task-01/src/mine.rs").exists(), "the backup has it");
        let backup = Path::new(&backup);
        assert_eq!(read(backup.join("Cargo.toml")), "# mine\n");
        assert_eq!(read(backup.join("src/main.rs")), "// todo!(\"the rest\")\n");
        assert!(backup.join("src/mine.rs").exists(), "{output:?}");
        fs::remove_dir_all(clone).expect("it is ours");
    }
}
