//! Tells the runner what happened, when a runner listens.
//!
//! The runner names a file in `DRAIN_EVENTS` and hands over a secret word on standard input. The kit
//! appends entries of the [record](drain_record) to the file, each behind that word: the code under test can
//! print `test result: ok`, and can write to the file, but does not know the word. The entry of a criterion
//! that holds is the last one.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use drain_record::Entry;

/// The file is bounded, whatever the code under test does: a scenario with two hundred clients writes a
/// few hundred lines. How it ended is always written.
const MOST_BYTES: usize = 1 << 20;

struct Wire {
    file: Mutex<(File, usize)>,
    word: String,
}

static WIRE: OnceLock<Option<Wire>> = OnceLock::new();

/// Reads the runner's word from standard input, before the code under test can.
pub(crate) fn open() {
    tell(Entry::Begun);
}

/// Whether a runner has started this process, for one test.
pub(crate) fn is_open() -> bool {
    wire().is_some()
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

pub(crate) fn tell(entry: Entry) {
    let Some(wire) = wire() else { return };
    let line = entry.line(&wire.word);
    let mut file = wire.file.lock().unwrap_or_else(PoisonError::into_inner);
    if !decides(&entry) {
        if file.1 + line.len() > MOST_BYTES {
            return;
        }
        file.1 += line.len();
    }
    // One write a line: a process that is killed leaves whole lines.
    let _ = file.0.write_all(line.as_bytes());
}

/// What may come any number of times decides nothing.
fn decides(entry: &Entry) -> bool {
    !matches!(
        entry,
        Entry::Event(_) | Entry::Waiting(_) | Entry::Note(_) | Entry::Panicked(_) | Entry::Lag(_)
    )
}
