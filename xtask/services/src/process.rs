//! A process that is told apart from a later one with the same number.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// A process by its number, the moment it started, and the boot in which it did: numbers come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The process number.
    pub pid: u32,
    /// In clock ticks since the machine booted.
    pub started: u64,
    /// The kernel's name for this boot.
    pub boot: String,
}

impl Process {
    /// The process that has this number now, unless it has ended and only waits to be noticed.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may contain spaces: the fields are counted from behind it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // Threads that are still being ended hold files and ports open, whatever the first one shows.
        let ended = matches!(*fields.first()?, "Z" | "X") && matches!(*fields.get(17)?, "0" | "1");
        let started = fields.get(19)?.parse().ok()?;
        let boot =
            fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        (!ended).then_some(Self { pid, started, boot })
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Whether it is this process, and not another, that listens on a TCP port.
    pub fn listens_on(&self, port: u16) -> bool {
        let Ok(open) = fs::read_dir(format!("/proc/{}/fd", self.pid)) else { return false };
        let open = open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        let open: Vec<String> = open.map(|target| target.to_string_lossy().into_owned()).collect();
        listening_sockets(port).iter().any(|socket| open.contains(socket))
    }

    /// Sends a signal if it still runs.
    pub fn signal(&self, signal: Signal) {
        if self.is_alive() {
            let _ = kill(Pid::from_raw(self.pid.cast_signed()), signal);
        }
    }

    /// Asks it to stop, waits, and kills it if it has not ended after `patience`.
    pub fn stop(&self, asking: Signal, patience: Duration) {
        self.signal(asking);
        self.signal(Signal::SIGCONT); // One that is suspended would not hear the first.
        let until = Instant::now() + patience;
        while self.is_alive() {
            if Instant::now() >= until {
                self.signal(Signal::SIGKILL);
            }
            thread::sleep(Duration::from_millis(5));
        }
        // Takes note of its end, if it is a child of ours.
        let _ = waitpid(Pid::from_raw(self.pid.cast_signed()), Some(WaitPidFlag::WNOHANG));
    }
}

/// `socket:[4711]` for every socket that listens on the port, as `/proc/PID/fd` names it.
fn listening_sockets(port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let port = format!(":{port:04X}");
    let lines = tables.iter().flat_map(|table| table.lines());
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() > 9 && fields[1].ends_with(&port) && fields[3] == LISTEN)
        .map(|fields| format!("socket:[{}]", fields[9]))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn knows_itself_and_no_process_that_started_at_another_time() {
        let this = Process::of(std::process::id()).unwrap();
        assert!(this.is_alive());
        assert!(!Process { started: this.started + 1, ..this.clone() }.is_alive());
        assert!(!Process { boot: "another".to_owned(), ..this }.is_alive());
    }

    #[test]
    fn knows_who_listens_on_a_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(Process::of(std::process::id()).unwrap().listens_on(port));
        let other = std::process::Command::new("sleep").arg("60").spawn();
        let mut other = other.unwrap();
        assert!(!Process::of(other.id()).unwrap().listens_on(port));
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
