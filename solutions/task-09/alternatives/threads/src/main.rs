//! The command line, the trial, the result.
#![forbid(unsafe_code)]

use std::fs;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use task_09_solution::options::Options;
use task_09_solution::report::Report;
use task_09_solution::slot::Slot;
use task_09_solution::trial;

enum Event {
    Report(Report),
    Signal(i32),
}

fn main() -> ExitCode {
    let options = match Options::from_args() {
        Ok(options) => Arc::new(options),
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        eprintln!("cannot handle signals");
        return ExitCode::from(2);
    };
    let (tell, told) = mpsc::channel();
    let slot = Slot::default();
    thread::spawn({
        let tell = tell.clone();
        move || signals.forever().for_each(|signal| drop(tell.send(Event::Signal(signal))))
    });
    thread::spawn({
        let (options, slot) = (options.clone(), slot.clone());
        move || tell.send(Event::Report(trial::run(&options, &slot)))
    });
    match told.recv() {
        Ok(Event::Report(report)) => tell_in_each_form(&options, report),
        Ok(Event::Signal(signal)) => {
            slot.close();
            ExitCode::from(128_u8.saturating_add(u8::try_from(signal).unwrap_or_default()))
        }
        Err(_) => {
            slot.close();
            ExitCode::from(2)
        }
    }
}

/// Tells the result in each form that is wanted.
fn tell_in_each_form(options: &Options, mut report: Report) -> ExitCode {
    if let Some(file) = &options.junit {
        let name = options.program.to_string_lossy();
        if let Err(error) = fs::write(file, report.junit(&name)) {
            report = Report::could_not_run(options.signal, format!("{}: {error}", file.display()));
        }
    }
    println!("{}", if options.json { report.json() } else { report.to_string() });
    report.exit_code()
}
