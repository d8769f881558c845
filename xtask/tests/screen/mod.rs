//! The screen that a submission gets, and the one that is recorded for it.
//!
//! Numbers differ from run to run and are compared as `#`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// Judges a submission and compares the screen and the exit code; returns what was said beside it.
pub fn judge(name: &str, options: &[&str], exit_code: i32) -> String {
    judge_with(name, options, exit_code, &[])
}

/// The same, with these variables in the runner's environment.
pub fn judge_with(name: &str, options: &[&str], exit_code: i32, left: &[(&str, &str)]) -> String {
    let (screen, said) = check(name, options, exit_code, left);
    compare(&submissions().join(name).join("transcript.txt"), &screen);
    said
}

/// The screen, and what was said beside it.
pub fn check(name: &str, options: &[&str], exit_code: i32, left: &[(&str, &str)]) -> (String, String) {
    let output = Command::cargo_bin("xtask")
        .expect("the runner is built")
        .current_dir(submissions())
        .args(["check", "--path", name])
        .args(options)
        .envs(left.iter().copied())
        .env("NO_COLOR", "1")
        .env("PATH", with_a_git_that_sees_no_change())
        .timeout(std::time::Duration::from_secs(300))
        .output()
        .expect("the runner starts");
    let screen = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit_code), "stdout:\n{screen}\nstderr:\n{said}");
    (screen, said)
}

fn compare(path: &Path, screen: &str) {
    let screen = shaped(screen);
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, &screen).expect("the transcript can be written");
    }
    let recorded = fs::read_to_string(path).unwrap_or_default();
    assert!(
        recorded == screen,
        "the screen is not the one in {}\n\n--- recorded\n{recorded}\n--- now\n{screen}",
        path.display()
    );
}

/// Numbers become `#` and units of time `ms`, and with them goes the white space that depends on
/// them.
fn shaped(screen: &str) -> String {
    let mut shaped = String::new();
    for line in screen.lines() {
        let indent = line.len() - line.trim_start().len();
        let without_sign = line.trim_start().trim_start_matches(['+', '-']);
        let timeline = without_sign.starts_with(|c: char| c.is_ascii_digit());
        shaped.push_str(if timeline { "    " } else { &line[..indent] });
        let mut words: Vec<String> = Vec::new();
        // A moment before the signal may round to zero, and has no sign then.
        for word in if timeline { without_sign } else { line }.split_whitespace().map(without_numbers) {
            let after_number = words.last().is_some_and(|word| word.ends_with('#'));
            let bare = word.trim_end_matches([',', ';', ':', ')', '.']);
            let is_unit = after_number && matches!(bare, "s" | "ms" | "us");
            words.push(if is_unit { word.replacen(bare, "ms", 1) } else { word });
        }
        shaped.push_str(&words.join(" "));
        shaped.push('\n');
    }
    shaped
}

/// `26.3µs` becomes `#ms`.
fn without_numbers(word: &str) -> String {
    let mut shaped = String::new();
    for letter in word.chars() {
        match letter {
            '0'..='9' | '.' if shaped.ends_with('#') => {}
            '0'..='9' => shaped.push('#'),
            letter => shaped.push(letter),
        }
    }
    shaped.replace("#µs", "#ms").replace("#ns", "#ms")
}

/// Whether this checkout has uncommitted changes is not what is being tested here.
fn with_a_git_that_sees_no_change() -> OsString {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("git");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let git = folder.join("git");
    if !git.exists() {
        // A link, whole at once: another test may be about to use it.
        let _ = std::os::unix::fs::symlink("/bin/true", &git);
    }
    let mut path = OsString::from(folder);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

fn submissions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/submissions")
}
