//! A thread that is held up before a system call, while all others go on.
//!
//! What races goes well as long as everybody is quick. So each system call of a program is looked at, and the first
//! thread that comes to the one in question stands before it, as it may on a machine that has no time for it.

use std::fs;
use std::process::Command;
use std::sync::mpsc::{self, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::{Hold, Moment, Program, Running, ms, proc};

/// The program that becomes the one that is traced.
const GATE: &str = "sh";

/// What a thread is about to do.
#[derive(Clone, Copy)]
enum Call {
    Handle(Signal),
    Send,
}

impl Program<'_> {
    /// Starts the program, and holds up the first thread that is about to install a handler for this signal.
    /// Until then, each of its system calls takes longer.
    #[track_caller]
    pub fn start_held_before_the_handler(mut self, signal: Signal) -> (Running, Hold) {
        self.command = behind_a_gate(&self.command);
        self.stdin_open = true;
        let mut program = self.start();
        let hold = program.hold_before(Call::Handle(signal), Moment::now());
        // The gate opens.
        program._stdin = None;
        (program, hold)
    }
}

impl Running {
    /// Lets no thread of the program run until then, and from then on all but the first that is about to write
    /// to a socket.
    #[track_caller]
    pub fn hold_before_an_answer(&self, from: Moment) -> Hold {
        self.hold_before(Call::Send, from)
    }

    #[track_caller]
    fn hold_before(&self, call: Call, from: Moment) -> Hold {
        let pid = self.pid;
        let (say, held) = mpsc::channel();
        let (let_go, wait) = mpsc::channel();
        let (say_stands, stands) = mpsc::channel();
        // Who is traced is let go when this thread ends.
        let thread = self.scenario.spawn(move || {
            let seized = seize(pid);
            let _ = say_stands.send(seized);
            if seized.is_ok() {
                from.wait();
                let _ = say.send(until_held(pid, call, &wait));
                let _ = wait.recv();
            }
        });
        if let Err(error) = stands.recv().unwrap_or(Ok(())) {
            Hold::refused(&self.scenario, error);
        }
        Hold { scenario: self.scenario.share(), held, let_go: Some(let_go), thread: Some(thread) }
    }
}

/// A shell that becomes the program when its standard input ends: so it is traced from its first instruction on.
fn behind_a_gate(command: &Command) -> Command {
    let mut shell = Command::new(GATE);
    shell.args(["-c", r#"read _; exec "$0" "$@" </dev/null"#]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

fn threads(pid: u32) -> impl Iterator<Item = Pid> {
    proc::schedules(pid).into_iter().map(|(thread, _)| Pid::from_raw(thread.cast_signed()))
}

/// Traces each thread of the process, and stops it.
fn seize(pid: u32) -> Result<(), Errno> {
    // The threads that these start are traced, too; processes are not.
    let options = Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_TRACESYSGOOD;
    let first = Pid::from_raw(pid.cast_signed());
    ptrace::seize(first, options)?;
    let mut seized = Vec::new();
    while let Some(thread) = threads(pid).find(|thread| !seized.contains(thread)) {
        // It may be traced already, or gone.
        let _ = ptrace::seize(thread, options);
        let _ = ptrace::interrupt(thread);
        seized.push(thread);
    }
    Ok(())
}

/// Lets the threads go from call to call until one comes to that call. Whether one has: not if the process has ended,
/// or it is told to let go.
fn until_held(pid: u32, call: Call, let_go: &mpsc::Receiver<()>) -> Result<bool, Errno> {
    let any_of_ours =
        WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG | WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    // What the shell does before it is the program does not count.
    let mut is_the_program = matches!(call, Call::Send);
    let mut since = Instant::now();
    while let_go.try_recv() == Err(TryRecvError::Empty) {
        let (thread, signal) = match waitid(Id::All, any_of_ours) {
            Ok(WaitStatus::PtraceSyscall(thread)) => {
                if is_the_program && call.is_next_of(pid, thread) {
                    let_go_all_but(pid, thread);
                    return Ok(true);
                }
                (thread, None)
            }
            Ok(WaitStatus::PtraceEvent(thread, signal, 0)) => (thread, Some(signal)),
            Ok(WaitStatus::PtraceEvent(thread, _, event)) => {
                // The shell may itself have been on its way into its own `exec` when it was seized.
                is_the_program |= event == Event::PTRACE_EVENT_EXEC as i32 && proc::name(pid) != GATE;
                (thread, None)
            }
            // None is left.
            Err(Errno::ECHILD) => return Ok(false),
            Err(error) => return Err(error),
            // The next call takes microseconds.
            Ok(_) if since.elapsed() < ms(1) => {
                thread::yield_now();
                continue;
            }
            Ok(_) => {
                thread::sleep(Duration::from_micros(200));
                continue;
            }
        };
        since = Instant::now();
        let _ = ptrace::syscall(thread, signal);
    }
    Ok(false)
}

/// A signal kills at once only if whoever it is for is not traced.
fn let_go_all_but(pid: u32, held: Pid) {
    let mut seen = vec![held];
    while let Some(thread) = threads(pid).find(|thread| !seen.contains(thread)) {
        seen.push(thread);
        if ptrace::interrupt(thread).is_err() {
            continue;
        }
        let signal = match waitid(Id::Pid(thread), WaitPidFlag::WSTOPPED | WaitPidFlag::__WALL) {
            Ok(WaitStatus::PtraceEvent(_, signal, 0)) => Some(signal),
            _ => None,
        };
        let _ = ptrace::detach(thread, signal);
    }
}

impl Call {
    /// Whether it is the call that the thread, which has been stopped before one, will make.
    fn is_next_of(self, pid: u32, thread: Pid) -> bool {
        let line = fs::read_to_string(format!("/proc/{pid}/task/{thread}/syscall")).unwrap_or_default();
        let mut words = line.split(' ');
        let number: libc::c_long = words.next().and_then(|word| word.parse().ok()).unwrap_or(-1);
        let argument =
            words.next().and_then(|word| i32::from_str_radix(word.trim_start_matches("0x"), 16).ok());
        let Some(argument) = argument else { return false };
        match self {
            // Without an action it is a question.
            Self::Handle(signal) => {
                number == libc::SYS_rt_sigaction && argument == signal as i32 && words.next() != Some("0x0")
            }
            Self::Send => {
                let sends = [libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_write, libc::SYS_writev];
                let file = fs::read_link(format!("/proc/{pid}/fd/{argument}")).unwrap_or_default();
                sends.contains(&number) && file.to_string_lossy().starts_with("socket:")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    /// Shells install a handler for SIGINT, too.
    #[test]
    fn it_is_the_program_that_is_held_up_and_not_a_shell_on_the_way_to_it() {
        let scenario = Scenario::new();
        let program = Program::new(&scenario, "/bin/sh").arg("-c").arg("exec /bin/true");
        let (program, hold) = program.start_held_before_the_handler(Signal::SIGINT);
        assert!(!hold.held());
        program.exit_with(0);
    }
}
