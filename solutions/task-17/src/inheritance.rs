//! What a child gets of signals: nothing.
//!
//! A mask goes through `fork` and `exec`, and so does an ignored signal. A child that is started with SIGTERM
//! blocked never hears that it is to stop.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use signal_hook::consts::FORBIDDEN;

/// Catches what this process ignores, and does nothing about it. To us that is the same; but a signal that is
/// caught has its default action again in a program that is started.
///
/// # Errors
///
/// If the operating system refuses.
pub fn ignore_nothing() -> io::Result<()> {
    let ignored = ignored();
    for signal in Signal::iterator().map(|signal| signal as i32) {
        if ignored & (1 << (signal - 1)) != 0 && !FORBIDDEN.contains(&signal) {
            signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
    }
    Ok(())
}

/// Does this, the start of a program, while no signal is blocked.
///
/// # Errors
///
/// If the operating system refuses.
pub fn with_nothing_blocked<T>(start: impl FnOnce() -> T) -> io::Result<T> {
    let mask = SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = start();
    mask.thread_set_mask()?;
    Ok(started)
}

/// A bit for each signal.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default()
}
