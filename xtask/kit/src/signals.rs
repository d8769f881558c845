//! What a program under test inherits of signals: an empty mask, and the default action for each.
//!
//! A mask goes through `fork` and `exec`, and so does an ignored signal. Whoever runs the tests may be
//! started by a program that blocks SIGTERM or ignores SIGCHLD; a program that is right would then be
//! deaf, and one whose handlers come late would survive.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Takes the signals that this process ignores to be caught, and does nothing about them: to it that
/// makes no difference, and a program that it starts has the default action. (SIGPIPE, which Rust itself
/// ignores, is put right by `std`.)
pub(crate) fn stop_ignoring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ignored = ignored();
        let cannot = |signal: &Signal| signal_hook::consts::FORBIDDEN.contains(&(*signal as i32));
        let signals = Signal::iterator().filter(|signal| *signal != Signal::SIGPIPE && !cannot(signal));
        for signal in signals.filter(|signal| ignored & (1 << (*signal as i32 - 1)) != 0) {
            let _ = signal_hook::flag::register(signal as i32, Arc::new(AtomicBool::new(false)));
        }
    });
}

/// Does this, the start of a program, with no signal blocked.
pub(crate) fn with_none_blocked<T>(start: impl FnOnce() -> T) -> T {
    let mask = SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let started = start();
    if let Ok(mask) = mask {
        let _ = mask.thread_set_mask();
    }
    started
}

/// The signals that this process ignores, a bit each.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::{Program, Scenario};

    #[test]
    fn a_program_starts_with_no_signal_blocked() {
        let scenario = Scenario::new();
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGTERM);
        mask.thread_block().unwrap();
        let program = Program::new(&scenario, "/bin/grep").arg("SigBlk").arg("/proc/self/status").start();
        program.line("SigBlk:\t0000000000000000");
        assert!(SigSet::thread_get_mask().unwrap().contains(Signal::SIGTERM), "our own mask is as it was");
    }

    #[test]
    fn a_program_starts_with_default_actions() {
        if ignored() & (1 << (Signal::SIGTERM as i32 - 1)) == 0 {
            // This test once more, as a shell starts it that ignores signals.
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", "trap '' TERM CHLD HUP; exec \"$0\" \"$@\""]);
            shell.arg(std::env::current_exe().unwrap());
            shell.args(["signals::tests::a_program_starts_with_default_actions", "--exact"]);
            assert!(shell.status().unwrap().success());
            return;
        }
        let scenario = Scenario::new();
        let program = Program::new(&scenario, "/bin/grep").arg("SigIgn").arg("/proc/self/status").start();
        program.exit_with(0);
        let (_, line) = program.stdout().remove(0);
        let ignored = u64::from_str_radix(line.trim_start_matches("SigIgn:").trim(), 16).unwrap();
        // Signals 32 and 33 are the C library's own.
        assert_eq!(ignored & 0x7fff_ffff, 0, "{line}");
    }
}
