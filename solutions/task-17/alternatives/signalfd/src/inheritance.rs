//! What this process has inherited of signals, and its child must not; and what comes while it starts its child.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::FORBIDDEN;

/// A signal that came while none was blocked.
pub struct Caught(Arc<AtomicBool>);

impl Caught {
    /// Whether one that asks for a drain has come.
    pub fn any(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Blocks no signal, ignores none, and catches those that ask for a drain: what is caught has its default action again in a program
/// that is started.
///
/// # Errors
///
/// If the operating system refuses.
pub fn drop_all() -> io::Result<Caught> {
    let caught = Caught(Arc::new(AtomicBool::new(false)));
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        signal_hook::flag::register(signal as i32, caught.0.clone())?;
    }
    for signal in ignored().filter(|signal| !FORBIDDEN.contains(signal)) {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    SigSet::empty().thread_set_mask()?;
    Ok(caught)
}

fn ignored() -> impl Iterator<Item = i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default();
    Signal::iterator().map(|signal| signal as i32).filter(move |signal| bits & (1 << (signal - 1)) != 0)
}
