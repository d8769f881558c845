//! A small workspace for the runner to work in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A workspace of this name with these files.
pub fn workspace(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("workspaces").join(name);
    let _ = fs::remove_dir_all(&root);
    for (file, text) in [("Cargo.toml", "")].iter().chain(files) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    // The runner hands over to the one of the workspace that it works in, if that is another.
    std::os::unix::fs::symlink(env!("CARGO_MANIFEST_DIR"), root.join("xtask")).expect("a link");
    root
}

/// The runner, at work in this one.
pub fn runner(root: &Path) -> Command {
    let mut runner = Command::new(env!("CARGO_BIN_EXE_xtask"));
    runner.current_dir(root).env_remove("CARGO_MANIFEST_DIR");
    runner
}
