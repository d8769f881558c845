//! Who may use the processors, while many proofs go on at once.
//!
//! What computes takes a core: a compiler, a criterion under load, a scenario of the race check. A
//! criterion that mostly waits takes an eighth of one, so that waits overlap and the processors are still
//! there for whoever measures an upper bound. First come, first served: what wants a whole core is not
//! overtaken for ever by what wants little.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::thread;

use drain_criteria::{Criterion, Light};

/// Of a core.
const EIGHTHS: usize = 8;

static CORES: LazyLock<Room> =
    LazyLock::new(|| Room::of(EIGHTHS * thread::available_parallelism().map_or(1, usize::from)));
/// Cargo lets one build at a time into a build folder. Who waits for it here keeps no core from others.
static FOLDERS: LazyLock<Mutex<HashMap<PathBuf, &Room>>> = LazyLock::new(Mutex::default);

/// What a build takes.
pub(crate) struct Build {
    _core: Share<'static>,
    _folder: Share<'static>,
}

/// Waits until this build folder and a core are free.
pub(crate) fn for_a_build(folder: &Path) -> Build {
    let folder = the_only_place_in(folder).take(1);
    Build { _core: CORES.take(EIGHTHS), _folder: folder }
}

/// There are a few build folders, for as long as the runner lives.
fn the_only_place_in(folder: &Path) -> &'static Room {
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    folders.entry(folder.to_owned()).or_insert_with(|| Box::leak(Box::new(Room::of(1))))
}

/// Waits until there is room for this criterion.
pub(crate) fn for_a_criterion(criterion: &Criterion) -> Share<'static> {
    let computes = criterion.race || criterion.light() == Light::Load;
    CORES.take(if computes { EIGHTHS } else { 1 })
}

/// Waits until all cores are free: for what could not be judged while others were at work.
pub(crate) fn all() -> Share<'static> {
    CORES.take(usize::MAX)
}

/// Something of which there is so much, taken in the order in which it is asked for.
struct Room {
    all: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: usize,
    /// Tickets that have been drawn, and those whose turn has come.
    drawn: usize,
    served: usize,
}

/// A part of a room. It is given back when it is dropped.
pub(crate) struct Share<'a> {
    room: &'a Room,
    much: usize,
}

impl Room {
    const fn of(all: usize) -> Self {
        let state = Mutex::new(State { free: all, drawn: 0, served: 0 });
        Self { all, state, changed: Condvar::new() }
    }

    /// Waits until it is our turn and so much is free; who asks for more than there is gets all.
    fn take(&self, much: usize) -> Share<'_> {
        let much = much.min(self.all);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = state.drawn;
        state.drawn += 1;
        let not_yet = |state: &mut State| state.served != ticket || state.free < much;
        let mut state = self.changed.wait_while(state, not_yet).unwrap_or_else(PoisonError::into_inner);
        state.served += 1;
        state.free -= much;
        self.changed.notify_all();
        Share { room: self, much }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.room.state.lock().unwrap_or_else(PoisonError::into_inner).free += self.much;
        self.room.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn who_wants_much_is_not_overtaken_by_who_wants_little() {
        let room = Room::of(3);
        let (sender, order) = mpsc::channel();
        let first = room.take(1);
        thread::scope(|scope| {
            let enter = |much, name| {
                let (room, sender) = (&room, sender.clone());
                let drawn = room.state.lock().unwrap().drawn;
                scope.spawn(move || {
                    let share = room.take(much);
                    sender.send(name).unwrap();
                    drop(share);
                });
                while room.state.lock().unwrap().drawn == drawn {
                    thread::yield_now();
                }
            };
            enter(3, "much");
            enter(1, "little");
            // There is room for little, and it is not its turn.
            assert_eq!(
                (order.try_recv(), room.state.lock().unwrap().served),
                (Err(mpsc::TryRecvError::Empty), 1)
            );
            drop(first);
            assert_eq!((order.recv(), order.recv()), (Ok("much"), Ok("little")));
        });
        assert_eq!(room.state.lock().unwrap().free, 3);
    }

    #[test]
    fn who_asks_for_more_than_there_is_gets_all() {
        let room = Room::of(2);
        let all = room.take(usize::MAX);
        assert_eq!(room.state.lock().unwrap().free, 0);
        drop(all);
        assert_eq!(room.state.lock().unwrap().free, 2);
    }
}
