//! The command line, the trial, the result.
#![forbid(unsafe_code)]

use std::fs;
use std::process::ExitCode;

use task_09_solution::options::Options;
use task_09_solution::report::Report;
use task_09_solution::trial;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::from_args() {
        Ok(options) => options,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        eprintln!("cannot handle signals");
        return ExitCode::from(2);
    };
    // A trial that is dropped takes everything with it that it has started.
    tokio::select! {
        report = trial::run(&options) => tell(&options, report),
        _ = interrupt.recv() => ExitCode::from(130),
        _ = terminate.recv() => ExitCode::from(143),
    }
}

/// Tells the result in each form that is wanted.
fn tell(options: &Options, mut report: Report) -> ExitCode {
    if let Some(file) = &options.junit {
        let name = options.program.to_string_lossy();
        if let Err(error) = fs::write(file, report.junit(&name)) {
            report = Report::could_not_run(options.signal, format!("{}: {error}", file.display()));
        }
    }
    println!("{}", if options.json { report.json() } else { report.to_string() });
    report.exit_code()
}
