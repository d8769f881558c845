//! The learner's way through the drills. `cargo xtask plan` starts it, and tells it on stdin what
//! `cargo xtask list --json` says.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `drill` | [`Drill`](drill::Drill): what is known of each, read from stdin |
//! | `evenings` | [`Evenings`](evenings::Evenings): on which days somebody works |
//! | `plan` | `plan`: which drill is due on which evening |
//! | `calendar` | the same for a calendar |
#![forbid(unsafe_code)]

mod calendar;
mod drill;
mod evenings;
mod plan;

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let said = match command.to_str() {
        Some("plan") => plan::run(lexopt::Parser::from_args(arguments)),
        _ => {
            Err(format!("no command is called `{}`: it is started by `cargo xtask plan`", command.display()))
        }
    };
    match said {
        Ok(said) => {
            // Whoever reads it may have read enough.
            let _ = std::io::stdout().write_all(said.as_bytes());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}
