//! How much is in flight, on one cache line for each thread.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

/// More threads than that share lines.
const LINES: usize = 16;
/// One arrival, and one more in flight.
const ARRIVAL: u64 = 1 << 32 | 1;

/// Two threads that write on one cache line take it from each other each time; 128 bytes, because some processors
/// fetch two lines at once.
///
/// The upper half counts arrivals, for ever; the lower half what is in flight. Who finds the same number twice, with
/// nothing in flight, knows that nothing has been in flight in between.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

#[derive(Debug, Default)]
pub(crate) struct Lines([Line; LINES]);

/// The sum of all lines. Arrivals only grow, so two sums are the same if all lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen(u64);

impl Lines {
    /// Counts one in. It has to be counted out on the line that is returned, on whatever thread that is.
    #[inline]
    pub(crate) fn enter(&self) -> usize {
        let line = mine();
        self.0[line].0.fetch_add(ARRIVAL, SeqCst);
        line
    }

    /// Counts one out. True if none is left on its line.
    #[inline]
    pub(crate) fn leave(&self, line: usize) -> bool {
        self.0[line].0.fetch_sub(1, SeqCst) as u32 == 1
    }

    /// One line after the other: while it looks, others come and go.
    pub(crate) fn look(&self) -> Seen {
        Seen(self.0.iter().map(|line| line.0.load(SeqCst)).fold(0, u64::wrapping_add))
    }
}

impl Seen {
    pub(crate) fn in_flight(self) -> usize {
        self.0 as u32 as usize
    }
}

std::thread_local! {
    static MINE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, SeqCst) % LINES
    };
}

#[inline]
fn mine() -> usize {
    MINE.with(|line| *line)
}
