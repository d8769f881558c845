//! Watches over one child, and drains it.

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::ending::{Drained, Ending};
use crate::environment::BadValue;
use crate::inheritance::{self, Caught};
use crate::orphans;
use crate::settings::Settings;
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
pub fn run(settings: &Settings) -> Result<Ending, Failed> {
    let caught = inheritance::drop_all()?;
    set_child_subreaper(true).map_err(io::Error::from)?;
    let started = Worker::start(settings);
    // Only now: what is blocked is inherited.
    let signals = Signals::block()?;
    let mut worker = started.map_err(|error| Failed::Start(settings.no_such_child(&error)))?;

    if !signals.until(&worker, None, Some(&caught))? {
        orphans::end(&worker);
        return Ok(Ending::Unasked(worker.take_note()?));
    }
    let begun = Instant::now();
    worker.tell();
    let overrun = signals.until(&worker, Some(begun + settings.drain_budget), None)?;
    orphans::end(&worker);
    let status = worker.take_note()?;
    Ok(Ending::Drained(Drained { status, in_time: !overrun, duration: begun.elapsed() }))
}

struct Signals(SignalFd);

impl Signals {
    fn block() -> io::Result<Self> {
        let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD].into_iter().collect();
        signals.thread_block()?;
        Ok(Self(SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
    }

    /// Waits for the end of the child, and until the deadline, or until a signal, whatever it is that is waited for. Whether the child is
    /// still there then.
    fn until(&self, worker: &Worker, deadline: Option<Instant>, told: Option<&Caught>) -> io::Result<bool> {
        loop {
            let mut signalled = told.is_some_and(Caught::any);
            while let Some(signal) = self.0.read_signal()? {
                signalled |= told.is_some() && signal.ssi_signo != Signal::SIGCHLD as u32;
            }
            if worker.has_ended() {
                return Ok(false);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if signalled || left == Some(Duration::ZERO) {
                return Ok(true);
            }
            // A millisecond more: what is left of one would be none.
            let timeout = left.map(|left| u64::try_from(left.as_millis() + 1).unwrap_or(u64::MAX));
            let timeout = timeout.map_or(PollTimeout::NONE, |left| {
                PollTimeout::try_from(left.min(60_000)).unwrap_or(PollTimeout::MAX)
            });
            let _ = poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout);
        }
    }
}
