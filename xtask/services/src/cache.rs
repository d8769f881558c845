//! What is made once and serves every start: jars, and data folders that are ready to be copied.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::fcntl::{Flock, FlockArg};

use crate::error::{At as _, Error, Result};
use crate::{progress, tool};

/// The folder of what can be made again, under the ignored target folder.
pub fn work_folder() -> Result<PathBuf> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("xtask/services lies two deep");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    std::path::absolute(target.join("drain")).at("find", &target)
}

/// Fills the folder `data` from the template of this name. If there is none yet, `make` fills the
/// folder, which becomes the template.
pub(crate) fn fill(data: &Path, template: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let template = work_folder()?.join(template);
    if template.exists() {
        return copy(&template, data);
    }
    make()?;
    // Copied beside it and put in its place, so that it is whole or not there. Whoever comes second
    // finds it taken, by an equal one. Also within one process: tests start servers side by side.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let new = template.with_extension(format!("{}-{number}", std::process::id()));
    fs::create_dir_all(template.parent().unwrap_or(&template)).at("create", &template)?;
    copy(data, &new)?;
    if fs::rename(&new, &template).is_err() {
        let _ = fs::remove_dir_all(&new);
    }
    Ok(())
}

/// With owners and modes: PostgreSQL wants its data to be nobody else's.
fn copy(from: &Path, to: &Path) -> Result<()> {
    tool::run(Command::new("cp").arg("-a").arg("--").args([from, to])).map(drop)
}

/// Held by one process at a time; the others wait. It ends with the process, however that ends.
pub struct Lock(#[expect(dead_code, reason = "it is held, not read")] Flock<fs::File>);

impl Lock {
    /// Waits for the lock of a folder, which is created if need be.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written to.
    pub fn of(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).at("create", folder)?;
        let path = folder.join("lock");
        let file = fs::File::create(&path).at("create", &path)?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).or_else(|(file, _)| {
            progress::passing("waiting for another `cargo xtask services`");
            Flock::lock(file, FlockArg::LockExclusive)
        });
        let failed = |(_, error)| Error::cannot_run(format!("cannot lock {}: {error}", path.display()));
        lock.map(Self).map_err(failed)
    }
}
