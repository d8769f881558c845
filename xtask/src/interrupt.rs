//! Ctrl-C and SIGTERM stop everything that was started.
//!
//! What the runner starts stands in process groups of its own, where a terminal's Ctrl-C does not
//! reach it. So each group is entered here while it lives, and a signal to the runner is passed on.
//! Signals are never blocked, whatever this process was started with: a mask is inherited, and a correct
//! program would then not see SIGTERM.

use std::fs;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::thread;

use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::{Pid, getpgid, getpgrp};
use signal_hook::consts::{FORBIDDEN, SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Error, Result};
use crate::processes;

/// Signals that whoever started this process ignores.
static IGNORED: OnceLock<Vec<i32>> = OnceLock::new();
static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());
static RECEIVED: AtomicI32 = AtomicI32::new(0);

/// Begins with no signal blocked and none ignored, and so does everything that is started from here: what
/// is ignored gets a handler that does nothing, which a new program does not inherit. Where SIGCHLD is
/// ignored the kernel would keep no exit status for us; a program that is born with SIGTERM blocked does
/// not drain. The first thing that a process does, while it has one thread.
pub(crate) fn forget_what_was_inherited() {
    let _ = SigSet::empty().thread_set_mask();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    let mask = u64::from_str_radix(mask.trim(), 16).unwrap_or_default();
    let ignored = IGNORED.get_or_init(|| (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1).collect());
    // That one Rust ignores itself, and resets in whatever it starts.
    for &signal in ignored.iter().filter(|&signal| *signal != SIGPIPE && !FORBIDDEN.contains(signal)) {
        let _ = signal_hook::flag::register(signal, Arc::default());
    }
}

/// Starts to listen; a second call does nothing.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Whatever loses its parent below this process falls to it, and not to some far-off `init`.
        let _ = prctl::set_child_subreaper(true);
        // `nohup` means it.
        let without_terminal = IGNORED.get().is_some_and(|ignored| ignored.contains(&SIGHUP));
        let wanted: &[i32] = if without_terminal { &[SIGINT, SIGTERM] } else { &[SIGINT, SIGTERM, SIGHUP] };
        let mut signals = Signals::new(wanted).expect("handlers for SIGINT, SIGTERM and SIGHUP");
        thread::spawn(move || {
            for signal in signals.forever() {
                RECEIVED.store(signal, Ordering::SeqCst);
                for &group in GROUPS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    let _ = killpg(Pid::from_raw(group), Signal::SIGTERM);
                }
            }
        });
    });
}

/// Fails if the runner has been told to stop.
pub(crate) fn check() -> Result<()> {
    match RECEIVED.load(Ordering::SeqCst) {
        0 => Ok(()),
        signal => Err(Error::interrupted(signal)),
    }
}

/// A process group that a signal to the runner also stops.
pub(crate) struct Group(i32);

/// Starts the command in a process group of its own.
pub(crate) fn spawn(command: &mut Command) -> Result<(Child, Group)> {
    use std::os::unix::process::CommandExt as _;
    // Under the lock: a signal comes either before the start, or finds the group.
    let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    check()?;
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command.process_group(0).spawn();
    let child = child.map_err(|error| Error::new(format!("cannot start {program}: {error}")))?;
    groups.push(child.id().cast_signed());
    Ok((child, Group(groups[groups.len() - 1])))
}

/// Kills what has fallen to this process because its parent has ended: children that nobody here has
/// started. A supervisor that was killed leaves such, and a build script that is deaf to SIGTERM.
pub(crate) fn stop_orphans() {
    // Under the lock, so that what is being started is not taken for an orphan.
    let groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    let ours = getpgrp();
    let is_ours =
        |pid: Pid| groups.contains(&pid.as_raw()) || getpgid(Some(pid)).is_ok_and(|group| group == ours);
    processes::kill_orphans(is_ours);
}

impl Drop for Group {
    fn drop(&mut self) {
        GROUPS.lock().unwrap_or_else(PoisonError::into_inner).retain(|&group| group != self.0);
        // Else what is left is meant to stay, such as the server of a compiler cache.
        if check().is_err() {
            stop_orphans();
        }
    }
}
