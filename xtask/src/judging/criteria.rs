//! Runs the criteria of one submission, several side by side.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use drain_criteria::{Criterion, Light};
use drain_record::Entry;

use crate::error::{At as _, Result};
use crate::judging::compile::Binary;
use crate::judging::cores;
use crate::judging::supervise::{self, Job};
use crate::judging::verdict::{Judged, Word};
use crate::judging::word;
use crate::reporter::{Count, Reporter};
use crate::side_by_side::side_by_side;
use crate::{interrupt, workspace};

/// The kit ends a criterion at its limit and says what it waited for; this much later the supervisor
/// ends whatever is left.
const AFTER_THE_LIMIT: Duration = Duration::from_millis(1_200);
/// Criteria mostly wait: this many run side by side. Those of the load light run alone.
const SIDE_BY_SIDE: usize = 4;
/// A record larger than this was not written by the kit alone.
const LARGEST_RECORD: u64 = 4 << 20;

/// A criterion that could not be judged is asked so often once more.
const AGAIN: usize = 2;

/// Judges these criteria, several side by side, and returns them in the order given.
///
/// What could not be judged, because the machine was busy, is asked again with nothing of ours beside it. A verdict is
/// never taken back.
pub(crate) fn judge(binary: &Binary, criteria: &[Criterion], reporter: &Reporter) -> Result<Vec<Judged>> {
    let (alone, together): (Vec<_>, Vec<_>) =
        criteria.iter().partition(|criterion| criterion.light() == Light::Load);
    let count = reporter.count(criteria.len());
    let mut judged = in_parallel(binary, &together, SIDE_BY_SIDE, &count)?;
    judged.extend(in_parallel(binary, &alone, 1, &count)?);
    for unknown in judged.iter_mut().filter(|judged| judged.word == Word::Unknown) {
        ask_again(binary, unknown)?;
    }
    judged.sort_by_key(|judged| criteria.iter().position(|criterion| *criterion == judged.criterion));
    Ok(judged)
}

fn in_parallel(binary: &Binary, criteria: &[&Criterion], most: usize, count: &Count) -> Result<Vec<Judged>> {
    let judged = side_by_side(most, criteria, |_, criterion| {
        let judged = one(binary, criterion);
        count.step();
        judged
    })?;
    judged.into_iter().collect()
}

fn ask_again(binary: &Binary, judged: &mut Judged) -> Result<()> {
    while judged.word == Word::Unknown && judged.asked_again < AGAIN {
        interrupt::check()?;
        let asked_again = judged.asked_again + 1;
        let _room = cores::all();
        *judged = Judged { asked_again, ..at_once(binary, &judged.criterion)? };
    }
    Ok(())
}

/// Judges one criterion, as soon as there is room for it.
pub(crate) fn one(binary: &Binary, criterion: &Criterion) -> Result<Judged> {
    let _room = cores::for_a_criterion(criterion);
    at_once(binary, criterion)
}

/// Judges one criterion, however much is at work already.
pub(crate) fn at_once(binary: &Binary, criterion: &Criterion) -> Result<Judged> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let events = workspace::events_folder()?.join(format!("{}-{number}.jsonl", std::process::id()));
    let secret = random_word()?;
    let job = Job {
        binary: &binary.path,
        arguments: [&criterion.name, "--exact", "--nocapture", "--test-threads=1"]
            .map(str::to_owned)
            .to_vec(),
        folder: &binary.folder,
        environment: binary.environment.clone(),
        events: events.clone(),
        word: secret.clone(),
        limit: criterion.limit + AFTER_THE_LIMIT,
    };
    let ended = supervise::run(&job);
    let record = read_record(&events, &secret);
    let _ = fs::remove_file(&events);
    let judged = word::judge(criterion, ended?, record);
    if judged.word.is_failure() {
        // Where nothing can be written, the kit has not said what it saw.
        workspace::require_room()?;
    }
    Ok(judged)
}

/// A word that the code under test cannot guess.
fn random_word() -> Result<String> {
    let path = PathBuf::from("/dev/urandom");
    let mut bytes = [0; 16];
    fs::File::open(&path).and_then(|mut file| file.read_exact(&mut bytes)).at("read", &path)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What the kit has written. It alone knows the word.
fn read_record(path: &PathBuf, word: &str) -> Vec<Entry> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        let _ = file.take(LARGEST_RECORD).read_to_end(&mut bytes);
    }
    Entry::all(&String::from_utf8_lossy(&bytes), word)
}
