//! One trial: start, rehearse, load, signal, look.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::drain::{drain, exit_shown};
use crate::load::{Connection, load, rehearse};
use crate::options::Options;
use crate::output::pass_on;
use crate::report::Report;
use crate::service::Service;
use crate::sockets::Sockets;

/// It waits for half a second at most; if its connects do so, too, nobody accepts.
const LOAD: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Starts the service, sends it the signal while requests are in flight, and says what it did.
///
/// When this returns, or is dropped, nothing is left that it has started.
pub async fn run(options: &Options) -> Report {
    let trial = attempt(options).await;
    trial.unwrap_or_else(|reason| Report::could_not_run(options.signal, reason))
}

async fn attempt(options: &Options) -> Result<Report, String> {
    let startup = Instant::now() + options.startup;
    if options.ready_line.is_none() {
        require_free(options.address, startup).await?;
    }
    let started = Service::start(&options.program, &options.arguments);
    let cannot_start = |error| format!("{} cannot be started: {error}", options.program.to_string_lossy());
    let (mut service, stdout) = started.map_err(cannot_start)?;
    let ready = pass_on(stdout, options.ready_line.clone());

    let waits_for = RefCell::new("it is not up".to_owned());
    let prepare = async {
        let address = up(options, ready, &waits_for).await?;
        waits_for.replace("the rehearsal has not ended".to_owned());
        Ok::<_, String>((address, rehearse(options, address).await?))
    };
    let (address, rehearsed) = tokio::select! {
        prepared = prepare => prepared?,
        status = exit(&mut service) => return Err(format!("{}, before the signal", exit_shown(status?))),
        () = sleep_until(startup) => {
            return Err(format!("{} after {:?}", waits_for.borrow(), options.startup));
        }
    };
    let requests = tokio::select! {
        requests = load(rehearsed, address) => requests?,
        () = sleep(LOAD) => return Err("the load cannot be sent: connects are not answered".to_owned()),
        status = exit(&mut service) => return Err(format!("{}, before the signal", exit_shown(status?))),
    };
    drain(options, &mut service, address, requests).await
}

/// Whoever is there before the start is not what is started.
async fn require_free(address: SocketAddr, until: Instant) -> Result<(), String> {
    match timeout_at(until, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Err(format!("somebody listens at {address} before the start")),
        _ => Ok(()),
    }
}

/// Waits until the service is up, and returns where it listens.
async fn up(
    options: &Options,
    ready: oneshot::Receiver<Option<SocketAddr>>,
    waits_for: &RefCell<String>,
) -> Result<SocketAddr, String> {
    let mut address = options.address;
    if options.ready_line.is_some() {
        waits_for.replace("there is no ready line".to_owned());
        // Its stdout may have ended because it exits: then that is what is told.
        let Ok(told) = ready.await else { std::future::pending().await };
        address = told.unwrap_or(address);
    }
    loop {
        match is_up(options, address).await? {
            Ok(()) => return Ok(address),
            Err(why) => drop(waits_for.replace(format!("it is not up at {address}: {why},"))),
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Whether the service is up, or why it is not; or why nobody will ever know.
async fn is_up(options: &Options, address: SocketAddr) -> Result<Result<(), String>, String> {
    let mut connection = match Connection::open(address).await {
        Ok(connection) => connection,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let sockets = Sockets::now().map_err(|error| format!("the sockets cannot be looked at: {error}"))?;
    if !sockets.have_listener_of_ours(address) {
        return Ok(Err("it is somebody else who listens there".to_owned()));
    }
    let Some(path) = &options.ready else { return Ok(Ok(())) };
    Ok(match connection.get(path).await {
        Ok(response) if (200..300).contains(&response.status) => Ok(()),
        Ok(response) => Err(format!("GET {path}: status {}", response.status)),
        Err(why) => Err(format!("GET {path}: {why}")),
    })
}

/// Waits for the exit.
///
/// Cancel safe.
pub(crate) async fn exit(service: &mut Service) -> Result<ExitStatus, String> {
    loop {
        match service.exited() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => sleep(LOOK_AGAIN).await,
            Err(error) => return Err(format!("the service cannot be waited for: {error}")),
        }
    }
}
