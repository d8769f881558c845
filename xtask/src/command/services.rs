//! Kafka, PostgreSQL and Redis for the drills that need them: a crate of its own, built on first use,
//! so that nobody pays for it who does not need it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use crate::error::{Error, Result};
use crate::workspace::{self, Workspace};

pub(crate) const NAME: &str = "services";
pub(crate) const SUMMARY: &str = "Kafka, PostgreSQL and Redis on this machine, without Docker";

/// Becomes that program: its options, its output, its exit code, and Ctrl-C are its own.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<u8> {
    let mut cargo = workspace::cargo(&Workspace::main());
    // Paths among the arguments mean what they mean where they were typed.
    cargo.current_dir(".").args(["run", "--quiet", "--package", "drain-services", "--"]).args(arguments);
    Err(Error::new(format!("cannot start cargo: {}", cargo.exec())))
}
