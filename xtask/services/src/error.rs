//! One clear line: what, where, what to do next.

use std::fmt;
use std::io;
use std::path::Path;

/// Why something could not be done.
#[derive(Debug)]
pub struct Error {
    message: String,
    exit_code: u8,
}

/// What most functions here return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// It was tried, and failed: exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 1 }
    }

    /// It could not even be tried, for want of a program, a file, or a sensible argument: exit code 2.
    pub fn cannot_run(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 2 }
    }

    /// What the process exits with.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Says which file or folder an I/O error is about.
pub(crate) trait At<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T> {
        self.map_err(|error| Error::cannot_run(format!("cannot {doing} {}: {error}", path.display())))
    }
}
