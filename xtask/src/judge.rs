//! Runs the criteria of one submission and finds the word for each.

use std::ffi::OsString;
use std::fs;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use drain_criteria::{Criterion, Light};
use tinyjson::JsonValue;

use crate::compile::Binary;
use crate::drill;
use crate::error::{At as _, Result};
use crate::json::Get as _;
use crate::race;
use crate::screen;
use crate::supervise::{self, Ended, Job, Stopped};
use crate::verdict::{Judged, Story, Word};

/// The kit ends a criterion at its limit and says what it waited for; this much later the supervisor
/// ends whatever is left.
const AFTER_THE_LIMIT: Duration = Duration::from_millis(1_200);
/// Criteria mostly wait: this many run side by side. Those of the load light run alone.
const SIDE_BY_SIDE: usize = 4;
/// A record larger than this was not written by the kit alone.
const LARGEST_RECORD: u64 = 4 << 20;

/// Judges these criteria, several side by side, and returns them in the order given.
pub(crate) fn criteria(binary: &Binary, criteria: &[Criterion], quiet: bool) -> Result<Vec<Judged>> {
    let (alone, together): (Vec<_>, Vec<_>) =
        criteria.iter().partition(|criterion| criterion.light() == Light::Load);
    let progress = Progress::new(criteria.len(), quiet);
    let mut judged = in_parallel(binary, &together, SIDE_BY_SIDE, &progress)?;
    judged.extend(in_parallel(binary, &alone, 1, &progress)?);
    judged.sort_by_key(|judged| criteria.iter().position(|criterion| *criterion == judged.criterion));
    Ok(judged)
}

fn in_parallel(
    binary: &Binary,
    criteria: &[&Criterion],
    jobs: usize,
    progress: &Progress,
) -> Result<Vec<Judged>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.min(criteria.len()) {
            scope.spawn(|| {
                while let Some(criterion) = criteria.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let judged = one(binary, criterion, &[]);
                    progress.step();
                    results.lock().expect("no judge panics").push(judged);
                }
            });
        }
    });
    results.into_inner().expect("no judge panics").into_iter().collect()
}

/// Judges the scenarios of a race check, one after the other: each keeps a processor busy.
pub(crate) fn scenarios(
    binary: &Binary,
    scenarios: &[Criterion],
    seed: Option<u64>,
    quiet: bool,
) -> Result<Vec<Judged>> {
    let progress = Progress::new(scenarios.len(), quiet);
    let seed: Vec<_> =
        seed.map(|seed| ("DRAIN_SEED".to_owned(), seed.to_string().into())).into_iter().collect();
    let judged = scenarios.iter().map(|scenario| {
        let judged = one(binary, scenario, &seed);
        progress.step();
        judged
    });
    judged.collect()
}

/// Judges one criterion, with these variables in its environment.
pub(crate) fn one(
    binary: &Binary,
    criterion: &Criterion,
    environment: &[(String, OsString)],
) -> Result<Judged> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let events = drill::events_folder()?.join(format!("{}-{number}.jsonl", std::process::id()));
    let word = random_word()?;
    let job = Job {
        binary: &binary.path,
        arguments: [
            criterion.name.trim_start_matches(race::PREFIX),
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ]
        .map(str::to_owned)
        .to_vec(),
        folder: &binary.folder,
        environment: [environment, &binary.programs].concat(),
        events: events.clone(),
        word: word.clone(),
        limit: criterion.limit + AFTER_THE_LIMIT,
    };
    let ended = supervise::run(&job);
    let record = read_record(&events, &word);
    let _ = fs::remove_file(&events);
    Ok(judge(criterion, ended?, &record))
}

