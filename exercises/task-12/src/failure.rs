//! What can go wrong.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A component, and what went wrong in it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The name with which it was registered.
    pub component: String,
    /// What went wrong.
    pub cause: Cause,
}

/// What went wrong in a component.
#[derive(Clone, Debug)]
pub enum Cause {
    /// It returned this error.
    Failed(Arc<dyn Error + Send + Sync>),
    /// It panicked.
    Panicked,
    /// It was cut off at the deadline.
    DeadlineExceeded,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.component)?;
        match &self.cause {
            Cause::Failed(error) => error.fmt(f),
            Cause::Panicked => f.write_str("panicked"),
            Cause::DeadlineExceeded => f.write_str("cut off at the deadline"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Failed(error) => error.source(),
            Cause::Panicked | Cause::DeadlineExceeded => None,
        }
    }
}

/// Why not all components are started.
#[derive(Clone, Debug)]
pub enum StartError {
    /// The start of this component failed or panicked. Those before it are started, those after it are not.
    Component(Failure),
    /// The drain has begun: nothing is started any more.
    Draining,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(failure) => write!(f, "cannot start {failure}"),
            Self::Draining => f.write_str("cannot start: the drain has begun"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Component(failure) => failure.source(),
            Self::Draining => None,
        }
    }
}

/// Why a component was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is a component with this name.
    NameTaken,
    /// The drain has begun.
    Draining,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameTaken => "there is a component with this name",
            Self::Draining => "the drain has begun",
        })
    }
}

impl Error for Refused {}
