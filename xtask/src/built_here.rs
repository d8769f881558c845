//! The runner of this clone, and not that of another.
//!
//! Cargo tells packages apart by their path in the workspace. So in a build folder that two clones share,
//! and in a clone that was copied or renamed, it takes a runner for fresh that was built from other
//! sources, whose rules may be other ones. Such a runner hands over to the one of this clone.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::workspace::{self, Workspace};

/// Set for the runner that is handed over to, which does not do so again.
const HANDED_OVER: &str = "DRAIN_HANDED_OVER";

/// Returns if this runner was built from the sources in its workspace; else that one runs instead.
///
/// # Errors
///
/// If it cannot be built or started.
pub(crate) fn or_hand_over(arguments: &[OsString]) -> Result<()> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(here) = fs::canonicalize(workspace::root().join("xtask")) else { return Ok(()) };
    if fs::canonicalize(built).is_ok_and(|built| built == here) {
        return Ok(());
    }
    if std::env::var_os(HANDED_OVER).is_some() {
        return Err(Error::new(format!(
            "this runner was built in {}, and cargo takes it for the one of {}: `cargo clean -p xtask`, then try again",
            built.display(),
            here.display()
        )));
    }
    for source in sources(&here) {
        if let Ok(file) = File::options().append(true).open(source) {
            let _ = file.set_modified(SystemTime::now());
        }
    }
    // Where it was started from, arguments mean what they mean.
    let mut cargo = workspace::cargo(&Workspace::main());
    cargo.current_dir(std::env::current_dir().unwrap_or_default()).env(HANDED_OVER, "1");
    cargo.args(["run", "--quiet", "--package", "xtask", "--manifest-path"]);
    cargo.arg(workspace::root().join("Cargo.toml")).arg("--").args(arguments);
    Err(Error::new(format!("cannot start cargo: {}", cargo.exec())))
}

/// What cargo compares with what it has built of the packages below this folder.
fn sources(here: &Path) -> impl Iterator<Item = PathBuf> {
    let packages = fs::read_dir(here).into_iter().flatten().flatten().map(|entry| entry.path());
    let packages = packages.chain([here.to_owned()]);
    packages.flat_map(|package| ["src/main.rs", "src/lib.rs"].map(|file| package.join(file)))
}
