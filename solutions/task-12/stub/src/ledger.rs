//! The first component: a file that belongs to one instance at a time.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use task_12::{Drainable, Step};
use tokio::time::{Instant, sleep};

/// Where the orders are written down. Shared in an `Arc`: the clerk writes in it, and the lifecycle drains it.
pub struct Ledger(File);

impl Ledger {
    pub fn new(file: File) -> Self {
        Self(file)
    }

    /// Writes one line, at once and whole.
    pub fn write(&self, line: &str) -> io::Result<()> {
        (&self.0).write_all(format!("{line}\n").as_bytes())
    }

    fn ends_with_a_whole_line(&self) -> io::Result<bool> {
        let (mut last, length) = (*b"\n", self.0.metadata()?.len());
        if length > 0 {
            self.0.read_exact_at(&mut last, length - 1)?;
        }
        Ok(last == *b"\n")
    }
}

impl Drainable for Ledger {
    /// Waits until the instance before this one has let go of it: during a deploy there are two for a while. One
    /// that was killed in the middle of a line has left something for a person to look at.
    fn start(&self) -> Step<'_> {
        Box::pin(async {
            while let Err(error) = self.0.try_lock() {
                match error {
                    TryLockError::WouldBlock => sleep(Duration::from_millis(20)).await,
                    TryLockError::Error(error) => return Err(error.into()),
                }
            }
            if self.ends_with_a_whole_line()? { Ok(()) } else { Err("its last line is cut off".into()) }
        })
    }

    fn drain(&self, _deadline: Instant) -> Step<'_> {
        Box::pin(async {
            self.write("closed")?;
            Ok(self.0.unlock()?)
        })
    }
}