/// A word that the code under test cannot guess.
fn random_word() -> Result<String> {
    let path = PathBuf::from("/dev/urandom");
    let mut bytes = [0; 16];
    fs::File::open(&path).and_then(|mut file| file.read_exact(&mut bytes)).at("read", &path)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The lines that the kit has written. It alone knows the word that they begin with.
fn read_record(path: &PathBuf, word: &str) -> Vec<JsonValue> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        let _ = file.take(LARGEST_RECORD).read_to_end(&mut bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter_map(|line| line.strip_prefix(word)?.parse().ok()).collect()
}

fn judge(criterion: &Criterion, ended: Ended, record: &[JsonValue]) -> Judged {
    let of_kind = |kind: &str| record.iter().rev().find(|entry| entry.text("kind") == kind);
    let all_of_kind =
        |kind: &str| record.iter().filter(|entry| entry.text("kind") == kind).cloned().collect::<Vec<_>>();
    let mut story = Story {
        events: all_of_kind("event"),
        notes: all_of_kind("note").iter().map(|note| note.text("what")).collect(),
        lag_ms: of_kind("lag").and_then(|lag| lag.number("late_ms")),
        ..Story::default()
    };
    let held = of_kind("passed").is_some();

    let found = if let Some(unknown) = of_kind("unknown") {
        story.facts.push(("because", unknown.text("reason")));
        Word::Unknown
    } else if let Some(hung) = of_kind("hung") {
        let after = Duration::from_secs_f64(hung.number("after_s").unwrap_or_default());
        story.hung(after, hung.text("waiting_for"), hung.text("alive"));
        Word::Hung
    } else if let Some(raced) = of_kind("raced") {
        story.raced(raced);
        Word::Race
    } else if let Some(failed) = of_kind("failed") {
        story.failed(failed);
        Word::Red
    } else if let Some(stopped) = ended.stopped {
        stopped_word(stopped, held, record, &ended, &mut story)
    } else if let Some(signal) = ended.signal {
        story.headline = format!("killed by {}", signal_name(signal));
        story.output = last_words(&ended.stderr, &ended.stdout);
        Word::Crash
    } else if let Some(panicked) = of_kind("panicked").filter(|_| ended.code == Some(101)) {
        story.expected = Some(criterion.sentence.clone());
        story.observed =
            Some(format!("the code panicked at {}: {}", panicked.text("place"), panicked.text("message")));
        Word::Red
    } else if held && ended.code == Some(0) && ended.stdout.contains("test result: ok. 1 passed;") {
        left_behind(&ended, &mut story)
    } else if of_kind("begun").is_none()
        && let Some(reason) = no_test(&ended)
    {
        story.facts.push(("because", reason.to_owned()));
        Word::Unknown
    } else {
        ended_early(&ended, held, &mut story)
    };
    Judged { criterion: criterion.clone(), word: found, took: ended.took, story: story.plain() }
}

fn stopped_word(
    stopped: Stopped,
    held: bool,
    record: &[JsonValue],
    ended: &Ended,
    story: &mut Story,
) -> Word {
    match stopped {
        Stopped::AtItsLimit => {
            let waits = record
                .iter()
                .rev()
                .find(|entry| entry.text("kind") == "waiting")
                .map(|entry| entry.list("for"));
            let waits: Vec<String> =
                waits.unwrap_or_default().iter().filter_map(|wait| wait.get().cloned()).collect();
            let waiting = match () {
                () if held => {
                    "the process to end: a thread, a task or a destructor goes on after the test".to_owned()
                }
                () if waits.is_empty() => "the test to begin: the process never got there".to_owned(),
                () => waits.join(", and for "),
            };
            story.hung(ended.took, waiting, String::new());
            Word::Hung
        }
        Stopped::TooManyProcesses => {
            story.headline = format!("stopped: more than {} processes", supervise::MOST_PROCESSES);
            Word::Crash
        }
        Stopped::TooMuchMemory => {
            story.headline = format!("stopped: more than {} GiB of memory", supervise::MOST_MEMORY);
            Word::Crash
        }
        Stopped::Unsupervised => {
            let signal = ended.signal.map(signal_name).unwrap_or_default();
            story.headline = format!("its supervisor was killed by {signal}");
            Word::Crash
        }
        Stopped::Interrupted => {
            story.facts.push(("because", "interrupted".to_owned()));
            Word::Unknown
        }
    }
}

fn left_behind(ended: &Ended, story: &mut Story) -> Word {
    if ended.left.is_empty() {
        return Word::Ok;
    }
    story.expected = Some("no process left when the test is over".to_owned());
    story.observed = Some(format!("left behind: {}", ended.left.join(", ")));
    Word::Red
}

/// Why the test binary has run no test.
fn no_test(ended: &Ended) -> Option<&'static str> {
    match () {
        () if ended.stdout.contains("0 passed; 0 failed; 1 ignored") => {
            Some("the test is marked `#[ignore]`")
        }
        () if ended.stdout.contains("running 0 tests") => Some("the test binary has no test of this name"),
        () => None,
    }
}

