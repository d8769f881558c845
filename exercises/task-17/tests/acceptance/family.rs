//! A parent on trial, and its child.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use drain_kit::{Client, Moment, Pending, Program, Running, Scenario, Signal, ms, program, secs};
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::processes;

/// How long `/slow` takes.
pub(crate) const SLOW: Duration = secs(2);
/// How long a client waits for an answer.
const PATIENCE: Duration = secs(8);

pub(crate) struct Family<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) parent: Running,
}

impl<'a> Family<'a> {
    /// With `task-17-child`, the server, once it listens.
    #[track_caller]
    pub(crate) fn serving(scenario: &'a Scenario, budget: &str) -> (Self, SocketAddr) {
        let family = Self::start(scenario, Program::new(scenario, program!()).env("DRAIN_BUDGET", budget));
        let address = family.parent.address();
        (family, address)
    }

    /// With one of the other children, once it has said that it is ready.
    #[track_caller]
    pub(crate) fn with(scenario: &'a Scenario, child: &str, budget: &str) -> Self {
        let family = Self::starting(scenario, child, budget);
        family.parent.line("ready");
        family
    }

    #[track_caller]
    pub(crate) fn starting(scenario: &'a Scenario, child: &str, budget: &str) -> Self {
        let parent = Program::new(scenario, program!()).called(child).env("DRAIN_BUDGET", budget);
        Self::start(scenario, parent.env("CHILD", other(child)))
    }

    #[track_caller]
    pub(crate) fn start(scenario: &'a Scenario, parent: Program<'a>) -> Self {
        Self { scenario, parent: parent.start() }
    }

    /// Waits until there is a child, and says which. Nothing is slept, so that it has done next to nothing.
    #[track_caller]
    pub(crate) fn child(&self) -> u32 {
        let _waiting = self.scenario.waiting("the parent to start its child");
        loop {
            if let Some(child) = processes::children(self.parent.pid()).first() {
                return *child;
            }
            if let Some(exit) = self.parent.exited() {
                self.scenario.fail_at(exit.at, "a child", exit);
            }
        }
    }

    /// Waits until there are so many below the child, one below the other.
    #[track_caller]
    pub(crate) fn until_generations(&self, count: usize) {
        let _waiting = self.scenario.waiting(format!("{count} generations below the child"));
        let child = self.child();
        let first = |pid: &u32| processes::children(*pid).first().copied();
        while std::iter::successors(first(&child), first).count() < count {
            thread::sleep(ms(5));
        }
    }

    /// Puts a `/slow` in flight.
    #[track_caller]
    pub(crate) fn slow(&self, address: SocketAddr) -> Pending {
        Client::connected(self.scenario, "client", address).request("/slow", PATIENCE)
    }

    /// Requires that the parent exits at most 500 ms after this, with this code.
    #[track_caller]
    pub(crate) fn exit_soon(&self, after: Moment, code: i32) {
        // The code first: what waits for its deadline is wrong however busy the machine is.
        let exit = self.parent.exit_at_most(secs(4), after);
        self.parent.exit_with(code);
        self.scenario.at_most(ms(500), after, exit.at, "exit");
    }

    /// The signals that the child has got, if it is one that says so.
    pub(crate) fn told(&self) -> Vec<String> {
        let lines = self.parent.stdout().into_iter().map(|(_, line)| line);
        lines.filter(|line| line.starts_with("got ")).collect()
    }

    /// Requires that the child, one that says so, was told once and drained for that.
    #[track_caller]
    pub(crate) fn require_told_once(&self) {
        self.parent.exit();
        let told = self.told();
        self.scenario.require(
            told == ["got SIGTERM"],
            "the child gets one signal, SIGTERM",
            if told.is_empty() { "none".to_owned() } else { told.join(", then ") },
        );
    }

    /// Requires that this process, which was below the parent, has ended 500 ms after this.
    #[track_caller]
    pub(crate) fn require_ended(&self, pid: u32, after: Moment, what: &str) {
        let _waiting = self.scenario.waiting(format!("{what} to end"));
        // For longer than that, so that a busy machine is no excuse for one that goes on.
        while processes::runs(pid) && Moment::now() < after.plus(secs(2)) {
            thread::sleep(ms(2));
        }
        let now = Moment::now();
        if processes::runs(pid) {
            let _ = kill(pid_of(pid), Signal::SIGKILL);
            self.scenario.fail_at(now, format!("{what} has ended"), "it goes on");
        }
        self.scenario.at_most(ms(500), after, now, format!("the end of {what}"));
    }
}

/// The command line of one of the children that are not servers.
pub(crate) fn other(arguments: &str) -> String {
    format!("{} {arguments}", program!("other").display())
}

pub(crate) fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}
