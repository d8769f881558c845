//! Redis, or Valkey: from the binary that is installed here.

use std::io::{BufRead as _, BufReader, Error, Read as _, Result, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{error, tool};

const ANSWER: Duration = Duration::from_secs(2);

pub(crate) fn prepare(folder: &Path, port: u16) -> error::Result<Command> {
    let missing = "redis: no redis-server or valkey-server on PATH: apt-get install redis-server";
    let mut redis = Command::new(tool::find(&["redis-server", "valkey-server"], missing)?);
    redis.current_dir(folder).args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    redis.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
    Ok(redis)
}

/// Sends one command to the server on this port, and returns what it says: text or a number as text,
/// `None` for nothing.
///
/// # Errors
///
/// If nobody listens, or the server says no: its own words are the error. An answer that is a list is
/// not understood.
pub fn ask(port: u16, command: &[&str]) -> Result<Option<String>> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    let words: String = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    stream.write_all(format!("*{}\r\n{words}", command.len()).as_bytes())?;

    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let line = line.trim_end();
    match (line.get(..1), line.get(1..).unwrap_or_default()) {
        (Some("+" | ":"), said) => Ok(Some(said.to_owned())),
        (Some("$"), "-1") => Ok(None),
        (Some("$"), length) => {
            let mut value = Vec::new();
            let length = length.parse().map_err(|_| Error::other(format!("it answers `{line}`")))?;
            answer.take(length).read_to_end(&mut value)?;
            Ok(Some(String::from_utf8_lossy(&value).into_owned()))
        }
        (Some("-"), said) => Err(Error::other(said.to_owned())),
        _ => Err(Error::other(format!("it answers `{line}`"))),
    }
}
