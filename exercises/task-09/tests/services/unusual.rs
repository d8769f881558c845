//! Services that do not listen themselves, or not alone.

use std::env;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio, exit};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

use crate::{asleep, say};

/// Starts a worker, which listens, and tells it to drain with a signal that only we use.
pub(crate) fn master(worker: &str) -> ! {
    let mut signals = Signals::new([SIGTERM, SIGINT]).expect("signals can be handled");
    let itself = env::current_exe().expect("this program has a path");
    let mut worker = Command::new(itself).arg(worker).stdin(Stdio::null()).spawn().expect("it starts");
    let pid = Pid::from_raw(worker.id().cast_signed());
    thread::spawn(move || {
        for _ in signals.forever() {
            let _ = kill(pid, Signal::SIGQUIT);
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

/// Binds an address as workers do that share it.
pub(crate) fn shared(address: SocketAddr) -> io::Result<TcpListener> {
    Runtime::new()?.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        socket.listen(128)?.into_std()
    })
}
