//! What the parent reads from the environment.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use crate::budget;
use crate::environment::{BadValue, read};

const CHILD: &str = "CHILD";

/// What the environment says, or its defaults.
pub struct Settings {
    /// `CHILD`: the child's program and its arguments, separated by blanks. At least one word.
    pub child: Vec<String>,
    /// `DRAIN_BUDGET`: how long the drain may take, from the signal on. More than zero.
    pub drain_budget: Duration,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// The first variable with a value that cannot be used.
    pub fn from_env() -> Result<Self, BadValue> {
        Ok(Self {
            child: match env::var_os(CHILD) {
                None => vec![beside_this_program()],
                Some(_) => read(CHILD, "", words, "a program and its arguments")?,
            },
            drain_budget: read("DRAIN_BUDGET", "5s", budget::parse, budget::EXPECTED)?,
        })
    }

    /// Says that the child cannot be started, and why.
    pub fn no_such_child(&self, error: &std::io::Error) -> BadValue {
        BadValue::new(CHILD, self.child.join(" "), format!("a program that can be started ({error})"))
    }
}

/// `task-17-child`, where `task-17` lies. A single word, whatever is in the name of the folder.
fn beside_this_program() -> String {
    let mut path: PathBuf = env::current_exe().unwrap_or_default();
    let name = format!("{}-child", path.file_name().unwrap_or_default().to_string_lossy());
    path.set_file_name(name);
    path.to_string_lossy().into_owned()
}

fn words(line: &str) -> Option<Vec<String>> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}
