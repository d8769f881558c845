//! What is told on stderr while something takes long.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Tells how far the work is, or keeps silent where a program reads the result.
pub(crate) struct Reporter {
    tells: bool,
    waited: Cell<Duration>,
    built: Cell<Duration>,
}

impl Reporter {
    pub(crate) fn new() -> Self {
        Self { tells: true, ..Self::silent() }
    }

    pub(crate) fn silent() -> Self {
        Self { tells: false, waited: Cell::default(), built: Cell::default() }
    }

    /// A build has waited so long for its turn, and has then taken so long.
    pub(crate) fn built(&self, waited: Duration, took: Duration) {
        self.waited.set(self.waited.get() + waited);
        self.built.set(self.built.get() + took);
    }

    /// How long all builds have waited for their turn, and how long they have then taken.
    pub(crate) fn builds(&self) -> (Duration, Duration) {
        (self.waited.get(), self.built.get())
    }

    /// Whether anybody is told anything.
    pub(crate) fn tells(&self) -> bool {
        self.tells
    }

    /// Whether it is told on a terminal.
    pub(crate) fn is_read_on_a_terminal(&self) -> bool {
        self.tells && std::io::stderr().is_terminal()
    }

    /// One line about what is to come.
    pub(crate) fn say(&self, what: &str) {
        if self.tells {
            eprintln!("  {what}");
        }
    }

    /// Begins to count criteria, on a terminal.
    pub(crate) fn count(&self, all: usize) -> Count {
        let shown = self.is_read_on_a_terminal();
        Count { done: AtomicUsize::new(0), all, shown, started: Instant::now() }
    }
}

/// `3 of 10 criteria, 4 s`, until it is dropped.
pub(crate) struct Count {
    done: AtomicUsize,
    all: usize,
    shown: bool,
    started: Instant,
}

impl Count {
    /// One more is done.
    pub(crate) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        if self.shown {
            eprint!("\r  {done} of {} criteria, {:.0} s ", self.all, self.started.elapsed().as_secs_f64());
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        if self.shown {
            eprint!("\r{:40}\r", "");
        }
    }
}
