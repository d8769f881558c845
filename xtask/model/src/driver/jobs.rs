//! Jobs that are told to come to their end.

use super::{Driver, pick};
use crate::book::{Name, Shared};
use crate::job::Lasts;

impl Driver<'_> {
    pub(super) fn end_one(&mut self, number: u8) {
        let book = self.book.lock();
        let waits = |&number: &usize| {
            let job = &book.jobs[number];
            !job.told && job.work.lasts == Lasts::UntilTold
        };
        let running: Vec<usize> = book.running().filter(waits).collect();
        drop(book);
        let Some(number) = pick(number, &running) else { return };
        self.tell(Name("job", number), "may come to its end");
        self.book.lock().event();
        end(&self.book, number);
    }

    pub(super) fn end_all(&mut self) {
        let book = self.book.lock();
        let untold = (0..book.jobs.len()).filter(|&number| !book.jobs[number].told).count();
        drop(book);
        if untold > 0 {
            self.tell("all jobs", "may come to their end");
            end_all(&self.book);
        }
    }
}

fn end(book: &Shared, number: usize) {
    let mut entries = book.lock();
    let job = &mut entries.jobs[number];
    job.told = true;
    let waker = job.waker.take();
    drop(entries);
    if let Some(waker) = waker {
        waker.wake();
    }
}

pub(super) fn end_all(book: &Shared) {
    book.lock().event();
    let jobs = book.lock().jobs.len();
    for number in 0..jobs {
        end(book, number);
    }
}
