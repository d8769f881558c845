//! The learner's way through the drills. The runner starts it, and tells it on stdin what `cargo xtask list --json` says,
//! or `cargo xtask check --json`.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `drill` | [`Drill`](drill::Drill): what is known of each, read from stdin |
//! | `evenings` | [`Evenings`](evenings::Evenings): on which days somebody works |
//! | `plan` | `plan`: which drill is due on which evening |
//! | `calendar` | the same for a calendar |
//! | `verdict` | [`Check`](verdict::Check): what came of a check, read from stdin |
//! | `timeline` | what happened when, read from the picture of the terminal |
//! | `picture` | the same as SVG |
//! | `page` | a page of its own; text that stays text |
//! | `verdict_page` | `check html`: a verdict as a page |
//! | `markdown` | `check markdown`: the same for a pull request |
#![forbid(unsafe_code)]

mod calendar;
mod drill;
mod evenings;
mod markdown;
mod page;
mod picture;
mod plan;
mod timeline;
mod verdict;
mod verdict_page;

use std::ffi::OsString;
use std::io::{Write as _, stdin};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let said = match words.as_slice() {
        ["plan", ..] => plan::run(lexopt::Parser::from_args(&arguments[1..])),
        ["check", "html"] => verdict::read(stdin()).map(|check| verdict_page::of(&check)),
        ["check", "markdown"] => verdict::read(stdin()).map(|check| markdown::of(&check)),
        _ => Err(format!("no command is called `{}`: it is started by `cargo xtask`", words.join(" "))),
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
