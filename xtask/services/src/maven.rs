//! Maven, which brings what is in its central repository; and that it is what it was.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::tool;

/// The program.
pub(crate) struct Maven(PathBuf);

impl Maven {
    /// The one on `PATH`; that there is none is said in the words of `missing`.
    pub(crate) fn find(missing: &str) -> Result<Self> {
        tool::find(&["mvn"], missing).map(Self)
    }

    /// Runs a goal of its dependency plugin for a service, in a folder; `fetched` hears of each address from which
    /// something has come.
    ///
    /// # Errors
    ///
    /// If Maven fails: what it says.
    pub(crate) fn run(
        &self,
        service: &str,
        folder: &Path,
        goal: &str,
        options: &[String],
        mut fetched: impl FnMut(&str),
    ) -> Result<()> {
        let mut command = Command::new(&self.0);
        command.current_dir(folder).args(["--batch-mode", "-Dstyle.color=never", "--strict-checksums"]);
        command.arg(format!("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:{goal}")).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child =
            command.spawn().map_err(|error| Error::cannot_run(format!("cannot start Maven: {error}")))?;
        let mut complaint = String::new();
        let said = BufReader::new(child.stdout.take().expect("stdout is piped"));
        for line in said.lines().map_while(|line| line.ok()) {
            if let Some((_, address)) = line.split_once("Downloaded from ") {
                fetched(address);
            }
            // Not at the start of the line: Maven also resets colours that it has not set.
            if let (true, Some((_, words))) = (complaint.is_empty(), line.split_once("[ERROR]")) {
                complaint = words.split(" -> [Help").next().unwrap_or_default().trim().to_owned();
            }
        }
        let status = child.wait().map_err(|error| Error::cannot_run(format!("Maven: {error}")))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::cannot_run(format!(
            "{service}: Maven could not bring it, is the network there? It says: {complaint}"
        )))
    }
}

/// Checks the files in a folder against sums, as `sha256sum` writes them.
///
/// # Errors
///
/// The first file that is another one.
pub(crate) fn check(service: &str, folder: &Path, sums: &str) -> Result<()> {
    let missing =
        format!("{service}: what Maven brings is checked with sha256sum: apt-get install coreutils");
    let mut command = Command::new(tool::find(&["sha256sum"], &missing)?);
    command.current_dir(folder).args(["--check", "--quiet", "--strict", "-"]);
    let failed = |error| Error::cannot_run(format!("cannot run sha256sum: {error}"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(sums.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let file = said.lines().next().and_then(|line| line.split(':').next()).unwrap_or("a file");
    Err(Error::cannot_run(format!(
        "{service}: {file} is not the one that is pinned: remove {} and its copy in ~/.m2, and try again",
        folder.display()
    )))
}
