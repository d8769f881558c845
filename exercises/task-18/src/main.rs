//! The command line, the audit, the answer.
#![forbid(unsafe_code)]

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use task_18::options::Options;
use task_18::{report, run};

fn main() -> ExitCode {
    let answer = Options::from_args().map_err(|bad| bad.to_string()).and_then(|options| {
        let audited = run::run(&options)?;
        let coloured = io::stdout().is_terminal();
        Ok((report::render(&audited, options.format, coloured), audited))
    });
    let (text, audited) = match answer {
        Ok(answer) => answer,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    for problem in &audited.problems {
        eprintln!("{}: {}", problem.path, problem.message);
    }
    // Whoever reads only the beginning, as `head` does, has had enough: that is no failure.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::from(u8::from(!audited.is_clean()))
}
