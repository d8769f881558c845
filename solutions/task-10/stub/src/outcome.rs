//! Why a drain was not complete.

use std::error::Error;
use std::fmt;

/// The work of the drain did not end, or not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainError<E> {
    /// The deadline came first.
    DeadlineExceeded {
        /// How much work was in flight then.
        abandoned: usize,
    },
    /// The work of the drain has failed.
    Failed(E),
}

impl<E: fmt::Display> fmt::Display for DrainError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeadlineExceeded { abandoned } => {
                write!(f, "the drain's deadline came first: {abandoned} were still in flight")
            }
            Self::Failed(error) => write!(f, "the drain failed: {error}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for DrainError<E> {}
