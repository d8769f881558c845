//! The child ends when its parent has gone.

use std::env;
use std::io;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// By this the child knows its parent.
const PARENT: &str = "PARENT_PID";

/// The parent's end: tells the child that will be started who it is that it depends on.
pub fn tie(command: &mut Command) {
    command.env(PARENT, std::process::id().to_string());
}

/// The child's end, and the first thing that it does: from now on the kernel kills it when its parent ends, or
/// rather, when the thread of it ends that started the child. A child that was started by hand has nobody.
///
/// # Errors
///
/// If the parent has gone already.
pub fn hold() -> io::Result<()> {
    let Some(parent) = env::var_os(PARENT) else { return Ok(()) };
    set_pdeathsig(Signal::SIGKILL)?;
    // Only now: for who has gone before, no signal comes.
    if *getppid().to_string() == *parent {
        return Ok(());
    }
    Err(io::Error::other("the parent has gone"))
}
