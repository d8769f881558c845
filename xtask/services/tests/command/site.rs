//! A state folder of its own for one test, and the command that works on it. What a test has started
//! is stopped when it ends.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use tinyjson::JsonValue;

/// Addresses that the machine may have set must not reach the tests.
const VARIABLES: [&str; 4] = ["KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL", "JAVA_HOME"];

pub struct Site {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// One service, as `status --json` tells of it.
#[derive(Debug)]
pub struct Told {
    pub state: String,
    pub pid: Option<u32>,
    pub address: Option<String>,
}

impl Site {
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder"), environment: Vec::new() }
    }

    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drain-services"));
        command.args(words).arg("--state").arg(self.state());
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, words: &[&str]) -> Said {
        said(self.command(words).output().expect("the command runs"))
    }

    /// Runs a command that must end with code 0.
    #[track_caller]
    pub fn ok(&self, words: &[&str]) -> Said {
        let said = self.run(words);
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        said
    }

    /// What `status --json` tells of one service.
    pub fn status(&self, name: &str) -> Told {
        let said = self.run(&["status", "--json", name]);
        let all: JsonValue = said.stdout.parse().unwrap_or_else(|_| panic!("not JSON: {said:?}"));
        let all: &HashMap<String, JsonValue> = all.get().expect("an object");
        let services: &Vec<JsonValue> = all["services"].get().expect("a list of services");
        let service: &HashMap<String, JsonValue> = services[0].get().expect("a service");
        assert_eq!(service["name"].get::<String>().map(String::as_str), Some(name));
        Told {
            state: service["state"].get::<String>().cloned().expect("a state"),
            pid: service["pid"].get::<f64>().map(|pid| *pid as u32),
            address: service["address"].get::<String>().cloned(),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).output();
    }
}

pub fn said(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    Said { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The port at the end of an address, or before its path.
pub fn port(address: &str) -> u16 {
    let behind_host = address.rsplit_once("127.0.0.1:").expect("a loopback address").1;
    behind_host.split('/').next().unwrap().parse().expect("a port")
}
