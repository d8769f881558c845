//! Single keys from a terminal.

use std::io::{IsTerminal as _, Read as _, stdin};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

pub(super) enum Key {
    Again,
    Hint,
    Diff,
    Next,
    List,
    Quit,
}

/// The terminal, which hands over each key at once. As it was before when this is dropped.
pub(super) struct Keys {
    before: Option<Termios>,
    pressed: Option<Receiver<u8>>,
}

impl Keys {
    /// Those of stdin, if that is a terminal; else none are ever pressed.
    pub(super) fn of_the_terminal() -> Self {
        let before =
            Some(stdin()).filter(|stdin| stdin.is_terminal()).and_then(|stdin| tcgetattr(stdin).ok());
        let Some(before) = before else { return Self { before: None, pressed: None } };
        let mut each_key = before.clone();
        each_key.local_flags -= LocalFlags::ICANON | LocalFlags::ECHO;
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &each_key);
        let (sender, pressed) = mpsc::channel();
        // It ends with the process: nothing interrupts a read from a terminal.
        thread::spawn(move || {
            let mut byte = [0];
            while stdin().read(&mut byte).is_ok_and(|count| count > 0) && sender.send(byte[0]).is_ok() {}
        });
        Self { before: Some(before), pressed: Some(pressed) }
    }

    /// Waits for so long at most.
    pub(super) fn pressed_within(&mut self, time: Duration) -> Option<Key> {
        let byte = match &self.pressed {
            Some(pressed) => pressed.recv_timeout(time),
            None => Err(RecvTimeoutError::Disconnected),
        };
        match byte {
            Ok(b'\r' | b'\n') => Some(Key::Again),
            Ok(b'h') => Some(Key::Hint),
            Ok(b'd') => Some(Key::Diff),
            Ok(b'n') => Some(Key::Next),
            Ok(b'l') => Some(Key::List),
            Ok(b'q') => Some(Key::Quit),
            Ok(_) | Err(RecvTimeoutError::Timeout) => None,
            // The terminal is gone, or there never was one.
            Err(RecvTimeoutError::Disconnected) => {
                self.pressed = None;
                thread::sleep(time);
                None
            }
        }
    }

    pub(super) fn help(&self) -> &'static str {
        match &self.pressed {
            Some(_) => "; enter again, h hint, d diff, n next drill, l list, q quit",
            None => "",
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), SetArg::TCSANOW, before);
        }
    }
}
