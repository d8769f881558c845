//! A program on this machine, or one line that says how to get it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{AccessFlags, access};

use crate::error::{Error, Result};

/// The first of these programs that is on `PATH`.
pub(crate) fn find(names: &[&str], missing: &str) -> Result<PathBuf> {
    let folders = search_path();
    let places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|path| is_program(path)).ok_or_else(|| Error::cannot_run(missing))
}

/// The folders of `PATH`.
pub(crate) fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

pub(crate) fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

/// Runs a command to its end and returns all that it said; its last words are the error if it fails.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::cannot_run(format!("cannot start {name}: {error}")))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    if output.status.success() {
        return Ok(said);
    }
    let words = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(Error::failed(format!("{name} ended with {}: {words}", output.status)))
}
