//! Each signal that the parent sends to its child by number, looked at before it is sent.
//!
//! Between the look whether a child is there and the signal to it, the child may end, and another thread may wait for it. That
//! takes luck. So the thread that is about to signal is held up, the child is killed, and all others go on.

use std::fs;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use drain_kit::{Running, Scenario, Signal, ms};
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::kill;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::family::pid_of;
use crate::processes;

/// So long the others have to wait for the child.
const HELD: Duration = ms(200);

pub(crate) struct Calls {
    watcher: JoinHandle<Option<String>>,
}

impl Calls {
    /// Watches until the parent ends.
    #[track_caller]
    pub(crate) fn watch(scenario: &Scenario, parent: &Running, child: u32) -> Self {
        let pid = parent.pid();
        let (say, stands) = mpsc::channel();
        // A thread is traced by a thread.
        let watcher = thread::spawn(move || {
            let seized = seize(pid);
            let _ = say.send(seized);
            seized.ok().and_then(|()| until_the_end(pid, child))
        });
        if let Err(error) = stands.recv().unwrap_or(Ok(())) {
            scenario
                .unknown(format!("this machine does not let a test look at system calls (ptrace: {error})"));
        }
        Self { watcher }
    }

    /// Waits until the parent has ended. Says what it did with a number that was no longer its child's.
    pub(crate) fn misused(self) -> Option<String> {
        self.watcher.join().unwrap_or_default()
    }
}

fn threads(pid: u32) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok()).map(pid_of).collect()
}

fn seize(pid: u32) -> Result<(), Errno> {
    let options = Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACESYSGOOD;
    ptrace::seize(pid_of(pid), options)?;
    let mut seized = Vec::new();
    while let Some(thread) = threads(pid).into_iter().find(|thread| !seized.contains(thread)) {
        // It may be traced already, or gone.
        let _ = ptrace::seize(thread, options);
        let _ = ptrace::interrupt(thread);
        seized.push(thread);
    }
    Ok(())
}

fn until_the_end(pid: u32, child: u32) -> Option<String> {
    let any = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG | WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    let mut misused = None;
    let mut held: Option<(Pid, String, Instant)> = None;
    let mut seen = false;
    loop {
        if let Some((thread, call, _)) = held.take_if(|(.., since)| since.elapsed() > HELD) {
            if processes::state(child).is_none() {
                misused.get_or_insert(format!("waited for while {call} was on its way"));
            }
            let _ = ptrace::syscall(thread, None);
        }
        match waitid(Id::All, any) {
            Ok(WaitStatus::PtraceSyscall(thread)) => match to_the_child(pid, thread, child) {
                Some(call) if processes::state(child).is_none() => {
                    misused.get_or_insert(format!("{call}, and it had been waited for"));
                    let _ = ptrace::syscall(thread, None);
                }
                Some(call) if !seen => {
                    seen = true;
                    let _ = kill(pid_of(child), Signal::SIGKILL);
                    held = Some((thread, call, Instant::now()));
                }
                _ => drop(ptrace::syscall(thread, None)),
            },
            Ok(WaitStatus::PtraceEvent(thread, signal, 0)) => drop(ptrace::syscall(thread, signal)),
            Ok(WaitStatus::PtraceEvent(thread, ..)) => drop(ptrace::syscall(thread, None)),
            Err(_) => return misused,
            Ok(_) => thread::sleep(Duration::from_micros(200)),
        }
    }
}

/// `kill(4711)`, if that is what the thread is about to do, and 4711 is the child or its group.
fn to_the_child(pid: u32, thread: Pid, child: u32) -> Option<String> {
    let line = fs::read_to_string(format!("/proc/{pid}/task/{thread}/syscall")).ok()?;
    let mut words = line.split(' ');
    let number: libc::c_long = words.next()?.parse().ok()?;
    let name = match number {
        libc::SYS_kill => "kill",
        libc::SYS_tkill => "tkill",
        libc::SYS_tgkill => "tgkill",
        _ => return None,
    };
    // A register; the argument is its lower half.
    let target = u64::from_str_radix(words.next()?.trim_start_matches("0x"), 16).ok()? as u32;
    let target = target.cast_signed();
    (target.unsigned_abs() == child).then(|| format!("{name}({target})"))
}
