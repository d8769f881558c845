//! What this process has inherited of signals, and its child must not.
//!
//! A mask goes through `fork` and `exec`, and so does an ignored signal. Whoever is started with SIGTERM blocked
//! never hears that it is to stop.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::FORBIDDEN;

/// Blocks no signal, and ignores none: it catches what was ignored, and does nothing about it. To this process that is
/// the same; but a signal that is caught has its default action again in a program that is started.
///
/// The mask is that of the thread, and of those that it starts later.
///
/// # Errors
///
/// If the operating system refuses.
pub fn drop_all() -> io::Result<()> {
    SigSet::empty().thread_set_mask()?;
    let ignored = ignored();
    for signal in Signal::iterator().map(|signal| signal as i32) {
        if ignored & (1 << (signal - 1)) != 0 && !FORBIDDEN.contains(&signal) {
            signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
    }
    Ok(())
}

/// A bit for each signal.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default()
}
