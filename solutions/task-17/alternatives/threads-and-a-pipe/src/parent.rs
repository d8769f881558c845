//! Watches over one child, and drains it.

use std::io;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::ending::{Drained, Ending};
use crate::environment::BadValue;
use crate::inheritance;
use crate::orphans;
use crate::settings::Settings;
use crate::worker::Worker;

/// Longer than any service runs.
const FOR_EVER: Duration = Duration::from_secs(10_000 * 24 * 3600);

#[derive(PartialEq)]
enum Event {
    Told,
    ChildHasEnded,
    SomebodyHasEnded,
}

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
    inheritance::drop_all()?;
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGCHLD])?;
    set_child_subreaper(true).map_err(io::Error::from)?;
    let mut worker =
        Worker::start(settings).map_err(|error| Failed::Start(settings.no_such_child(&error)))?;

    let (say, events) = mpsc::channel();
    let ended = say.clone();
    let pid = worker.pid();
    thread::spawn(move || {
        // Its number stays its own: the main thread may be about to use it.
        // Another error is an end, too: nix has no name for the real-time signals.
        while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
        let _ = ended.send(Event::ChildHasEnded);
    });
    thread::spawn(move || {
        for signal in signals.forever() {
            let _ = say.send(if signal == SIGCHLD { Event::SomebodyHasEnded } else { Event::Told });
        }
    });

    let now = Instant::now();
    if next(&events, now + FOR_EVER, &worker, true) == Some(Event::ChildHasEnded) {
        orphans::end(&worker);
        return Ok(Ending::Unasked(worker.take_note()?));
    }
    let begun = Instant::now();
    worker.tell();
    let in_time = next(&events, begun + settings.drain_budget, &worker, false).is_some();
    orphans::end(&worker);
    let status = worker.take_note()?;
    Ok(Ending::Drained(Drained { status, in_time, duration: begun.elapsed() }))
}

/// The end of the child, or also a signal, if it comes before the deadline. Takes note of orphans meanwhile.
fn next(events: &Receiver<Event>, deadline: Instant, worker: &Worker, or_told: bool) -> Option<Event> {
    loop {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()? {
            Event::SomebodyHasEnded => drop(worker.has_ended()),
            Event::Told if !or_told => {}
            event => return Some(event),
        }
    }
}
