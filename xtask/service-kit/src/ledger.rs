//! What a program has processed, over all its lives.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use drain_kit::{Scenario, ms};
use tempfile::TempDir;

/// What a program has processed, over all its lives: a file to which it appends a line
/// `partition offset key` for each message, and which it syncs before it counts the message as
/// processed. So the file outlives the program, also one that is killed.
pub struct Ledger<'a> {
    scenario: &'a Scenario,
    path: PathBuf,
    _folder: TempDir,
}

/// One line: a message that was processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The partition it came from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its key.
    pub key: String,
}

impl<'a> Ledger<'a> {
    /// An empty ledger, in a temporary folder.
    #[track_caller]
    pub fn new(scenario: &'a Scenario) -> Self {
        let folder = TempDir::with_prefix("drain-ledger-")
            .unwrap_or_else(|error| scenario.unknown(format!("no temporary folder for the ledger: {error}")));
        let path = folder.path().join("ledger");
        fs::write(&path, "").unwrap_or_else(|error| scenario.unknown(format!("no ledger: {error}")));
        Self { scenario, path, _folder: folder }
    }

    /// Where it lies, for the program's environment.
    pub fn path(&self) -> &str {
        Path::to_str(&self.path).expect("temporary folders have plain names")
    }

    /// All complete lines so far, in the order in which they were written.
    #[track_caller]
    pub fn entries(&self) -> Vec<Entry> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        // A program that was killed may have left half a line, which it does not count either.
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        complete.lines().map(|line| self.entry(line)).collect()
    }

    #[track_caller]
    fn entry(&self, line: &str) -> Entry {
        let mut fields = line.splitn(3, ' ');
        let entry = (|| {
            let partition = fields.next()?.parse().ok()?;
            let offset = fields.next()?.parse().ok()?;
            Some(Entry { partition, offset, key: fields.next()?.to_owned() })
        })();
        entry.unwrap_or_else(|| {
            self.scenario.fail("each line of the ledger to be `partition offset key`", format!("`{line}`"))
        })
    }

    /// Waits until at least so many messages have been processed, and returns all that have.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Entry> {
        let _waiting = self.scenario.waiting(format!("{count} messages in the ledger"));
        loop {
            let entries = self.entries();
            if entries.len() >= count {
                self.scenario.timeline().mark("ledger", format!("{} messages processed", entries.len()));
                return entries;
            }
            thread::sleep(ms(1));
        }
    }

    /// The keys that were processed more than once.
    pub fn repeated(&self) -> Vec<String> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for entry in self.entries() {
            *counts.entry(entry.key).or_default() += 1;
        }
        let mut repeated: Vec<String> =
            counts.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key).collect();
        repeated.sort();
        repeated
    }

    /// Those of the keys that were never processed.
    pub fn missing(&self, keys: &[String]) -> Vec<String> {
        let processed: HashSet<String> = self.entries().into_iter().map(|entry| entry.key).collect();
        keys.iter().filter(|key| !processed.contains(*key)).cloned().collect()
    }

    /// Fails unless each of the keys was processed exactly once.
    #[track_caller]
    pub fn require_each_once(&self, keys: &[String]) {
        let (repeated, missing) = (self.repeated(), self.missing(keys));
        self.scenario.require(
            repeated.is_empty() && missing.is_empty(),
            format!("each of {} messages processed once", keys.len()),
            format!("{}, {}", some("processed twice", &repeated), some("lost", &missing)),
        );
    }
}

/// `2 lost (m-7, m-9)`.
fn some(what: &str, keys: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = keys.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if keys.len() > SHOWN { ", ..." } else { "" };
    if keys.is_empty() { format!("none {what}") } else { format!("{} {what} ({shown}{more})", keys.len()) }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::*;

    fn write(ledger: &Ledger<'_>, text: &str) {
        let mut file = OpenOptions::new().append(true).open(ledger.path()).expect("the ledger is there");
        file.write_all(text.as_bytes()).expect("the ledger can be written");
    }

    /// Half a line is not an entry; the same key twice is one repeated.
    #[test]
    fn counts_what_was_processed() {
        let scenario = Scenario::new();
        let ledger = Ledger::new(&scenario);
        assert_eq!(ledger.entries(), vec![]);
        write(&ledger, "0 0 m-0\n2 17 m-1\n0 0 m-0\n0 1 m-2");
        let last = Entry { partition: 2, offset: 17, key: "m-1".to_owned() };
        assert_eq!(ledger.wait_for(3)[1], last);
        assert_eq!(ledger.repeated(), ["m-0"]);
        let keys: Vec<String> = ["m-0", "m-1", "m-2"].map(str::to_owned).into();
        assert_eq!(ledger.missing(&keys), ["m-2"]);
        write(&ledger, "\n");
        assert_eq!(ledger.missing(&keys), Vec::<String>::new());
    }

    /// A failure names what was lost and what was done twice.
    #[test]
    #[should_panic(expected = "1 processed twice (m-0), 1 lost (m-2)")]
    fn names_what_was_lost_and_what_was_repeated() {
        let scenario = Scenario::new();
        let ledger = Ledger::new(&scenario);
        write(&ledger, "0 0 m-0\n0 1 m-1\n0 0 m-0\n");
        ledger.require_each_once(&["m-0", "m-1", "m-2"].map(str::to_owned));
    }
}
