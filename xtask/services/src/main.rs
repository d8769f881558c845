//! `cargo xtask services`: starts, watches and stops Kafka, PostgreSQL and Redis.
#![forbid(unsafe_code)]

mod cli;
mod down;
mod logs;
mod outside;
mod record;
mod standing;
mod status;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os().skip(1)).and_then(cli::run) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("services: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
