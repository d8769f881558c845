//! Work that is done several at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::error::Result;
use crate::interrupt;

/// Does `one` with each of these, at most `most` at once, and returns what came of them in their order.
/// It is told which of the workers it is, counted from 0.
///
/// # Errors
///
/// If the runner is told to stop: what has begun comes to its end, nothing else is begun.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    most: usize,
    work: &[T],
    one: impl Fn(usize, &T) -> R + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(work.len()));
    thread::scope(|scope| {
        for worker in 0..most.min(work.len()) {
            let (next, done, one) = (&next, &done, &one);
            scope.spawn(move || {
                while interrupt::check().is_ok() {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    let Some(item) = work.get(index) else { return };
                    let result = one(worker, item);
                    done.lock().expect("no worker panics").push((index, result));
                }
            });
        }
    });
    interrupt::check()?;
    let mut done = done.into_inner().expect("no worker panics");
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn all_of_it_is_done_once_and_comes_back_in_order() {
        let work: Vec<usize> = (0..100).collect();
        assert_eq!(
            side_by_side(7, &work, |_, item| item * 2).unwrap(),
            work.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
    }

    #[test]
    fn as_many_are_at_work_at_once_as_asked_for_and_each_has_a_number() {
        // Nobody passes before the third has come.
        let barrier = Barrier::new(3);
        let mut workers = side_by_side(3, &[(); 3], |worker, ()| {
            barrier.wait();
            worker
        })
        .unwrap();
        workers.sort_unstable();
        assert_eq!(workers, [0, 1, 2]);
    }
}
