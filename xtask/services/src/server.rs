//! A server: started in a folder of its own, ready once it has served a client, stopped by its process.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{At as _, Error, Result};
use crate::process::Process;
use crate::{Service, port};

/// How long a server that has just been started may take until it serves, on a busy machine.
const READY: Duration = Duration::from_secs(60);
/// How long it may take to stop by itself: the first broker also keeps what makes the next start quick.
const STOP: Duration = Duration::from_secs(20);
/// Other programs may take the port that was just free; not three times in a row.
const ATTEMPTS: usize = 3;

/// A server that was started here. It outlives this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What it serves.
    pub service: Service,
    /// Its process.
    pub process: Process,
    /// The port on which it serves, on the loopback interface.
    pub port: u16,
    /// Where its data are. They end with it.
    pub folder: PathBuf,
}

impl Server {
    /// Starts a server with empty data below `parent`, where its log is kept too, on the `wanted`
    /// port if that is free. It is handed to `entered` as soon as it exists, and returned when it has
    /// served a client.
    ///
    /// # Errors
    ///
    /// If a program that is needed is missing, or if the server ends or does not serve within a minute.
    pub fn start(
        service: Service,
        parent: &Path,
        wanted: Option<u16>,
        mut entered: impl FnMut(&Self) -> Result<()>,
    ) -> Result<Self> {
        let mut attempt = 1;
        loop {
            let server = Self::spawn(service, parent, port::free(wanted)?)?;
            entered(&server).inspect_err(|_| server.stop())?;
            match server.wait_until_ready(&log(parent, service), READY) {
                Err(_) if attempt < ATTEMPTS && server.lost_its_port() => attempt += 1,
                Err(error) => {
                    server.stop();
                    return Err(error);
                }
                Ok(()) => return Ok(server),
            }
            server.stop();
        }
    }

    fn spawn(service: Service, parent: &Path, port: u16) -> Result<Self> {
        fs::create_dir_all(parent).at("create", parent)?;
        let folder = service.folder(parent)?;
        let mut command = service.prepare(&folder, port).inspect_err(|_| remove(&folder))?;
        let log = log(parent, service);
        let _ = fs::rename(&log, previous_log(parent, service));
        let output = fs::File::create(&log).at("create", &log)?;
        let errors = output.try_clone().at("write", &log)?;
        // In a process group of its own: a Ctrl-C at the terminal is not meant for it.
        command.process_group(0).stdin(Stdio::null()).stdout(output).stderr(errors);
        let name = service.name();
        let child = command
            .spawn()
            .map_err(|error| Error::cannot_run(format!("{name} cannot be started: {error}")))?;
        let ended = || Error::failed(format!("{name} ended at once: {}", last_words(&log)));
        let process = Process::of(child.id()).ok_or_else(ended)?;
        Ok(Self { service, process, port, folder })
    }

    /// Waits until the server has served a client.
    ///
    /// # Errors
    ///
    /// If it ends, or does not within `patience`. The error quotes its log.
    pub fn wait_until_ready(&self, log: &Path, patience: Duration) -> Result<()> {
        let name = self.service.name();
        let until = Instant::now() + patience;
        while let Err(error) = self.serves() {
            if !self.process.is_alive() {
                return Err(Error::failed(format!(
                    "{name} ended while it started: {}; the rest stands in {}",
                    last_words(log),
                    log.display()
                )));
            }
            if Instant::now() >= until {
                return Err(Error::failed(format!(
                    "{name} did not serve within {} s ({error}): see {}",
                    patience.as_secs(),
                    log.display()
                )));
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.service.warm_up(self.port).map_err(|error| {
            Error::failed(format!("{name} answered, but then: {error}; see {}", log.display()))
        })
    }

    /// Whether this very server serves a client, and if not, why.
    pub fn serves(&self) -> std::io::Result<()> {
        if !self.process.listens_on(self.port) {
            return Err(std::io::Error::other(format!("it does not listen on port {}", self.port)));
        }
        self.service.ask(self.port)
    }

    fn lost_its_port(&self) -> bool {
        !self.process.is_alive() && !port::is_free(self.port)
    }

    /// Stops it and removes its data. There may be nothing left to stop.
    pub fn stop(&self) {
        self.process.stop(self.service.stop_signal(), STOP);
        remove(&self.folder);
    }
}

/// Where the log of a server is kept.
pub fn log(parent: &Path, service: Service) -> PathBuf {
    parent.join(format!("{}.log", service.name()))
}

/// Where the log of the server before it is kept, for those who wonder why that one ended.
pub fn previous_log(parent: &Path, service: Service) -> PathBuf {
    parent.join(format!("{}.previous.log", service.name()))
}

/// Data that cannot be removed do no harm: each start has a folder of its own, or empties it.
fn remove(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}

/// The last line of a log that says something is wrong, else its last line.
fn last_words(log: &Path) -> String {
    let said = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let wrong = |line: &&str| ["FATAL", "ERROR", "rror:"].iter().any(|word| line.contains(word));
    lines().rfind(wrong).or_else(|| lines().next_back()).unwrap_or("it said nothing").to_owned()
}
