//! A thread that is held up between two instructions, as a busy machine may do it anywhere.
//!
//! Between a look and what follows from it there may be a hundred instructions, and no signal from outside falls
//! there except by luck. So the thread that prints is traced: from its next waking on it goes step by step, and
//! stands where the test wants it to stand.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::{Running, Scenario, ms, proc};

/// A thread that has not come to its next instruction for so long has slept.
const SLEPT: Duration = ms(50);
/// A thread that does something each second wakes up in this time.
const PATIENCE: Duration = ms(2_500);
/// How long a thread that goes on may take to what it next waits for.
const TURN: Duration = ms(1_000);

/// A thread of a program that is, or will be, held up, until this is dropped.
pub struct Hold {
    pub(crate) scenario: Scenario,
    pub(crate) held: mpsc::Receiver<Result<bool, Errno>>,
    pub(crate) let_go: Option<mpsc::Sender<()>>,
    pub(crate) thread: Option<JoinHandle<()>>,
}

impl Running {
    /// How long each thread of the program has run, for [`Running::hold_up`].
    pub fn threads_ran(&self) -> Vec<(u32, Duration)> {
        // What a thread does now is counted when it next waits.
        while !proc::sleeps(self.pid) {
            thread::sleep(ms(1));
        }
        proc::schedules(self.pid).into_iter().map(|(thread, schedule)| (thread, schedule.ran)).collect()
    }

    /// Takes the thread that has run most since `before`, lets it go this many instructions far when it next
    /// wakes up, and holds it up there.
    pub fn hold_up(&self, before: &[(u32, Duration)], instructions: usize) -> Hold {
        let ran = |&(thread, ran): &(u32, Duration)| {
            let earlier = before.iter().find(|(other, _)| *other == thread);
            ran.saturating_sub(earlier.map_or(Duration::ZERO, |(_, earlier)| *earlier))
        };
        let busiest = self.threads_ran().into_iter().max_by_key(ran).map_or(self.pid, |(thread, _)| thread);
        let pid = self.pid;
        let (say, held) = mpsc::channel();
        let (let_go, wait) = mpsc::channel::<()>();
        // A thread is traced by a thread, not by a process.
        let thread = self.scenario.spawn(move || {
            let thread = Pid::from_raw(busiest.cast_signed());
            let stands = stand_after(thread, instructions);
            let _ = say.send(stands);
            if stands == Ok(true) {
                let _ = wait.recv();
            }
            let _ = ptrace::detach(thread, None);
            has_its_turn(pid, busiest);
        });
        Hold { scenario: self.scenario.share(), held, let_go: Some(let_go), thread: Some(thread) }
    }
}

impl Hold {
    /// Waits until the thread is held up. It is not if it has come to its end, or waits for something again,
    /// before that many instructions.
    #[track_caller]
    pub fn held(&self) -> bool {
        let _waiting = self.scenario.waiting("the thread that prints to wake up");
        self.held.recv().unwrap_or(Ok(false)).unwrap_or_else(|error| Self::refused(&self.scenario, error))
    }

    /// Waits so long for the thread to be held up.
    #[track_caller]
    pub fn held_within(&self, patience: Duration) -> bool {
        let held = self.held.recv_timeout(patience).unwrap_or(Ok(false));
        held.unwrap_or_else(|error| Self::refused(&self.scenario, error))
    }

    #[track_caller]
    pub(crate) fn refused(scenario: &Scenario, error: Errno) -> ! {
        scenario.unknown(format!("this machine does not let a test hold up a thread (ptrace: {error})"))
    }
}

impl Drop for Hold {
    /// Lets the thread go, and waits until it has had its turn.
    fn drop(&mut self) {
        drop(self.let_go.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether the thread, once it has slept, stands after so many instructions.
fn stand_after(thread: Pid, instructions: usize) -> Result<bool, Errno> {
    ptrace::seize(thread, ptrace::Options::empty())?;
    ptrace::interrupt(thread)?;
    let until = Instant::now() + PATIENCE;
    let mut stop = next_stop(thread, until)?;
    let mut since_sleep = None;
    while let Some(signal) = stop {
        let from = Instant::now();
        // A signal that is on its way to the thread goes on to it.
        ptrace::step(thread, Some(signal).filter(|signal| *signal != Signal::SIGTRAP))?;
        stop = next_stop(thread, until)?;
        if from.elapsed() > SLEPT {
            if since_sleep.is_some() {
                // So few instructions are all that there were.
                return Ok(false);
            }
            since_sleep = Some(0);
        }
        if let Some(taken) = &mut since_sleep {
            *taken += 1;
            if *taken >= instructions {
                return Ok(stop.is_some());
            }
        }
    }
    Ok(false)
}

/// The signal at which the thread stops next, SIGTRAP for a step; `None` if it does not until then, and is made to.
fn next_stop(thread: Pid, until: Instant) -> Result<Option<Signal>, Errno> {
    // Without the exit, which is for whoever waits for the program.
    let stopped = WaitPidFlag::WSTOPPED | WaitPidFlag::__WALL;
    let from = Instant::now();
    loop {
        match waitid(Id::Pid(thread), stopped | WaitPidFlag::WNOHANG)? {
            WaitStatus::PtraceEvent(_, signal, _) | WaitStatus::Stopped(_, signal) => {
                return Ok(Some(signal));
            }
            _ if Instant::now() > until => {
                ptrace::interrupt(thread)?;
                waitid(Id::Pid(thread), stopped)?;
                // Its step may have been done just now. A trap that waits for the thread would kill it once it is let go.
                if proc::is_pending(thread, Signal::SIGTRAP) {
                    ptrace::cont(thread, None)?;
                    waitid(Id::Pid(thread), stopped)?;
                }
                return Ok(None);
            }
            // The next instruction takes microseconds.
            _ if from.elapsed() < ms(1) => thread::yield_now(),
            _ => thread::sleep(Duration::from_micros(200)),
        }
    }
}

fn has_its_turn(pid: u32, thread: u32) {
    let until = Instant::now() + TURN;
    let runs = || proc::schedules(pid).iter().any(|(number, schedule)| *number == thread && schedule.ready);
    while runs() && Instant::now() < until {
        thread::sleep(ms(1));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_step_that_is_done_while_it_is_given_up_kills_nobody() {
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let thread = Pid::from_raw(child.id().cast_signed());
        let mut given_up = 0;
        // On one core it is seldom given up: the step is done while we wait for our turn.
        let until = Instant::now() + Duration::from_secs(5);
        while given_up < 1_000 && Instant::now() < until && child.try_wait().unwrap().is_none() {
            ptrace::seize(thread, ptrace::Options::empty()).unwrap();
            ptrace::interrupt(thread).unwrap();
            next_stop(thread, Instant::now() + PATIENCE).unwrap().unwrap();
            ptrace::step(thread, None).unwrap();
            // Now sooner, now later than the step takes.
            let until = Instant::now() + Duration::from_micros(given_up as u64 % 32);
            given_up += usize::from(next_stop(thread, until).unwrap().is_none());
            ptrace::detach(thread, None).unwrap();
        }
        let ended = child.try_wait().unwrap();
        let _ = child.kill();
        let _ = child.wait();
        assert!(given_up > 0, "not one step was given up");
        assert_eq!(ended, None);
    }
}
