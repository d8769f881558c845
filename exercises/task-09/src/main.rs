//! The command line, the trial, the result.
#![forbid(unsafe_code)]

use std::fs;
use std::process::ExitCode;

use task_09::options::Options;
use task_09::report::Report;
use task_09::trial;

// Yours, too: a SIGINT or SIGTERM to this program must not leave the service behind.
#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::from_args() {
        Ok(options) => options,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    tell(&options, trial::run(&options).await)
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
