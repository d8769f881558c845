//! What the code under test writes to stderr, where nobody else writes to it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use nix::unistd::{dup, dup2_stderr};

/// Stderr is a file until this is dropped.
pub(crate) struct Stderr {
    before: OwnedFd,
    file: File,
    read: u64,
}

impl Stderr {
    pub(crate) fn redirect() -> io::Result<Self> {
        let path = PathBuf::from(format!("drain-model-{}.stderr", std::process::id()));
        let path = std::env::temp_dir().join(path);
        let file = File::options().create_new(true).read(true).append(true).open(&path)?;
        std::fs::remove_file(&path)?;
        let before = dup(io::stderr())?;
        dup2_stderr(&file)?;
        Ok(Self { before, file, read: 0 })
    }

    /// What was written since the last call.
    pub(crate) fn news(&mut self) -> String {
        let end = self.file.metadata().map_or(self.read, |file| file.len());
        let mut bytes = vec![0; usize::try_from(end - self.read).unwrap_or_default()];
        match self.file.read_exact_at(&mut bytes, self.read) {
            Ok(()) => self.read = end,
            Err(_) => bytes.clear(),
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        let _ = dup2_stderr(&self.before);
    }
}
