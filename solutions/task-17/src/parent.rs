//! Watches over one child, and drains it.

use std::io;

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::SigSet;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use crate::ending::{Drained, Ending};
use crate::environment::BadValue;
use crate::inheritance;
use crate::orphans;
use crate::settings::Settings;
use crate::signals::Signals;
use crate::worker::Worker;

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
/// If there is no child.
pub async fn run(settings: &Settings) -> Result<Ending, Failed> {
    // All of it before there is a child: whoever is stopped between the two would leave it behind.
    // Blocked meanwhile: a signal that comes while its handler is being installed would be lost.
    SigSet::all().thread_block().map_err(io::Error::from)?;
    let mut signals = Signals::install()?;
    let mut ends = signal(SignalKind::child())?;
    inheritance::drop_all()?;
    set_child_subreaper(true).map_err(io::Error::from)?;
    let mut worker =
        Worker::start(settings).map_err(|error| Failed::Start(settings.no_such_child(&error)))?;

    tokio::select! {
        () = worker.ended(&mut ends) => {
            orphans::end(&worker);
            return Ok(Ending::Unasked(worker.take_note()?));
        }
        () = signals.recv() => {}
    }

    let begun = Instant::now();
    let deadline = begun + settings.drain_budget;
    worker.tell();
    let in_time = timeout_at(deadline, worker.ended(&mut ends)).await.is_ok();
    // The child too, if it is still there.
    orphans::end(&worker);
    let status = worker.take_note()?;
    Ok(Ending::Drained(Drained { status, in_time, duration: begun.elapsed() }))
}
