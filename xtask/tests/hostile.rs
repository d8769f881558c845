//! Hostile submissions, each a test of the runner: the right verdict, named, within the criterion's
//! limit and two seconds; memory bounded, and no process left.
//!
//! - `supervisor`: small programs under `xtask supervise` alone;
//! - `submissions`: task crates under `xtask check --path`. One crate plays many parts: a plan in the
//!   environment says which attack meets which criterion, so that all are judged in one run;
//! - `runner`: what is done to the runner itself.
//!
//! Whatever is started here inherits a mark, in its environment or its arguments, by which it is found.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tinyjson::JsonValue;

/// What the runner may need beyond a criterion's limit.
const MARGIN: Duration = Duration::from_secs(2);
/// Building comes first, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(300);
const MIB: u64 = 1 << 20;

/// A family of processes that can be found by its mark.
struct Family {
    mark: String,
    peak: Arc<Peak>,
    watch: Option<JoinHandle<()>>,
}

/// Memory in bytes, at its highest.
#[derive(Default)]
struct Peak {
    over: AtomicBool,
    /// Of all of them together.
    all: AtomicU64,
    /// Of one runner or supervisor.
    runner: AtomicU64,
}

impl Family {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let mark = format!("hostile-{}-{number}", std::process::id());
        let peak = Arc::new(Peak::default());
        let watch = thread::spawn({
            let (mark, peak) = (mark.clone(), peak.clone());
            move || {
                while !peak.over.load(Ordering::SeqCst) {
                    peak.look(&members(&mark));
                    thread::sleep(Duration::from_millis(25));
                }
            }
        });
        Self { mark, peak, watch: Some(watch) }
    }

    /// The runner, as a member of this family.
    fn runner(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments).env("HOSTILE_MARK", &self.mark).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Fails if a member is still there two seconds later.
    fn require_none_left(&self) {
        let until = Instant::now() + MARGIN;
        while !members(&self.mark).is_empty() && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        let left: Vec<String> = members(&self.mark).into_iter().map(arguments).collect();
        assert!(left.is_empty(), "left behind: {left:#?}");
    }

    /// The highest memory of all members together, and of one runner or supervisor.
    fn peak(&self) -> (u64, u64) {
        (self.peak.all.load(Ordering::SeqCst), self.peak.runner.load(Ordering::SeqCst))
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.peak.over.store(true, Ordering::SeqCst);
        let _ = self.watch.take().map(JoinHandle::join);
        for pid in members(&self.mark) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

impl Peak {
    fn look(&self, members: &[i32]) {
        let mut all = 0;
        for &pid in members {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
            };
            all += field("RssAnon:");
            if arguments(pid).contains(" supervise ") || arguments(pid).contains("xtask check") {
                self.runner.fetch_max(field("VmHWM:"), Ordering::SeqCst);
            }
        }
        self.all.fetch_max(all, Ordering::SeqCst);
    }
}

/// The processes that carry the mark, zombies left out.
fn members(mark: &str) -> Vec<i32> {
    let processes = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let carries = |pid: &i32| {
        let carries = |file: &str| {
            let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).contains(mark)
        };
        carries("environ") || carries("cmdline")
    };
    pids.filter(carries).collect()
}

