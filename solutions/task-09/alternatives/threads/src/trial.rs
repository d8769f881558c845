//! One trial: start, rehearse, load, signal, look.

use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::drain::{drain, exit_shown};
use crate::http::{receive, send};
use crate::load::{load, rehearse};
use crate::options::Options;
use crate::output::pass_on;
use crate::report::Report;
use crate::service::Service;
use crate::slot::Slot;
use crate::sockets::Sockets;

/// It waits for half a second at most; if its connects do so, too, nobody accepts.
const LOAD: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Starts the service, sends it the signal while requests are in flight, and says what it did.
///
/// When this returns, or the slot is closed, nothing is left that it has started.
pub fn run(options: &Arc<Options>, slot: &Slot) -> Report {
    let trial = attempt(options, slot);
    slot.close();
    trial.unwrap_or_else(|reason| Report::could_not_run(options.signal, reason))
}

fn attempt(options: &Arc<Options>, slot: &Slot) -> Result<Report, String> {
    let startup = Instant::now() + options.startup;
    if options.ready_line.is_none() && TcpStream::connect_timeout(&options.address, LOAD).is_ok() {
        return Err(format!("somebody listens at {} before the start", options.address));
    }
    let start = || {
        let started = Service::start(&options.program, &options.arguments);
        started.map_err(|error| format!("{} cannot be started: {error}", options.program.to_string_lossy()))
    };
    let stdout = slot.fill(start)?;
    let ready = pass_on(stdout, options.ready_line.clone());

    let why = Why::default();
    let prepared = on_a_thread({
        let (options, why) = (options.clone(), why.clone());
        move || {
            let address = up(&options, ready, &why)?;
            why.is("the rehearsal has not ended");
            Ok((address, rehearse(&options, address)?))
        }
    });
    let too_late = || format!("{} after {:?}", why.shown(), options.startup);
    let (address, rehearsed) = before_the_signal(slot, &prepared, startup, too_late)?;
    let loaded = on_a_thread(move || load(rehearsed, address));
    let too_late = || "the load cannot be sent: connects are not answered".to_owned();
    let requests = before_the_signal(slot, &loaded, Instant::now() + LOAD, too_late)?;
    drain(options, slot, address, requests)
}

/// What the trial waits for, as it is told if it waits in vain.
#[derive(Clone, Default)]
struct Why(Arc<Mutex<String>>);

impl Why {
    fn is(&self, why: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why.into();
    }

    fn shown(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A thread for whom nobody waits: if it is blocked it ends with the process.
fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(work()));
    told
}

/// What the thread comes to, if it does so in time and the service is still there.
fn before_the_signal<T>(
    slot: &Slot,
    told: &Receiver<Result<T, String>>,
    until: Instant,
    too_late: impl Fn() -> String,
) -> Result<T, String> {
    loop {
        match told.recv_timeout(LOOK_AGAIN) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Disconnected) => return Err("a thread has panicked".to_owned()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(status) = slot.exited()? {
            return Err(format!("{}, before the signal", exit_shown(status)));
        }
        if Instant::now() > until {
            return Err(too_late());
        }
    }
}

/// Waits until the service is up, and returns where it listens. Goes on as long as the process does.
fn up(options: &Options, ready: Receiver<Option<SocketAddr>>, why: &Why) -> Result<SocketAddr, String> {
    let mut address = options.address;
    if options.ready_line.is_some() {
        why.is("there is no ready line");
        while let Err(_ended) = ready.recv().map(|told| address = told.unwrap_or(address)) {
            thread::park();
        }
    }
    loop {
        match is_up(options, address)? {
            Ok(()) => return Ok(address),
            Err(not_yet) => why.is(format!("it is not up at {address}: {not_yet},")),
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// Whether the service is up, or why it is not; or why nobody will ever know.
fn is_up(options: &Options, address: SocketAddr) -> Result<Result<(), String>, String> {
    let mut stream = match TcpStream::connect(address) {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let sockets = Sockets::now().map_err(|error| format!("the sockets cannot be looked at: {error}"))?;
    if !sockets.have_listener_of_ours(address) {
        return Ok(Err("it is somebody else who listens there".to_owned()));
    }
    let Some(path) = &options.ready else { return Ok(Ok(())) };
    if let Err(error) = send(&mut stream, path) {
        return Ok(Err(error.to_string()));
    }
    Ok(match receive(&mut stream) {
        Ok(response) if (200..300).contains(&response.status) => Ok(()),
        Ok(response) => Err(format!("GET {path}: status {}", response.status)),
        Err(cut) => Err(format!("GET {path}: {cut}")),
    })
}
