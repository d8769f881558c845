//! A library on a paused clock: it stands still while any task has something to do.

use std::panic::resume_unwind;
use std::time::Duration;

use crate::ms;

/// "At once", on a paused clock.
pub const AT_ONCE: Duration = ms(10);

/// Returns when every task has gone as far as it can: only then does a paused clock move.
pub async fn settled() {
    tokio::time::sleep(ms(1)).await;
}

/// Panics without the panic hook, so that nothing is printed that looks like a failure: for jobs and hooks
/// that are to panic.
pub fn panic_unseen() -> ! {
    resume_unwind(Box::new("a panic that belongs to the test"))
}

/// `1, 2, 3`, and no more than the first ten.
pub fn list<'a>(numbers: impl IntoIterator<Item = &'a usize>) -> String {
    const MOST: usize = 10;
    let numbers: Vec<String> = numbers.into_iter().map(ToString::to_string).collect();
    match numbers.len().saturating_sub(MOST) {
        0 => numbers.join(", "),
        more => format!("{} and {more} more", numbers[..MOST].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn settled_waits_for_every_task_to_go_as_far_as_it_can() {
        let steps = Arc::new(AtomicUsize::new(0));
        let counted = steps.clone();
        tokio::spawn(async move {
            for _ in 0..1_000 {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        });
        settled().await;
        assert_eq!(steps.load(Ordering::SeqCst), 1_000);
    }

    #[test]
    fn a_long_list_is_cut() {
        let numbers: Vec<usize> = (1..=12).collect();
        assert_eq!(list(&numbers[..3]), "1, 2, 3");
        assert_eq!(list(&numbers), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more");
    }
}
