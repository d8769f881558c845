//! What is known of a service from one command to the next: its last port, and the server, from the
//! moment it is started until it has been stopped.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use drain_services::{Error, Process, Result, Server, Service};
use tinyjson::JsonValue;

#[derive(Default)]
pub(crate) struct Record {
    /// Wanted again next time, so that an exported address stays true.
    pub(crate) port: Option<u16>,
    pub(crate) server: Option<Server>,
}

impl Record {
    pub(crate) fn load(state: &Path, service: Service) -> Result<Self> {
        let path = path(state, service);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::cannot_run(format!("cannot read {}: {error}", path.display()))),
        };
        Self::read(&text, service).ok_or_else(|| {
            Error::cannot_run(format!(
                "{} is not what was written: stop that server by hand, and remove the file",
                path.display()
            ))
        })
    }

    fn read(text: &str, service: Service) -> Option<Self> {
        let value: JsonValue = text.parse().ok()?;
        let fields: &HashMap<String, JsonValue> = value.get()?;
        let number = |name: &str| fields.get(name)?.get::<f64>().copied();
        let text = |name: &str| fields.get(name)?.get::<String>().cloned();
        let port = number("port")? as u16;
        let process = number("pid").and_then(|pid| {
            Some(Process { pid: pid as u32, started: number("started")? as u64, boot: text("boot")? })
        });
        let server = process.zip(text("folder")).map(|(process, folder)| Server {
            service,
            process,
            port,
            folder: PathBuf::from(folder),
        });
        Some(Self { port: Some(port), server })
    }

    /// Notes that the server exists.
    pub(crate) fn started(state: &Path, server: &Server) -> Result<()> {
        let Server { service, process, port, folder } = server;
        let fields = [
            ("port", JsonValue::Number(f64::from(*port))),
            ("pid", JsonValue::Number(f64::from(process.pid))),
            ("started", JsonValue::Number(process.started as f64)),
            ("boot", JsonValue::String(process.boot.clone())),
            ("folder", JsonValue::String(folder.display().to_string())),
        ];
        write(state, *service, &fields)
    }

    /// Notes that the server has been stopped.
    pub(crate) fn stopped(state: &Path, server: &Server) -> Result<()> {
        write(state, server.service, &[("port", JsonValue::Number(f64::from(server.port)))])
    }
}

/// A new file is put in the place of the old one: after a crash there is one or the other.
fn write(state: &Path, service: Service, fields: &[(&str, JsonValue)]) -> Result<()> {
    let path = path(state, service);
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let text = JsonValue::Object(fields).stringify().unwrap_or_default();
    let new = path.with_extension("new");
    let written = fs::write(&new, text).and_then(|()| fs::rename(&new, &path));
    written.map_err(|error| Error::cannot_run(format!("cannot write {}: {error}", path.display())))
}

fn path(state: &Path, service: Service) -> PathBuf {
    state.join(format!("{}.json", service.name()))
}
