//! Cargo, its progress and its errors.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{ChildStderr, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::error::{Error, Result};
use crate::interrupt;
use crate::judging::proof::{self, Artefact};
use crate::judging::{cores, librdkafka};
use crate::reporter::Reporter;
use crate::typeset::{count, strip_colour};
use crate::workspace::{self, Workspace, cargo};

/// A build that takes longer than this shows cargo's own progress.
const PATIENCE: Duration = Duration::from_millis(700);

/// Of what cargo says, this much of the beginning and of the end is kept.
const KEPT: usize = 512 * 1024;
/// So many lines of the compiler are read by a person; more are left out.
const MOST_LINES: usize = 200;

/// A compiled acceptance test.
#[derive(Clone)]
pub(crate) struct Binary {
    /// The test binary.
    pub(crate) path: PathBuf,
    /// The folder of the package that it tests.
    pub(crate) folder: PathBuf,
    /// What its tests find in their environment: where the programs of the package lie, in the variables in
    /// which `cargo test` says so; a seed.
    pub(crate) environment: Vec<(String, OsString)>,
}

impl Binary {
    /// Its tests play again what they drew with this seed.
    pub(crate) fn with_seed(mut self, seed: Option<u64>) -> Self {
        self.environment.extend(seed.map(|seed| ("DRAIN_SEED".to_owned(), seed.to_string().into())));
        self
    }
}

pub(crate) struct Compiled {
    pub(crate) took: Duration,
    /// The first line of each warning.
    pub(crate) warnings: Vec<String>,
    /// The binary, or what the compiler said.
    pub(crate) result: std::result::Result<Binary, String>,
}

/// Builds the acceptance test of a package, see [`test()`].
pub(crate) fn acceptance(workspace: &Workspace, package: &str, reporter: &Reporter) -> Result<Compiled> {
    test(workspace, package, "acceptance", reporter)
}

/// Builds one test target of a package.
///
/// # Errors
///
/// Only if cargo cannot be started, if nothing can be written, or if there is nothing to run: a compile error is a result.
pub(crate) fn test(
    workspace: &Workspace,
    package: &str,
    name: &str,
    reporter: &Reporter,
) -> Result<Compiled> {
    // Where we cannot write, neither can cargo, and the submission is not to blame.
    workspace::require_room()?;
    librdkafka::prepare(workspace, package, reporter)?;
    let asked = Instant::now();
    let _room = cores::for_a_build(&workspace.build_folder());
    let started = Instant::now();
    let built = build_until_proven(workspace, package, name, reporter)?;
    let plain = strip_colour(&built.said);
    if let Some(fault) = fault_of_the_machine(&plain).filter(|_| !built.well) {
        return Err(Error::new(format!("{package} cannot be built here: {fault}")));
    }
    let warnings = plain.lines().filter(|line| line.starts_with("warning:")).map(str::to_owned).collect();
    let result = match binary(&built.artefacts) {
        Some(binary) if built.well => Ok(binary),
        _ if !built.well => Err(built.said),
        _ => {
            return Err(Error::new(format!(
                "cargo built no test `{name}` for {package}: is its `[[test]]` section intact?"
            )));
        }
    };
    let took = started.elapsed();
    reporter.built(started - asked, took);
    Ok(Compiled { took, warnings, result })
}

/// What clippy has to say about a package, the first line of each.
pub(crate) fn lints(workspace: &Workspace, package: &str) -> Result<Vec<String>> {
    let _room = cores::for_a_build(&workspace.build_folder());
    let mut cargo = cargo(workspace);
    cargo.args(["clippy", "--quiet", "--no-deps", "--package", package]);
    let (child, _group) =
        interrupt::spawn(cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()))?;
    let output = child.wait_with_output().map_err(|error| Error::new(format!("cargo clippy: {error}")))?;
    interrupt::check()?;
    let said = strip_colour(&String::from_utf8_lossy(&output.stderr));
    let is_one = |line: &&str| line.starts_with("warning") || line.starts_with("error");
    Ok(said.lines().filter(is_one).map(str::to_owned).collect())
}

