//! Kafka, PostgreSQL and Redis for the drills that need them: a crate of its own, built on first use,
//! so that nobody pays for it who does not need it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use crate::compile::{self, Workspace};
use crate::error::{Error, Result};

/// Becomes that program: its output, its exit code, and Ctrl-C are its own.
pub(crate) fn run(arguments: &[OsString]) -> Result<u8> {
    let mut cargo = compile::cargo(&Workspace::main());
    // Paths among the arguments mean what they mean where they were typed.
    cargo.current_dir(".").args(["run", "--quiet", "--package", "drain-services", "--"]).args(arguments);
    Err(Error::new(format!("cannot start cargo: {}", cargo.exec())))
}
