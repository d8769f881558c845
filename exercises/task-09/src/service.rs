//! The service on trial, and all that descends from it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// A service that has been started. When this is dropped, everything that was started is killed.
pub struct Service {
    child: Child,
}

impl Service {
    /// Starts it, and returns what it prints on stdout. It has a process group of its own, so that Ctrl-C
    /// is for us; its stderr is ours.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start(program: &OsString, arguments: &[OsString]) -> io::Result<(Self, ChildStdout)> {
        // Whatever loses its parent becomes our child, in whatever session: so it is found.
        set_child_subreaper(true)?;
        let mut command = Command::new(program);
        command.args(arguments).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        // A signal that is blocked here would be blocked there.
        let mask = SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let child = command.spawn();
        mask.thread_set_mask()?;
        let mut child = child?;
        let stdout = child.stdout.take().expect("stdout is piped");
        Ok((Self { child }, stdout))
    }

    /// Sends it a signal, unless it is known to have exited.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid(), signal);
    }

    /// How it ended, if it has. Does not wait.
    ///
    /// # Errors
    ///
    /// If the operating system does not say.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// The processes that descend from it and run now, each as `name (number)`.
    pub fn descendants(&self) -> Vec<String> {
        let others = below_this_process().into_iter().filter(|pid| *pid != self.pid());
        others.filter_map(running).collect()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

/// Kills it, and all that descends from it. What is forked meanwhile is found at the next look.
impl Drop for Service {
    fn drop(&mut self) {
        // Without a look: for that it may have no descriptor left.
        let _ = self.child.kill();
        let until = Instant::now() + Duration::from_millis(800);
        loop {
            let left = below_this_process();
            for pid in &left {
                let _ = kill(*pid, Signal::SIGKILL);
            }
            // As their new parent we have to take note of their end; until then they count as children.
            while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
            if left.is_empty() || Instant::now() > until {
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// All processes below this one, those that have ended and are not yet taken note of among them.
pub(crate) fn below_this_process() -> Vec<Pid> {
    let mut found = vec![Pid::this()];
    let mut next = 0;
    while next < found.len() {
        found.extend(children(found[next]));
        next += 1;
    }
    found.split_off(1)
}

fn children(pid: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let numbers = |list: String| {
        list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect::<Vec<_>>()
    };
    lists.flat_map(numbers).collect()
}

/// `name (number)`, unless the process has ended.
fn running(pid: Pid) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    (!rest.starts_with(['Z', 'X'])).then(|| format!("{name} ({pid})"))
}