/// Builds once, and again what nobody knows. Another runner may build the same at the same time, and has
/// not yet taken note of it when this one looks.
fn build_until_proven(
    workspace: &Workspace,
    package: &str,
    name: &str,
    reporter: &Reporter,
) -> Result<Built> {
    const TRIES: usize = 4;
    for tries_left in (0..TRIES).rev() {
        let built = build(workspace, package, name, reporter)?;
        let unproven = proof::unproven(workspace, &built.artefacts, built.began)?;
        match unproven.as_slice() {
            [] => return Ok(built),
            [first, ..] if tries_left == 0 => return Err(proof::nothing_shows(first)),
            unproven => proof::touch(unproven)?,
        }
    }
    unreachable!("the last try returns")
}

/// What cargo has done.
struct Built {
    began: SystemTime,
    well: bool,
    said: String,
    artefacts: Vec<Artefact>,
}

/// Runs cargo once.
fn build(workspace: &Workspace, package: &str, name: &str, reporter: &Reporter) -> Result<Built> {
    let mut cargo = cargo(workspace);
    cargo.args(["test", "--no-run", "--message-format=json-render-diagnostics"]);
    cargo.args(["--package", package, "--test", name]);
    // A bar would stand in one line with the error that follows it.
    cargo.envs([("CARGO_TERM_PROGRESS_WHEN", "never"), ("CARGO_TERM_HYPERLINKS", "false")]);
    cargo.envs([("CARGO_TERM_QUIET", "false"), ("CARGO_TERM_VERBOSE", "false")]);
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let coloured = reporter.is_read_on_a_terminal() && !unwanted;
    cargo.args(["--color", if coloured { "always" } else { "never" }]);
    let began = SystemTime::now();
    let (mut child, _group) =
        interrupt::spawn(cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let stderr = child.stderr.take().expect("stderr is piped");
    let shown = reporter.tells();
    let stderr = thread::spawn(move || pass_on(stderr, shown));
    let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let artefacts = stdout.lines().map_while(|line| line.ok()).filter_map(|line| artefact(&line));
    // A scratch workspace holds a drill; the kits lie in the project.
    let own = [workspace.root.clone(), workspace::root()];
    let is_own = |artefact: &Artefact| own.iter().any(|root| artefact.package.starts_with(root));
    let artefacts = artefacts.filter(is_own).collect();
    let status = child.wait().map_err(|error| Error::new(format!("cargo: {error}")))?;
    let said = stderr.join().unwrap_or_default();
    interrupt::check()?;
    Ok(Built { began, well: status.success(), said, artefacts })
}

fn artefact(message: &str) -> Option<Artefact> {
    // Most messages are long and about something else: parsing them all would cost more than the rest.
    if !message.contains("\"compiler-artifact\"") || !message.contains("\"path+file://") {
        return None;
    }
    Artefact::read(&message.parse().ok()?)
}

/// The test, and the programs that it may start.
fn binary(artefacts: &[Artefact]) -> Option<Binary> {
    let programs = artefacts.iter().filter(|artefact| !artefact.is_test);
    let variable = |program: &Artefact| {
        Some((format!("CARGO_BIN_EXE_{}", program.name), program.executable.clone()?.into()))
    };
    let environment = programs.filter_map(variable).collect();
    let test = artefacts.iter().rfind(|artefact| artefact.is_test)?;
    Some(Binary { path: test.executable.clone()?, folder: test.package.clone(), environment })
}

/// Collects what cargo says, and passes it on to the terminal if the build takes a while.
fn pass_on(mut stderr: ChildStderr, tells: bool) -> String {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let show_from = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    let mut shown = 0;
    loop {
        let until_shown = show_from.saturating_duration_since(Instant::now());
        let wait = if until_shown.is_zero() { PATIENCE } else { until_shown };
        match receiver.recv_timeout(wait) {
            Ok(bytes) => said.extend(bytes),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if tells && Instant::now() >= show_from {
            // Whole lines only: whether the rest is progress or an error is not known yet.
            let end = said.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            let progress = progress_lines(&said[shown.min(end)..end]);
            let _ = std::io::stderr().write_all(&progress);
            shown = end.max(shown);
        }
        if said.len() > 4 * KEPT {
            let surplus = said.len() - 2 * KEPT;
            said.drain(KEPT..KEPT + surplus);
            shown = shown.saturating_sub(surplus);
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// `Compiling …`, `Downloading …`, `Blocking …`: what cargo prints with the verb at the right margin.
/// Errors and warnings are shown once, with the verdict.
fn progress_lines(said: &[u8]) -> Vec<u8> {
    let lines = said.split_inclusive(|&byte| byte == b'\n');
    lines.filter(|line| is_progress(line)).flatten().copied().collect()
}

fn is_progress(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let plain: String = strip_colour(&text);
    let verb = plain.trim_start().split(' ').next().unwrap_or_default();
    let indent = plain.len() - plain.trim_start().len();
    indent + verb.len() == 12 && verb.chars().next().is_some_and(char::is_uppercase)
}

/// What the compiler said, without cargo's progress. If it said very much, without its warnings, and
/// no more than somebody reads.
pub(crate) fn errors(said: &str) -> String {
    let of_cargo = ["error: could not compile", "warning: build failed, waiting"];
    let lines = said.lines().filter(|line| {
        let plain = strip_colour(line);
        !is_progress(line.as_bytes()) && !of_cargo.iter().any(|words| plain.starts_with(words))
    });
    let said = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
    if said.lines().count() <= MOST_LINES {
        return said;
    }
    let is_warning = |part: &&str| strip_colour(part).trim_start().starts_with("warning");
    let (warnings, errors): (Vec<&str>, Vec<&str>) = said.split("\n\n").partition(is_warning);
    let errors = errors.join("\n\n");
    let more = errors.lines().count().saturating_sub(MOST_LINES);
    let mut shown = errors.lines().take(MOST_LINES).collect::<Vec<_>>().join("\n");
    for (number, what) in [(more, "more line"), (warnings.len(), "warning")] {
        if number > 0 {
            shown += &format!("\n\n({}: see with `cargo test --no-run`)", count(number, what));
        }
    }
    shown
}

/// What went wrong that says nothing about the submission, with the line that tells.
fn fault_of_the_machine(plain: &str) -> Option<String> {
    const FAULTS: [(&str, &str); 7] = [
        ("No space left on device", "the disk is full"),
        ("signal: 9, SIGKILL", "the compiler was killed, perhaps for want of memory"),
        ("terminated with signal 9", "the linker was killed, perhaps for want of memory"),
        ("failed to download", "something cannot be downloaded"),
        ("Unable to update registry", "something cannot be downloaded"),
        ("download of config.json failed", "something cannot be downloaded"),
        ("you're using offline mode", "something cannot be downloaded"),
    ];
    let told = |(words, what): &(&str, &str)| {
        let line = plain.lines().find(|line| line.contains(words))?;
        Some(format!("{what}; cargo says: {}", line.trim()))
    };
    FAULTS.iter().find_map(told)
}

/// Why there is no binary: what the submission does, in a few words.
pub(crate) fn reason(said: &str) -> &'static str {
    let plain = strip_colour(said);
    match () {
        () if plain.contains("error: could not compile") => "does not compile",
        () if plain.contains("error: failed to run custom build command") => "has a build script that fails",
        () => "cannot be built by cargo",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_warnings_does_not_hide_the_error() {
        let flood = "warning: unused variable: `x`\n --> src/lib.rs:1:1\n\n".repeat(1_000);
        let said = format!(
            "   Compiling task-02 v0.1.0\n{flood}error[E0308]: mismatched types\n --> src/lib.rs:9:9\n\n{flood}error: could not compile `task-02`"
        );
        let shown = errors(&said);
        assert!(shown.starts_with("error[E0308]: mismatched types\n --> src/lib.rs:9:9"), "{shown}");
        assert!(shown.contains("(2000 warnings: see with"), "{shown}");
        assert!(shown.lines().count() < MOST_LINES, "{shown}");
    }

    #[test]
    fn a_fault_of_the_machine_is_not_the_submissions() {
        let killed = "error: could not compile `task-02` (lib)\n\nCaused by:\n  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)";
        let said = fault_of_the_machine(killed).unwrap_or_default();
        assert!(said.starts_with("the compiler was killed") && said.lines().count() == 1, "{said}");
        assert_eq!(fault_of_the_machine("error[E0308]: mismatched types"), None);
        assert_eq!(fault_of_the_machine("error: no matching package named `tokyo` found"), None);
    }

    #[test]
    fn a_flood_of_errors_is_cut() {
        let said = "error: expected item\n --> src/lib.rs:1:1\n\n".repeat(1_000);
        let shown = errors(&said);
        assert!(shown.contains("more lines: see with"), "{shown}");
        assert!(shown.lines().count() <= MOST_LINES + 4, "{shown}");
    }
}
