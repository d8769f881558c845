//! Calls of `drain`.

use std::task::Poll;
use std::time::Duration;

use drain_kit::ms;
use tokio::time::Instant;

use super::{Driver, pick};
use crate::Outcome;
use crate::book::{Call, Drain, Name};
use crate::call::Held;
use crate::script::{Budget, Deadline};

const FAR: Duration = Duration::from_secs(86_400);

impl Driver<'_> {
    pub(super) fn call(&mut self, deadline: Deadline) {
        let Some(pool) = self.pool.clone() else { return };
        let number = self.book.lock().calls.len();
        if number >= self.book.lock().brief.words().drains {
            return;
        }
        let now = Instant::now();
        let (deadline, words) = match deadline {
            Deadline::Far => (now + FAR, "far away".to_owned()),
            Deadline::Past => (now - ms(3), "3 ms ago".to_owned()),
            Deadline::Now => (now, "now".to_owned()),
            Deadline::Micros(micros) => {
                (now + Duration::from_micros(micros.into()), format!("in {} ms", f64::from(micros) / 1e3))
            }
        };
        self.tell(drain_name(number), format_args!("is called, its deadline is {words}"));
        self.book.lock().calls.push(Call {
            deadline,
            polled: None,
            returned: None,
            dropped: false,
            neglected: false,
            was_neglected: false,
        });
        let mut call = Held::new(number, &self.sleeper, pool.drain(deadline));
        // This only calls the function: see `called`.
        let polled = call.poll();
        debug_assert!(polled.is_pending(), "`called` is pending once");
        self.drains.push(call);
    }

    pub(super) fn poll_one_drain(&mut self, number: u8, budget: Budget) {
        let book = self.book.lock();
        // A second call that comes while the first waits for a lock might be the one that begins the drain.
        let unsure = book.drain.is_some_and(|drain| drain.unsure);
        let fresh = |call: &Held<Outcome>| !unsure && book.calls[call.number].polled.is_none();
        let newest =
            self.drains.len().checked_sub(1).filter(|&at| number == u8::MAX && fresh(&self.drains[at]));
        let polled = |call: &Held<Outcome>| book.calls[call.number].polled.is_some();
        let ready: Vec<usize> = (0..self.drains.len())
            .filter(|&at| polled(&self.drains[at]) || fresh(&self.drains[at]))
            .collect();
        drop(book);
        let Some(at) = newest.or_else(|| pick(number, &ready)) else { return };
        self.poll_drain(at, budget);
    }

    pub(super) fn poll_drain(&mut self, at: usize, budget: Budget) {
        let number = self.drains[at].number;
        let begins = !self.has_begun();
        let first = self.book.lock().calls[number].polled.is_none();
        if first {
            self.tell(drain_name(number), "is polled for the first time");
            self.first_poll(number);
        } else if !self.drains[at].woken() {
            self.tell(drain_name(number), "is polled, in another task");
        }
        self.book.lock().calls[number].neglected = false;
        // Who is made to yield may begin later.
        if begins && (budget.is_some() || !self.still) {
            self.attend();
        }
        // Which of two calls has begun the drain must be known: only where there is one may it yield.
        let budget = budget.filter(|_| self.book.lock().brief.words().drains == 1);
        let (polled, yielded) = self.once(budget, |driver| driver.drains[at].poll());
        self.look();
        match polled {
            Poll::Pending => {
                let lock_held = self.submits.iter().any(|call| call.yielded);
                self.has_yielded(yielded, drain_name(number), |driver| {
                    if yielded {
                        driver.drains[at].set_woken();
                    }
                    if begins && let Some(drain) = &mut driver.book.lock().drain {
                        drain.unsure = yielded || lock_held;
                    }
                });
            }
            Poll::Ready(outcome) => {
                drop(self.drains.remove(at));
                let mut book = self.book.lock();
                book.event();
                let now = Instant::now();
                if book.told {
                    let at = book.at(now);
                    book.tell(drain_name(number), format_args!("returns {outcome}, at {at}"));
                }
                book.calls[number].returned = Some((now, outcome));
                if let Some(drain) = &mut book.drain {
                    drain.unsure = false;
                }
                let kept = book.brief.returned(&book, number, outcome);
                book.judge(kept);
            }
        }
    }

    fn first_poll(&mut self, number: usize) {
        let mut book = self.book.lock();
        let now = Instant::now();
        book.calls[number].polled = Some(now);
        if book.drain.is_none() {
            let (deadline, free) = (book.calls[number].deadline, book.places.saturating_sub(book.held()));
            let real = std::time::Instant::now();
            book.drain = Some(Drain { begun: now, deadline, unsure: false, free, real });
        }
    }

    /// One of several: who is the only one to call has to look.
    pub(super) fn neglect_drain(&mut self, number: u8) {
        if self.book.lock().brief.words().drains == 1 {
            return;
        }
        let waits = |at: &usize| self.book.lock().calls[self.drains[*at].number].waits();
        let all: Vec<usize> = (0..self.drains.len()).filter(waits).collect();
        let newest = all.last().copied().filter(|_| number == u8::MAX);
        let Some(at) = newest.or_else(|| pick(number, &all)) else { return };
        let number = self.drains[at].number;
        self.tell(drain_name(number), "is left alone from now on, also if it is woken");
        let call = &mut self.book.lock().calls[number];
        (call.neglected, call.was_neglected) = (true, true);
    }

    pub(super) fn drop_drain(&mut self, number: u8) {
        // Dropped at once, it may not have begun, if it has to wait for a lock.
        let unsure = self.book.lock().drain.is_some_and(|drain| drain.unsure);
        let one = self.book.lock().brief.words().drains == 1;
        if unsure || (one && !self.rested) {
            return;
        }
        let all: Vec<usize> = (0..self.drains.len()).collect();
        let Some(at) = pick(number, &all) else { return };
        let call = self.drains.remove(at);
        self.tell(drain_name(call.number), "is dropped");
        self.book.lock().calls[call.number].dropped = true;
        self.book.lock().event();
        drop(call);
    }
}

fn drain_name(number: usize) -> Name {
    Name("drain", number)
}