fn arguments(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Waits for the end, for as long as a build may take.
fn wait(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        match child.try_wait().expect("it is our child") {
            Some(status) => return status,
            None => assert!(Instant::now() < until, "still running after {PATIENCE:?}"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

trait Field {
    fn text(&self, name: &str) -> String;
    fn number(&self, name: &str) -> Option<f64>;
    fn list(&self, name: &str) -> Vec<JsonValue>;
}

impl Field for JsonValue {
    fn text(&self, name: &str) -> String {
        self[name].get::<String>().cloned().unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self[name].get().copied()
    }

    fn list(&self, name: &str) -> Vec<JsonValue> {
        self[name].get::<Vec<JsonValue>>().cloned().unwrap_or_default()
    }
}

mod supervisor {
    use super::*;

    struct Report {
        json: JsonValue,
        family: Family,
    }

    /// Runs a shell script under a supervisor, which must end at most two seconds after the limit and
    /// leave nothing. `$MARK` is there for what begins with an empty environment.
    fn supervise(limit: Duration, script: &str) -> Report {
        let family = Family::new();
        let limit_ms = limit.as_millis().to_string();
        let runner = std::process::id().to_string();
        let mut command = family.runner(&["supervise", &limit_ms, &runner, "/bin/sh", "-c", script]);
        command.env("MARK", &family.mark).current_dir(env!("CARGO_TARGET_TMPDIR"));
        let started = Instant::now();
        let output = command.output().expect("the supervisor starts");
        let took = started.elapsed();
        assert!(took < limit + MARGIN, "it took {took:?}, the limit was {limit:?}");
        family.require_none_left();
        let (_, runner) = family.peak();
        assert!(runner < 64 * MIB, "the supervisor itself used {} MiB", runner / MIB);
        let said = String::from_utf8_lossy(&output.stdout);
        let json = said.parse().unwrap_or_else(|_| panic!("no report: {output:?}"));
        Report { json, family }
    }

    fn left(report: &Report) -> Vec<String> {
        let names = report.json.list("left");
        names.iter().filter_map(|name| name.get::<String>()?.split(' ').next().map(str::to_owned)).collect()
    }

    #[test]
    fn a_grandchild_in_a_session_of_its_own_that_holds_the_pipes() {
        let script = "env -i setsid sh -c 'trap \"\" TERM HUP; : >\"$0.up\"; while :; do sleep 1; done' \"$MARK\" & \
                      until [ -e \"$MARK.up\" ]; do sleep 0.01; done; rm \"$MARK.up\"";
        let report = supervise(Duration::from_secs(10), script);
        assert_eq!(report.json.number("code"), Some(0.0));
        assert!(left(&report).contains(&"sh".to_owned()), "{:?}", left(&report));
    }

    #[test]
    fn a_chain_of_processes_of_which_each_starts_the_next_and_ends() {
        let script = "cat > \"$MARK.sh\" <<'END'\n[ $1 -gt 0 ] && sh $0 $(($1 - 1)) &\nEND\nsh $MARK.sh 4000; sleep 0.1";
        let report = supervise(Duration::from_secs(10), script);
        assert!(left(&report).contains(&"sh".to_owned()), "{:?}", left(&report));
        let chain = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.sh", report.family.mark));
        fs::remove_file(chain).expect("the script was written");
    }

    #[test]
    fn a_storm_of_forks() {
        let storm = "f() { if [ $1 -gt 0 ]; then f $(($1-1)) & f $(($1-1)) & fi; wait; sleep 60; }; trap '' TERM; f 10";
        let report = supervise(Duration::from_secs(10), storm);
        assert_eq!(report.json.text("stopped"), "processes");
    }

    #[test]
    fn orphans_that_end_at_once_do_not_pile_up() {
        let script = "i=0; while [ $i -lt 300 ]; do (true & ); i=$((i + 1)); done; sleep 0.5; \
                      cat /proc/$PPID/task/$PPID/children";
        let report = supervise(Duration::from_secs(30), script);
        let children = report.json.text("stdout").split_whitespace().count();
        assert!(children < 5, "{children} of 300 orphans had not been taken note of");
    }

    #[test]
    fn memory_without_end() {
        // `tail` keeps what has no line end.
        let report = supervise(Duration::from_secs(30), "head -c 8G /dev/zero | tail");
        assert_eq!(report.json.text("stopped"), "memory");
        let (all, _) = report.family.peak();
        assert!(all < 2048 * MIB, "{} MiB were in use", all / MIB);
    }

    #[test]
    fn a_gigabyte_on_stdout_without_a_newline() {
        let report = supervise(Duration::from_secs(60), "head -c 1G /dev/zero; echo; echo the end");
        assert_eq!(report.json.number("code"), Some(0.0));
        let stdout = report.json.text("stdout");
        assert!(stdout.len() < 64 * 1024 && stdout.ends_with("the end\n"), "{} bytes", stdout.len());
    }

    #[test]
    fn a_closed_stdout() {
        let report = supervise(Duration::from_millis(500), "exec >&- 2>&-; sleep 60");
        assert_eq!(report.json.text("stopped"), "limit");
    }

    #[test]
    fn one_that_stops_itself() {
        let report = supervise(Duration::from_millis(500), "kill -STOP $$");
        assert_eq!(report.json.text("stopped"), "limit");
    }

    #[test]
    fn a_file_without_end() {
        let script = "dd if=/dev/zero of=$MARK.large bs=1 count=1 seek=2G; rm -f $MARK.large; kill -KILL $$";
        let report = supervise(Duration::from_secs(10), script);
        assert!(
            report.json.text("stderr").to_lowercase().contains("file size limit exceeded"),
            "{:?}",
            report.json
        );
    }

    #[test]
    fn the_end_of_the_runner() {
        let family = Family::new();
        // The shell plays the runner: it is killed, and cannot tell anybody.
        let script = "trap '' TERM; while :; do sleep 1; done";
        let supervisor =
            format!("{} supervise 60000 $$ /bin/sh -c \"{script}\" & wait", env!("CARGO_BIN_EXE_xtask"));
        let mut runner = Command::new("sh");
        runner.args(["-c", &supervisor]).env("HOSTILE_MARK", &family.mark);
        let mut runner = runner.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("sh starts");
        while !members(&family.mark).into_iter().any(|pid| arguments(pid).starts_with("/bin/sh -c trap")) {
            thread::sleep(Duration::from_millis(5));
        }
        runner.kill().expect("it is our child");
        runner.wait().expect("it is our child");
        family.require_none_left();
    }
}

/// A task crate of `tests/hostile`, completed, in a folder of its own.
fn submission(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    copy(&here.join("tests/hostile").join(name), &folder);
    let solution = |path: &str| fs::read_to_string(here.join("../solutions").join(path)).expect("a solution");
    match name {
        "library" => {
            let warnings: String = (0..1_000).map(|number| format!("fn unused_{number}() {{}}\n")).collect();
            write_if_new(&folder.join("src/warnings.rs"), &warnings);
            write_if_new(&folder.join("src/pool.rs"), &solution("task-02/src/lib.rs"));
        }
        "program" => {
            let right = solution("task-01/src/main.rs").replace("async fn main()", "pub async fn main()");
            write_if_new(&folder.join("src/right.rs"), &right);
        }
        _ => {}
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder for the submission");
    for entry in fs::read_dir(from).expect("it is part of the tests").flatten() {
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            let text = fs::read_to_string(entry.path()).expect("it is part of the tests");
            write_if_new(&to.join(entry.file_name()), &text);
        }
    }
}

/// What is the same already need not be built again.
fn write_if_new(path: &Path, text: &str) {
    if !fs::read_to_string(path).is_ok_and(|old| old == text) {
        fs::write(path, text).expect("the submission can be written");
    }
}

/// Submissions share one scratch workspace: one at a time. How long a test waits for another tells
/// nothing.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

mod submissions {
    use super::*;

    /// How a criterion was judged.
    #[derive(Debug)]
    struct Judged {
        word: String,
        seconds: f64,
        /// All that the screen could show of it.
        story: String,
    }

    struct Verdict {
        json: JsonValue,
        code: Option<i32>,
        stderr: String,
    }

    impl Verdict {
        fn drill(&self) -> &JsonValue {
            &self.json["drills"][0]
        }

        fn light(&self, name: &str) -> JsonValue {
            let lights = self.drill().list("lights");
            lights.into_iter().find(|light| light.text("light") == name).expect("a light")
        }

        fn criterion(&self, name: &str) -> Judged {
            let lights = self.drill().list("lights");
            let criteria = lights.iter().flat_map(|light| light.list("criteria"));
            let json = criteria.into_iter().find(|criterion| criterion.text("test") == name);
            let json = json.unwrap_or_else(|| panic!("no criterion is called {name}"));
            let texts = [json.text("headline"), json.text("observed")].into_iter();
            let facts = json.list("facts").into_iter().map(|fact| fact.text("value"));
            let output = json.list("output").into_iter().filter_map(|line| line.get::<String>().cloned());
            Judged {
                word: json.text("verdict"),
                seconds: json.number("seconds").unwrap_or(f64::MAX),
                story: texts.chain(facts).chain(output).collect::<Vec<_>>().join(" / "),
            }
        }
    }

    /// Judges a submission; the runner must leave nothing behind, and need little memory itself.
    fn check(name: &str, plan: &[(&str, &str)], options: &[&str]) -> Verdict {
        let _alone = alone();
        let family = Family::new();
        let folder = submission(name);
        let path = folder.to_str().expect("a path in UTF-8");
        let plan: Vec<String> = plan.iter().map(|(attack, test)| format!("{attack}={test}")).collect();
        let mut runner = family.runner(&["check", "--path", path, "--json"]);
        let output =
            runner.args(options).env("HOSTILE_PLAN", plan.join(",")).output().expect("the runner starts");
        let (all, runner) = family.peak();
        family.require_none_left();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = String::from_utf8_lossy(&output.stdout);
        let json = said.parse().unwrap_or_else(|_| panic!("no verdict: {said}\n{stderr}"));
        assert!(runner < 128 * MIB, "the runner used {} MiB", runner / MIB);
        assert!(all < 4096 * MIB, "{} MiB were in use", all / MIB);
        Verdict { json, code: output.status.code(), stderr }
    }

    /// An attack, the word that it must get, and what must be said.
    type Expected = (&'static str, &'static str, &'static str);

    /// Judges each attack by a criterion of its own.
    fn require(name: &str, expected: &[Expected], criteria: &[(String, Duration)]) -> Verdict {
        assert!(
            criteria.len() >= expected.len(),
            "{} attacks on {} criteria",
            expected.len(),
            criteria.len()
        );
        let met: Vec<_> = expected.iter().zip(criteria).collect();
        let plan: Vec<_> = met.iter().map(|((attack, ..), (test, _))| (*attack, test.as_str())).collect();
        let verdict = check(name, &plan, &["--fast"]);
        let mut wrong = Vec::new();
        for ((attack, word, words), (test, limit)) in met {
            let judged = verdict.criterion(test);
            // Where others leave it less than a tenth of a processor, an endless loop cannot be told
            // from a slow program.
            let busy = *word == "HUNG" && judged.word == "???" && judged.story.contains("machine too busy");
            let right = judged.word == *word && judged.story.contains(words);
            let in_time = judged.seconds < (*limit + MARGIN).as_secs_f64();
            println!("{attack:<22} {:<5} {:>5.2} s  {}", judged.word, judged.seconds, judged.story);
            if !(right || busy) || !in_time || judged.story.contains('\u{1b}') {
                wrong.push(format!("{attack} at {test}: expected {word} with `{words}`, got {judged:?}"));
            }
        }
        assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
        assert_eq!(verdict.code, Some(1), "{}", verdict.stderr);
        verdict
    }

    /// The criteria of a drill for attacks to meet: first that with the highest limit, because memory is
    /// filled slowly on a busy machine, then those with the usual one.
    fn criteria(drill: &str) -> Vec<(String, Duration)> {
        let path = format!("{}/../exercises/{drill}/tests/acceptance/main.rs", env!("CARGO_MANIFEST_DIR"));
        let mut criteria = drain_criteria::read(&fs::read_to_string(path).expect("an acceptance file"));
        // The load light is not run, and a report may be that of a process of its own.
        let left_out = [drain_criteria::Light::Load, drain_criteria::Light::Report];
        criteria.retain(|criterion| !left_out.contains(&criterion.light()));
        let longest = criteria.iter().max_by_key(|criterion| criterion.limit).expect("a criterion").clone();
        criteria
            .retain(|criterion| *criterion != longest && criterion.limit == drain_criteria::DEFAULT_LIMIT);
        criteria.insert(0, longest);
        criteria.into_iter().map(|criterion| (criterion.name, criterion.limit)).collect()
    }

    #[test]
    fn hostile_libraries() {
        let expected = [
            ("memory", "CRASH", "stopped: more than 1 GiB of memory"),
            ("endless-loop", "HUNG", "stopped after 1"),
            ("blocked-thread", "HUNG", "stopped after 1"),
            ("deadlock", "HUNG", "stopped after 1"),
            ("endless-stdout", "HUNG", "stopped after 1"),
            ("left-behind", "RED", "left behind: sh ("),
            ("exit", "CRASH", "exit code 0, before the criterion was met"),
            ("forged-result", "CRASH", "exit code 0, before the criterion was met"),
            ("no-tests", "CRASH", "exit code 0, before the criterion was met"),
            ("forged-record", "CRASH", "exit code 0, before the criterion was met"),
            ("panic", "RED", "Done: 5 of 5 lights"),
            ("panic-flood", "ok", ""),
            ("abort", "CRASH", "killed by SIGABRT"),
            ("stack-overflow", "CRASH", "has overflowed its stack"),
            ("addresses", "CRASH", "memory allocation of 68719476736 bytes failed"),
            ("fork-storm", "CRASH", "stopped: more than 256 processes"),
            ("kills-its-supervisor", "CRASH", "its supervisor was killed by SIGKILL"),
        ];
        let verdict = require("library", &expected, &criteria("task-02"));
        assert_eq!(verdict.light("builds").text("verdict"), "ok");
        assert!(!verdict.stderr.contains("warning"), "a flood of warnings: {}", verdict.stderr);
    }

    #[test]
    fn hostile_programs() {
        let expected = [
            ("memory", "CRASH", "stopped: more than 1 GiB of memory"),
            ("endless-loop", "HUNG", "stopped after 1"),
            ("closed-stdout", "RED", "stdout closed without it, and the program ran on"),
            ("left-behind", "RED", "left behind: sh ("),
            ("exit", "RED", "exit code 0"),
            ("panic", "RED", "exit code 101"),
            ("abort", "RED", "SIGABRT"),
            ("fork-storm", "CRASH", "stopped: more than 256 processes"),
        ];
        require("program", &expected, &criteria("task-01"));
    }

    #[test]
    fn a_build_script_that_fails() {
        let verdict = check("build-script", &[], &[]);
        assert_eq!(verdict.code, Some(1));
        let builds = verdict.light("builds");
        assert_eq!(builds.text("verdict"), "RED");
        assert_eq!(builds.text("summary"), "has a build script that fails");
        assert_eq!(verdict.light("tests").text("summary"), "not run: it has a build script that fails");
        assert!(verdict.drill().text("compiler").contains("libdrain is not installed"), "{:?}", verdict.json);
    }
}

mod runner {
    use super::*;

    /// A check that is under way: its program is deaf to every signal but SIGKILL.
    struct UnderWay {
        family: Family,
        runner: Child,
    }

    fn under_way() -> UnderWay {
        let test = "sigterm_is_answered_within_100_ms";
        deaf("program", &["--only", test], &format!("deaf={test}"))
    }

    /// Starts a check, and waits until something deaf runs.
    fn deaf(name: &str, options: &[&str], plan: &str) -> UnderWay {
        let family = Family::new();
        let folder = submission(name);
        let mut runner = family.runner(&["check", "--path", folder.to_str().expect("UTF-8")]);
        runner.args(options).env("HOSTILE_PLAN", plan).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut runner = runner.spawn().expect("the runner starts");
        let until = Instant::now() + PATIENCE;
        while !members(&family.mark).into_iter().any(|pid| arguments(pid).starts_with("sh -c trap '' TERM")) {
            assert!(Instant::now() < until && runner.try_wait().unwrap().is_none(), "it was never under way");
            thread::sleep(Duration::from_millis(5));
        }
        UnderWay { family, runner }
    }

    impl UnderWay {
        /// Sends the signal; the runner must end, and nothing be left.
        fn end(mut self, signal: Signal) -> (ExitStatus, String) {
            let pid = Pid::from_raw(self.runner.id().cast_signed());
            let sent = Instant::now();
            kill(pid, signal).expect("it is our child");
            let status = wait(&mut self.runner);
            self.family.require_none_left();
            assert!(sent.elapsed() < MARGIN, "it took {:?}", sent.elapsed());
            let mut said = String::new();
            let mut stderr = self.runner.stderr.take().expect("stderr is piped");
            stderr.read_to_string(&mut said).expect("it says UTF-8");
            (status, said.lines().last().unwrap_or_default().to_owned())
        }
    }

    #[test]
    fn ctrl_c_stops_everything() {
        let _alone = alone();
        let (status, said) = under_way().end(Signal::SIGINT);
        assert_eq!(status.code(), Some(130));
        assert_eq!(said, "xtask: interrupted; everything that was started has been stopped");
    }

    #[test]
    fn ctrl_c_stops_a_build() {
        let _alone = alone();
        let (status, _) = deaf("build-script", &[], "deaf").end(Signal::SIGINT);
        assert_eq!(status.code(), Some(130));
    }

    #[test]
    fn sigterm_stops_everything() {
        let _alone = alone();
        let (status, said) = under_way().end(Signal::SIGTERM);
        assert_eq!(status.code(), Some(143));
        assert_eq!(said, "xtask: interrupted; everything that was started has been stopped");
    }

    #[test]
    fn a_proof_that_is_interrupted_says_how_far_it_came() {
        let _alone = alone();
        let family = Family::new();
        let table = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interrupted.json");
        let mut runner = family.runner(&["verify", "1", "--fresh", "--json", table.to_str().expect("UTF-8")]);
        let mut runner =
            runner.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the runner starts");
        let mut said =
            BufReader::new(runner.stderr.take().expect("stderr is piped")).lines().map_while(Result::ok);
        let first = said.find(|line| line.starts_with("[  1/")).expect("the papers need no build");
        let all: usize = first[5..].split(']').next().unwrap().trim().parse().expect("the number of proofs");
        kill(Pid::from_raw(runner.id().cast_signed()), Signal::SIGINT).expect("it is our child");
        let last = said.last().unwrap_or_default();
        assert_eq!(wait(&mut runner).code(), Some(130));
        family.require_none_left();
        let stopped = "xtask: interrupted; everything that was started has been stopped";
        assert_eq!(last, format!("{stopped}; not finished: 1 of {all} proofs"));
    }

    #[test]
    fn a_runner_that_is_killed_leaves_nothing() {
        let _alone = alone();
        let (status, _) = under_way().end(Signal::SIGKILL);
        assert_eq!(status.signal(), Some(9));
    }

    #[test]
    fn two_at_once_both_get_their_verdict() {
        let _alone = alone();
        let folder = submission("program");
        let test = "sigterm_is_answered_within_100_ms";
        let check = |plan: String, code: i32| {
            let family = Family::new();
            let arguments = ["check", "--path", folder.to_str().expect("UTF-8"), "--only", test];
            let output =
                family.runner(&arguments).env("HOSTILE_PLAN", plan).output().expect("the runner starts");
            family.require_none_left();
            assert_eq!(output.status.code(), Some(code), "{output:?}");
        };
        thread::scope(|scope| {
            scope.spawn(|| check(format!("exit={test}"), 1));
            scope.spawn(|| check(String::new(), 0));
        });
    }

    #[test]
    fn one_that_waits_for_another_can_be_interrupted() {
        let _alone = alone();
        let other = under_way();
        let family = Family::new();
        let folder = submission("program");
        let mut runner = family.runner(&["check", "--path", folder.to_str().expect("UTF-8")]);
        let mut runner =
            runner.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the runner starts");
        let mut said = BufReader::new(runner.stderr.take().expect("stderr is piped")).lines();
        assert_eq!(said.next().unwrap().unwrap(), "waiting for another check to finish");
        let sent = Instant::now();
        kill(Pid::from_raw(runner.id().cast_signed()), Signal::SIGINT).expect("it is our child");
        assert_eq!(wait(&mut runner).code(), Some(130));
        assert!(sent.elapsed() < MARGIN, "it took {:?}", sent.elapsed());
        other.end(Signal::SIGINT);
    }

    /// What a runner says that could not run: one line, and exit code 2.
    fn refusal(command: &mut Command) -> String {
        let output = command.output().expect("the runner starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    }

    #[test]
    fn nobody_reads_its_output() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut list = Family::new().runner(&["list"]);
        let output = list.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(141));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let said = list.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(said.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&said.stderr).starts_with("xtask: cannot write to stdout: "));
    }

    #[test]
    fn a_folder_that_cannot_be_written() {
        // The runner works in the folder in which it lies, and here a file is in the way.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-a-folder");
        let _ = fs::remove_dir_all(&target);
        fs::create_dir_all(target.join("debug")).expect("a folder");
        let runner = target.join("debug/xtask");
        fs::hard_link(env!("CARGO_BIN_EXE_xtask"), &runner).expect("the runner is built");
        fs::write(target.join("drain"), "").expect("a file");
        let said = refusal(Command::new(runner).args(["check", "1"]));
        let folder = target.join("drain/events");
        assert!(said.starts_with(&format!("xtask: cannot create {}: ", folder.display())), "{said}");
    }

    #[test]
    fn a_disk_that_takes_no_more() {
        let mut shell = Command::new("/bin/bash");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" check 1", env!("CARGO_BIN_EXE_xtask")]);
        let said = refusal(&mut shell);
        assert!(said.starts_with("xtask: cannot write ") && said.contains("File too large"), "{said}");
    }

    #[test]
    fn no_cargo() {
        let said = refusal(Family::new().runner(&["check", "1"]).env("CARGO", "/nowhere/cargo"));
        assert!(said.starts_with("xtask: cannot start /nowhere/cargo: "), "{said}");
    }

    #[test]
    fn no_git() {
        let said = refusal(Family::new().runner(&["diff", "1", "--yes"]).env("PATH", "/nowhere"));
        assert!(said.starts_with("xtask: cannot run git, which shows the difference: "), "{said}");
    }

    #[test]
    fn a_folder_that_is_no_task_crate() {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-crate");
        let _ = fs::remove_dir_all(&folder);
        copy(&submission("program"), &folder);
        let _alone = alone();
        std::os::unix::fs::symlink("/", folder.join("everything")).expect("the folder can be written");
        let said = refusal(&mut Family::new().runner(&["check", "--path", folder.to_str().expect("UTF-8")]));
        assert!(said.contains("everything is neither a file nor a folder"), "{said}");
    }
}
