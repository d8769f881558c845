//! A WebSocket server that says goodbye to everybody before it exits; a thread for each connection.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | start-up in the right order, and the exit code |
//! | `config` | [`Config`]: what is read from the environment |
//! | `environment`, `budget` | how a variable is read, and what is said of a bad one |
//! | `signals` | SIGINT and SIGTERM |
//! | `server` | serve until the signal, then drain |
//! | `phase` | a moment that all threads can wait for |
//! | `connections` | the registry |
//! | `http` | what is asked before a connection is a WebSocket |
//! | `echo` | one connection, from its upgrade to its close |
//! | `report` | how the drain went |
#![forbid(unsafe_code)]

mod budget;
mod config;
mod connections;
mod echo;
mod environment;
mod http;
mod phase;
mod report;
mod server;
mod signals;

use std::io;
use std::process::ExitCode;

use crate::config::Config;
use crate::report::Report;

fn main() -> ExitCode {
    let configured = Config::from_env().and_then(|config| Ok((config.listen()?, config.drain_budget)));
    let (listener, budget) = match configured {
        Ok(configured) => configured,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    let serve = || -> io::Result<Report> { server::run(listener, signals::install()?, budget) };
    match serve() {
        Ok(report) => {
            eprintln!("{report}");
            report.exit_code()
        }
        Err(error) => {
            eprintln!("cannot serve: {error}");
            ExitCode::FAILURE
        }
    }
}
