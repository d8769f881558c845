//! A pseudo-terminal: what is written at our end is typed there.

use std::io::Write as _;

use drain_kit::Scenario;
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};

pub(crate) struct Terminal {
    keyboard: PtyMaster,
    /// `/dev/pts/4`.
    pub(crate) name: String,
}

impl Terminal {
    /// The machine may have none to give.
    #[track_caller]
    pub(crate) fn open(scenario: &Scenario) -> Self {
        let opened = || {
            let keyboard = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
            grantpt(&keyboard)?;
            unlockpt(&keyboard)?;
            let name = ptsname_r(&keyboard)?;
            nix::Result::Ok(Self { keyboard, name })
        };
        opened().unwrap_or_else(|error| scenario.unknown(format!("no pseudo-terminal: {error}")))
    }

    /// The terminal makes SIGINT of it, for all in its foreground.
    pub(crate) fn ctrl_c(&mut self) {
        self.keyboard.write_all(b"\x03").expect("a terminal takes a key");
    }
}
