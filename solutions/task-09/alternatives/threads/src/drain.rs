//! The signal, and what came of it.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::http::{Cut, Response};
use crate::load::Request;
use crate::options::Options;
use crate::probes::{Probes, probe};
use crate::report::{Fault, Report, Verdict};
use crate::slot::Slot;

const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// What is over a little after the service has exited: the last bytes, and what it has killed.
const AFTER_THE_EXIT: Duration = Duration::from_millis(200);

/// A fault, and what was seen of it.
pub type Seen = (Fault, String);

/// Sends the signal, and sees what becomes of the process, the requests and the door.
///
/// # Errors
///
/// If the trial shows nothing about the drain: a request had failed before the signal.
pub fn drain(
    options: &Options,
    slot: &Slot,
    address: SocketAddr,
    mut requests: Vec<Request>,
) -> Result<Report, String> {
    let signal = Instant::now();
    slot.of_service(|service| service.signal(options.signal))?;
    let probes = probe(options, address, signal);
    // One point in time for all that follows.
    let status = exit(slot, signal + options.deadline)?;
    let ended = Instant::now();

    let mut faults = Vec::new();
    faults.extend(fault_of_exit(options, status));
    let mut in_flight = 0;
    for request in &mut requests {
        if was_in_flight(request, status.is_some(), signal, ended, &mut faults)? {
            in_flight += 1;
        }
    }
    faults.extend(fault_at_the_door(&probes, options, signal, ended));
    if status.is_some() {
        faults.extend(what_is_left(slot, ended)?);
    }
    let verdict = match faults.into_iter().min_by_key(|(fault, _)| *fault) {
        Some((fault, why)) => Verdict::Fault(fault, why),
        None if in_flight == 0 => Verdict::ProvesNothing,
        None => Verdict::Drained,
    };
    let duration = status.map(|_| ended - signal);
    Ok(Report { verdict, signal: options.signal, in_flight, duration })
}

/// How the service ended, if it has until then.
fn exit(slot: &Slot, until: Instant) -> Result<Option<ExitStatus>, String> {
    loop {
        let status = slot.exited()?;
        if status.is_some() || Instant::now() > until {
            return Ok(status);
        }
        thread::sleep(LOOK_AGAIN);
    }
}

fn fault_of_exit(options: &Options, status: Option<ExitStatus>) -> Option<Seen> {
    let Some(status) = status else {
        return Some((Fault::Hung, format!("still running {:?} after {}", options.deadline, options.signal)));
    };
    let shown = exit_shown(status);
    match status.code() {
        None => Some((Fault::Killed, shown)),
        Some(code) if code != options.exit_code => Some((Fault::ExitCode, shown)),
        Some(_) => None,
    }
}

/// `exit code 3`, or what killed it.
pub(crate) fn exit_shown(status: ExitStatus) -> String {
    let killed_by = status.signal().map(|number| Signal::try_from(number).map_or("a signal", Signal::as_str));
    match killed_by {
        Some(signal) => format!("killed by {signal}"),
        None => format!("exit code {}", status.code().unwrap_or_default()),
    }
}

/// Whether the request was in flight at the signal. What is wrong with its answer is added to the faults.
fn was_in_flight(
    request: &mut Request,
    exited: bool,
    signal: Instant,
    ended: Instant,
    faults: &mut Vec<Seen>,
) -> Result<bool, String> {
    // After an exit its last bytes may still be on the way. At the deadline nothing more is waited for.
    let until = if exited { ended + AFTER_THE_EXIT } else { ended };
    let (path, expected, taken) = (request.path.clone(), request.expected, request.taken);
    let answer = request.answer(until);
    let told = |what: String| format!("GET {path}: {what}");
    match answer {
        Some(answer) if answer.at < signal => match answer.response {
            Ok(response) if response.status < 400 => Ok(false),
            Ok(response) => Err(told(format!("status {}, before the signal", response.status))),
            Err(cut) => Err(told(format!("{cut}, before the signal"))),
        },
        _ if !taken => Ok(false),
        None => {
            faults.push((Fault::Dropped, told("no response".to_owned())));
            Ok(true)
        }
        Some(answer) => {
            let fault = fault_of_answer(answer.response, expected);
            let after = (answer.at - signal).as_millis();
            faults.extend(
                fault.map(|(fault, what)| (fault, told(format!("{what}, {after} ms after the signal")))),
            );
            Ok(true)
        }
    }
}

fn fault_of_answer(response: Result<Response, Cut>, expected: Response) -> Option<Seen> {
    match response {
        Err(cut) => {
            let fault = match cut {
                Cut::Closed => Fault::Dropped,
                Cut::Reset => Fault::Reset,
                Cut::Truncated => Fault::Truncated,
                Cut::Malformed => Fault::Different,
            };
            Some((fault, cut.to_string()))
        }
        Ok(Response { status, .. }) if status >= 500 => {
            Some((Fault::ServerError, format!("status {status}")))
        }
        Ok(Response { status, .. }) if status != expected.status => {
            Some((Fault::Different, format!("status {status} and not {}", expected.status)))
        }
        Ok(Response { length: 0, .. }) if expected.length > 0 => {
            Some((Fault::Different, format!("no body, and not {} bytes", expected.length)))
        }
        Ok(_) => None,
    }
}

fn fault_at_the_door(probes: &Probes, options: &Options, signal: Instant, ended: Instant) -> Option<Seen> {
    let (refused, taken) = probes.seen(ended + AFTER_THE_EXIT);
    if ended < signal + options.window {
        return Some((Fault::RefusedEarly, "the service has exited before the window was over".to_owned()));
    }
    refused.map(|why| (Fault::RefusedEarly, why)).or(taken.map(|why| (Fault::Accepting, why)))
}

fn what_is_left(slot: &Slot, ended: Instant) -> Result<Option<Seen>, String> {
    loop {
        let left = slot.of_service(|service| service.descendants())?;
        if left.is_empty() {
            return Ok(None);
        }
        if Instant::now() > ended + AFTER_THE_EXIT {
            return Ok(Some((Fault::ProcessLeft, format!("still running: {}", left.join(", ")))));
        }
        thread::sleep(LOOK_AGAIN);
    }
}
