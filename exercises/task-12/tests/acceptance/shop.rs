//! The example on trial: its ledger, and a customer who sends orders.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

use drain_kit::{Moment, Program, Running, Scenario, Timeline, ms, program};

/// A ledger that is removed in the end.
pub(crate) struct Ledger(PathBuf);

impl Ledger {
    /// One with these lines in it.
    pub(crate) fn with(text: &str) -> Self {
        let name = format!("drain-ledger-{}-{:?}", std::process::id(), thread::current().id());
        let path = std::env::temp_dir().join(name.replace(['(', ')'], "-"));
        fs::write(&path, text).expect("a file in the folder for temporary ones");
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("the path is text")
    }

    pub(crate) fn open(&self) -> File {
        File::options().append(true).open(&self.0).expect("the ledger is there")
    }

    /// Requires that these lines stand in it, and no others.
    pub(crate) fn require(&self, scenario: &Scenario, lines: &str) {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        scenario.require(text == lines, format!("{lines:?} in the ledger"), format!("{text:?}"));
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The program, with this ledger.
pub(crate) fn shop<'a>(scenario: &'a Scenario, ledger: &str) -> Program<'a> {
    Program::new(scenario, program!()).env("LEDGER", ledger)
}

/// Waits until the program has opened its ledger. Signals are handled by then.
pub(crate) fn has_opened(scenario: &Scenario, program: &Running, ledger: &Ledger) {
    let _waiting = scenario.waiting("the program to open its ledger");
    let ledger = ledger.0.canonicalize().expect("the ledger is there");
    while !holds(program.pid(), &ledger) {
        if let Some(exit) = program.exited() {
            scenario.fail_at(exit.at, "a program that waits for its ledger", exit);
        }
        thread::sleep(ms(2));
    }
}

fn holds(pid: u32, path: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == path))
}

/// A connection to the intake.
pub(crate) struct Customer {
    stream: BufReader<TcpStream>,
    timeline: Timeline,
}

impl Customer {
    pub(crate) fn connect(scenario: &Scenario, address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address);
        let stream = stream.unwrap_or_else(|error| {
            scenario.fail("a connection to the intake", format!("connect failed: {error}"))
        });
        Self { stream: BufReader::new(stream), timeline: scenario.timeline().clone() }
    }

    /// In one piece, so that what follows on a line has been read when the line is answered.
    pub(crate) fn send(&mut self, text: &str) {
        self.timeline.mark("customer", format!("sends {text:?}"));
        let _ = self.stream.get_mut().write_all(text.as_bytes());
    }

    /// Waits for an answer, requires that it is this one, and says when it came.
    pub(crate) fn require(&mut self, scenario: &Scenario, answer: &str) -> Moment {
        let _waiting = scenario.waiting("an answer of the intake");
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        let got = match &read {
            Ok(0) => "connection closed".to_owned(),
            Ok(_) => line.trim_end().to_owned(),
            Err(error) => format!("{error}"),
        };
        let at = self.timeline.mark("customer", &got);
        scenario.require(line == format!("{answer}\n"), format!("the answer `{answer}`"), got);
        at
    }
}

/// Requires that nobody is let in any more, 300 ms after the signal.
pub(crate) fn require_refused(scenario: &Scenario, program: &Running, address: SocketAddr, signal: Moment) {
    signal.plus(ms(300)).wait();
    let connect = TcpStream::connect(address);
    let observed = if connect.is_ok() { "a connection" } else { "another error" };
    if program.exited().is_some() {
        scenario.fail("a program that still drains", "it has exited");
    }
    let refused = connect.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    scenario.require(refused, "a connect refused, 300 ms after the signal", observed);
}

/// Requires one line on stderr that begins like this.
pub(crate) fn require_told(scenario: &Scenario, program: &Running, begins: &str) {
    let lines: Vec<String> = program.stderr().into_iter().map(|(_, line)| line).collect();
    let told = lines.iter().filter(|line| line.starts_with(begins)).count();
    scenario.require(
        told == 1,
        format!("one line on stderr that begins with `{begins}`"),
        if lines.is_empty() { "nothing".to_owned() } else { lines.join(" / ") },
    );
}

/// Requires that nothing was printed on stdout.
pub(crate) fn require_silence(scenario: &Scenario, program: &Running) {
    let lines: Vec<String> = program.stdout().into_iter().map(|(_, line)| line).collect();
    scenario.require(lines.is_empty(), "nothing on stdout", lines.join(" / "));
}
