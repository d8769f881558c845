//! What was proven before need not be proven again, as long as nothing has changed that it depends on.
//!
//! A note is kept for each proof that went well, with a number that stands for all of this: the two
//! crates of the drill and its stub and tests, the specimen, everything below `xtask` (kits and runner), the
//! manifests, lock file and settings of the workspace, the toolchain, and which servers are used. A proof
//! with problems, or with a bug that is caught nearly always, leaves no note.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tinyjson::JsonValue;

use crate::command::verify::proof::{Proof, Subject};
use crate::command::verify::table;
use crate::drill::{Drill, Set};
use crate::judging::proof::hash_folder;
use crate::judging::verdict::Word;
use crate::value::{self, Get as _, object, text};
use crate::workspace;

/// Criteria run against these if they are set.
const SERVERS: [&str; 3] = ["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"];

/// The proof as it is known, or else as it is made now; then it is known from now on.
pub(super) fn or_prove(drill: &Drill, subject: &Subject, prove: impl FnOnce() -> Proof) -> Proof {
    if matches!(subject, Subject::Papers) {
        return prove();
    }
    let before = decides(drill, subject);
    if let Some(proof) = read(drill, subject, &before) {
        return proof;
    }
    let proof = prove();
    // What has changed meanwhile may have been proven as it was, or as it is.
    if proof.problems.is_empty() && proof.nearly.is_empty() && decides(drill, subject) == before {
        write(&proof, &before);
    }
    proof
}

fn note(drill: &Drill, subject: &Subject) -> PathBuf {
    let parts = [&drill.name, subject.kind(), subject.name()];
    workspace::work_folder().join("proofs").join(parts.join(".") + ".json")
}

fn read(drill: &Drill, subject: &Subject, decides: &str) -> Option<Proof> {
    let note: JsonValue = fs::read_to_string(note(drill, subject)).ok()?.parse().ok()?;
    if note.text("decides") != decides {
        return None;
    }
    let mut proof = Proof::new(drill.clone(), subject.clone());
    for criterion in note.list("criteria") {
        proof.words.push((criterion.text("criterion"), Word::read(&criterion.text("verdict"))?));
    }
    proof.known = true;
    Some(proof)
}

/// A note that cannot be kept is a proof to make again.
fn write(proof: &Proof, decides: &str) {
    let content = object([("decides", text(decides)), ("criteria", table::words(proof))]);
    let _ = value::write(&note(&proof.drill, &proof.subject), &content);
}

/// A number for all that decides how a proof goes.
fn decides(drill: &Drill, subject: &Subject) -> String {
    let root = workspace::root();
    let mut hasher = DefaultHasher::new();
    let crates = [drill.path(Set::Exercises), drill.stub(), drill.path(Set::Solutions)];
    for folder in crates.iter().map(PathBuf::as_path).chain(["xtask", ".cargo"].map(Path::new)) {
        folder.hash(&mut hasher);
        hash_folder(&root.join(folder), &mut hasher);
    }
    for file in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"] {
        fs::read(root.join(file)).ok().hash(&mut hasher);
    }
    if let Some(specimen) = subject.specimen() {
        fs::read(&specimen.path).ok().hash(&mut hasher);
        hash_folder(&specimen.path, &mut hasher);
    }
    SERVERS.map(std::env::var_os).hash(&mut hasher);
    toolchain().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn toolchain() -> &'static [u8] {
    static SAID: OnceLock<Vec<u8>> = OnceLock::new();
    SAID.get_or_init(|| {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let said = Command::new(rustc).arg("-vV").current_dir(workspace::root()).output();
        said.map(|output| output.stdout).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen;

    /// A drill that nobody else keeps notes of.
    fn drill(name: &str) -> Drill {
        let name = format!("{name}-{}", std::process::id());
        Drill { name, number: 0, title: String::new(), level: String::new(), time_box: String::new() }
    }

    fn proof(drill: &Drill, subject: &Subject, problem: Option<&str>) -> Proof {
        let mut proof = Proof::new(drill.clone(), subject.clone());
        proof.words.push(("leaks::no_task_is_left".to_owned(), Word::Ok));
        proof.problems.extend(problem.map(str::to_owned));
        proof
    }

    #[test]
    fn what_went_well_is_known_and_what_had_problems_is_proven_again() {
        let (drill, subject) = (drill("known"), Subject::Solution);
        let bad = or_prove(&drill, &subject, || proof(&drill, &subject, Some("is red")));
        assert_eq!((bad.known, bad.problems.len()), (false, 1));
        let good = or_prove(&drill, &subject, || proof(&drill, &subject, None));
        assert_eq!((good.known, good.problems.len()), (false, 0), "the bad one has left no note");
        let known = or_prove(&drill, &subject, || unreachable!("it is known"));
        fs::remove_file(note(&drill, &subject)).unwrap();
        assert!(known.known);
        assert_eq!(known.words, good.words);
    }

    #[test]
    fn what_has_changed_since_or_while_it_was_proven_is_not_known() {
        let mut bug = specimen::bugs(&crate::drill::all().unwrap()[0]).unwrap()[0].clone();
        let folder = workspace::work_folder();
        fs::create_dir_all(&folder).unwrap();
        bug.path = folder.join(format!("known-{}.patch", std::process::id()));
        let (drill, subject) = (drill("changed"), Subject::Bug(bug.clone()));
        let well = || proof(&drill, &subject, None);
        fs::write(&bug.path, "one").unwrap();
        let while_it_changes = || {
            fs::write(&bug.path, "another").unwrap();
            well()
        };
        or_prove(&drill, &subject, while_it_changes);
        fs::write(&bug.path, "one").unwrap();
        assert!(!or_prove(&drill, &subject, well).known, "it may have been the other that went well");
        assert!(or_prove(&drill, &subject, well).known);
        fs::write(&bug.path, "another").unwrap();
        assert!(!or_prove(&drill, &subject, well).known);
        fs::remove_file(note(&drill, &subject)).unwrap();
        fs::remove_file(&bug.path).unwrap();
    }
}
