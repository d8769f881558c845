//! One clear line: what, where, what to do next.

use std::fmt;
use std::io;
use std::path::Path;

/// Why the runner could not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Error {
    message: String,
    exit_code: u8,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Other,
    /// The help of the command says what is right.
    Usage,
    /// Whatever was judged, nothing shows that it is what lies there.
    Unproven,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 2, kind: Kind::Other }
    }

    /// Why there can be no verdict: it would be one on something else.
    pub(crate) fn unproven(message: impl Into<String>) -> Self {
        Self { kind: Kind::Unproven, ..Self::new(message) }
    }

    pub(crate) fn is_unproven(&self) -> bool {
        self.kind == Kind::Unproven
    }

    /// Stopped by a signal: the shell's convention, 128 and the signal's number.
    pub(crate) fn interrupted(signal: i32) -> Self {
        Self {
            message: "interrupted; everything that was started has been stopped".to_owned(),
            exit_code: 128 + signal as u8,
            kind: Kind::Other,
        }
    }

    /// Points to the help of the command, where that says what is right.
    pub(crate) fn of_command(self, name: &str) -> Self {
        let Self { message, exit_code, kind } = self;
        let message = if kind == Kind::Usage {
            format!("{name}: {message}; see `cargo xtask {name} --help`")
        } else {
            message
        };
        Self { message, exit_code, kind }
    }

    /// The same, and one thing more to know.
    pub(crate) fn with(self, more: &str) -> Self {
        Self { message: format!("{}; {more}", self.message), ..self }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What stands on the command line cannot be read.
impl From<lexopt::Error> for Error {
    fn from(error: lexopt::Error) -> Self {
        let message = match error {
            lexopt::Error::UnexpectedOption(option) => format!("there is no option `{option}`"),
            error => error.to_string(),
        };
        Self { kind: Kind::Usage, ..Self::new(message) }
    }
}

/// Says which file or folder an I/O error is about.
pub(crate) trait At<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T> {
        self.map_err(|error| Error::new(format!("cannot {doing} {}: {error}", path.display())))
    }
}
