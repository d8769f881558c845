//! What is going on, on standard error: standard output belongs to the result.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _, stderr};

/// A line that stays.
pub fn line(text: impl Display) {
    let wipe = if stderr().is_terminal() { "\r\x1b[K" } else { "" };
    eprintln!("{wipe}{text}");
}

/// A line that the next one replaces. Where nothing can be replaced it is left out.
pub fn passing(text: impl Display) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
        let _ = stderr().flush();
    }
}
