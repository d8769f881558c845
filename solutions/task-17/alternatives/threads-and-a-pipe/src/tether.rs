//! The child ends when its parent has gone: the parent holds one end of a pipe, and the child sees when nobody does.

use std::env;
use std::io::{self, PipeWriter, Read as _};
use std::process::{Command, exit};
use std::thread;

/// By this the child knows that its standard input is the pipe.
const TIED: &str = "TIED_TO_PARENT";

/// The parent's end. It is not inherited; when this process ends, however it does, it is closed.
///
/// # Errors
///
/// If there is no pipe to be had.
pub fn tie(command: &mut Command) -> io::Result<PipeWriter> {
    let (reader, writer) = io::pipe()?;
    command.env(TIED, "1").stdin(reader);
    Ok(writer)
}

/// The child's end: a thread that waits for the end of the pipe, which is there also if the parent has gone already. A
/// child that was started by hand has nobody.
///
/// # Errors
///
/// If there is no thread to be had.
pub fn hold() -> io::Result<()> {
    if env::var_os(TIED).is_some() {
        thread::Builder::new().spawn(|| {
            // Nothing is written: either end of it is the end.
            let _ = io::stdin().read(&mut [0]);
            exit(1)
        })?;
    }
    Ok(())
}
