//! Watches over one child, and drains it.

use std::io;

use crate::ending::Ending;
use crate::environment::BadValue;
use crate::settings::Settings;

/// Why there was nothing to watch over.
pub enum Failed {
    /// The child cannot be started.
    Start(BadValue),
    /// The operating system refuses.
    System(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Starts the child and waits until it ends, or until the signal. Then it tells the child, once, and waits
/// until the deadline, which is one budget after the signal; a child that is still there is killed.
///
/// When this returns, the child and all that descends from it has ended and been waited for.
///
/// # Errors
///
/// If there is no child: [`Settings::no_such_child`] makes the error of it.
pub async fn run(settings: &Settings) -> Result<Ending, Failed> {
    todo!(
        "start {:?}, wait for it or for a signal, and drain it within {:?}",
        settings.child,
        settings.drain_budget
    )
}
