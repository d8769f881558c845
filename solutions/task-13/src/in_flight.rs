//! What has been begun and is not done, and so how far each partition may be committed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// The messages that were begun, by partition.
///
/// What is committed is not a message but a mark: everything before it is done. With several
/// messages of a partition in flight they end in any order, and the mark must stay before the first that
/// has not.
#[derive(Default)]
pub struct InFlight {
    state: Mutex<State>,
    changed: Condvar,
    /// Cancelled when what is in flight is to be cut off, in all partitions.
    cut: CancellationToken,
}

#[derive(Default)]
struct State {
    partitions: HashMap<i32, Partition>,
    /// How many messages the deadline of the drain has cut off.
    abandoned: usize,
}

struct Partition {
    /// The offsets that were begun and are not done, in flight or given up.
    open: BTreeSet<i64>,
    /// The offset after the last one that was begun. Not all numbers below it are messages: a log has gaps.
    next: i64,
    running: usize,
    cut: CancellationToken,
}

impl State {
    fn running(&self, partitions: Option<&[i32]>) -> usize {
        let chosen = |number: &i32| partitions.is_none_or(|chosen| chosen.contains(number));
        self.partitions.iter().filter(|(number, _)| chosen(number)).map(|(_, it)| it.running).sum()
    }
}

impl InFlight {
    /// A message is begun. It is in flight until the guard is dropped.
    pub fn begin(self: &Arc<Self>, partition: i32, offset: i64) -> Begun {
        let mut state = self.lock();
        let found = state.partitions.entry(partition).or_insert_with(|| Partition {
            open: BTreeSet::new(),
            next: offset,
            running: 0,
            cut: self.cut.child_token(),
        });
        found.open.insert(offset);
        found.next = offset + 1;
        found.running += 1;
        let cut = found.cut.clone();
        Begun { in_flight: self.clone(), partition, offset, cut }
    }

    /// How many messages are in flight.
    pub fn running(&self) -> usize {
        self.lock().running(None)
    }

    /// Waits until fewer than `limit` messages are in flight, at most for `patience`.
    pub fn wait_below(&self, limit: usize, patience: Duration) -> bool {
        self.wait(|state| state.running(None) < limit, Instant::now() + patience)
    }

    /// Waits until nothing of these partitions is in flight. At `until` it cuts off what is.
    pub fn settle(&self, partitions: &[i32], until: Instant) {
        let settled = |state: &State| state.running(Some(partitions)) == 0;
        if !self.wait(settled, until) {
            for (_, it) in self.lock().partitions.iter().filter(|(number, _)| partitions.contains(number)) {
                it.cut.cancel();
            }
            // Soon: what is cut off ends where it waits.
            while !self.wait(settled, Instant::now() + Duration::from_secs(1)) {}
        }
    }

    /// Cuts off everything that is in flight. It ends a moment later.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// For each partition, the offset before which everything that was begun is done.
    pub fn done_before(&self) -> Vec<(i32, i64)> {
        let state = self.lock();
        let mark = |it: &Partition| it.open.first().copied().unwrap_or(it.next);
        state.partitions.iter().map(|(number, it)| (*number, mark(it))).collect()
    }

    /// These partitions are somebody else's now.
    pub fn forget(&self, partitions: &[i32]) {
        self.lock().partitions.retain(|number, _| !partitions.contains(number));
    }

    /// How many messages [`cut`](Self::cut) has cut off. Those that are still in flight are about to be.
    pub fn abandoned(&self) -> usize {
        let state = self.lock();
        state.abandoned + state.running(None)
    }

    fn wait(&self, is_so: impl Fn(&State) -> bool, until: Instant) -> bool {
        let mut state = self.lock();
        while !is_so(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message in flight. Dropped without [`done`](Self::done), it was given up, and nothing from it on is
/// ever committed.
pub struct Begun {
    in_flight: Arc<InFlight>,
    partition: i32,
    offset: i64,
    cut: CancellationToken,
}

impl Begun {
    /// Cancelled when this message is to be cut off.
    pub fn cut(&self) -> CancellationToken {
        self.cut.clone()
    }

    /// The message has been processed.
    pub fn done(self) {
        let mut state = self.in_flight.lock();
        if let Some(partition) = state.partitions.get_mut(&self.partition) {
            partition.open.remove(&self.offset);
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut state = self.in_flight.lock();
        if let Some(partition) = state.partitions.get_mut(&self.partition) {
            partition.running -= 1;
            if partition.open.contains(&self.offset) && self.in_flight.cut.is_cancelled() {
                state.abandoned += 1;
            }
        }
        drop(state);
        self.in_flight.changed.notify_all();
    }
}
