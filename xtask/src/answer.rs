//! What somebody types, a line at a time; Ctrl-C ends it as it ends everything else.

use std::io::{IsTerminal as _, Write as _, stdin, stdout};
use std::os::fd::AsFd as _;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::unistd::read;

use crate::error::{Error, Result};
use crate::interrupt;

/// How often it is looked whether the runner has been told to stop, in milliseconds.
const LOOK_EVERY: u8 = 50;

/// Asks, and waits for the answer; none if there is nobody who could answer.
pub(crate) fn to(asked: &str) -> Result<Option<String>> {
    print!("{asked}");
    let _ = stdout().flush();
    let mut line = Vec::new();
    loop {
        match byte()? {
            Some(b'\n') => break,
            Some(byte) => line.push(byte),
            None if line.is_empty() => {
                println!();
                return Ok(None);
            }
            None => break,
        }
    }
    if !stdin().is_terminal() {
        // Only a terminal shows what was typed, and the end of its line.
        println!();
    }
    Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
}

/// The next one, none at the end. Nothing is read ahead: what is left is another question's answer.
fn byte() -> Result<Option<u8>> {
    let stdin = stdin();
    loop {
        let mut waits = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut waits, LOOK_EVERY);
        interrupt::check()?;
        if !matches!(ready, Ok(1..)) {
            continue;
        }
        let mut byte = [0];
        match read(&stdin, &mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(byte[0])),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            // The terminal is gone.
            Err(Errno::EIO) => return Ok(None),
            Err(error) => return Err(Error::new(format!("cannot read the answer: {error}"))),
        }
    }
}