/// The process is over, and the criterion was neither met nor missed.
fn ended_early(ended: &Ended, held: bool, story: &mut Story) -> Word {
    let code = ended.code.unwrap_or(-1);
    let when = if held {
        "after the criterion was met, before the test was over"
    } else {
        "before the criterion was met"
    };
    story.headline = format!("exit code {code}, {when}");
    story.output = last_words(&ended.stderr, &ended.stdout);
    Word::Crash
}

impl Story {
    /// Without commands to the terminal: what a submission prints must not draw on the verdict.
    fn plain(self) -> Self {
        let lines = |lines: Vec<String>| lines.iter().map(|line| screen::plain(line)).collect();
        Self {
            headline: screen::plain(&self.headline),
            expected: self.expected.map(|text| screen::plain(&text)),
            observed: self.observed.map(|text| screen::plain(&text)),
            picture: lines(self.picture),
            steps: self.steps.iter().map(|(who, what)| (screen::plain(who), screen::plain(what))).collect(),
            facts: self.facts.into_iter().map(|(name, value)| (name, screen::plain(&value))).collect(),
            notes: lines(self.notes),
            output: lines(self.output),
            ..self
        }
    }

    fn failed(&mut self, failed: &JsonValue) {
        self.expected = Some(failed.text("expected"));
        self.observed = Some(failed.text("observed"));
        self.picture = failed.list("picture").iter().filter_map(|line| line.get().cloned()).collect();
    }

    fn raced(&mut self, raced: &JsonValue) {
        let count = |name: &str| raced.number(name).unwrap_or_default();
        self.headline = format!("after {} of {} schedules", count("schedules"), count("of"));
        self.expected = Some(raced.text("expected"));
        self.observed = Some(raced.text("observed"));
        let steps = raced.list("steps").into_iter().filter_map(|step| step.get::<Vec<JsonValue>>().cloned());
        let part = |step: &[JsonValue], at: usize| {
            step.get(at).and_then(|part| part.get().cloned()).unwrap_or_default()
        };
        self.steps = steps.map(|step| (part(&step, 0), part(&step, 1))).collect();
        self.seed = Some(raced.text("seed"));
    }

    fn hung(&mut self, after: Duration, waiting_for: String, alive: String) {
        self.headline = format!("stopped after {:.1} s", after.as_secs_f64());
        self.facts.push(("waiting for", waiting_for));
        if !alive.is_empty() {
            self.facts.push(("alive then", alive));
        }
    }
}

/// The last lines that say something, from stderr or else from stdout; what the test harness prints says
/// nothing.
fn last_words(stderr: &str, stdout: &str) -> Vec<String> {
    let says = |line: &&str| {
        !line.trim().is_empty()
            && *line != "running 1 test"
            && !line.starts_with("note: run with `RUST_BACKTRACE")
    };
    let own = |line: &str| match line.strip_prefix("test ").and_then(|line| line.split_once(" ... ")) {
        Some((_, said)) => said.to_owned(),
        None => line.to_owned(),
    };
    let words = |text: &str| -> Vec<String> {
        text.lines().filter(says).map(own).filter(|line| !line.is_empty()).collect()
    };
    let lines = if stderr.trim().is_empty() { words(stdout) } else { words(stderr) };
    let last = lines.len().saturating_sub(4);
    lines[last..].iter().map(|line| line.chars().take(200).collect()).collect()
}

fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| format!("signal {signal}"), |signal| signal.to_string())
}

/// `3 of 10` on a terminal while criteria run.
struct Progress {
    done: AtomicUsize,
    all: usize,
    shown: bool,
    started: Instant,
}

impl Progress {
    fn new(all: usize, quiet: bool) -> Self {
        Self {
            done: AtomicUsize::new(0),
            all,
            shown: !quiet && std::io::stderr().is_terminal(),
            started: Instant::now(),
        }
    }

    fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        if self.shown {
            eprint!("\r  {done} of {} criteria, {:.0} s ", self.all, self.started.elapsed().as_secs_f64());
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            eprint!("\r{:40}\r", "");
        }
    }
}
