//! What is done, how long it took and how many hints were read, in one small file that is ignored by git.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tinyjson::JsonValue;

use crate::drill::Drill;
use crate::error::{At as _, Error, Result};
use crate::time_box::AtWork;
use crate::value::{Get as _, list, number, object, text};
use crate::workspace;

/// The folder of everything that belongs to the learner and not to git.
pub(crate) fn folder() -> PathBuf {
    workspace::root().join(".drain-drills")
}

#[derive(Default)]
pub(crate) struct Progress {
    /// Lights that were on in the last full verdict, by drill.
    lights: HashMap<String, usize>,
    /// Hints shown so far, by drill.
    hints: HashMap<String, usize>,
    /// Names of the bugs that were told apart in the last quiz that asked for them, by drill.
    known: HashMap<String, Vec<String>>,
    /// How long it took so far, by drill.
    at_work: HashMap<String, AtWork>,
}

impl Progress {
    /// Reads the file; nothing is done yet where there is none.
    ///
    /// # Errors
    ///
    /// If there is a file and it cannot be read: it is never overwritten then.
    pub(crate) fn load() -> Result<Self> {
        Self::read(&folder().join("progress.json"))
    }

    fn read(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).at("read", path),
        };
        let value: JsonValue = text.parse().map_err(|_| {
            Error::new(format!("{} is not JSON: mend it, or move it away to start again", path.display()))
        })?;
        let counts = |name: &str| -> HashMap<String, usize> {
            let map = value.get_value(name).and_then(|map| map.get::<HashMap<String, JsonValue>>());
            let counts = map.into_iter().flatten();
            counts.filter_map(|(drill, count)| Some((drill.clone(), *count.get::<f64>()? as usize))).collect()
        };
        let known = value.get_value("known").and_then(|map| map.get::<HashMap<String, JsonValue>>());
        let names = |drill: &JsonValue| {
            Some(
                drill
                    .get::<Vec<JsonValue>>()?
                    .iter()
                    .filter_map(|name| name.get::<String>().cloned())
                    .collect(),
            )
        };
        let known =
            known.into_iter().flatten().filter_map(|(drill, bugs)| Some((drill.clone(), names(bugs)?)));
        let (time, seen) = (counts("at_work_s"), counts("seen"));
        let clock = |(drill, time): (String, usize)| {
            let seen = seen.get(&drill).map_or(0, |&seen| seen as u64);
            (drill, AtWork { time: Duration::from_secs(time as u64), seen })
        };
        let at_work = time.into_iter().map(clock).collect();
        Ok(Self { lights: counts("lights"), hints: counts("hints"), known: known.collect(), at_work })
    }

    /// Writes a new file beside the old one and puts it in its place: a crash leaves one or the other.
    pub(crate) fn save(&self) -> Result<()> {
        let folder = folder();
        fs::create_dir_all(&folder).at("create", &folder)?;
        let path = folder.join("progress.json");
        let counts = |counts: &HashMap<String, usize>| {
            JsonValue::Object(
                counts.iter().map(|(drill, count)| (drill.clone(), number(*count as f64))).collect(),
            )
        };
        let clocks = |of: fn(&AtWork) -> u64| {
            counts(&self.at_work.iter().map(|(drill, clock)| (drill.clone(), of(clock) as usize)).collect())
        };
        let names = |bugs: &Vec<String>| list(bugs.iter().map(text));
        let known = self.known.iter().map(|(drill, bugs)| (drill.clone(), names(bugs)));
        let value = object([
            ("version", number(1)),
            ("lights", counts(&self.lights)),
            ("hints", counts(&self.hints)),
            ("known", JsonValue::Object(known.collect())),
            ("at_work_s", clocks(|clock| clock.time.as_secs())),
            ("seen", clocks(|clock| clock.seen)),
        ]);
        let written =
            value.format().map_err(|error| Error::new(format!("cannot write the progress: {error}")))?;
        let new = folder.join(format!("progress.json.{}", std::process::id()));
        let mut file = fs::File::create(&new).at("create", &new)?;
        file.write_all(written.as_bytes()).and_then(|()| file.sync_all()).at("write", &new)?;
        fs::rename(&new, &path).at("write", &path)
    }

    pub(crate) fn is_done(&self, drill: &Drill) -> bool {
        self.lights(drill) == Some(5)
    }

    /// What comes next of these, in a sentence.
    pub(crate) fn next_of(&self, drills: &[Drill]) -> String {
        match drills.iter().find(|drill| !self.is_done(drill)) {
            Some(next) => format!("Next: {next}, brief: {}", next.brief().display()),
            None if drills.len() == 1 => "It is done.".to_owned(),
            None => format!("All {} are done.", drills.len()),
        }
    }

    pub(crate) fn lights(&self, drill: &Drill) -> Option<usize> {
        self.lights.get(&drill.name).copied()
    }

    pub(crate) fn set_lights(&mut self, drill: &Drill, lights: usize) {
        self.lights.insert(drill.name.clone(), lights);
    }

    pub(crate) fn forget(&mut self, drill: &Drill) {
        self.lights.remove(&drill.name);
        self.hints.remove(&drill.name);
        self.at_work.remove(&drill.name);
    }

    pub(crate) fn at_work(&self, drill: &Drill) -> AtWork {
        self.at_work.get(&drill.name).copied().unwrap_or_default()
    }

    /// The drill was checked. When it is done, its clock stands.
    pub(crate) fn see_at_work(&mut self, drill: &Drill, now: SystemTime) {
        if !self.is_done(drill) {
            self.at_work.entry(drill.name.clone()).or_default().see(now);
        }
    }

    pub(crate) fn hints(&self, drill: &Drill) -> usize {
        self.hints.get(&drill.name).copied().unwrap_or(0)
    }

    pub(crate) fn known(&self, drill: &Drill) -> Vec<String> {
        self.known.get(&drill.name).cloned().unwrap_or_default()
    }

    pub(crate) fn set_known(&mut self, drill: &Drill, bug: &str, is_known: bool) {
        let known = self.known.entry(drill.name.clone()).or_default();
        known.retain(|other| other != bug);
        if is_known {
            known.push(bug.to_owned());
        }
    }

    pub(crate) fn set_hints(&mut self, drill: &Drill, shown: usize) {
        self.hints.insert(drill.name.clone(), shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the file says, read, and the message if it cannot be.
    fn read(name: &str, bytes: &[u8]) -> std::result::Result<Progress, String> {
        let path = workspace::work_folder().join(format!("progress-{name}-{}.json", std::process::id()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        let progress = Progress::read(&path).map_err(|error| error.to_string());
        assert_eq!(fs::read(&path).unwrap(), bytes, "reading changes nothing");
        fs::remove_file(&path).unwrap();
        progress
    }

    #[test]
    fn a_broken_file_is_named_in_one_line_and_is_not_taken_for_an_empty_one() {
        for (name, bytes) in [("cut", &b"{\"lights\": {\"task-0"[..]), ("empty", b""), ("bytes", b"\xff\xfe")]
        {
            let said = read(name, bytes).err().unwrap_or_default();
            assert!(said.contains("progress-") && said.lines().count() == 1, "{name}: `{said}`");
        }
    }

    #[test]
    fn what_another_version_wrote_is_left_out() {
        let read = read(
            "other",
            b"{\"version\": 9, \"lights\": {\"task-01\": 5, \"task-02\": null}, \"hints\": []}",
        );
        let progress = read.unwrap();
        assert_eq!((progress.lights.len(), progress.hints.len()), (1, 0));
    }
}
