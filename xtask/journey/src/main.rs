//! The learner's way through the drills. The runner starts it, and tells it on stdin what `cargo xtask list --json` says,
//! or `cargo xtask check --json`, or what `cargo xtask review` has gathered.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `drill` | [`Drill`](drill::Drill): what is known of each, read from stdin |
//! | `evenings` | [`Evenings`](evenings::Evenings): on which days somebody works |
//! | `plan` | `plan`: which drill is due on which evening |
//! | `calendar` | the same for a calendar |
//! | `book` | `book`: builds it with mdBook, and opens it |
//! | `layout`, `links` | the pages of the book; the links in a page |
//! | `verdict` | [`Check`](verdict::Check): what came of a check, read from stdin |
//! | `timeline` | what happened when, read from the picture of the terminal |
//! | `picture` | the same as SVG |
//! | `page` | a page of its own; text that stays text |
//! | `verdict_page` | `check html`: a verdict as a page |
//! | `markdown` | `check markdown`: the same for a pull request |
//! | `packet` | [`Packet`](packet::Packet): what is to be reviewed, read from stdin |
//! | `checklist`, `seen` | the items of a checklist; what a program can see of them, and where a person has to look |
//! | `question` | three questions made from the zoo |
//! | `difference` | what two submissions do differently |
//! | `review` | all of it, in the order in which a pair reads it |
//! | `review_page`, `review_markdown` | `review html`, `review markdown` |
#![forbid(unsafe_code)]

mod book;
mod calendar;
mod checklist;
mod difference;
mod drill;
mod evenings;
mod layout;
mod links;
mod markdown;
mod packet;
mod page;
mod picture;
mod plan;
mod question;
mod review;
mod review_markdown;
mod review_page;
mod seen;
mod timeline;
mod verdict;
mod verdict_page;

use std::ffi::OsString;
use std::io::{Write as _, stdin};
use std::process::ExitCode;

use crate::review::Review;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let said = match words.as_slice() {
        ["plan", ..] => plan::run(lexopt::Parser::from_args(&arguments[1..])),
        ["book", root, work, ..] => {
            book::run(root.as_ref(), work.as_ref(), lexopt::Parser::from_args(&arguments[3..]))
        }
        ["check", "html"] => verdict::read(stdin()).map(|check| verdict_page::of(&check)),
        ["check", "markdown"] => verdict::read(stdin()).map(|check| markdown::of(&check)),
        ["review", form @ ("html" | "markdown")] => packet::read(stdin()).and_then(|packet| {
            let review = Review::of(&packet)?;
            Ok(if *form == "html" { review_page::of(&review) } else { review_markdown::of(&review) })
        }),
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
