//! What the code under test writes to stderr, where nobody else writes to it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::panic;
use std::sync::Arc;

use nix::unistd::{dup, dup2_stderr};

type Print = dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync;

/// Stderr is a file until this is dropped, but for panics: nobody looks for them in there, and the last one may
/// abort the process.
pub(crate) struct Stderr {
    before: Arc<OwnedFd>,
    print: Arc<Print>,
    file: File,
    read: u64,
}

impl Stderr {
    pub(crate) fn redirect() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("drain-model-{}.stderr", std::process::id()));
        let file = File::options().create_new(true).read(true).append(true).open(&path)?;
        std::fs::remove_file(&path)?;
        let before = Arc::new(dup(io::stderr())?);
        dup2_stderr(&file)?;
        let (out, back) = (before.clone(), file.try_clone()?);
        let print: Arc<Print> = Arc::from(panic::take_hook());
        let printed = print.clone();
        panic::set_hook(Box::new(move |panic| {
            let _ = dup2_stderr(&out);
            printed(panic);
            let _ = dup2_stderr(&back);
        }));
        Ok(Self { before, print, file, read: 0 })
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
        // The hook cannot be changed by a thread that panics, and need not be: its test is over.
        if !std::thread::panicking() {
            let print = self.print.clone();
            panic::set_hook(Box::new(move |panic| print(panic)));
        }
    }
}
