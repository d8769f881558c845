//! Calls of `submit`.

use std::task::Poll;

use super::rest::A_MOMENT;
use super::{Driver, pick};
use crate::book::{Name, Submit};
use crate::call::Held;
use crate::job::{Job, Work};
use crate::promise;
use crate::script::Budget;

impl Driver<'_> {
    pub(super) fn submit(&mut self, work: Work, budget: Budget) {
        let Some(pool) = self.pool.clone() else { return };
        let number = self.book.enter(work);
        if self.book.lock().told
            && let Some(words) = work.words()
        {
            self.tell(Name("job", number), format_args!("is one that {words}"));
        }
        self.tell(Name("submit", number), "is called");
        let job = Job::new(number, work, &self.book, &pool);
        self.submits.push(Held::new(number, &self.sleeper, pool.submit(job)));
        self.poll_submit(self.submits.len() - 1, budget);
    }

    pub(super) fn poll(&mut self, number: u8, budget: Budget) {
        let all: Vec<usize> = (0..self.submits.len()).collect();
        let Some(at) = pick(number, &all) else { return };
        let polled = if self.submits[at].woken() { "is polled" } else { "is polled, in another task" };
        self.tell(Name("submit", self.submits[at].number), polled);
        self.poll_submit(at, budget);
    }

    pub(super) fn poll_submit(&mut self, at: usize, budget: Budget) {
        let number = self.submits[at].number;
        self.book.lock().jobs[number].neglected = false;
        let (polled, yielded) = self.once(budget, |driver| driver.submits[at].poll());
        match polled {
            Poll::Ready(accepted) => {
                drop(self.submits.remove(at));
                self.book.submitted(number, accepted);
            }
            Poll::Pending => self.has_yielded(yielded, Name("submit", number), |driver| {
                let call = &mut driver.submits[at];
                call.yielded = yielded;
                if yielded {
                    call.set_woken();
                }
            }),
        }
    }

    /// A future that is kept while something else is awaited, as a branch of `select!` is by its handler. Not one that is
    /// in the middle of something: that was made to yield. Nor one that is served before the drain begins: it may have a place.
    pub(super) fn neglect(&mut self, number: u8) {
        let all: Vec<usize> = (0..self.submits.len()).collect();
        let Some(at) = pick(number, &all).filter(|_| self.still) else { return };
        let number = self.submits[at].number;
        self.tell(Name("submit", number), "is left alone from now on, also if it is woken");
        self.book.lock().jobs[number].neglected = true;
    }

    /// They are polled again when they are woken.
    pub(super) fn attend(&mut self) {
        for call in &self.submits {
            self.book.lock().jobs[call.number].neglected = false;
        }
    }

    pub(super) fn give_up(&mut self, number: u8) {
        let all: Vec<usize> = (0..self.submits.len()).collect();
        let Some(at) = pick(number, &all) else { return };
        let call = self.submits.remove(at);
        let served =
            if call.woken() { "is dropped: it was woken, and not polled since" } else { "is dropped" };
        self.tell(Name("submit", call.number), served);
        let mut book = self.book.lock();
        book.event();
        let kept = promise::never_begun(&book, call.number, "its submit was dropped");
        book.judge(kept);
        book.jobs[call.number].submit = Submit::GivenUp;
        drop(book);
        drop(call);
    }

    pub(super) fn fill(&mut self) {
        if self.has_begun() || self.pool.is_none() || !self.submits.is_empty() {
            return;
        }
        self.rest(A_MOMENT);
        let free = |driver: &Self| {
            let book = driver.book.lock();
            book.places.saturating_sub(book.held())
        };
        for _ in 0..free(self) {
            self.submit(Work::PLAIN, None);
        }
        self.rest(A_MOMENT);
        self.submit(Work::PLAIN, None);
    }
}
