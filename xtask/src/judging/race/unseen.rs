//! What a library uses that the scheduler does not control.

use std::fs;
use std::path::Path;

/// The first thing of that kind in the library whose sources lie in this folder. A program beside it may use what it
/// wants: it is not compiled for the race check.
pub(super) fn in_library(sources: &Path) -> Option<&'static str> {
    let mut library = String::new();
    let found = add_module(&sources.join("lib.rs"), sources, &mut library).is_some();
    let elsewhere = ["#[path", "include!"].iter().any(|words| library.contains(words));
    in_code(&if found && !elsewhere { library } else { all_sources(sources) })
}

/// Adds what stands in this file, and in the modules that it names, which lie in the folder. `None` if one is not there.
fn add_module(file: &Path, folder: &Path, code: &mut String) -> Option<()> {
    let text = fs::read_to_string(file).ok()?;
    for name in text.split(';').filter_map(module) {
        let below = folder.join(name);
        let candidates = [folder.join(format!("{name}.rs")), below.join("mod.rs")];
        add_module(candidates.iter().find(|file| file.exists())?, &below, code)?;
    }
    code.push_str(&text);
    Some(())
}

/// The name that a statement such as `pub mod NAME` ends with, if it is no comment. What is taken for one and is none is
/// not found, and then all sources are looked at.
fn module(statement: &str) -> Option<&str> {
    let (before, name) = statement.lines().next_back()?.trim().rsplit_once("mod ")?;
    let is_name = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    (is_name && !before.starts_with("//")).then_some(name)
}

fn all_sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .map(
            |path| {
                if path.is_dir() { all_sources(&path) } else { fs::read_to_string(path).unwrap_or_default() }
            },
        )
        .collect()
}

/// What the scheduler does not control. Threads run on while it thinks that all stand still; and what is
/// taken from `core` is no stand-in.
fn in_code(source: &str) -> Option<&'static str> {
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    // What belongs to a thread has a stand-in.
    let code = with_whole_paths(&code).replace("std::thread_local", "");
    let unseen =
        ["std::thread", "spawn_blocking", "block_in_place", "parking_lot", "crossbeam", "core::sync"];
    unseen.into_iter().find(|what| code.contains(what))
}

/// The code with each path of a `use` written out: `use std::{fmt, sync::{Arc, Mutex}};` is
/// `std::fmt;std::sync::Arc;std::sync::Mutex;` then.
fn with_whole_paths(code: &str) -> String {
    let mut whole = String::new();
    for statement in code.split_inclusive(';') {
        match statement.split_once("use ") {
            Some((before, tree)) => {
                whole.push_str(before);
                paths("", tree.trim_end_matches(';'), &mut whole);
            }
            None => whole.push_str(statement),
        }
    }
    whole
}

fn paths(before: &str, tree: &str, whole: &mut String) {
    let tree = tree.trim();
    let Some((head, list)) = tree.split_once('{') else {
        whole.extend([before, tree, ";"]);
        return;
    };
    let before = format!("{before}{}", head.trim());
    let list = list.strip_suffix('}').unwrap_or(list);
    let mut depth = 0;
    let at_top = |letter: char| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    };
    for branch in list.split(at_top) {
        paths(&before, branch, whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn what_has_a_stand_in_is_seen() {
        assert_eq!(
            in_code("use std::sync::{Arc, Mutex};\nuse tokio::sync::mpsc;\n// std::thread is not used\n"),
            None
        );
        assert_eq!(in_code("use std::{fmt, sync::{atomic::AtomicBool, OnceLock}};"), None);
        assert_eq!(in_code("std::thread_local! { static NUMBER: usize = 1; }"), None);
    }

    #[test]
    fn threads_are_not() {
        assert_eq!(in_code("use std::{io, thread};"), Some("std::thread"));
        assert_eq!(in_code("pub use std::{\n    thread::{\n        spawn,\n    },\n};"), Some("std::thread"));
        assert_eq!(in_code("std::thread::spawn(|| ());"), Some("std::thread"));
        assert_eq!(in_code("tokio::task::spawn_blocking(|| ());"), Some("spawn_blocking"));
    }

    #[test]
    fn what_only_the_program_uses_is_not_looked_at() {
        let folder = workspace::work_folder().join(format!("unseen-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("main.rs", "mod signals;");
        write("signals.rs", "use std::thread;");
        write("lib.rs", "pub(crate) mod pool;\n// mod signals;\nmod queue;\n");
        write("pool.rs", "mod worker;");
        write("pool/worker.rs", "");
        write("queue/mod.rs", "");
        assert_eq!(in_library(&folder), None);
        write("pool/worker.rs", "fn spawn() { std::thread::spawn(|| ()); }");
        assert_eq!(in_library(&folder), Some("std::thread"));
        write("pool/worker.rs", "");
        write("queue/mod.rs", "#[cfg(unix)] mod first; mod last;");
        write("queue/first.rs", "");
        write("queue/last.rs", "use std::thread;");
        assert_eq!(in_library(&folder), Some("std::thread"), "two in one line");
        write("queue/last.rs", "");
        assert_eq!(in_library(&folder), None);
        write("queue/mod.rs", "mod elsewhere;");
        let with_all = in_library(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(with_all, Some("std::thread"), "what is not found may be anything");
    }

    #[test]
    fn what_is_taken_from_core_is_not() {
        assert_eq!(in_code("use core::{fmt, sync::atomic::AtomicBool};"), Some("core::sync"));
    }
}
