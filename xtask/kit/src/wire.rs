//! Tells the runner what happened, when a runner listens.
//!
//! The runner names a file in `DRAIN_EVENTS` and hands over a secret word on standard input. The kit
//! appends JSON lines to the file, each behind that word: the code under test can print
//! `test result: ok`, and can write to the file, but does not know the word. The line of a criterion that
//! holds is the last one.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tinyjson::JsonValue;

use crate::Race;

/// The file is bounded, whatever the code under test does: a scenario with two hundred clients writes a
/// few hundred lines. How it ended is always written.
const MOST_BYTES: usize = 1 << 20;
/// A panic can have a message of any length.
const LONGEST_TEXT: usize = 8 * 1024;

struct Wire {
    file: Mutex<(File, usize)>,
    word: String,
}

static WIRE: OnceLock<Option<Wire>> = OnceLock::new();

/// Reads the runner's word from standard input, before the code under test can.
pub(crate) fn open() {
    write("begun", []);
}

fn wire() -> Option<&'static Wire> {
    let connect = || {
        let path = std::env::var_os("DRAIN_EVENTS")?;
        let mut word = String::new();
        std::io::stdin().read_line(&mut word).ok()?;
        let file = OpenOptions::new().append(true).create(true).open(path).ok()?;
        Some(Wire { file: Mutex::new((file, 0)), word: word.trim().to_owned() })
    };
    WIRE.get_or_init(connect).as_ref()
}

pub(crate) fn event(at: Duration, lane: &str, what: &str) {
    let at = JsonValue::Number(at.as_secs_f64() * 1e3);
    write("event", [("at_ms", at), ("lane", text(lane)), ("what", text(what))]);
}

pub(crate) fn waiting(open: &[String]) {
    let open = open.iter().map(|what| text(what)).collect();
    write("waiting", [("for", JsonValue::Array(open))]);
}

pub(crate) fn failed(expected: &str, observed: &str, picture: &[String]) {
    let picture = JsonValue::Array(picture.iter().map(|line| text(line)).collect());
    write("failed", [("expected", text(expected)), ("observed", text(observed)), ("picture", picture)]);
}

/// Whether a runner has started this process, for one test.
pub(crate) fn is_open() -> bool {
    wire().is_some()
}

pub(crate) fn raced(race: &Race) {
    tell_run("raced", race);
}

/// A failure like any other, with the steps that led to it instead of a picture.
pub(crate) fn scripted(run: &Race) {
    tell_run("failed", run);
}

fn tell_run(kind: &str, run: &Race) {
    let Race { done, of, seed, steps, expected, observed } = run;
    let steps = steps.iter().map(|(who, what)| JsonValue::Array(vec![text(who), text(what)])).collect();
    write(
        kind,
        [
            ("schedules", JsonValue::Number(*done as f64)),
            ("of", JsonValue::Number(*of as f64)),
            ("seed", text(&seed.to_string())),
            ("steps", JsonValue::Array(steps)),
            ("expected", text(expected)),
            ("observed", text(observed)),
        ],
    );
}

pub(crate) fn panicked(place: &str, message: &str) {
    write("panicked", [("place", text(place)), ("message", text(message))]);
}

pub(crate) fn unknown(reason: &str) {
    write("unknown", [("reason", text(reason))]);
}

pub(crate) fn hung(after: Duration, waiting_for: &str, alive: &str) {
    let after = JsonValue::Number(after.as_secs_f64());
    write("hung", [("after_s", after), ("waiting_for", text(waiting_for)), ("alive", text(alive))]);
}

pub(crate) fn lag(late: Duration) {
    write("lag", [("late_ms", JsonValue::Number(late.as_secs_f64() * 1e3))]);
}

pub(crate) fn note(what: &str) {
    write("note", [("what", text(what))]);
}

/// What was looked for and not found: `task`, `thread`, `descriptor`, `process`.
pub(crate) fn none_left(what: &str) {
    write("none left", [("what", text(what))]);
}

pub(crate) fn passed() {
    write("passed", []);
}

fn text(text: &str) -> JsonValue {
    if text.len() <= LONGEST_TEXT {
        return JsonValue::String(text.to_owned());
    }
    JsonValue::String(text.chars().take(LONGEST_TEXT).chain("...".chars()).collect())
}

fn write<const N: usize>(kind: &str, fields: [(&str, JsonValue); N]) {
    let Some(wire) = wire() else { return };
    let mut object: HashMap<String, JsonValue> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    object.insert("kind".to_owned(), text(kind));
    let Ok(json) = JsonValue::Object(object).stringify() else { return };
    let line = format!("{} {json}\n", wire.word);
    let mut file = wire.file.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(kind, "event" | "waiting" | "note" | "panicked" | "lag") {
        if file.1 + line.len() > MOST_BYTES {
            return;
        }
        file.1 += line.len();
    }
    // One write a line: a process that is killed leaves whole lines.
    let _ = file.0.write_all(line.as_bytes());
}
