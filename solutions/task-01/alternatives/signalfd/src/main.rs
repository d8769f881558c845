//! Prints `running` every second until it is told to stop, then `draining`.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

fn main() -> io::Result<()> {
    // Blocked, a signal neither kills nor interrupts: it waits until it is read. Threads and child
    // processes inherit the mask, so a program that has any must unblock there what it blocks here.
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGINT);
    stop.add(Signal::SIGTERM);
    stop.thread_block()?;
    let signals = SignalFd::with_flags(&stop, SfdFlags::SFD_CLOEXEC)?;

    let mut tick = Instant::now();
    loop {
        let now = Instant::now();
        if tick <= now {
            println!("running");
            tick += Duration::from_secs(1);
        }
        // Rounded up: a poll that returns a little early would spin.
        let wait = tick.saturating_duration_since(now).as_millis() + 1;
        let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], wait) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
    }

    let begun = Instant::now();
    println!("draining");
    eprintln!("drain outcome=complete duration={:?} abandoned=0", begun.elapsed());
    Ok(())
}
