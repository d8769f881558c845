//! A server for one test.

use std::fs;
use std::path::Path;

use drain_kit::{Scenario, Signal, while_nothing_starts};
use drain_services::{Error, Result, Server, Service, log};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::guard::Guard;

/// A server for one test: stopped, and its data removed, when the test ends, however it ends.
pub struct Throwaway<'a> {
    scenario: &'a Scenario,
    server: Server,
    guard: Guard,
    folder: TempDir,
}

impl<'a> Throwaway<'a> {
    /// Starts an empty server on a free port, and returns when it has served a client.
    #[track_caller]
    pub(crate) fn start(scenario: &'a Scenario, service: Service) -> Self {
        let _waiting = scenario.waiting(format!("{} to start", service.name()));
        while_nothing_starts(|| Self::try_start(scenario, service))
            .unwrap_or_else(|error| scenario.unknown(error))
    }

    fn try_start(scenario: &'a Scenario, service: Service) -> Result<Self> {
        let cannot =
            |error| Error::cannot_run(format!("{} has no temporary folder: {error}", service.name()));
        let folder = TempDir::with_prefix("drain-").map_err(cannot)?;
        let mut guard = Guard::over(folder.path()).map_err(cannot)?;
        let watch = |server: &Server| {
            guard.watch(server.process.pid);
            Ok(())
        };
        let server = Server::start(service, folder.path(), None, watch).inspect_err(|_| guard.dismiss())?;
        Ok(Self { scenario, server, guard, folder })
    }

    pub(crate) fn scenario(&self) -> &'a Scenario {
        self.scenario
    }

    /// The address, as programs take it from their environment.
    pub fn url(&self) -> String {
        self.server.service.address(self.port())
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Where its data are.
    pub fn folder(&self) -> &Path {
        &self.server.folder
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let log = fs::read(log(self.folder.path(), self.server.service)).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Lets it hang: connections stay open and new ones are accepted by the kernel, and nobody answers.
    pub fn suspend(&self) {
        self.mark("suspended");
        self.signal_all(Signal::SIGSTOP);
    }

    /// Lets it go on after [`Throwaway::suspend`].
    pub fn resume(&self) {
        self.signal_all(Signal::SIGCONT);
        self.mark("resumed");
    }

    /// Stops it for good: connections break, new ones are refused. It can be repeated.
    pub fn stop(&self) {
        if self.server.process.is_alive() {
            self.mark("stopped");
        }
        self.signal_all(Signal::SIGCONT);
        self.server.stop();
    }

    fn mark(&self, what: &str) {
        self.scenario.timeline().mark(self.server.service.name(), what);
    }

    /// PostgreSQL serves each client by a process of its own.
    fn signal_all(&self, signal: Signal) {
        if !self.server.process.is_alive() {
            return; // Its number may be somebody else's by now, and so would be the children.
        }
        self.server.process.signal(signal);
        for pid in children(self.server.process.pid) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Throwaway<'_> {
    fn drop(&mut self) {
        self.signal_all(Signal::SIGCONT);
        self.server.stop();
        self.guard.dismiss();
    }
}

fn children(pid: u32) -> Vec<i32> {
    let list = Path::new("/proc").join(pid.to_string()).join("task").join(pid.to_string()).join("children");
    let list = fs::read_to_string(list).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
