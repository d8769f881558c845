//! Services that do not listen themselves.

use std::env;
use std::process::{Command, Stdio, exit};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::{asleep, say};

/// Starts a worker, which listens, and passes the signals on to it.
pub(crate) fn master() -> ! {
    let mut signals = Signals::new([SIGTERM, SIGINT]).expect("signals can be handled");
    let itself = env::current_exe().expect("this program has a path");
    let mut worker = Command::new(itself).arg("threads").stdin(Stdio::null()).spawn().expect("it starts");
    let pid = Pid::from_raw(worker.id().cast_signed());
    thread::spawn(move || {
        for number in signals.forever() {
            let _ = Signal::try_from(number).map(|signal| kill(pid, signal));
        }
    });
    let code = worker.wait().ok().and_then(|status| status.code());
    exit(code.unwrap_or(1))
}

/// Says that it listens at an address at which somebody else does.
pub(crate) fn lies(address: &str) -> ! {
    // By then whoever starts it is sure to read.
    thread::sleep(Duration::from_millis(50));
    say(&format!("listening on {address}"));
    asleep()
}
