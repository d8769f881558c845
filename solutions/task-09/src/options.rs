//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use lexopt::{Arg, Parser, ValueExt as _};
use nix::sys::signal::Signal;

const USAGE: &str = "task-09 [--get PATH]... [--connections N] [--ready-line TEXT] [--ready PATH] [--address IP:PORT] \
                     [--signal TERM|INT|QUIT] [--startup TIME] [--deadline TIME] [--window TIME] [--exit-code CODE] \
                     [--json] [--junit FILE] -- PROGRAM [ARGUMENT]...";

/// What is to be tried, and how.
pub struct Options {
    /// The paths that are requested, at least one.
    pub paths: Vec<String>,
    /// How many connections there are, at least one.
    pub connections: usize,
    /// What a line on stdout contains when the service is up.
    pub ready_line: Option<String>,
    /// The path that is answered with a 2xx when the service is up.
    pub ready: Option<String>,
    /// Where the service listens, if no line says so.
    pub address: SocketAddr,
    /// The signal that asks for the drain.
    pub signal: Signal,
    /// For everything that comes before the load.
    pub startup: Duration,
    /// From the signal to the exit.
    pub deadline: Duration,
    /// From the signal on, in which new connections must still be answered.
    pub window: Duration,
    /// The exit code of a clean drain.
    pub exit_code: i32,
    /// Whether the result is told as JSON.
    pub json: bool,
    /// Where the result is written as a JUnit file.
    pub junit: Option<PathBuf>,
    /// The service.
    pub program: OsString,
    /// And its arguments.
    pub arguments: Vec<OsString>,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// In one line, what cannot be used, or what is missing.
    pub fn from_args() -> Result<Self, lexopt::Error> {
        Self::read(Parser::from_env())
    }

    fn read(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let mut options = Self {
            paths: Vec::new(),
            connections: 4,
            ready_line: None,
            ready: None,
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            signal: Signal::SIGTERM,
            startup: Duration::from_secs(10),
            deadline: Duration::from_secs(10),
            window: Duration::ZERO,
            exit_code: 0,
            json: false,
            junit: None,
            program: OsString::new(),
            arguments: Vec::new(),
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("get") => options.paths.push(path(&mut parser)?),
                Arg::Long("connections") => options.connections = parser.value()?.parse_with(at_least_one)?,
                Arg::Long("ready-line") => options.ready_line = Some(parser.value()?.string()?),
                Arg::Long("ready") => options.ready = Some(path(&mut parser)?),
                Arg::Long("address") => options.address = parser.value()?.parse()?,
                Arg::Long("signal") => options.signal = parser.value()?.parse_with(signal)?,
                Arg::Long("startup") => options.startup = parser.value()?.parse_with(time)?,
                Arg::Long("deadline") => options.deadline = parser.value()?.parse_with(time)?,
                Arg::Long("window") => options.window = parser.value()?.parse_with(time)?,
                Arg::Long("exit-code") => options.exit_code = parser.value()?.parse()?,
                Arg::Long("json") => options.json = true,
                Arg::Long("junit") => options.junit = Some(parser.value()?.into()),
                Arg::Value(program) => {
                    options.program = program;
                    options.arguments = parser.raw_args()?.collect();
                }
                other => return Err(other.unexpected()),
            }
        }
        if options.program.is_empty() {
            return Err(format!("no program is named: {USAGE}").into());
        }
        if options.paths.is_empty() {
            options.paths.push("/".to_owned());
        }
        Ok(options)
    }

    /// The path that this connection requests: they take them in turn.
    pub fn path_of(&self, connection: usize) -> &str {
        &self.paths[connection % self.paths.len()]
    }
}

fn path(parser: &mut Parser) -> Result<String, lexopt::Error> {
    parser.value()?.parse_with(|text| {
        let is_path = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_path { Ok(text.to_owned()) } else { Err("a path begins with a slash, and has no spaces") }
    })
}

fn at_least_one(text: &str) -> Result<usize, &'static str> {
    let number = usize::from_str(text).ok().filter(|number| *number > 0);
    number.ok_or("a number of connections is wanted, at least one")
}

fn signal(text: &str) -> Result<Signal, &'static str> {
    match text {
        "TERM" => Ok(Signal::SIGTERM),
        "INT" => Ok(Signal::SIGINT),
        "QUIT" => Ok(Signal::SIGQUIT),
        _ => Err("TERM, INT or QUIT is wanted"),
    }
}

/// A duration whose end is a point in time.
fn time(text: &str) -> Result<Duration, &'static str> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let time = humantime::parse_duration(text).ok().filter(|time| *time <= LONGEST);
    time.filter(|time| Instant::now().checked_add(*time).is_some())
        .ok_or("a duration of at most a day is wanted, such as 250ms, 1.5s or 1m 30s")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        let words = line.split_whitespace();
        Options::read(Parser::from_iter(["task-09"].into_iter().chain(words))).map_err(|bad| bad.to_string())
    }

    #[test]
    fn what_comes_after_the_program_is_its_own() {
        let options =
            read("--get /slow --signal QUIT --deadline 1.5s -- ./server --get --json").ok().unwrap();
        assert_eq!((options.paths, options.signal), (vec!["/slow".to_owned()], Signal::SIGQUIT));
        assert_eq!((options.program, options.arguments.len()), ("./server".into(), 2));
        assert_eq!((options.deadline, options.json), (Duration::from_millis(1_500), false));
    }

    #[test]
    fn paths_are_taken_in_turn() {
        let options = read("--get /a --get /b ./server").ok().unwrap();
        assert_eq!([0, 1, 2].map(|connection| options.path_of(connection)), ["/a", "/b", "/a"]);
        assert_eq!(read("./server").ok().unwrap().paths, ["/"]);
    }

    #[test]
    fn what_cannot_be_used_is_told_in_one_line() {
        for line in [
            "",
            "--get",
            "--get slow ./server",
            "--connections 0 ./server",
            "--signal KILL ./server",
            "--deadline soon ./server",
            "--window 12000000000000000000s ./server",
            "--address nowhere ./server",
            "--quiet ./server",
        ] {
            assert_eq!(read(line).err().unwrap().lines().count(), 1, "{line}");
        }
    }
}
