//! PostgreSQL: from the programs that are installed here, or have been fetched.

mod client;
mod fetched;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::error::{At as _, Error, Result};
use crate::{cache, tool};

pub use client::{Client, Row};

/// The user that owns everything in it.
pub const USER: &str = "drills";
/// The database that is there from the start.
pub const DATABASE: &str = "drills";
/// PostgreSQL refuses to run as root: then it runs as the user that nobody is.
const NOBODY: u32 = 65534;
const MISSING: &str = "postgres: no initdb and postgres on PATH or in /usr/lib/postgresql: apt-get install postgresql; or, \
                       where there is Maven: cargo xtask services up postgres";
/// Said by that command.
const NO_MAVEN: &str = "postgres: no initdb and postgres on PATH or in /usr/lib/postgresql: apt-get install postgresql; or \
                        apt-get install maven xz-utils, which bring it, on x86-64";

/// Quick rather than durable: its data end with it.
const SETTINGS: [&str; 11] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "jit=off",
    "timezone=UTC",
];

/// The address of a database of the server on this port.
pub fn url(port: u16, database: &str) -> String {
    format!("postgres://{USER}@127.0.0.1:{port}/{database}")
}

fn needs_another_user() -> bool {
    geteuid().is_root()
}

/// Whether the server's user, who may be another than we, can get to this folder.
pub(crate) fn can_reach(folder: &Path) -> bool {
    let open = |folder: &Path| fs::metadata(folder).is_ok_and(|folder| folder.permissions().mode() & 1 != 0);
    !needs_another_user() || folder.ancestors().all(open)
}

pub(crate) fn prepare(folder: &Path, port: u16) -> Result<Command> {
    prepare_from(&programs()?, folder, port)
}

fn prepare_from(programs: &Path, folder: &Path, port: u16) -> Result<Command> {
    if needs_another_user() {
        chown(folder, Some(NOBODY), Some(NOBODY)).at("give away", folder)?;
    }
    let data = folder.join("data");
    let template = format!("postgres-{}-{}", version(programs)?, owner());
    cache::fill(&data, &template, || initialise(programs, &data))?;
    let mut postgres = command(programs, "postgres");
    postgres.arg("-D").arg(&data).arg("-p").arg(port.to_string());
    postgres.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
    Ok(postgres)
}

fn initialise(programs: &Path, data: &Path) -> Result<()> {
    let mut initdb = command(programs, "initdb");
    initdb.arg("-D").arg(data).args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]);
    // Small segments of its log: this folder is copied for each start.
    tool::run(initdb.args(["--wal-segsize", "1", "--no-sync", "--no-instructions"]))?;

    let mut single = command(programs, "postgres");
    single.arg("--single").arg("-D").arg(data).arg("postgres");
    let failed = |error| Error::failed(format!("postgres: cannot create the database {DATABASE}: {error}"));
    let mut single =
        single.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(failed)?;
    if let Some(mut stdin) = single.stdin.take() {
        writeln!(stdin, "CREATE DATABASE {DATABASE}").map_err(failed)?;
    }
    single.wait().map(drop).map_err(failed)
}

/// Fetches the programs of PostgreSQL if none are here. That takes half a minute, and so no test does it.
///
/// # Errors
///
/// If they cannot be fetched, or could not be run where they are put.
pub fn provide() -> Result<()> {
    let folder = cache::work_folder()?;
    if programs().is_ok() {
        return Ok(());
    }
    fs::create_dir_all(&folder).at("create", &folder)?;
    if !can_reach(&folder) {
        let folder = folder.display();
        return Err(Error::cannot_run(format!(
            "postgres: it does not run as root, and nobody else can get to {folder}, where it would be put: apt-get install \
             postgresql, or clone to a folder that all may enter"
        )));
    }
    fetched::fetch(&folder, NO_MAVEN)
}

/// What to do if PostgreSQL is not here.
pub fn missing() -> Option<&'static str> {
    programs().is_err().then_some(MISSING)
}

/// The folder that holds both programs.
fn programs() -> Result<PathBuf> {
    let complete =
        |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| tool::is_program(&folder.join(name)));
    tool::search_path()
        .into_iter()
        .find(complete)
        .or_else(|| debian_folders().into_iter().find(complete))
        .or_else(|| cache::work_folder().ok().map(|folder| fetched::programs(&folder)).filter(complete))
        .ok_or_else(|| Error::cannot_run(MISSING))
}

/// Debian keeps the programs of each major version in a folder of their own: the newest first.
fn debian_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    versions.iter().rev().map(|version| version.join("bin")).collect()
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` is 15.18.
fn version(programs: &Path) -> Result<String> {
    let said = tool::run(command(programs, "postgres").arg("--version"))?;
    Ok(said.split_whitespace().nth(2).unwrap_or_default().to_owned())
}

fn owner() -> u32 {
    if needs_another_user() { NOBODY } else { geteuid().as_raw() }
}

fn command(programs: &Path, name: &str) -> Command {
    let mut command = Command::new(programs.join(name));
    if needs_another_user() {
        // Nobody need not be able to read the folder that we are in.
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    command
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::port;

    /// Its own folder: others may have fetched them already, and where we are nobody else may be.
    #[test]
    fn the_programs_that_are_fetched_serve() {
        let site = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(site.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for _ in 0..2 {
            fetched::fetch(site.path(), NO_MAVEN).unwrap();
        }
        let folder = site.path().join("data");
        fs::create_dir(&folder).unwrap();
        let port = port::free(None).unwrap();
        let programs = fetched::programs(site.path());
        let mut server =
            prepare_from(&programs, &folder, port).unwrap().stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        let said = loop {
            let said =
                Client::connect(port, DATABASE).and_then(|mut client| client.query("SHOW server_version"));
            if said.is_ok() || Instant::now() > until {
                break said;
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(said.unwrap(), [[Some("15.14".to_owned())]]);
    }
}
