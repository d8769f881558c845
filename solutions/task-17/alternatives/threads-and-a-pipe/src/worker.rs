//! The child as its parent sees it.

use std::io::{self, PipeWriter};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::orphans;
use crate::settings::Settings;
use crate::tether;

/// A child that has been started.
///
/// Its number is its own until [`take_note`](Self::take_note): the kernel keeps it for a process that has
/// ended and that nobody has waited for. Only that method waits, and nobody can signal after it.
pub struct Worker {
    process: Child,
    /// Open as long as this is.
    _tether: PipeWriter,
}

impl Worker {
    /// Starts the child in a process group of its own, so that Ctrl-C at a terminal reaches it through us
    /// only.
    ///
    /// # Errors
    ///
    /// If there is no such program.
    pub fn start(settings: &Settings) -> io::Result<Self> {
        let mut command = Command::new(&settings.child[0]);
        command.args(&settings.child[1..]).process_group(0);
        let tether = tether::tie(&mut command)?;
        // It must be done before our deadline, or nobody hears how it went.
        let budget = (settings.drain_budget / 10 * 9).max(Duration::from_nanos(1));
        command.env("DRAIN_BUDGET", humantime::format_duration(budget).to_string());
        Ok(Self { process: command.spawn()?, _tether: tether })
    }

    /// Tells it to drain. If it has ended, nothing happens.
    pub fn tell(&self) {
        let _ = kill(self.pid(), Signal::SIGTERM);
    }

    /// Whether it has ended. Takes note of orphans that have.
    pub fn has_ended(&self) -> bool {
        orphans::take_note(self);
        let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        // An error is an end, too: nix has no name for the real-time signals, one of which may have ended it.
        !matches!(waitid(Id::Pid(self.pid()), ended), Ok(WaitStatus::StillAlive))
    }

    /// Waits for it, and says how it ended.
    ///
    /// # Errors
    ///
    /// If the operating system does not say.
    pub fn take_note(&mut self) -> io::Result<ExitStatus> {
        self.process.wait()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().cast_signed())
    }
}
